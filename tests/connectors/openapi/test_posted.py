"""Lists that a document asks for by POST: found, paged and filtered by the body; what only writes is never sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connections.connectors.openapi.connector import OpenapiConnector
from connections.connectors.openapi.overlay import with_changes
from connections.connectors.openapi.probe import probe
from connections.contract.context import Context
from connections.contract.scan import Compare, Scan
from tests.connectors.openapi.documents import ROW, TEXT, WHOLE, answers, array, derived, document, get, tables, thing
from tests.connectors.openapi.service import described
from tests.fakes.upstream import Answer, Seen, Upstream

PET = thing(id=WHOLE, name=TEXT, status=TEXT, born={"type": "string", "format": "date-time"})
PAGED = thing(results=array(PET), next_cursor=TEXT, has_more={"type": "boolean"})
ROWS = [{"id": number, "name": f"n{number}", "status": "old" if number < 4 else "new"} for number in range(1, 8)]


def post(answer: Any, body: Any = None, name: str = "searchPets", **more: Any) -> dict[str, Any]:
    content = {"content": {"application/json": {"schema": body or thing()}}}
    return {"post": {"operationId": name, "requestBody": content, "responses": answers(answer), **more}}


def required(schema: dict[str, Any], *names: str) -> dict[str, Any]:
    return {**schema, "required": list(names)}


BODY = thing(
    filter=thing(status=array(TEXT), name=TEXT, born=thing(gte={"type": "string", "format": "date-time"})),
    start_cursor=TEXT,
    page_size={"type": "integer", "maximum": 3},
    kind={"type": "string", "default": "pet"},
)


def test_a_search_by_post_is_a_list() -> None:
    found = tables({"/pets/search": post(PAGED, required(BODY, "kind")), "/pets/{id}": get(PET)})["Pets"]

    assert found["read"][0] == {
        "path": "/pets/search",
        "method": "POST",
        "body": {"kind": "pet"},
        "rows": ["results"],
        "paging": {
            "type": "cursor",
            "next": ["next_cursor"],
            "param": "start_cursor",
            "more": ["has_more"],
            "in": "body",
            "size": {"param": "page_size", "in": "body", "max": 3},
        },
    }
    assert found["read"][1] == {"path": "/pets/{Id}", "single": True}
    assert found["columns"]["Status"]["filter"]["in"] == {"param": "filter.status", "grade": "superset", "in": "body", "multiple": "list"}
    assert found["columns"]["Name"]["filter"] == {"eq": {"param": "filter.name", "grade": "superset", "in": "body"}}
    assert (found["key"], "write" in found) == (["Id"], False)


@pytest.mark.parametrize(
    ("path", "name", "answer"),
    [
        ("/pets/batch", "createPets", PAGED),
        ("/pets/search", "deletePetsBySearch", PAGED),
        ("/pets", "addPet", thing(pets=array(PET))),
        ("/pets/rename", "renamePets", PAGED),
        ("/pets/search", "searchPets", PET),
        ("/pets/quote", "getQuote", thing(pets=array(PET))),
    ],
)
def test_a_post_that_may_write_is_no_list(path: str, name: str, answer: Any) -> None:
    assert list(tables({path: post(answer, name=name), "/toys": get(array(ROW))})) == ["Toys"]


def test_a_get_of_the_same_path_goes_before_a_post() -> None:
    found = tables({"/pets/search": {**post(PAGED, BODY), **get(array(PET))}})

    assert [("method" in entry["read"][0], entry["read"][0]["path"]) for entry in found.values()] == [(False, "/pets/search")]


def test_what_the_body_demands_is_a_column_that_must_be_given() -> None:
    found = tables({"/pets/search": post(PAGED, required(thing(shop=WHOLE, query=thing(text=TEXT)), "shop"))})["Pets"]

    assert (found["read"][0]["body"], found["read"][0]["needs"]) == ({"shop": "{Shop}"}, ["Shop"])


def test_what_no_column_can_give_is_asked_of_the_overlay() -> None:
    paths = {"/pets/search": post(PAGED, required(thing(countries=array(TEXT), start_cursor=TEXT), "countries"))}
    name, found = next(iter(tables(paths).items()))
    connector = OpenapiConnector()
    values = {"Document": json.dumps(document(paths)), "Overlay": f"tables: {{{name}: {{body: {{countries: [JP]}}}}}}"}
    corrected = described(connector.open(connector.clean(values), context=Context()), name)

    assert "demands countries" in found["partial"]
    assert corrected.partial == ""


def test_a_secret_in_the_body_is_no_column() -> None:
    made = derived({"/pets/search": post(PAGED, required(thing(access_token=TEXT), "access_token")), "/toys": get(array(ROW))})

    assert list(made.manifest["tables"]) == ["Toys"]
    assert made.notes == ["POST /pets/search is no table: access_token would have to be named in queries."]


def served(seen: Seen) -> Answer:
    body = json.loads(seen.body)
    wanted = body.get("filter", {}).get("status")
    rows = [row for row in ROWS if wanted is None or row["status"] in wanted]
    start, size = int(body.get("start_cursor") or 0), body.get("page_size", 3)
    more = start + size < len(rows)
    return Answer({"results": rows[start : start + size], "next_cursor": str(start + size) if more else None, "has_more": more})


def opened(upstream: Upstream, body: Any, overlay: str = "") -> Any:
    connector = OpenapiConnector()
    text = json.dumps(document({"/pets/search": post(PAGED, body)}, servers=[{"url": upstream.url}]))
    return connector.open(connector.clean({"Document": text, "Overlay": overlay}), context=Context(outgoing=upstream.allow))


def ids(session: Any, *where: Compare) -> list[int]:
    table = described(session, "Pets")
    return [row[0] for batch in session.read(session.offer(Scan(table, ("Id",), where))) for row in batch.rows]


def test_pages_and_filters_are_sent_in_the_body() -> None:
    with Upstream() as upstream:
        upstream.fallback = served
        session = opened(upstream, BODY)
        whole = ids(session)
        some = ids(session, Compare("Status", "eq", "old"))

    assert (whole, some) == ([1, 2, 3, 4, 5, 6, 7], [1, 2, 3])
    assert [json.loads(call.body) for call in upstream.calls] == [
        {"page_size": 3},
        {"page_size": 3, "start_cursor": "3"},
        {"page_size": 3, "start_cursor": "6"},
        {"page_size": 3, "filter": {"status": ["old"]}},
    ]


def test_pages_that_the_document_hides_are_a_correction_of_the_table() -> None:
    with Upstream() as upstream:
        upstream.fallback = served
        before = described(opened(upstream, thing(filter=thing(status=TEXT))), "Pets")
        paging = {"type": "cursor", "next": "next_cursor", "param": "start_cursor", "size": {"param": "page_size", "max": 3}}
        overlay = with_changes("", "Pets", {"paging": paging})
        session = opened(upstream, thing(filter=thing(status=TEXT)), overlay)
        after = described(session, "Pets")
        found = ids(session)
        settled = probe(session, "Pets")

    assert before.partial.startswith("Page two can't be found")
    assert (after.partial, found, settled.is_settled) == ("", [1, 2, 3, 4, 5, 6, 7], True)


def test_a_search_leaves_the_plain_name_to_what_is_listed() -> None:
    database = thing(id=TEXT, title=TEXT)
    found = tables({"/databases/{id}": get(database), "/databases/{id}/query": post(PAGED, name="queryDatabase")})

    assert {name: entry["read"][0]["path"] for name, entry in found.items()} == {
        "Databases": "/databases/{Id}",
        "DatabasesQuery": "/databases/{DatabaseId}/query",
    }
