"""Answers that are no good answers, each named with what to do; and writes of which nobody knows whether they were made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from connections.connectors.http import sample
from connections.connectors.http.calls import Caller
from connections.connectors.http.connector import ManifestConnector
from connections.connectors.http.values import Unfit, decimal, whole_of
from connections.contract.context import Context
from connections.contract.errors import (
    AuthenticationFailed,
    BadAnswer,
    ChangeUnknown,
    ConnectionFailed,
    ConnectorError,
    SourceRejected,
    SourceTimeout,
    TableGone,
)
from connections.contract.scan import Scan
from connections.contract.table import Table, Type
from tests.connectors.http.notes import manifest, open_session, rows_of
from tests.connectors.http.test_faults import EXPECTED, PLAIN, ROWS, session_of
from tests.fakes.upstream import Answer, Upstream

TEXT = PLAIN.replace("/fault/FAULT", "/x").replace("Name: name", "Name: {path: name, write: [insert]}, Tree: {path: tree, type: json}")
ROW = b'{"id": 1, "name": "a"}'


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def session_at(upstream: Upstream, answer: Answer, text: str = TEXT, **values: Any) -> Any:
    upstream.route("/x", lambda seen: answer)
    return open_session(upstream, manifest(text), **{"URL": upstream.url, "Timeout": 2, "MaxRetries": 0, **values})


def read(session: Any, *columns: str) -> list[tuple[Any, ...]]:
    return rows_of(session, session.offer(Scan(Table(ROWS), columns or ("Id", "Name"))))


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (Answer(b"", 300), BadAnswer, "answered 300"),
        (Answer(b"", 301), BadAnswer, "answered 301"),
        (Answer(b"", 304), BadAnswer, "answered 304"),
        (Answer(b"", 408), SourceTimeout, "answered 408"),
        (Answer(b"", 451), SourceRejected, "status 451"),
        (Answer(b'{"values": [%s]}' % ROW, 206, {"Content-Range": "bytes 0-29/300"}), BadAnswer, "a part of its answer"),
        (Answer('{"values": [{"name": "\u00e4"}]}'.encode("latin-1")), BadAnswer, "not UTF-8"),
        (Answer('{"values": []}'.encode("utf-16")), BadAnswer, "not UTF-8"),
        (Answer(b'{"values": [{"identifier": 1}]}'), TableGone, "no Id, their key"),
        (Answer(b'{"values": [{"id": null, "name": "a"}]}'), TableGone, "no Id, their key"),
    ],
)
def test_answer_that_is_no_good_one_is_named_with_a_hint(
    upstream: Upstream, answer: Answer, error: type[ConnectorError], said: str
) -> None:
    with pytest.raises(error, match=said) as told:
        read(session_at(upstream, answer))

    assert told.value.hint


@pytest.mark.parametrize("fault", sorted(EXPECTED))
def test_each_fault_has_a_hint(upstream: Upstream, fault: str) -> None:
    with pytest.raises(ConnectorError) as told:
        rows_of(session_of(upstream, fault, MaxRetries=0), session_of(upstream, fault).offer(Scan(Table(ROWS), ("Id", "Name"))))

    assert told.value.hint


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_write_is_never_sent_elsewhere(upstream: Upstream, status: int) -> None:
    session = session_at(upstream, Answer(b"", status, {"Location": "/y"}))

    with pytest.raises(ChangeUnknown if status in (302, 303) else BadAnswer):
        session.insert(Table(ROWS), {"Name": "a"}, idempotency="k")

    assert upstream.paths() == ["POST /x"]


@pytest.mark.parametrize(
    "fault", ["closed", "reset", "short_body", "silent", "half_json", "html", "http_502", "http_504", "bad_gzip", "no_http", "endless_body"]
)
def test_insert_without_a_good_answer_says_that_it_may_have_been_made(upstream: Upstream, fault: str) -> None:
    session = open_session(upstream, manifest(TEXT.replace('"/x"', f'"/fault/{fault}"')), URL=upstream.url, Timeout=1, MaxRetries=0)

    with pytest.raises(ChangeUnknown) as told:
        session.insert(Table(ROWS), {"Name": "a"}, idempotency="k")

    assert "Look whether it is there" in told.value.hint
    assert "secret-token" not in told.value.message


def test_insert_that_was_never_sent_may_be_sent_again(upstream: Upstream) -> None:
    with Upstream() as gone:
        url, allow = gone.url, gone.allow
    connector = ManifestConnector(manifest(TEXT))
    values = connector.clean({"URL": url, "APIToken": "secret-token", "Timeout": 2, "MaxRetries": 0})
    session = connector.open(values, context=Context(outgoing=allow))

    with pytest.raises(ConnectionFailed, match="refused the connection"):
        session.insert(Table(ROWS), {"Name": "a"}, idempotency="k")


def test_repeated_insert_stays_in_doubt(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Caller, "_pause", lambda self, number, wait, ends: True)
    answers = iter([Answer(b"", 504), Answer(b"", 503), Answer(b"", 503)])
    upstream.route("/x", lambda seen: next(answers))
    keyed = manifest(TEXT, idempotency={"header": "Idempotency-Key"})
    session = open_session(upstream, keyed, URL=upstream.url, MaxRetries=2)

    with pytest.raises(ChangeUnknown):
        session.insert(Table(ROWS), {"Name": "a"}, idempotency="k")

    assert [seen.headers["idempotency-key"] for seen in upstream.calls] == ["k"] * 3


def test_what_a_call_is_signed_with_is_in_no_message(upstream: Upstream) -> None:
    scheme = {"schemes": {"Token": {"type": "basic", "user": "me", "password": "{APIToken}"}}}
    given = manifest(TEXT, auth=scheme)
    upstream.route("/x", lambda seen: Answer({"message": f"Refused: {seen.headers['authorization']}"}, 401))
    session = open_session(upstream, given, URL=upstream.url)

    with pytest.raises(AuthenticationFailed, match=r"Refused: Basic \*\*\*"):
        read(session)


def test_json_columns_keep_long_numbers(upstream: Upstream) -> None:
    body = b'{"values": [{"id": 1, "tree": {"n": 123456789012345678901234, "d": 12345678901234567.25, "t": "1e5", "s": 1.5}}]}'
    session = session_at(upstream, Answer(body))

    (tree,) = read(session, "Tree")[0]

    assert json.loads(tree, parse_float=Decimal) == {
        "n": 123456789012345678901234,
        "d": Decimal("12345678901234567.25"),
        "t": "1e5",
        "s": Decimal("1.5"),
    }


@pytest.mark.parametrize("text", ["1e999999999", "-1e999999999", "1e-999999999"])
def test_numbers_of_gigabytes_are_refused(text: str) -> None:
    with pytest.raises(Unfit):
        decimal(text)
    with pytest.raises(Unfit):
        whole_of(Type.INT64)(Decimal(text))


def test_row_of_a_hundred_thousand_members_is_sampled() -> None:
    row = {f"c{number}": {"a": number} if number % 2 else number for number in range(100_000)}

    assert len(sample.columns_of([row])) == sample.MAX_COLUMNS


def test_sample_shows_whole_what_is_an_object_in_one_row_and_a_value_in_another() -> None:
    rows = [{"a": {"b": 1}, "c": None, "d": {"e": 2}}, {"a": 5, "c": {"f": 3}, "d": None}]

    found = {name: spec["type"] for name, spec in sample.columns_of(rows).items()}

    assert found == {"AAggregate": "json", "CF": "int64", "DE": "int64"}
