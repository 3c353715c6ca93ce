"""Broken requests: encodings, depths, sizes, bodies. Each gets a 4xx with the OData body; the server goes on."""

from __future__ import annotations

import json
import signal
import socket
from contextlib import suppress
from urllib.parse import quote, urlsplit

import pytest

from tests.hostile.conftest import TOKENS, Source
from tests.served import Served

CREATE = "POST /api.rsc/victims"
BOUNDED = {
    "bad utf-8": "?$filter=name%20eq%20'%ff%fe'",
    "bad percent-encoding": "?$filter=name%20eq%20'%zz%'",
    "NUL in a literal": "?$filter=name%20eq%20'a%00b'",
    "NUL in a key": "(%00)",
    "CRLF in a literal": "?$filter=name%20eq%20'a%0d%0aSet-Cookie:%20x=1'",
    "deep parentheses": "?$filter=" + "(" * 3000 + "true" + ")" * 3000,
    "deep not": "?$filter=" + "not%20" * 3000 + "true",
    "deep functions": "?$filter=" + "trim(" * 2000 + "name" + ")" * 2000,
    "deep expand": "?$expand=" + "a($expand=" * 500 + "b" + ")" * 500,
    "many ors of 10 kB": "?$filter=" + "%20or%20".join(["id%20eq%201"] * 500),
    "huge number": "?$filter=id%20eq%20" + "9" * 400,
    "huge exponent": "?$filter=id%20eq%201e999999",
    "huge top": "?$top=" + "9" * 400,
    "negative top": "?$top=-1",
    "huge skip": "?$skip=99999999999999999999",
    "huge key": "(" + "9" * 400 + ")",
    "lone surrogate": "?$filter=name%20eq%20'%ed%a0%80'",
    "option twice": "?$top=1&$top=2",
    "unknown option": "?$nonsense=1",
    "impossible date": "?$filter=name%20eq%202026-02-30",
}
BODIES = {
    "broken JSON": (b'{"id": ', "application/json", 400),
    "duplicate keys": (b'{"id": 70, "id": 71, "country": "JP"}', "application/json", 400),
    "NaN": (b'{"id": NaN, "country": "JP"}', "application/json", 400),
    "array": (b"[1]", "application/json", 400),
    "bare text": (b'"x"', "application/json", 400),
    "nothing": (b"", "application/json", 400),
    "bad utf-8": (b'{"id": 72, "name": "\xff", "country": "JP"}', "application/json", 400),
    "NUL": (b'{"id": 73, "name": "a\\u0000b", "country": "JP"}', "application/json", 400),
    "lone surrogate in a name": (b'{"\\ud800": 1}', "application/json", 400),
    "huge exponent": (b'{"id": 1e' + b"9" * 100 + b"}", "application/json", 400),
    "lone surrogate": (b'{"id": 74, "name": "\\ud800", "country": "JP"}', "application/json", 400),
    "deep": (b'{"name": ' + b"[" * 100000 + b"]" * 100000 + b"}", "application/json", 400),
    "huge number": (b'{"id": ' + b"9" * 5000 + b', "country": "JP"}', "application/json", 400),
    "XML": (b"<a/>", "application/xml", 415),
    "form": (b"id=1", "application/x-www-form-urlencoded", 415),
    "unknown charset": (b"{}", "application/json; charset=klingon", 415),
}


def raw(served: Served, request: bytes) -> tuple[int, str]:
    """Send bytes as they are; return the status and the body."""
    address = urlsplit(served.base)
    with socket.create_connection((address.hostname, address.port or 80), timeout=20) as link:
        with suppress(BrokenPipeError, ConnectionResetError):  # a server that has read enough answers and closes
            link.sendall(request)
        answer = b""
        with suppress(ConnectionResetError):
            while chunk := link.recv(65536):
                answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]) if head else 0, body.decode(errors="replace")


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    """Return a request of the user `lead` with a length."""
    lines = [f"{line} HTTP/1.1", "Host: 127.0.0.1", f"x-cdata-authtoken: {TOKENS['lead']}", "Connection: close", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def refused(status: int, text: str, *, expected: int | None = None) -> None:
    """Check a refusal: 4xx, the OData body, no insides."""
    assert 400 <= status < 500 and expected in (None, status), (status, text)
    assert json.loads(text)["error"]["message"]
    assert not [word for word in ("Traceback", "psycopg", "SELECT ", "hushhush") if word in text], text


@pytest.mark.parametrize("name", BOUNDED)
def test_address_is_answered_or_refused_with_a_body(hostile: Served, name: str) -> None:
    status, text = raw(hostile, request(f"GET /api.rsc/victims{BOUNDED[name]}"))

    if status != 200:
        refused(status, text)
    assert "Bob" not in text


def test_filter_of_a_megabyte_is_refused_and_the_server_goes_on(hostile: Served) -> None:
    status, _ = raw(hostile, request("GET /api.rsc/victims?$filter=" + "x" * 1_000_000))

    assert status in (0, 400, 414, 431)
    assert raw(hostile, request("GET /api.rsc/victims"))[0] == 200


@pytest.mark.parametrize("name", BODIES)
def test_body_is_refused(hostile: Served, source: Source, name: str) -> None:
    body, kind, expected = BODIES[name]

    status, text = raw(hostile, request(CREATE, f"Content-Type: {kind}", body=body))

    refused(status, text, expected=expected)
    assert source.run("SELECT count(*) FROM victims WHERE id >= 70") == [(0,)]


def test_body_beyond_the_bound_is_refused(hostile: Served) -> None:
    body = b'{"id": 75, "country": "JP", "name": "' + b"x" * 40_000_000 + b'"}'

    status, text = raw(hostile, request(CREATE, "Content-Type: application/json", body=body))

    assert status == 0 or status in (400, 413), text


def test_chunked_body_without_length_is_read(hostile: Served) -> None:
    head = request(CREATE, "Content-Type: application/json", "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"")
    body = b'{"id": 65, "name": "c", "country": "JP"}'

    status, text = raw(hostile, head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))

    assert status == 201, text
    assert raw(hostile, request("DELETE /api.rsc/victims(65)"))[0] == 204


@pytest.mark.parametrize(
    "header", ["OData-Version: 9.9'--", "Prefer: odata.maxpagesize=x'", "Accept: ;;;q=x", "If-Match: '\"*", "Origin: \x01"]
)
def test_odd_header_is_answered(hostile: Served, header: str) -> None:
    status, text = raw(hostile, request("GET /api.rsc/victims", header))

    assert status < 500, text
    assert "Bob" not in text


def test_source_that_changes_after_publishing_is_named_and_recovers(hostile: Served, source: Source) -> None:
    source.run("ALTER TABLE victims RENAME TO victims_gone")
    try:
        status, text = raw(hostile, request("GET /api.rsc/victims?$top=1&$filter=" + quote("id lt 99")))
    finally:
        source.run("ALTER TABLE victims_gone RENAME TO victims")
    assert 400 <= status < 500 or status in (502, 503), text
    assert json.loads(text)["error"]["message"] and "victims_gone" not in text and "SELECT" not in text

    source.run("ALTER TABLE victims RENAME COLUMN name TO other")
    try:
        status, text = raw(hostile, request("GET /api.rsc/victims"))
    finally:
        source.run("ALTER TABLE victims RENAME COLUMN other TO name")
    assert 400 <= status < 500 or status in (502, 503), text
    assert "SELECT" not in text
    assert raw(hostile, request("GET /api.rsc/victims"))[0] == 200


def test_database_away_answers_503_and_recovers(hostile: Served, source: Source) -> None:
    source.server.stop(signal.SIGINT)
    try:
        status, text = raw(hostile, request("GET /api.rsc/victims"))
    finally:
        source.server.start()

    assert status == 503, text
    assert json.loads(text)["error"]["message"]
    assert raw(hostile, request("GET /api.rsc/victims"))[0] == 200
