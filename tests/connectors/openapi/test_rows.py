"""Where rows are found in an answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.openapi.documents import ROW, TEXT, WHOLE, answers, array, get, query, table, tables, thing


@pytest.mark.parametrize(
    ("answer", "rows"),
    [
        (array(ROW), []),
        (thing(data=array(ROW)), ["data"]),
        (thing(items=array(ROW), total=WHOLE), ["items"]),
        (thing(pets=array(ROW), count=WHOLE), ["pets"]),
        (thing(strange=array(ROW), next=TEXT), ["strange"]),
        (thing(data=thing(items=array(ROW), page=WHOLE)), ["data", "items"]),
        (thing(_embedded=thing(pets=array(ROW)), _links=thing(next=TEXT)), ["_embedded", "pets"]),
        (thing(included=array(ROW), data=array(ROW)), ["data"]),
        (thing(errors=array(thing(code=TEXT)), data=array(ROW)), ["data"]),
        (thing(status=WHOLE, error=TEXT, meta=thing(pets=array(ROW), cursor=TEXT)), ["meta", "pets"]),
        (thing(Response=thing(results=array(ROW), hasMore=TEXT), ErrorCode=WHOLE, ThrottleSeconds=WHOLE), ["Response", "results"]),
        ({"allOf": [thing(next=TEXT), thing(values=array(ROW))]}, ["values"]),
    ],
)
def test_rows_of_an_answer(answer: Any, rows: list[str]) -> None:
    found = table({"/pets": get(answer)})

    assert found["read"][0]["rows"] == rows
    assert list(found["columns"]) == ["Id", "Name"]


def test_a_list_behind_a_parameter_is_a_list() -> None:
    found = table({"/repositories/{workspace}": get(thing(values=array(ROW), next=TEXT))})

    assert found["read"][0]["rows"] == ["values"]
    assert found["key"] == ["Workspace", "Id"]


def test_one_thing_with_an_array_in_it_is_no_list() -> None:
    found = table({"/pets/{petId}": get(thing(id=WHOLE, name=TEXT, items=array(ROW)))})

    assert found["read"] == [{"path": "/pets/{Id}", "single": True}]
    assert list(found["columns"]) == ["Id", "Name", "ItemsAggregate"]


@pytest.mark.parametrize(
    "answer",
    [
        thing(state=TEXT, errors=array(thing(code=TEXT)), data=array(TEXT)),
        thing(name=TEXT, message=TEXT, version=TEXT, checks=array(ROW)),
        thing(petPlan=thing(id=WHOLE), successorPlans=array(ROW), referral=TEXT),
    ],
)
def test_what_stands_beside_one_thing_is_no_list_of_rows(answer: Any) -> None:
    assert table({"/pet_plan": get(answer)})["read"][0]["single"] is True


def test_one_row_with_parameters_for_pages_is_a_list() -> None:
    page = [query("page", WHOLE), query("per_page", WHOLE)]
    found = tables({"/pets": get(ROW, *page), "/pets/{petId}": get(ROW), "/health/checks": get(ROW)})

    assert found["Pets"]["read"][0]["rows"] == []
    assert (found["Pets"]["key"], len(found["Pets"]["read"]), found["Checks"]["read"][0]["single"]) == (["Id"], 2, True)


def test_the_schema_of_one_row_goes_before_its_example() -> None:
    one = answers(thing(data=ROW), example={"data": {"id": 1}})
    found = table({"/pets": get(thing(data=array(ROW))), "/pets/{petId}": {"get": {"responses": one}}})

    assert found["read"][1] == {"path": "/pets/{Id}", "single": True, "row": ["data"]}


def test_a_map_of_objects_has_its_names_as_key() -> None:
    found = table({"/rates": get({"type": "object", "additionalProperties": thing(value=WHOLE)})})

    assert found["key"] == ["Key"]
    assert found["read"][0]["rows"] == {"path": [], "of": "map"}
    assert found["columns"]["Value"]["path"] == ["$value", "value"]
    assert "guess" in found["partial"]


def test_rows_in_wrappers_are_looked_through() -> None:
    inner = thing(id=WHOLE, name=TEXT, color=TEXT)
    found = table({"/products": get(thing(edges=array(thing(node=inner, cursor=TEXT))))})

    assert found["read"][0]["row"] == ["node"]
    assert list(found["columns"]) == ["Id", "Name", "Color"]


def test_examples_stand_in_for_missing_schemas() -> None:
    operation = {"responses": {"200": {"content": {"application/json": {"example": {"pets": [{"id": 1, "name": "x"}]}}}}}}

    assert list(table({"/pets": {"get": operation}})["columns"]) == ["Id", "Name"]


def test_an_undescribed_list_is_a_table_of_json_marked_partial() -> None:
    found = table({"/pets": {"get": {"responses": {"200": {"description": "ok"}}}}})

    assert list(found["columns"]) == ["RowAggregate"]
    assert "does not describe the rows" in found["partial"]


def test_swagger_2_is_read_alike() -> None:
    from connections.connectors.openapi.derive import derive

    document = {
        "swagger": "2.0",
        "host": "api.example.com",
        "basePath": "/v2/",
        "schemes": ["https"],
        "paths": {"/pets": {"get": {"responses": {"200": {"schema": array({"$ref": "#/definitions/Pet"})}}}}},
        "definitions": {"Pet": ROW},
    }

    found = derive(document).manifest

    assert found["base_url"] == "https://api.example.com/v2"
    assert list(found["tables"]["Pets"]["columns"]) == ["Id", "Name"]


def test_single_answers_are_views_of_one_row() -> None:
    found = tables({"/account": get(thing(data=thing(id=WHOLE, plan=TEXT)))})

    assert found["Account"]["read"] == [{"path": "/account", "single": True, "row": ["data"]}]
    assert found["Account"]["kind"] == "view"
