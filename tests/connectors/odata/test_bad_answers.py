"""OData services on a bad day: nothing of a part passes for the whole, no answer hangs or breaks the reader, no key is repeated."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from connections.connectors.http.calls import Caller
from connections.contract.errors import (
    AuthenticationFailed,
    BadAnswer,
    ChangeUnknown,
    ConnectionFailed,
    ConnectorError,
    ConstraintViolated,
    SourceRejected,
    TableGone,
)
from connections.contract.scan import Scan
from tests.connectors.odata.rich_service import METADATA, PEOPLE
from tests.connectors.odata.upstream import Answer, Upstream, page

LONG = "1e999999999"  # a few letters that stand for gigabytes of digits


@pytest.fixture
def shallow() -> Iterator[None]:
    """Let calls nest as deep as in the product; tools of the tests raise it."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(usual)


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    monkeypatch.setattr(Caller, "_pause", lambda self, number, wait, ends: False)
    made = Upstream(METADATA)
    yield made
    made.close()


def read(upstream: Upstream, *columns: str, **values: Any) -> list[tuple[Any, ...]]:
    session = upstream.session(Timeout=5, **values)
    return [row for batch in session.read(session.offer(Scan(session.describe([PEOPLE])[0], columns))) for row in batch.rows]


def answered(upstream: Upstream, status: int, body: bytes, **headers: str) -> None:
    answer: Answer = (status, {name.replace("_", "-"): text for name, text in headers.items()}, body)
    upstream.answer = lambda method, path: answer


@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (404, b"", TableGone, "answered 404"),
        (410, b"", TableGone, "answered 410"),
        (304, b"", BadAnswer, "answered 304"),
        (307, b"", BadAnswer, "answered 307"),
        (418, b"", SourceRejected, "answered 418"),
        (500, b"", ConnectionFailed, "answered 500"),
        (200, b'{"value": [{"Id": 1}], "error": {"message": "The database went away"}}', BadAnswer, "broke off its list"),
        (200, b'{"value": [{"Name": "a"}]}', BadAnswer, "a row without its key"),
        (200, b'{"value": [{"Id": %s}]}' % LONG.encode(), BadAnswer, "value of Id"),
        (200, b'{"value": [{"Id": 1, "Pay": %s}]}' % LONG.encode(), BadAnswer, "value of Pay"),
        (200, b'{"value": [{"Id": 1, "Pay": "%s"}]}' % LONG.encode(), BadAnswer, "value of Pay"),
        (200, b'{"value": [{"Id": 1, "Tags": ["\\ud800"]}]}', BadAnswer, "value of TagsAggregate"),
        (200, b'{"value": [{"Id": 1, "Tags": %s}]}' % (b"[" * 900 + b"]" * 900), BadAnswer, "value of TagsAggregate"),
        (200, '{"value": [{"Name": "\u00e4"}]}'.encode("latin-1"), BadAnswer, "not UTF-8"),
    ],
)
def test_answer_that_is_no_good_one_is_named_with_a_hint(
    upstream: Upstream, status: int, body: bytes, error: type[ConnectorError], said: str
) -> None:
    answered(upstream, status, body)

    with pytest.raises(error, match=said) as told:
        read(upstream, "Id", "Pay", "TagsAggregate")
    assert told.value.hint


def test_keys_are_not_repeated_in_messages(upstream: Upstream) -> None:
    answered(upstream, 401, json.dumps({"error": {"message": "The key hidden-key-1 is wrong"}}).encode())

    with pytest.raises(AuthenticationFailed) as told:
        read(upstream, "Id", AuthScheme="Bearer", AccessToken="hidden-key-1")
    assert told.value.message.endswith("The key *** is wrong")


@pytest.mark.parametrize("text", ["²", "9" * 5000, "-1", "", "1.5", "12 34"])
def test_number_of_rows_that_is_none_is_named(upstream: Upstream, text: str) -> None:
    upstream.metadata = METADATA.replace("<Bool>false</Bool>", "<Bool>true</Bool>")
    session = upstream.session()
    offer = session.offer(Scan(session.describe([PEOPLE])[0], ("Id",), wants_count=True))
    answered(upstream, 200, text.encode())

    with pytest.raises(BadAnswer, match="no number of rows"):
        session.count(offer)


def test_number_of_rows_is_asked_for_at_its_address(upstream: Upstream) -> None:
    upstream.metadata = METADATA.replace("<Bool>false</Bool>", "<Bool>true</Bool>")
    session = upstream.session()
    offer = session.offer(Scan(session.describe([PEOPLE])[0], ("Id",), wants_count=True))
    answered(upstream, 200, b"\xef\xbb\xbf25")

    assert session.count(offer) == 25
    assert upstream.paths() == ["/svc/People/$count"]


@pytest.mark.parametrize(
    "text",
    [
        '<?xml version="1.0" encoding="shift_jis"?><a/>',
        '<?xml version="1.0" encoding="unheard-of"?><a/>',
        METADATA.replace(
            '<Property Name="Street"', "".join(f'<Property Name="S{n}" Type="T.Address"/>' for n in range(14)) + '<Property Name="Street"'
        ),
    ],
    ids=["two bytes a letter", "unknown encoding", "a type of itself many times"],
)
def test_metadata_that_cannot_be_read_is_named(upstream: Upstream, text: str) -> None:
    upstream.metadata = text

    with pytest.raises(BadAnswer, match="metadata can't be read"):
        upstream.session().list_tables()


@pytest.mark.parametrize("digits", ["²", "9" * 5000])
def test_length_that_is_no_number_is_none(upstream: Upstream, digits: str) -> None:
    upstream.metadata = METADATA.replace('MaxLength="40"', f'MaxLength="{digits}"')

    assert upstream.session().describe([PEOPLE])[0].by_name["Name"].max_length is None


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (201, b'{"Id":', ChangeUnknown),
        (201, b"<html>", ChangeUnknown),
        (201, b"[]", ChangeUnknown),
        (201, b'{"Id": "many"}', ChangeUnknown),
        (204, b"", ChangeUnknown),
        (303, b"", ChangeUnknown),
        (502, b"", ChangeUnknown),
        (504, b"", ChangeUnknown),
        (307, b"", BadAnswer),
        (503, b"", ConnectionFailed),
        (409, b"", ConstraintViolated),
    ],
)
def test_insert_says_whether_it_may_have_been_made(upstream: Upstream, status: int, body: bytes, error: type[ConnectorError]) -> None:
    session = upstream.session()
    people = session.describe([PEOPLE])[0]
    answered(upstream, status, body)

    with pytest.raises(error) as told:
        session.insert(people, {"Name": "a"}, idempotency="k")
    assert told.value.hint
    assert [method for method, *_ in upstream.asked].count("POST") == 1


def test_row_that_was_created_but_can_not_be_read_back_is_said_to_be_there(upstream: Upstream) -> None:
    session = upstream.session()
    people = session.describe([PEOPLE])[0]
    place = {"OData-EntityId": f"{upstream.base}/svc/People(9)"}
    upstream.answer = lambda method, path: (204, place, b"") if method == "POST" else (503, {}, b"")

    with pytest.raises(ChangeUnknown, match="created the row"):
        session.insert(people, {"Name": "a"}, idempotency="k")


@pytest.mark.usefixtures("shallow")
def test_json_of_a_client_that_is_too_deep_is_refused(upstream: Upstream) -> None:
    session = upstream.session()
    people = session.describe([PEOPLE])[0]

    for depth in (900, 100_000):
        with pytest.raises(SourceRejected):
            session.insert(people, {"Name": "a", "TagsAggregate": "[" * depth + "]" * depth}, idempotency="k")
    assert "POST" not in [method for method, *_ in upstream.asked]


def test_pages_go_on_after_a_good_day(upstream: Upstream) -> None:
    answered(upstream, 404, b"")
    with pytest.raises(TableGone):
        read(upstream, "Id")
    upstream.answer = lambda method, path: page([{"Id": 1}])

    assert read(upstream, "Id") == [(1,)]
