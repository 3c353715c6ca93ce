"""Hostile requests by family beyond the address: headers, methods and bodies, each a list for one database's tables."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.databases import KINDS as DATABASES
from tests.hostile import stage
from tests.hostile.inputs import target
from tests.hostile.payloads import CURATED, TIMES, UNSTORABLE, marked
from tests.hostile.wire import Sent

JSON = (("Content-Type", "application/json"),)
HEADERS = (
    "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Content-Type", "Content-Encoding", "Content-Language", "Cookie",
    "DNT", "Expect", "If-Match", "If-None-Match", "If-Modified-Since", "Isolation", "OData-Isolation", "OData-MaxVersion",
    "OData-Version", "OData-EntityId", "Origin", "Prefer", "Range", "Referer", "Repeatability-Request-ID", "Sec-Fetch-Site", "Upgrade",
    "User-Agent", "X-HTTP-Method", "X-HTTP-Method-Override", "X-Requested-With", "x-ms-client-request-id", "X-Original-URL",
    "X-Rewrite-URL", "Access-Control-Request-Method", "Content-Transfer-Encoding",
)  # fmt: skip
VALUES = (
    "", " ", "*", '"', '"*', "W/", 'W/"x', "'", "';--", "x" * 10000, "x" * 16385, "9" * 400, "-1", "NaN", "4.01", "4.99", "5.0", "3.0",
    "99999999999.0", "\x01", "\t", "é", "葵😀", "\udcff\udcfe", "a,b,,;;=", ";q=", "q=1e999", "application/json;odata.metadata=;;",
    "application/json;IEEE754Compatible=maybe", "text/html", "*/*;q=0", "maxpagesize=x", "odata.maxpagesize=" + "9" * 30,
    "odata.maxpagesize=-1", "return=representation,return=minimal", "respond-async,wait=9999999999", "include-annotations=\"*'--\"",
    "gzip;q=x, identity;q=0", "bytes=0-,-1", "DELETE", "TRACE", "gzip", "deflate", "br", "chunked", "100-continue", "websocket", "%00",
    "${jndi:ldap://x}", "() { :;}; echo", "{{7*7}}", "../../etc/passwd", "<script>alert(1)</script>", "http://x@y/%0d%0aX:1",
)  # fmt: skip
METHODS = (
    "get", "Get", "HEAD", "OPTIONS", "TRACE", "TRACK", "CONNECT", "DEBUG", "PROPFIND", "MOVE", "COPY", "LOCK", "SEARCH", "QUERY", "PURGE",
    "LINK", "MERGE", "merge", "PATCH", "PUT", "POST", "DELETE", "FOO", "G" * 200, "GET;", "G-E-T", "$GET", "0",
)  # fmt: skip
PLACES = (
    "", "/", "/$metadata", "/$oas", "/$openapi", "/$batch", "/{r}", "/{r}(1)", "/{r}(100)", "/{r}(1)/name", "/{r}(1)/name/$value",
    "/{r}/$count", "/{r}(1)/{p}", "/{r}(1)/{p}/$ref", "/{p}(1)/trap/$ref", "/nothing", "/{r}/$query", "/{r}(100)/name",
)  # fmt: skip
KINDS = (
    "application/json", "application/json; charset=utf-16", "application/json; charset=klingon",
    "application/json;odata.metadata=minimal", "application/xml", "text/plain", "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x", "multipart/form-data", "multipart/mixed; boundary=x", "application/octet-stream", "", "x", "/",
    "application/json, text/html", "application/problem+json", "application/json; charset=" + "x" * 1000,
)  # fmt: skip
VALUES_OF_JSON: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, 2**31, -(2**31) - 1, 2**63, -(2**63) - 1, 2**64, 10**40, "", "x", "1", "NaN", "INF", "-INF",
    "true", "2024-02-29", "2023-02-29", "0000-01-01", "10000-01-01", "24:00:00", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00",
    "9999-12-31T23:59:59-14:00", "P1D", stage.GUID, "AA==", "A", "%%", [], {}, [1], {"a": 1}, [[]], {"value": 1}, "x" * 81, "x" * 100000,
    "\0", "a\0b", "\ud800", "\udfff", "😀" * 40, "9" * 5000, "1" + "0" * 400, "1e999999", "0x10", " 1 ", "１", "²",
)  # fmt: skip
RAW = (
    b"", b" ", b"{", b"}", b"[]", b"[1]", b"null", b"true", b"1", b'"x"', b"{}", b"{}{}", b"{},", b'{"id"}', b'{"id":}', b'{"id":1,}',
    b"{'id':1}", b'{id:1}', b'{"id":01}', b'{"id":+1}', b'{"id":.5}', b'{"id":1e999999}', b'{"id":-1e999999}', b'{"id":NaN}',
    b'{"id":Infinity}', b'{"id":-Infinity}', b'{"id":0x10}', b'{"id":1}//x', b'/**/{"id":1}', b'{"id":1,"id":2}',
    b'{"name":"a","name":"b"}', b'{"name":"\xff\xfe"}', b'{"name":"\xed\xa0\x80"}', b'{"name":"\xc0\xaf"}',
    b'{"name":"\xf4\x90\x80\x80"}', b'{"name":"\\u0000"}', b'{"name":"\\ud800"}', b'{"name":"\\udc00\\ud800"}',
    b'{"name":"\\ud83d\\ude00"}', b'{"name":"\\u12"}', b'{"name":"\\x41"}', b'{"name":"a\nb"}', b'{"name":"a\x00b"}',
    b'\xef\xbb\xbf{"id":1}', b'\xff\xfe{\x00}\x00', b"\x1f\x8b\x08\x00", b"<a/>", b"id=1&name=x", b"--x\r\n\r\n{}\r\n--x--", b"%00",
    b"\x00", b"\x00" * 1000, b'{"id":' + b"9" * 5000 + b"}", b'{"amount":1.' + b"1" * 5000 + b"}", b'{"ratio":1e' + b"9" * 5000 + b"}",
    b'{"name":' + b"[" * 50000 + b"]" * 50000 + b"}", b'{"a":' * 20000 + b"1" + b"}" * 20000, b"[" * 100000, b'{"a":' * 100000,
    b'{"name":"' + b"x" * 2200000 + b'"}', b'{"' + b"x" * 100000 + b'":1}', b"{" + b",".join(b'"k%d":1' % n for n in range(20000)) + b"}",
    b'{"__proto__":{"id":1}}', b'{"constructor":1}', b'{"@odata.type":"#Edm.String"}', b'{"@odata.id":"x"}',
    b'{"@odata.id":"traps_sqlite(100)"}', b'{"@odata.id":"http://169.254.169.254/traps(1)"}', b'{"@odata.id":1}', b'{"value":null}',
    b'{"value":{}}', b'{"value":[1]}', b'{"value":"x","value":"y"}', b'{"trap@odata.bind":"x"}', b'{"trap@odata.bind":1}',
    b'{"trap@odata.bind":["x"]}', b'{"trap":{}}', b'{"trap":[]}', b'{"trap":{"trap":{"trap":{}}}}', b'{"nothing@odata.bind":"x"}',
    b'{"secret":"x"}', b'{"secret@odata.type":"x"}', b'{"country":"US"}', b'{"id":null}', b'{"id":"1"}', b'{"id":1.0}', b'{"id":1.5}',
    b'{"ID":1}', b'{"$filter":"x"}', b'{"":1}', b'{"@":1}', b'{"a@b@c":1}',
)  # fmt: skip


def own_headers(kind: str) -> list[Sent]:
    """Return reads and writes with each header at each odd value, a third of them at each database without the switch."""
    found = []
    for number, (name, value) in enumerate(itertools.product(HEADERS, VALUES)):
        if TIMES == 1 and number % len(DATABASES) != DATABASES.index(kind):
            continue
        path, method = (("/{r}", "GET"), ("/{r}(1)", "PATCH"), ("/{r}(1)", "GET"), ("/$metadata", "GET"), ("/{r}", "POST"))[number % 5]
        body = b'{"id":1,"country":"JP"}' if method in ("PATCH", "POST") else None
        own = ((name, value),) if name == "Content-Type" else ((name, value), *JSON)
        found.append(Sent(target(kind, path).encode(), method, own, body, f"{name}: {value[:40]!r}"))
    doubled = (
        ("OData-Version", "4.0"),
        ("Prefer", "maxpagesize=1"),
        ("If-Match", "*"),
        ("X-HTTP-Method", "DELETE"),
        ("Accept", "text/html"),
    )
    found += [Sent(target(kind, "/{r}(1)").encode(), "GET", (one, one, (one[0], "x")), None, f"{one[0]} three times") for one in doubled]
    many = tuple((f"x-{number}", "y") for number in range(90))
    return [*found, Sent(target(kind, "/{r}").encode(), "GET", many, None, "90 headers")]


def methods(kind: str) -> list[Sent]:
    """Return every method, known or not, at each kind of address, with and without body."""
    found = []
    for method, place in itertools.product(METHODS, PLACES):
        body = b"{}" if method in ("POST", "PATCH", "PUT", "MERGE") else None
        found.append(Sent(target(kind, place).encode(), method, JSON if body else (), body, f"{method} {place}"))
    overrides = ("DELETE", "delete", "GET", "MERGE", "FOO", "", "DELETE, GET", "DELETE\x01")
    for given, place in itertools.product(overrides, PLACES):
        found.append(Sent(target(kind, place).encode(), "POST", (*JSON, ("X-HTTP-Method", given)), b"{}", f"X-HTTP-Method: {given!r}"))
        found.append(
            Sent(
                f"{target(kind, place)}?@x-http-method={given.strip(chr(1))}".replace(" ", "").encode(),
                "GET",
                (),
                None,
                f"@x-http-method={given!r}",
            )
        )
    return found


def aims() -> Iterator[tuple[str, str]]:
    """Give the writes that take a body."""
    yield from (
        ("POST", "/{r}"),
        ("PATCH", "/{r}(1)"),
        ("PUT", "/{r}(1)"),
        ("POST", "/{r}(1)/{p}"),
        ("PUT", "/{r}(1)/name"),
        ("PUT", "/{p}(1)/trap/$ref"),
    )
    yield from (
        ("PUT", "/{r}(1)/name/$value"),
        ("PATCH", "/{r}(100)"),
        ("PATCH", "/{p}(101)"),
        ("POST", "/{r}(1)/{p}/$ref"),
        ("POST", "/$batch"),
        ("POST", "/{r}/$query"),
    )


def raw_bodies(kind: str) -> list[Sent]:
    """Return bodies that are no JSON, odd JSON, too deep or too large, and every media type."""
    places = list(aims())
    found = []
    for number, body in enumerate(RAW):
        size = 3 if len(body) > 100000 else 7
        for step in range(size):
            method, place = places[(number * 5 + step) % len(places)] if step > 1 else places[step]
            found.append(Sent(target(kind, place).encode(), method, JSON, body, f"body {body[:40]!r}"))
    for (method, place), media in itertools.product(places, KINDS):
        found.append(
            Sent(
                target(kind, place).encode(),
                method,
                (("Content-Type", media),) if media else (),
                b'{"name":"x"}',
                f"Content-Type: {media[:40]}",
            )
        )
    return found


def typed_bodies(kind: str) -> list[Sent]:
    """Return each column with values of every type, in and out of range."""
    found = []
    for number, (name, value) in enumerate(itertools.product((*stage.COLUMNS, "secret"), VALUES_OF_JSON)):
        if isinstance(value, str) and len(value) > 10000 and number % 7:
            continue
        method, place = (("PATCH", "/{r}(2)"), ("POST", "/{r}"), ("PUT", f"/{{r}}(2)/{name}"))[number % 3]
        body = {"value": value} if method == "PUT" else {"country": "JP", "id": 50 + number % 40, name: value}
        found.append(Sent(target(kind, place).encode(), method, JSON, json.dumps(body).encode(), f"{name}={str(value)[:40]!r}"))
    return found


def named_bodies(kind: str) -> list[Sent]:
    """Return odd texts as names of members, alone and as annotations."""
    found = []
    for number, text in enumerate([*CURATED, *marked(), *UNSTORABLE]):
        shapes = (
            {text: 1},
            {f"{text}@odata.bind": "x"},
            {f"name@{text}": 1},
            {"name": {text: 1}},
            {"trap": {text: 1}},
            {"country": text},
            {"@odata.id": text},
        )
        for step in range(2 * TIMES):
            body = json.dumps(shapes[(number + step) % len(shapes)]).encode()
            method, place = (("POST", "/{r}"), ("PATCH", "/{r}(1)"), ("PUT", "/{p}(1)/trap/$ref"))[(number + step) % 3]
            found.append(Sent(target(kind, place).encode(), method, JSON, body, f"member {text!r}"))
    return found


BODIES: dict[str, Callable[[str], list[Sent]]] = {
    "headers": own_headers,
    "methods": methods,
    "raw bodies": raw_bodies,
    "typed bodies": typed_bodies,
    "named bodies": named_bodies,
}
