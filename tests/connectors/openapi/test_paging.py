"""How page two is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.openapi.documents import ROW, TEXT, WHOLE, array, get, paging, query, table, thing

URI = {"type": "string", "format": "uri"}
FLAG = {"type": "boolean"}
LIMIT = query("limit", {"type": "integer", "maximum": 100})
PAGE = {"type": "integer", "default": 1}


@pytest.mark.parametrize(
    ("answer", "parameters", "expected"),
    [
        (thing(values=array(ROW), next=URI), (), {"type": "next_url", "next": ["next"]}),
        (thing(data=array(ROW), links=thing(next=TEXT)), (), {"type": "next_url", "next": ["links", "next"]}),
        (thing(data=array(ROW), _links=thing(next=thing(href=TEXT))), (), {"type": "next_url", "next": ["_links", "next", "href"]}),
        (thing(value=array(ROW), **{"@odata.nextLink": TEXT}), (), {"type": "next_url", "next": ["@odata.nextLink"]}),
        (
            thing(data=array(ROW), has_more=FLAG),
            (query("starting_after"), LIMIT),
            {"type": "last_id", "param": "starting_after", "id": ["id"], "more": ["has_more"], "size": {"param": "limit", "max": 100}},
        ),
        (
            thing(data=array(ROW), next_page=TEXT, has_more=FLAG),
            (query("page"),),
            {"type": "cursor", "next": ["next_page"], "param": "page", "more": ["has_more"]},
        ),
        (
            thing(items=array(ROW), nextPageToken=TEXT),
            (query("pageToken"),),
            {"type": "cursor", "next": ["nextPageToken"], "param": "pageToken"},
        ),
        (
            thing(items=array(ROW), meta=thing(next_cursor=TEXT)),
            (query("cursor"),),
            {"type": "cursor", "next": ["meta", "next_cursor"], "param": "cursor"},
        ),
        (
            thing(data=array(ROW), next_page=thing(offset=TEXT, uri=TEXT)),
            (query("offset"),),
            {"type": "cursor", "next": ["next_page", "offset"], "param": "offset"},
        ),
        (thing(entries=array(ROW), next_marker=TEXT), (query("marker"),), {"type": "cursor", "next": ["next_marker"], "param": "marker"}),
        (
            thing(meta=thing(pets=array(ROW), cursor=thing(before=WHOLE, after=WHOLE)), status=WHOLE, error=FLAG),
            (query("after", WHOLE),),
            {"type": "cursor", "next": ["meta", "cursor", "after"], "param": "after"},
        ),
        (
            thing(things=array(ROW), pagination=thing(next={"type": "number", "description": "Timestamp of the next page."})),
            (query("from", WHOLE, description="Created after this timestamp"), query("until", WHOLE), LIMIT),
            {"type": "cursor", "next": ["pagination", "next"], "param": "until", "size": {"param": "limit", "max": 100}},
        ),
        (
            array(ROW),
            (query("cursor", TEXT, description="Send the header `X-Things-Cursor-Next` here."),),
            {"type": "cursor", "next_header": "X-Things-Cursor-Next", "param": "cursor"},
        ),
        (
            thing(items=array(ROW)),
            (query("search[currentPage]", WHOLE), query("searchCriteria[currentPage]", WHOLE), query("searchCriteria[pageSize]", WHOLE)),
            {"type": "page", "param": "searchCriteria[currentPage]", "start": 1, "size": {"param": "searchCriteria[pageSize]"}},
        ),
        (
            array(ROW),
            (query("page", {"type": "integer", "minimum": 0}, description="Results start at page `1`."), LIMIT),
            {"type": "page", "param": "page", "start": 1, "size": {"param": "limit", "max": 100}},
        ),
        (
            array(ROW),
            (query("page", PAGE), query("per_page", WHOLE, description="Results per page (max 100)")),
            {"type": "page", "param": "page", "start": 1, "size": {"param": "per_page", "max": 100}},
        ),
        (
            thing(content=array(ROW), totalElements=WHOLE),
            (query("page", WHOLE), query("size", WHOLE)),
            {"type": "page", "param": "page", "start": 0, "size": {"param": "size"}},
        ),
        (
            array(ROW),
            (query("offset", WHOLE), LIMIT),
            {"type": "offset", "param": "offset", "start": 0, "size": {"param": "limit", "max": 100}},
        ),
        (
            array(ROW),
            (query("startAt", WHOLE), query("maxResults", WHOLE)),
            {"type": "offset", "param": "startAt", "start": 0, "size": {"param": "maxResults"}},
        ),
        (
            array(ROW),
            (query("$skip", WHOLE), query("$top", WHOLE)),
            {"type": "offset", "param": "$skip", "start": 0, "size": {"param": "$top"}},
        ),
    ],
)
def test_paging_that_the_document_tells(answer: Any, parameters: tuple[Any, ...], expected: dict[str, Any]) -> None:
    found = table({"/pets": get(answer, *parameters)})

    assert found["read"][0]["paging"] == expected
    assert "partial" not in found


def test_a_link_header_is_paging() -> None:
    assert paging({"/pets": get(array(ROW), headers={"Link": {"schema": TEXT}})}) == {"type": "link_header"}


def test_x_ms_pageable_names_the_next_address() -> None:
    found = get(thing(value=array(ROW), more=TEXT), **{"x-ms-pageable": {"nextLinkName": "more"}})

    assert paging({"/pets": found}) == {"type": "next_url", "next": ["more"]}


@pytest.mark.parametrize(
    ("answer", "parameters", "says"),
    [
        (array(ROW), (), "says nothing about pages"),
        (array(ROW), (LIMIT,), "limit sets the page's size"),
        (thing(data=array(ROW), has_more=FLAG), (), "speaks of pages"),
    ],
)
def test_unknown_paging_makes_the_table_partial(answer: Any, parameters: tuple[Any, ...], says: str) -> None:
    found = table({"/pets": get(answer, *parameters)})

    assert found["read"][0]["paging"]["type"] == "unknown"
    assert says in found["partial"]


def test_paging_that_is_a_guess_makes_the_table_partial() -> None:
    answer = thing(data=array(ROW), page=WHOLE, total_pages=WHOLE)

    found = table({"/pets": get(answer)})

    assert found["read"][0]["paging"] == {"type": "page", "param": "page", "start": 1, "pages": ["total_pages"]}
    assert "is a guess" in found["partial"]


def test_the_total_is_found() -> None:
    found = table({"/pets": get(thing(data=array(ROW), meta=thing(total_count=WHOLE)), query("page", PAGE))})

    assert found["read"][0]["total"] == ["meta", "total_count"]


@pytest.mark.parametrize("name", ["from", "start", "offset"])
def test_a_moment_is_no_number_of_rows(name: str) -> None:
    moment = query(name, WHOLE, description="Rows created after this timestamp")

    assert table({"/things": get(array(ROW), moment, LIMIT)})["partial"].startswith("Page two can't be found")


def test_headers_tell_the_last_page_and_the_number_of_rows() -> None:
    headers = {"X-Total-Pages": {"schema": WHOLE}, "X-Total-Count": {"schema": WHOLE}}
    read = table({"/things": get(array(ROW), query("page", PAGE), LIMIT, headers=headers)})["read"][0]

    assert read["paging"]["pages_header"] == "x-total-pages"
    assert read["total"] == {"header": "x-total-count"}


def test_a_key_that_signs_in_is_neither_asked_for_nor_a_token_of_pages() -> None:
    schemes = {"securitySchemes": {"key": {"type": "apiKey", "in": "query", "name": "token"}}}
    found = table({"/things": get(array(ROW), query("token", required=True))}, components=schemes)

    assert ("needs" in found["read"][0], "token" in found["partial"]) == (False, False)


@pytest.mark.parametrize(("asked", "expected"), [(("page",), "page_size"), (("offset",), "limit")])
def test_the_size_of_a_page_fits_the_way_of_paging(asked: tuple[str, ...], expected: str) -> None:
    parameters = [query(name, WHOLE) for name in (*asked, "limit", "page_size")]

    assert paging({"/things": get(array(ROW), *parameters)})["size"] == {"param": expected}


def test_the_end_of_a_range_is_no_size() -> None:
    parameters = [query(name, WHOLE) for name in ("page", "min", "max")]

    assert "size" not in paging({"/things": get(array(ROW), *parameters)})
