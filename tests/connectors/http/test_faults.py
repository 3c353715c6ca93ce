"""Bad days of a service: each ends in time, in a named error or in all rows; never in a part of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from connections.connectors.http import calls
from connections.contract.context import Call
from connections.contract.errors import (
    AddressRefused,
    AuthenticationFailed,
    BadAnswer,
    ConnectionFailed,
    ConnectorError,
    RateLimited,
    SourceRejected,
    SourceTimeout,
    TableGone,
)
from connections.contract.scan import Scan
from connections.contract.table import Table, TableRef
from tests.connectors.http.notes import manifest, open_session, rows_of
from tests.fakes.upstream import Answer, Seen, Upstream

PLAIN = """
manifest: 1
key: faults
label: Faults
base_url: https://api.example.com
properties: [{name: APIToken, secret: true}]
auth: {schemes: {Token: {type: bearer, value: "{APIToken}"}}}
limits: {answer_bytes: 2000000, pages: 500}
errors: [{status: [200], path: error, is: rejected}]
tables:
  Rows:
    key: [Id]
    read: [{path: "/fault/FAULT", rows: values, paging: {type: next_url, next: next}}]
    columns: {Id: {path: id, type: int64}, Name: name}
    write:
      insert: {path: "/fault/FAULT"}
"""
EXPECTED: dict[str, type[ConnectorError]] = {
    "endless_body": BadAnswer,
    "drip_body": SourceTimeout,
    "drip_head": SourceTimeout,
    "silent": SourceTimeout,
    "closed": ConnectionFailed,
    "reset": ConnectionFailed,
    "short_body": ConnectionFailed,
    "short_chunks": ConnectionFailed,
    "no_http": ConnectionFailed,
    "half_json": BadAnswer,
    "html": BadAnswer,
    "empty": BadAnswer,
    "deep": BadAnswer,
    "not_a_number": BadAnswer,
    "not_utf8": BadAnswer,
    "long_number": BadAnswer,
    "gzip_bomb": BadAnswer,
    "bad_gzip": BadAnswer,
    "storm": RateLimited,
    "storm_long": RateLimited,
    "http_500": ConnectionFailed,
    "http_502": ConnectionFailed,
    "http_503": ConnectionFailed,
    "http_504": ConnectionFailed,
    "refused_key": AuthenticationFailed,
    "forbidden": SourceRejected,
    "error_as_200": SourceRejected,
    "gone": TableGone,
    "next_itself": BadAnswer,
    "next_foreign": AddressRefused,
    "next_inside": AddressRefused,
    "next_other_port": AddressRefused,
    "next_is_no_text": BadAnswer,
    "next_scheme": AddressRefused,
    "next_same_rows": BadAnswer,
    "redirect_foreign": AddressRefused,
    "redirect_inside": AddressRefused,
    "redirect_loop": BadAnswer,
    "rows_are_text": BadAnswer,
    "rows_are_gone": BadAnswer,
    "row_is_number": BadAnswer,
    "changed_type": TableGone,
    "word_for_number": TableGone,
}
RECOVERING = ("storm_passes", "recovers")
ROWS = TableRef("", "Rows")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def session_of(upstream: Upstream, fault: str, **values: Any) -> Any:
    return open_session(upstream, manifest(PLAIN.replace("FAULT", fault)), **{"URL": upstream.url, "Timeout": 2, **values})


def read_all(session: Any, *columns: str) -> list[tuple[Any, ...]]:
    return rows_of(session, session.offer(Scan(Table(ROWS), columns or ("Id", "Name"))))


@pytest.mark.parametrize("fault", sorted(EXPECTED))
def test_fault_is_named_within_its_time(upstream: Upstream, fault: str) -> None:
    heard: list[Call] = []
    session = session_of(upstream, fault, heard=heard)
    begun = time.monotonic()

    with pytest.raises(ConnectorError) as caught:
        read_all(session)

    assert type(caught.value).__mro__[:2].count(EXPECTED[fault]) == 1
    assert time.monotonic() - begun < 10  # so long would five tries take with a time of their own each
    assert "secret-token" not in f"{caught.value.message}{caught.value.hint}{heard}"
    assert heard
    print("1 inputs")


@pytest.mark.parametrize("fault", RECOVERING)
def test_service_that_recovers_gives_all_rows(upstream: Upstream, fault: str) -> None:
    assert read_all(session_of(upstream, fault, Timeout=20)) == [(1, "one")]
    assert len(upstream.calls) == 3


@pytest.mark.parametrize("fault", ["http_503", "closed", "storm", "short_body", "http_504"])
def test_write_without_a_key_is_sent_once(upstream: Upstream, fault: str) -> None:
    given = manifest(PLAIN.replace("FAULT", fault))
    table = {**given.tables["Rows"], "columns": {"Id": {"path": "id", "type": "int64"}, "Name": {"path": "name", "write": ["insert"]}}}
    session = open_session(upstream, manifest(PLAIN, tables={"Rows": table}), URL=upstream.url, Timeout=5)

    with pytest.raises(ConnectorError):
        session.insert(Table(ROWS), {"Name": "x"}, idempotency="k")

    assert len(upstream.calls) == 1


def test_write_with_a_key_is_repeated_with_the_same_one(upstream: Upstream) -> None:
    given = manifest(PLAIN.replace("FAULT", "recovers"))
    table = {**given.tables["Rows"], "columns": {"Name": {"path": "name", "write": ["insert"]}}, "key": []}
    session = open_session(
        upstream, manifest(PLAIN, tables={"Rows": table}, idempotency={"header": "Idempotency-Key"}), URL=upstream.url, Timeout=20
    )

    session.insert(Table(ROWS), {"Name": "x"}, idempotency="k-1")

    assert [seen.headers["idempotency-key"] for seen in upstream.calls] == ["k-1"] * 3


def test_long_retry_after_is_told_and_not_slept(upstream: Upstream) -> None:
    begun = time.monotonic()

    with pytest.raises(RateLimited) as caught:
        read_all(session_of(upstream, "storm_long", Timeout=60))

    assert caught.value.retry_after == 3600
    assert time.monotonic() - begun < 30
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("fault", ["closed", "http_503_plain", "http_502"])
def test_calls_during_an_outage_are_few(upstream: Upstream, fault: str) -> None:
    session = session_of(upstream, fault, Timeout=2)
    begun = time.monotonic()

    for _ in range(30):
        with pytest.raises(ConnectionFailed):
            read_all(session)

    assert len(upstream.calls) <= 20
    assert time.monotonic() - begun < 40  # a minute, were each call to try for its whole time


def test_pauses_differ(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(calls, "time", SimpleNamespace(monotonic=time.monotonic, sleep=slept.append))
    for _ in range(8):
        with pytest.raises(ConnectionFailed):
            read_all(session_of(upstream, "http_503_plain", MaxRetries=3, Timeout=20))

    assert len(set(slept)) == len(slept) == 24
    assert max(slept) <= 1.6


def test_redirect_and_next_never_carry_the_key_to_another_host(upstream: Upstream) -> None:
    with Upstream() as other:
        upstream.route("/fault2", lambda seen: Answer({"values": [{"id": 1}], "next": f"{other.url}/rows"}))
        upstream.route("/moved", lambda seen: Answer(None, 302, {"Location": f"{other.url}/rows"}))
        for path in ("/fault2", "/moved"):
            given = manifest(PLAIN.replace("/fault/FAULT", path))
            session = open_session(upstream, given, URL=upstream.url)
            with pytest.raises(AddressRefused):
                read_all(session)

        assert other.calls == []


class Endless:
    """Pages that never end, each in its own way."""

    def __init__(self, kind: str) -> None:
        self.kind, self.count = kind, 0

    def __call__(self, seen: Seen) -> Answer:
        self.count += 1
        row = {"id": 1, "name": "x"}
        if self.kind == "same cursor":
            return Answer({"values": [row], "cursor": "c1"})
        if self.kind == "new cursor, same row":
            return Answer({"values": [row], "cursor": f"c{self.count}"})
        if self.kind == "new cursor, no rows":
            return Answer({"values": [], "cursor": f"c{self.count}"})
        return Answer({"values": [{**row, "id": self.count}], "cursor": f"c{self.count}"})


@pytest.mark.parametrize("kind", ["same cursor", "new cursor, same row", "new cursor, no rows", "more pages than allowed"])
def test_endless_list_is_an_error(upstream: Upstream, kind: str) -> None:
    paging = "{type: cursor, next: cursor, param: after}"
    session = open_session(
        upstream,
        manifest(PLAIN.replace("{type: next_url, next: next}", paging).replace("FAULT", "x").replace("/fault/", "/")),
        URL=upstream.url,
    )
    upstream.fallback = Endless(kind)

    with pytest.raises(BadAnswer):
        read_all(session)

    assert len(upstream.calls) <= 501


@pytest.mark.parametrize("has_key", [True, False])
def test_service_that_ignores_the_page_number_is_an_error(upstream: Upstream, has_key: bool) -> None:
    text = PLAIN.replace("{type: next_url, next: next}", "{type: page, param: page}").replace("/fault/FAULT", "/x")
    session = open_session(upstream, manifest(text if has_key else text.replace("key: [Id]", "key: []")), URL=upstream.url)
    upstream.fallback = lambda seen: Answer({"values": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]})

    with pytest.raises(BadAnswer, match="repeats its rows"):
        read_all(session)


def test_has_more_without_rows_is_an_error(upstream: Upstream) -> None:
    text = PLAIN.replace("{type: next_url, next: next}", "{type: last_id, param: starting_after, more: has_more}").replace(
        "/fault/FAULT", "/x"
    )
    session = open_session(upstream, manifest(text), URL=upstream.url)
    upstream.fallback = lambda seen: Answer({"values": [], "has_more": True})

    with pytest.raises(BadAnswer, match="there are more rows"):
        read_all(session)


def test_numbers_stay_exact(upstream: Upstream) -> None:
    text = PLAIN.replace("/fault/FAULT", "/x").replace(
        "Name: name", "Name: {path: amount, type: decimal}, Text: amount, Tree: {path: t, type: json}"
    )
    session = open_session(upstream, manifest(text), URL=upstream.url)
    body = b'{"values": [{"id": 9223372036854775807, "amount": 0.12345678901234567890, "t": {"a": [1, 2.5, "x"]}}]}'
    upstream.fallback = lambda seen: Answer(body)

    found = read_all(session, "Id", "Name", "Text", "Tree")[0]

    assert [str(item) for item in found[:3]] == ["9223372036854775807", "0.12345678901234567890", "0.12345678901234567890"]
    assert json.loads(found[3]) == {"a": [1, 2.5, "x"]}
