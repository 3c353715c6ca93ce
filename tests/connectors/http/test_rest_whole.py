"""The generic REST connector never passes part of a table off as the whole: pages, keys, totals, errors that come as success."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connections.contract.errors import BadAnswer, SourceRejected
from connections.contract.table import TableRef
from tests.connectors.http.test_rest import read, session_of
from tests.fakes.upstream import Answer, Seen, Upstream

ROWS = [{"id": number, "v": number % 3} for number in range(1, 26)]
EVERY = [(row["id"], row["v"]) for row in ROWS]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def number_of(seen: Seen) -> int:
    return int(seen.params.get("page", 1))


def page_of(seen: Seen, pages: list[list[Any]], **told: Any) -> Answer:
    rows = pages[number_of(seen) - 1] if number_of(seen) <= len(pages) else []
    return Answer({"items": rows, **told})


def partial_of(session: Any) -> str:
    return str(session.describe([TableRef("", "Rows")])[0].partial)


@pytest.mark.parametrize(
    "told",
    [
        {"next": 2},
        {"next": "b2"},
        {"next": {"number": 2}},
        {"links": {"next": {"template": "/x"}}},
        {"has_more": True, "next": None},
        {"pageInfo": {"hasNextPage": True}},
        {"next": None, "total": 25},
    ],
)
def test_page_two_that_is_promised_but_not_found_is_partial(upstream: Upstream, told: dict[str, Any]) -> None:
    upstream.route("/list", {"items": ROWS[:10], **told})

    assert "Page two" in partial_of(session_of(upstream, Path="/list"))


@pytest.mark.parametrize(
    "told", [{"next": None}, {"next": ""}, {"links": {"next": {"href": None}}}, {"has_more": False, "next": None}, {"total": 10}]
)
def test_answer_that_shows_its_end_is_whole(upstream: Upstream, told: dict[str, Any]) -> None:
    upstream.route("/list", {"items": ROWS[:10], **told})

    assert partial_of(session_of(upstream, Path="/list")) == ""


def test_list_that_outgrows_what_its_sample_showed_is_refused(upstream: Upstream) -> None:
    upstream.route("/list", {"items": ROWS[:10], "next": None})
    session = session_of(upstream, Path="/list")
    assert partial_of(session) == ""
    upstream.route("/list", {"items": ROWS[:10], "next": 2})

    with pytest.raises(BadAnswer, match="there are more rows"):
        read(session)


@pytest.mark.parametrize("told", [{"total": 25}, {"has_more": True}])
def test_empty_page_in_the_middle_does_not_end_the_list(upstream: Upstream, told: dict[str, Any]) -> None:
    pages = [ROWS[:10], [], ROWS[10:20], ROWS[20:]]
    upstream.route("/list", lambda seen: page_of(seen, pages, **({} if number_of(seen) > 3 and "total" not in told else told)))

    assert read(session_of(upstream, Path="/list", Paging="Page", PageParameter="page", NextPath="has_more")) == EVERY


def test_rows_that_are_told_but_never_come_are_an_error(upstream: Upstream) -> None:
    upstream.route("/list", lambda seen: page_of(seen, [ROWS[:10]], total=25))

    with pytest.raises(BadAnswer, match="goes on with empty pages"):
        read(session_of(upstream, Path="/list", Paging="Page", PageParameter="page"))


def test_offset_behind_which_rows_are_missing_is_an_error(upstream: Upstream) -> None:
    upstream.route("/list", lambda seen: Answer({"items": [] if "offset" in seen.params else ROWS[:10], "total": 25}))

    with pytest.raises(BadAnswer, match="there are more rows"):
        read(session_of(upstream, Path="/list", Paging="Offset", PageParameter="offset"))


def test_size_of_the_page_is_no_total(upstream: Upstream) -> None:
    upstream.route("/list", lambda seen: page_of(seen, [ROWS[:10], ROWS[10:20], ROWS[20:]], size=20))

    assert read(session_of(upstream, Path="/list", Paging="Page", PageParameter="page")) == EVERY


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([{"id": 1, "v": 1}], [{"id": 2, "v": 1}, {"id": 2, "v": 2}]),
        ([{"id": 1, "v": 1}, {"id": 2, "v": 1}], [{"id": 1, "v": 9}]),
    ],
)
def test_guessed_key_that_turns_out_to_be_none_loses_no_row(upstream: Upstream, first: list[Any], second: list[Any]) -> None:
    following = f"{upstream.url}/list?page=2"
    upstream.route("/list", lambda seen: page_of(seen, [first, second], next=following if number_of(seen) == 1 else None))

    with pytest.raises(BadAnswer, match="the same Id"):
        read(session_of(upstream, Path="/list"))
    assert len(read(session_of(upstream, Path="/list", Key="none"))) == len(first) + len(second)


def test_row_that_two_pages_share_is_given_once(upstream: Upstream) -> None:
    following = f"{upstream.url}/list?page=2"
    upstream.route("/list", lambda seen: page_of(seen, [ROWS[:10], ROWS[9:]], next=following if number_of(seen) == 1 else None))

    assert read(session_of(upstream, Path="/list")) == EVERY


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"error": "quota exceeded"}, "quota exceeded"),
        ({"errors": [{"message": "no such field"}]}, "no such field"),
        ({"success": False, "message": "bad key"}, "bad key"),
        ({"ok": False, "error": "not_authed"}, "not_authed"),
        ({"status": "error", "message": "down"}, "down"),
    ],
)
def test_error_that_comes_as_success_is_one(upstream: Upstream, told: dict[str, Any], said: str) -> None:
    upstream.route("/list", {"data": [], **told})

    with pytest.raises(SourceRejected, match=said):
        read(session_of(upstream, Path="/list", Paging="None"))


@pytest.mark.parametrize("told", [{"error": None}, {"error": False}, {"errors": []}, {"success": True}, {"status": "ok"}])
def test_answer_that_tells_of_no_error_is_good(upstream: Upstream, told: dict[str, Any]) -> None:
    upstream.route("/list", {"data": ROWS, **told})

    assert read(session_of(upstream, Path="/list", Paging="None")) == EVERY


def test_rows_that_are_called_errors_are_rows(upstream: Upstream) -> None:
    upstream.route("/list", {"errors": ROWS})

    assert read(session_of(upstream, Path="/list", Paging="None", Rows="errors")) == EVERY


@pytest.mark.parametrize(
    ("rows", "document"), [("things", {"things": {"a": {"v": 1}, "b": {"v": 2}}}), ("$", {"a": {"v": 1}, "b": {"v": 2}})]
)
def test_rows_under_their_names_have_these_as_key(upstream: Upstream, rows: str, document: Any) -> None:
    upstream.route("/map", document)
    session = session_of(upstream, Path="/map", Rows=rows, Paging="None")

    assert session.describe([TableRef("", "Rows")])[0].primary_key == ("Key",)
    assert read(session) == [("a", 1), ("b", 2)]


def test_mark_of_the_encoding_is_passed_over(upstream: Upstream) -> None:
    upstream.route("/list", lambda seen: Answer(b'\xef\xbb\xbf[{"id": 1}]'))

    assert read(session_of(upstream, Path="/list", Paging="None")) == [(1,)]
