"""Services that are richer or older than ours: their metadata, their paging, their conditions and changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connections.contract.errors import (
    ConnectionFailed,
    RowChanged,
)
from connections.contract.scan import Compare, Grade, Not, Order, Scan
from connections.contract.table import Table, TableRef
from tests.connectors.odata.rich_service import PEOPLE, ask, upstream
from tests.connectors.odata.upstream import Upstream, page

__all__ = ["upstream"]


def table(upstream: Upstream, name: str = "People") -> Table:
    return upstream.session().describe([TableRef("", name)])[0]


def test_metadata_with_inheritance_complex_values_enums_and_collections(upstream: Upstream) -> None:
    people, notes = table(upstream), table(upstream, "Notes")

    assert [(column.name, column.type.value) for column in people.columns] == [
        ("Id", "Int32"),
        ("Name", "String"),
        ("Home_Street", "String"),
        ("Home_City_Name", "String"),
        ("Home_City_Zip", "String"),
        ("TagsAggregate", "String"),
        ("Color", "String"),
        ("Pay", "Decimal"),
        ("Born", "DateTimeOffset"),
        ("BossId", "Int32"),
        ("Secret", "String"),
    ]
    assert (people.primary_key, people.writes, people.by_name["Id"].is_generated) == (("Id",), {"insert", "update"}, True)
    assert (people.by_name["Pay"].scale, people.by_name["Color"].allowed_values) == (2, ("Red", "Green"))
    assert (people.by_name["TagsAggregate"].is_json, people.by_name["Name"].max_length) == (True, 40)
    assert [(key.name, key.columns, key.target_table) for key in people.foreign_keys] == [("Boss", ("BossId",), "People")]
    assert (notes.primary_key, notes.writes) == ((), frozenset())


def test_values_of_every_shape(upstream: Upstream) -> None:
    row = (
        '{"Id": 1, "Home": {"City": {"Zip": "0815"}}, "Tags": ["a", 1.10], "Color": "Red", "Pay": 12345678901234.10, '
        '"Born": "2026-01-02T03:04:05.1234567+09:00"}'
    )
    upstream.answer = lambda method, path: (
        200,
        {},
        b'\xef\xbb\xbf{"value": [' + row.encode() + b', {"Id": 2, "Home": null, "Pay": "1.5"}]}',
    )

    rows = ask(upstream, "Id", "Home_City_Zip", "TagsAggregate", "Color", "Pay", "Born", "Name")

    born = datetime(2026, 1, 1, 18, 4, 5, 123456, tzinfo=UTC)
    assert rows == [
        (1, "0815", '["a", 1.10]', "Red", Decimal("12345678901234.10"), born, None),
        (2, None, None, None, Decimal("1.5"), None, None),
    ]


@pytest.mark.parametrize(
    ("item", "grade", "text"),
    [
        (Compare("Home_City_Zip", "eq", "0'8"), Grade.SUPERSET, "Home/City/Zip eq '0''8'"),
        (Compare("Name", "ne", "x"), Grade.NO, ""),
        (Not(Compare("Name", "contains", "x")), Grade.NO, ""),
        (Compare("Color", "eq", "Red"), Grade.EXACT, "Color eq Types.Color'Red'"),
        (Compare("Color", "eq", "Blue"), Grade.NO, ""),
        (Compare("Secret", "eq", "x"), Grade.NO, ""),
        (Compare("TagsAggregate", "contains", "x"), Grade.NO, ""),
        (Compare("Pay", "ne", Decimal("1E+2")), Grade.EXACT, "(Pay ne 100 and Pay ne null)"),
        (
            Compare("Born", "eq", datetime(2026, 1, 1, tzinfo=UTC)),
            Grade.EXACT,
            "(Born ge 2026-01-01T00:00:00Z and Born lt 2026-01-01T00:00:00.000001Z)",
        ),
        (Compare("Born", "le", datetime(2026, 1, 1, tzinfo=UTC)), Grade.EXACT, "Born lt 2026-01-01T00:00:00.000001Z"),
        (Compare("Name", "eq", "\ud800"), Grade.NO, ""),
    ],
)
def test_conditions_as_the_service_is_asked(upstream: Upstream, item: Any, grade: Grade, text: str) -> None:
    session = upstream.session()
    offer = session.offer(Scan(session.describe([PEOPLE])[0], ("Id",), (item,)))

    assert (offer.grades, offer.path.filter) == ((grade,), text)


def test_what_the_service_cannot_do_is_left_to_us(upstream: Upstream) -> None:
    session = upstream.session()
    people, notes = session.describe([PEOPLE, TableRef("", "Notes")])
    where = (Compare("Text", "eq", "x"),)
    long = (Compare("Name", "eq", "x" * 5000), Compare("Name", "eq", "y" * 5000))

    assert session.offer(Scan(people, ("Id",), wants_count=True)).takes_count is False
    assert (session.offer(Scan(notes, ("Text",), where)).grades, session.offer(Scan(notes, ("Text",), limit=5)).takes_limit) == (
        (Grade.NO,),
        False,
    )
    assert session.offer(Scan(people, ("Id",), long)).grades == (Grade.SUPERSET, Grade.NO)
    assert session.offer(Scan(people, ("Id",), order=(Order("Born"), Order("Id")))).takes_order is False


def test_repeated_rows_at_the_edge_of_a_page_are_given_once(upstream: Upstream) -> None:
    upstream.answer = lambda method, path: (
        page([{"Id": 2}, {"Id": 3}]) if "skip" in path else page([{"Id": 1}, {"Id": 2}], **{"@odata.nextLink": "People?$skiptoken=2"})
    )

    assert ask(upstream, "Id") == [(1,), (2,), (3,)]
    assert upstream.paths() == ["/svc/People?$select=Id", "/svc/People?$skiptoken=2"]


def test_changes_are_sent_once_and_the_key_is_found(upstream: Upstream) -> None:
    session = upstream.session()
    people = session.describe([PEOPLE])[0]
    upstream.answer = lambda method, path: (503, {}, b"")
    with pytest.raises(ConnectionFailed):
        session.insert(people, {"Name": "x"}, idempotency="a")
    upstream.answer = lambda method, path: (
        (204, {"OData-EntityId": f"{upstream.base}/svc/People(9)"}, b"") if method == "POST" else (200, {}, b'{"Id": 9, "Name": "x"}')
    )

    made = session.insert(people, {"Name": "x", "Home_City_Zip": "1", "Pay": Decimal("1.10")}, idempotency="b")

    posted = [json.loads(body, parse_float=Decimal) for method, _, _, body in upstream.asked if method == "POST"]
    assert (made["Id"], made["Name"], len(posted)) == (9, "x", 2)
    assert posted[1] == {"Name": "x", "Home": {"City": {"Zip": "1"}}, "Pay": Decimal("1.10")}


ROW = b'{"@odata.etag": "W/\\"7\\"", "Id": 1, "Name": "a", "Pay": 1.10}'
EXPECTED = {"Id": 1, "Name": "a", "Pay": Decimal("1.10")}


def test_change_of_an_expected_row_names_its_etag(upstream: Upstream) -> None:
    session = upstream.session()
    people = session.describe([PEOPLE])[0]
    upstream.answer = lambda method, path: (200, {}, ROW) if method == "GET" else (204, {}, b"")

    changed = session.update(people, {"Id": 1}, {"Name": "b"}, idempotency="a", expected=EXPECTED)
    gone = session.delete(people, {"Id": 1}, idempotency="b", expected=EXPECTED)
    session.update(people, {"Id": 1}, {"Name": "b"}, idempotency="c")

    sent = [(method, headers.get("If-Match")) for method, _, headers, _ in upstream.asked if method != "GET"]
    assert (changed, gone) == ({"Name": "b"}, True)
    assert sent == [("PATCH", 'W/"7"'), ("DELETE", 'W/"7"'), ("PATCH", "*")]


@pytest.mark.parametrize(
    ("read", "written", "sent"),
    [
        ((200, {}, ROW.replace(b'"a"', b'"b"')), (204, {}, b""), 0),
        ((404, {}, b""), (204, {}, b""), 0),
        ((200, {}, ROW), (412, {}, b""), 1),
        ((200, {}, ROW), (404, {}, b""), 1),
    ],
    ids=["other values", "gone", "changed between", "gone between"],
)
def test_row_that_is_another_by_now_is_not_changed(upstream: Upstream, read: Any, written: Any, sent: int) -> None:
    session = upstream.session()
    people = session.describe([PEOPLE])[0]
    upstream.answer = lambda method, path: read if method == "GET" else written

    with pytest.raises(RowChanged):
        session.update(people, {"Id": 1}, {"Name": "c"}, idempotency="a", expected=EXPECTED)
    assert [method for method, *_ in upstream.asked].count("PATCH") == sent


def test_keys_stay_out_of_links_and_messages(upstream: Upstream) -> None:
    upstream.answer = lambda method, path: page(
        [{"Id": 1}], **({} if "skip" in path else {"@odata.nextLink": f"{upstream.base}/svc/People?api%20key=hidden&$skip=1"})
    )
    session = upstream.session(AuthScheme="QueryKey", APIKeyName="api key", APIKey="hidden")
    found = session.describe([PEOPLE])[0]

    batches = list(session.read(session.offer(Scan(found, ("Id",)))))

    assert batches[0].resume == f"{upstream.base}/svc/People?$skip=1"
    assert upstream.paths() == ["/svc/People?$select=Id&api%20key=hidden", "/svc/People?$skip=1&api%20key=hidden"]
