"""Lists that are asked for by POST: pages, filters, order and demanded values in the body."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from connections.connectors.http.connector import ManifestConnector
from connections.connectors.http.rest import RestConnector
from connections.contract.context import Context
from connections.contract.errors import InvalidProperties, SourceRejected
from connections.contract.scan import Compare, Grade, Order, Scan
from connections.contract.table import Table, TableRef
from tests.connectors.http.notes import manifest
from tests.fakes.upstream import Answer, Seen, Upstream

TEXT = """
manifest: 1
key: posted
label: Posted
base_url: https://api.example.com
tables:
  Things:
    key: [Id]
    read:
      - path: /things/search
        method: POST
        body: {kind: thing, space: "{Space}", level: "{Level}"}
        needs: [Space]
        takes: [Level]
        rows: items
        sort: {param: order.by, in: body, descending: "-{field}", nulls: lowest}
        paging: PAGING
    columns:
      Space: {given: true, type: int64}
      Level: {given: true, type: decimal}
      Id: {path: id, type: int64, sort: true}
      Name: {path: name, filter: {eq: {param: filter.name, in: body}, in: {param: filter.name, in: body}}}
      IsOpen: {path: open, type: boolean, filter: {eq: {param: filter.open, in: body}}}
      Price: {path: price, type: decimal, filter: {ge: {param: filter.price.min, in: body}}}
      Tag: {path: tag, grade: exact, filter: {eq: {param: tags, in: body, multiple: list, grade: exact}}}
"""
ROWS = [{"id": number, "name": f"n{number % 2}", "open": number > 3, "price": number / 2, "tag": "a"} for number in range(1, 8)]
SPACE = Compare("Space", "eq", 5)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def opened(upstream: Upstream, paging: str) -> Any:
    connector = ManifestConnector(manifest(TEXT.replace("PAGING", paging)))
    return connector.open(connector.clean({"URL": upstream.url}), context=Context(outgoing=upstream.allow))


def asked(upstream: Upstream) -> list[Any]:
    return [json.loads(call.body) for call in upstream.calls]


def ids(session: Any, *where: Compare, order: tuple[Order, ...] = ()) -> list[int]:
    table: Table = session.describe([TableRef("", "Things")])[0]
    offer = session.offer(Scan(table, ("Id",), (SPACE, *where), order))
    return [row[0] for batch in session.read(offer) for row in batch.rows]


def served(answer: Callable[[Any], Any]) -> Callable[[Seen], Answer]:
    return lambda seen: Answer(answer(json.loads(seen.body))) if seen.method == "POST" else Answer({}, status=405)


def by_cursor(body: Any) -> Any:
    start = int(body.get("page", {}).get("after", 0))
    return {"items": ROWS[start : start + 3], "next": str(start + 3) if start + 3 < len(ROWS) else None}


def by_number(body: Any) -> Any:
    size, number = body["page"]["size"], body["page"]["number"]
    return {"items": ROWS[size * (number - 1) : size * number]}


def by_offset(body: Any) -> Any:
    return {"items": ROWS[body["from"] : body["from"] + body["size"]]}


def by_last_sort(body: Any) -> Any:
    after = body.get("search_after", [0])[0]
    rows = [{**row, "sort": [row["id"]]} for row in ROWS if row["id"] > after]
    return {"items": rows[:3], "more": len(rows) > 3}


@pytest.mark.parametrize(
    ("paging", "answer", "pages"),
    [
        ("{type: cursor, next: next, param: page.after, in: body}", by_cursor, [{}, {"after": "3"}, {"after": "6"}]),
        (
            "{type: page, param: page.number, in: body, size: {param: page.size, in: body, max: 4}}",
            by_number,
            [{"number": number, "size": 4} for number in (1, 2, 3)],
        ),
    ],
)
def test_pages_are_asked_for_in_the_body(upstream: Upstream, paging: str, answer: Any, pages: list[Any]) -> None:
    upstream.fallback = served(answer)

    assert ids(opened(upstream, paging)) == [1, 2, 3, 4, 5, 6, 7]
    assert [body.get("page", {}) for body in asked(upstream)] == pages
    assert [{key: body[key] for key in body if key != "page"} for body in asked(upstream)] == [{"kind": "thing", "space": 5}] * 3


@pytest.mark.parametrize(
    ("paging", "answer", "last"),
    [
        ("{type: offset, param: from, start: 0, in: body, size: {param: size, in: body, max: 4}}", by_offset, {"from": 7, "size": 4}),
        ("{type: last_id, param: search_after, id: sort, more: more, in: body}", by_last_sort, {"search_after": [6]}),
    ],
)
def test_pages_by_offset_and_by_the_last_row(upstream: Upstream, paging: str, answer: Any, last: dict[str, Any]) -> None:
    upstream.fallback = served(answer)

    assert ids(opened(upstream, paging)) == [1, 2, 3, 4, 5, 6, 7]
    assert asked(upstream)[-1] == {"kind": "thing", "space": 5, **last}


def test_the_next_address_is_posted_to_as_well(upstream: Upstream) -> None:
    upstream.route("/things/search", {"items": ROWS[:3], "next": "/things/search/2"})
    upstream.route("/things/search/2", {"items": ROWS[3:], "next": None})

    assert ids(opened(upstream, "{type: next_url, next: next}")) == [1, 2, 3, 4, 5, 6, 7]
    assert [(call.method, json.loads(call.body)["kind"]) for call in upstream.calls] == [("POST", "thing")] * 2


def test_a_cursor_that_the_answer_shows_goes_into_the_body(upstream: Upstream) -> None:
    upstream.fallback = served(
        lambda body: {"items": ROWS[3:], "next_cursor": None} if "cursor" in body else {"items": ROWS[:3], "next_cursor": "c"}
    )

    assert ids(opened(upstream, "{type: auto, in: body}")) == [1, 2, 3, 4, 5, 6, 7]
    assert [body.get("cursor") for body in asked(upstream)] == [None, "c"]


def test_filters_go_into_the_body_typed(upstream: Upstream) -> None:
    upstream.fallback = served(lambda body: {"items": ROWS})
    where = (
        Compare("Name", "in", ("n1", "x")),
        Compare("IsOpen", "eq", True),
        Compare("Price", "ge", Decimal("2.50")),
        Compare("Tag", "eq", "a"),
        Compare("Level", "eq", Decimal("1.10")),
    )

    session = opened(upstream, "{type: none}")
    table = session.describe([TableRef("", "Things")])[0]
    offer = session.offer(Scan(table, ("Id",), (SPACE, *where)))
    rows = [row for batch in session.read(offer) for row in batch.rows]

    assert offer.grades == (Grade.EXACT, Grade.SUPERSET, Grade.EXACT, Grade.EXACT, Grade.EXACT, Grade.EXACT)
    assert asked(upstream) == [
        {"kind": "thing", "space": 5, "filter": {"name": ["n1", "x"], "open": True, "price": {"min": 2.5}}, "tags": ["a"], "level": 1.1}
    ]
    assert len(rows) == 7
    assert offer.explain[0].startswith('POST /things/search {"kind":"thing","space":5,"level":1.10,"filter":{')


def test_the_order_goes_into_the_body(upstream: Upstream) -> None:
    upstream.fallback = served(lambda body: {"items": ROWS[::-1] if body.get("order") == {"by": "-id"} else ROWS})

    assert ids(opened(upstream, "{type: none}"), order=(Order("Id", True),)) == [7, 6, 5, 4, 3, 2, 1]


def test_a_value_that_the_body_demands_is_named(upstream: Upstream) -> None:
    session = opened(upstream, "{type: none}")
    table = session.describe([TableRef("", "Things")])[0]

    with pytest.raises(SourceRejected, match="Space"):
        session.offer(Scan(table, ("Id",)))


def rest(upstream: Upstream, **values: Any) -> Any:
    connector = RestConnector()
    given = connector.clean({"URL": upstream.url, "Path": "/things/search", "Method": "POST", **values})
    return connector.open(given, context=Context(outgoing=upstream.allow))


def rest_ids(session: Any) -> list[int]:
    table = session.describe([TableRef("", "Rows")])[0]
    return [row[0] for batch in session.read(session.offer(Scan(table, ("Id",)))) for row in batch.rows]


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"Paging": "Cursor", "PageParameter": "page.after", "NextPath": "next"}, by_cursor),
        ({"Paging": "Page", "PageParameter": "page.number", "SizeParameter": "page.size", "PageSize": 3}, by_number),
        ({"Paging": "LastId", "PageParameter": "search_after", "NextPath": "more"}, None),
    ],
)
def test_rest_asks_by_post(upstream: Upstream, values: dict[str, Any], answer: Any) -> None:
    def by_last_id(body: Any) -> Any:
        rows = [row for row in ROWS if row["id"] > body.get("search_after", 0)]
        return {"items": rows[:3], "more": len(rows) > 3}

    def tolerant(body: Any) -> Any:
        page = {"number": 1, **body.get("page", {})}
        return (answer or by_last_id)({**body, "page": page})

    upstream.fallback = served(tolerant)
    session = rest(upstream, Body='{"query": {"open": true}}', **values)

    assert rest_ids(session) == [1, 2, 3, 4, 5, 6, 7]
    assert {json.dumps(body["query"]) for body in asked(upstream)} == {'{"open": true}'}


def test_rest_page_may_stand_in_the_address_of_a_post(upstream: Upstream) -> None:
    upstream.fallback = lambda seen: Answer({"items": ROWS[int(seen.params.get("page", 1)) * 4 - 4 :][:4]})
    session = rest(upstream, Paging="Page", PageParameter="?page")

    assert rest_ids(session) == [1, 2, 3, 4, 5, 6, 7]
    assert {call.body for call in upstream.calls} == {b"{}"}


def test_rest_follows_what_a_post_shows(upstream: Upstream) -> None:
    upstream.fallback = served(lambda body: {"items": ROWS[3:]} if "cursor" in body else {"items": ROWS[:3], "next_cursor": "c"})

    assert rest_ids(rest(upstream)) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("body", ["[1]", "{", "text"])
def test_rest_refuses_a_body_that_is_no_object(upstream: Upstream, body: str) -> None:
    with pytest.raises(InvalidProperties) as refused:
        rest(upstream, Body=body)

    assert refused.value.errors == {"Body": "must be a JSON object"}


def test_the_number_of_pages_may_stand_in_a_header(upstream: Upstream) -> None:
    upstream.fallback = lambda seen: Answer({"items": ROWS[json.loads(seen.body)["page"] * 4 - 4 :][:4]}, headers={"X-Total-Pages": "2"})

    assert ids(opened(upstream, "{type: page, param: page, in: body, pages_header: X-Total-Pages}")) == [1, 2, 3, 4, 5, 6, 7]
    assert len(upstream.calls) == 2
