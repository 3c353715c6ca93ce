"""A session over a manifest: tables, what goes down to the service and how exact, rows, counts, writes, fan-out, costly columns."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from connections.contract.context import Call
from connections.contract.errors import AuthenticationFailed, NotSupported, SourceRejected, TableGone
from connections.contract.scan import AnyOf, Compare, Grade, Not, Order
from connections.contract.table import Table, TableRef
from tests.connectors.http.notes import BLUE, NOTEBOOKS, NOTES, Notes, manifest, offered, open_session, rows_of
from tests.fakes.upstream import Answer, Upstream

EXACT, SUPERSET, NO = Grade.EXACT, Grade.SUPERSET, Grade.NO


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        running.notes = Notes(running)  # type: ignore[attr-defined]
        yield running


def test_list_tables_gives_fixed_and_listed_schemas(upstream: Upstream) -> None:
    found = open_session(upstream).list_tables()

    assert [str(item.ref) for item in found] == ["Information.Notebooks", "Information.Notes", "Red/1.Notes", "blue.Notes", "green.Notes"]
    assert [str(item.ref) for item in open_session(upstream, Schema="blue").list_tables()] == ["blue.Notes"]
    with pytest.raises(TableGone, match="no schema purple"):
        open_session(upstream, Schema="purple").list_tables()


def test_describe_differs_by_schema(upstream: Upstream) -> None:
    wide, narrow = open_session(upstream).describe([NOTES, BLUE])

    assert (wide.primary_key, narrow.primary_key) == (("NotebookSlug", "Id"), ("Id",))
    assert "NotebookSlug" not in narrow.by_name
    assert wide.by_name["Size"].is_costly
    assert not wide.by_name["NotebookSlug"].is_demanded
    assert wide.writes == {"insert", "update", "delete"}
    with pytest.raises(TableGone):
        open_session(upstream).describe([TableRef("purple", "Notes")])
    with pytest.raises(TableGone):
        open_session(upstream).describe([TableRef("Information", "Nothing")])


def test_key_is_one_call_without_a_list(upstream: Upstream) -> None:
    session = open_session(upstream)
    offer = offered(session, BLUE, Compare("Id", "eq", 3), columns=("Id", "Title"))
    upstream.calls.clear()

    assert rows_of(session, offer) == [(3, "Ab note 3")]
    assert upstream.paths() == ["GET /v2/w/acme/notebooks/blue/notes/3"]
    assert (offer.grades, offer.calls, offer.takes_limit) == ((EXACT,), 1, True)
    assert rows_of(session, offered(session, BLUE, Compare("Id", "eq", 999))) == []


def test_small_top_is_one_small_page(upstream: Upstream) -> None:
    session = open_session(upstream)
    offer = offered(session, BLUE, columns=("Id",), limit=3, offset=2)
    upstream.calls.clear()

    assert rows_of(session, offer) == [(3,), (4,), (5,)]
    assert [seen.query for seen in upstream.calls] == [[("pagelen", "5")]]


def test_all_pages_are_read_with_every_type(upstream: Upstream) -> None:
    session = open_session(upstream)
    rows = rows_of(session, offered(session, BLUE))

    assert len(rows) == 35
    assert rows[1] == (
        2, "aB note 2", "text 2", Decimal("0.202"), "kwd", Decimal("0.25"), True, dt.datetime(2023, 11, 14, 22, 13, 20,
        tzinfo=dt.UTC), "u2",
    )  # fmt: skip
    assert rows[0][3:5] == (Decimal("101"), "jpy")
    assert rows[2][3:5] == (Decimal("3.03"), "usd")
    assert rows[4][2] is None


@pytest.mark.parametrize(
    ("predicate", "grade", "sent"),
    [
        (Compare("Title", "eq", "ab note 1"), SUPERSET, [("title", "ab note 1")]),
        (Compare("Title", "contains", "&x=1#"), SUPERSET, [("title_like", "&x=1#")]),
        (Compare("Title", "startswith", "Ab"), SUPERSET, [("title_like", "Ab")]),
        (Compare("Title", "endswith", "1"), SUPERSET, [("title_like", "1")]),
        (Compare("Title", "ne", "x"), NO, []),
        (Compare("Title", "lt", "x"), NO, []),
        (Compare("Currency", "eq", "usd"), EXACT, [("currency", "usd")]),
        (Compare("IsOpen", "eq", False), EXACT, [("open", "false")]),
        (Compare("Price", "eq", Decimal(1)), NO, []),
        (Compare("Owner", "is_null"), EXACT, [("owner", "none")]),
        (Compare("UpdatedOn", "gt", dt.datetime.fromtimestamp(1_700_000_003, dt.UTC)), EXACT, [("updated[gt]", "1700000003")]),
        (Compare("UpdatedOn", "gt", dt.datetime.fromtimestamp(1_700_000_003.5, dt.UTC)), SUPERSET, [("updated[gt]", "1700000003")]),
        (Compare("UpdatedOn", "le", dt.datetime.fromtimestamp(1_700_000_003.5, dt.UTC)), SUPERSET, [("updated[lte]", "1700000003")]),
        (Compare("UpdatedOn", "ge", dt.datetime.fromtimestamp(1_700_000_003.5, dt.UTC)), SUPERSET, [("updated[gte]", "1700000004")]),
        (Compare("UpdatedOn", "eq", dt.datetime.fromtimestamp(1_700_000_003, dt.UTC)), NO, []),
        (Compare("Id", "lt", 5), EXACT, [("id_lt", "5")]),
        (Not(Compare("Currency", "eq", "usd")), NO, []),
    ],
)  # fmt: skip
def test_conjunct_goes_down_as_far_as_it_may(upstream: Upstream, predicate: object, grade: Grade, sent: list[tuple[str, str]]) -> None:
    session = open_session(upstream)
    offer = offered(session, BLUE, predicate, columns=("Id",))  # type: ignore[arg-type]
    upstream.calls.clear()
    rows_of(session, offer)

    assert offer.grades == (grade,)
    assert [pair for pair in upstream.calls[0].query if pair[0] != "pagelen"] == sent


def test_in_and_or_of_keys_are_one_call_each(upstream: Upstream) -> None:
    session = open_session(upstream)
    for predicate in (Compare("Id", "in", (2, 4)), AnyOf((Compare("Id", "eq", 2), Compare("Id", "eq", 4)))):
        offer = offered(session, BLUE, predicate, columns=("Id",))

        assert (rows_of(session, offer), offer.grades, offer.calls) == ([(2,), (4,)], (EXACT,), 2)


def test_many_keys_are_a_list_and_not_hundreds_of_calls(upstream: Upstream) -> None:
    session = open_session(upstream)

    offer = offered(session, BLUE, Compare("Id", "in", tuple(range(1, 400))), columns=("Id",))

    assert (len(rows_of(session, offer)), offer.calls, offer.grades) == (35, 1, (NO,))


def test_count_is_the_total_of_the_service(upstream: Upstream) -> None:
    session = open_session(upstream)
    exact = offered(session, BLUE, Compare("Currency", "eq", "usd"), wants_count=True)
    upstream.calls.clear()

    assert (exact.takes_count, session.count(exact)) == (True, 11)
    assert len(upstream.calls) == 1
    assert not offered(session, BLUE, Compare("Title", "eq", "x"), wants_count=True).takes_count
    assert not offered(session, NOTES, wants_count=True).takes_count


def test_order_goes_down_with_ties_sorted_here(upstream: Upstream) -> None:
    session = open_session(upstream)
    order = (Order("UpdatedOn", True), Order("Title"), Order("Id"))
    offer = offered(session, BLUE, columns=("UpdatedOn", "Title", "Id"), order=order, limit=7)
    everything = rows_of(session, offered(session, BLUE, columns=("UpdatedOn", "Title", "Id")))
    wanted = sorted(everything, key=lambda row: (-row[0].timestamp(), row[1], row[2]))[:7]
    upstream.calls.clear()

    assert (offer.takes_order, offer.takes_limit) == (True, True)
    assert rows_of(session, offer) == wanted
    assert [seen.params["sort"] for seen in upstream.calls] == ["-updated"]


def test_order_of_text_or_of_nulls_stays_here(upstream: Upstream) -> None:
    session = open_session(upstream)

    assert not offered(session, BLUE, order=(Order("Title"),)).takes_order
    assert not offered(session, BLUE, order=(Order("Price"),)).takes_order
    assert not offered(session, NOTES, order=(Order("Id"),)).takes_order


def test_parent_is_read_where_no_value_is_given(upstream: Upstream) -> None:
    session = open_session(upstream)
    offer = offered(session, NOTES, Compare("Id", "lt", 3), columns=("NotebookSlug", "Id"))
    upstream.calls.clear()

    assert rows_of(session, offer) == [("blue", 1), ("blue", 2)]
    assert [seen.path for seen in upstream.calls] == [
        "/v2/w/acme/notebooks", "/v2/w/acme/notebooks/blue/notes", "/v2/w/acme/notebooks/green/notes", "/v2/w/acme/notebooks/Red%2F1/notes",
    ]  # fmt: skip
    assert offer.calls is None
    assert offer.explain[0] == "for each row of Notebooks:"


def test_too_many_parents_are_an_error_and_no_part(upstream: Upstream) -> None:
    session = open_session(upstream, manifest(limits={"parents": 2}))

    with pytest.raises(SourceRejected, match="more than 2 rows of Notebooks"):
        rows_of(session, offered(session, NOTES))


def test_demanded_column_is_named(upstream: Upstream) -> None:
    given = manifest()
    notes = {**given.tables["Notes"], "read": [{"path": "/w/{Workspace}/notebooks/{NotebookSlug}/notes"}]}
    session = open_session(upstream, manifest(tables={**given.tables, "Notes": notes}))

    assert session.describe([NOTES])[0].by_name["NotebookSlug"].is_demanded
    with pytest.raises(SourceRejected, match="a value for NotebookSlug"):
        offered(session, NOTES)
    assert len(rows_of(session, offered(session, NOTES, Compare("NotebookSlug", "eq", "blue")))) == 35


def test_costly_column_takes_a_call_a_row_and_only_when_named(upstream: Upstream) -> None:
    session = open_session(upstream)
    offer = offered(session, BLUE, columns=("Size", "Id"), limit=2)
    upstream.calls.clear()

    assert rows_of(session, offer) == [(10, 1), (20, 2)]
    assert len(upstream.calls) == 3
    assert "one more call a row: details" in offer.explain


def test_unknown_field_is_given_up_and_judged_here(upstream: Upstream) -> None:
    session = open_session(upstream)
    upstream.notes.unknown = {"currency"}  # type: ignore[attr-defined]
    offer = offered(session, BLUE, Compare("Currency", "eq", "usd"), Compare("Id", "lt", 10), columns=("Id",))

    assert offer.grades == (EXACT, EXACT)
    assert rows_of(session, offer) == [(3,), (6,), (9,)]
    again = offered(session, BLUE, Compare("Currency", "eq", "usd"), columns=("Id",))
    assert again.grades == (NO,)


def test_rows_that_pages_repeat_are_given_once(upstream: Upstream) -> None:
    pages = {"1": [{"id": 1}, {"id": 2}], "2": [{"id": 2}, {"id": 3}]}
    upstream.fallback = lambda seen: Answer(
        {"values": pages[seen.params.get("page", "1")], **({} if "page" in seen.params else {"next": f"{seen.path}?page=2"})}
    )
    session = open_session(upstream)

    assert rows_of(session, session.offer(offer_of(BLUE, session))) == [(1,), (2,), (3,)]


def offer_of(ref: TableRef, session: object) -> object:
    from connections.contract.scan import Scan

    return Scan(Table(ref), ("Id",))


def test_reading_goes_on_behind_a_batch(upstream: Upstream) -> None:
    session = open_session(upstream)
    offer = offered(session, NOTES, columns=("NotebookSlug", "Id"))
    batches = list(session.read(offer))

    for number, batch in enumerate(batches):
        rest = [row for later in batches[number + 1 :] for row in later.rows]
        assert [row for later in session.read(offer, resume=batch.resume) for row in later.rows] == rest


def test_wrong_key_is_named_without_the_secret(upstream: Upstream) -> None:
    heard: list[Call] = []
    session = open_session(upstream, heard=heard, APIToken="other-secret")

    with pytest.raises(AuthenticationFailed) as caught:
        session.list_tables()

    assert "Wrong token" in caught.value.message
    assert "other-secret" not in f"{caught.value.message}{caught.value.hint}{heard}"
    assert [(call.status, call.method) for call in heard] == [(401, "GET")]


def test_every_call_is_heard(upstream: Upstream) -> None:
    heard: list[Call] = []
    session = open_session(upstream, heard=heard)

    rows_of(session, offered(session, NOTEBOOKS))

    assert [(call.method, call.status, call.rows, call.error) for call in heard] == [("GET", 200, 3, "")]
    assert heard[0].address == f"{upstream.url}/v2/w/acme/notebooks?pagelen=10"


def test_insert_update_and_delete(upstream: Upstream) -> None:
    session = open_session(upstream)
    table = session.describe([NOTES])[0]
    values = {"NotebookSlug": "blue", "Title": "new", "ContentRaw": "body", "Currency": "jpy", "Price": Decimal(7)}

    made = session.insert(table, values, idempotency="once")

    assert (made["NotebookSlug"], made["Id"], made["Title"], made["ContentRaw"], made["Price"]) == ("blue", 36, "new", "body", Decimal(7))
    sent = upstream.calls[-1]
    assert json.loads(sent.body) == {"title": "new", "content": {"raw": "body"}, "currency": "jpy", "price": 7}
    assert sent.headers["idempotency-key"] == "once"
    key = {"NotebookSlug": "blue", "Id": 36}
    changed = session.update(table, key, {"Title": "changed"}, idempotency="x")
    assert changed is not None and changed["Title"] == "changed"
    assert session.update(table, {**key, "Id": 99}, {"Title": "changed"}, idempotency="x") is None
    assert (session.delete(table, key, idempotency="x"), session.delete(table, key, idempotency="x")) == (True, False)


def test_write_that_can_not_be_is_refused_before_any_call(upstream: Upstream) -> None:
    session = open_session(upstream)
    notes, notebooks = session.describe([NOTES, NOTEBOOKS])
    upstream.calls.clear()

    with pytest.raises(SourceRejected, match="Title"):
        session.insert(notes, {"NotebookSlug": "blue"}, idempotency="x")
    with pytest.raises(SourceRejected, match="Rate can't be written"):
        session.insert(notes, {"NotebookSlug": "blue", "Title": "x", "Rate": Decimal(1)}, idempotency="x")
    with pytest.raises(SourceRejected, match="NotebookSlug"):
        session.insert(notes, {"Title": "x"}, idempotency="x")
    with pytest.raises(NotSupported):
        session.delete(notebooks, {"Slug": "blue"}, idempotency="x")
    assert upstream.calls == []


def test_retired_table_says_so(upstream: Upstream) -> None:
    session = open_session(upstream)
    upstream.route("/v2/w/acme/notebooks/blue/notes", lambda seen: Answer({"error": {"message": "gone"}}, 410))

    with pytest.raises(TableGone, match="moved elsewhere"):
        rows_of(session, offered(session, BLUE))


def test_explain_shows_the_call_and_no_secret(upstream: Upstream) -> None:
    session = open_session(upstream)

    offer = offered(session, BLUE, Compare("Title", "eq", "a b"), Compare("ContentRaw", "eq", "x"))

    assert offer.explain == (
        "GET /w/acme/notebooks/blue/notes?title=a b&pagelen=10", "pushed down, checked again: Title eq", "not pushed down: ContentRaw eq",
    )  # fmt: skip
