"""Columns of a row: names, types, nesting, embedded resources."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.openapi.documents import TEXT, WHOLE, array, get, query, table, tables, thing


def columns(**properties: Any) -> dict[str, Any]:
    return table({"/pets": get(array(thing(**properties)))})["columns"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (TEXT, {}),
        ({"type": "string", "maxLength": 9}, {"max_length": 9}),
        ({"type": "string", "enum": ["a", "b"]}, {"values": ["a", "b"]}),
        ({"type": "string", "format": "date-time"}, {"type": "timestamp"}),
        ({"type": "string", "format": "date"}, {"type": "date"}),
        ({"type": "string", "format": "uuid"}, {"type": "guid"}),
        ({"type": "string", "format": "byte"}, {"type": "binary", "format": "base64"}),
        ({"type": "string", "format": "int64"}, {"type": "int64"}),
        ({"type": "string", "format": "decimal"}, {"type": "decimal"}),
        ({"type": "string", "format": "email"}, {}),
        (WHOLE, {"type": "int64"}),
        ({"type": "integer", "format": "int32"}, {"type": "int64"}),
        ({"type": "integer", "format": "unix-time"}, {"type": "timestamp", "format": "unix"}),
        ({"type": "number"}, {"type": "decimal"}),
        ({"type": "number", "format": "double"}, {"type": "double"}),
        ({"type": "boolean"}, {"type": "boolean"}),
        (
            {"type": "boolean", "description": "Is it? It may be."},
            {"type": "boolean", "description": "Is it?  It may be."[:200].replace("  ", " ")},
        ),
        ({}, {}),
    ],
)
def test_type_of_a_column(schema: Any, expected: dict[str, Any]) -> None:
    assert columns(value=schema)["Value"] == {"path": ["value"], **expected}


def test_arrays_and_maps_are_json() -> None:
    found = columns(tags=array(TEXT), labels={"type": "object", "additionalProperties": TEXT})

    assert found == {"TagsAggregate": {"path": ["tags"], "type": "json"}, "LabelsAggregate": {"path": ["labels"], "type": "json"}}


def test_nested_objects_are_flattened_to_depth_two() -> None:
    found = columns(content=thing(raw=TEXT, more=thing(html=TEXT, deep=thing(er=TEXT))), links=thing(self=thing(href=TEXT)))

    assert {name: column["path"] for name, column in found.items()} == {
        "ContentRaw": ["content", "raw"],
        "ContentMoreHtml": ["content", "more", "html"],
        "ContentMoreDeepAggregate": ["content", "more", "deep"],
        "LinksAggregate": ["links"],
    }


@pytest.mark.parametrize("inline", [False, True])
def test_an_embedded_listed_resource_is_cut_down_to_what_identifies_it(inline: bool) -> None:
    user = thing(uuid=TEXT, display_name=TEXT, bio=TEXT, age=WHOLE, city=TEXT)
    link = user if inline else {"$ref": "#/components/schemas/User"}
    paths = {"/users": get(array(link)), "/issues": get(array(thing(id=WHOLE, reporter=link)))}

    found = tables(paths, components={"schemas": {"User": user}})

    assert list(found["Issues"]["columns"]) == ["Id", "ReporterUUID", "ReporterDisplayName"]
    assert list(found["Users"]["columns"]) == ["UUID", "DisplayName", "Bio", "Age", "City"]


def test_attributes_count_as_the_rows_own() -> None:
    assert list(columns(id=TEXT, type=TEXT, attributes=thing(name=TEXT, id=TEXT))) == ["Id", "Type", "Name", "Id2"]


def test_names_that_meet_are_numbered() -> None:
    assert list(columns(a_b=TEXT, aB=TEXT, a=thing(b=TEXT))) == ["AB", "AB2", "AB3"]


def test_odd_names_become_names() -> None:
    assert list(columns(**{"@type": TEXT, "1st": TEXT, "名前": TEXT, "…": TEXT})) == ["Type", "_1St", "名前", "Column"]


def test_text_or_object_holds_the_id() -> None:
    customer = {"anyOf": [TEXT, thing(id=TEXT, email=TEXT)]}

    assert columns(customer=customer)["Customer"] == {"path": ["customer"], "id_of": ["id"]}


def test_write_only_properties_are_no_columns() -> None:
    assert list(columns(name=TEXT, password={"type": "string", "writeOnly": True})) == ["Name"]


def test_filters_are_found_and_never_claimed_exact() -> None:
    time = {"type": "integer", "format": "unix-time"}
    members = thing(gt=WHOLE, gte=WHOLE, lt=WHOLE, lte=WHOLE)
    found = table(
        {
            "/pets": get(
                array(
                    thing(
                        id=WHOLE, status=TEXT, created=time, price={"type": "number"}, updated_at={"type": "string", "format": "date-time"}
                    )
                ),
                query("status", {"type": "string", "enum": ["new", "old"]}),
                query("created", {"anyOf": [members, WHOLE]}),
                query("min_price", {"type": "number"}),
                query("updated_after"),
                query("fields"),
            )
        }
    )["columns"]

    assert found["Status"]["filter"] == {"eq": {"param": "status", "grade": "superset", "values": {"new": "new", "old": "old"}}}
    assert found["Price"]["filter"] == {
        "ge": {"param": "min_price", "grade": "superset"},
        "gt": {"param": "min_price", "grade": "superset"},
    }
    assert found["UpdatedAt"]["filter"] == {"gt": {"param": "updated_after", "grade": "superset"}}
    assert "filter" not in found["Id"]


def test_members_of_a_range_are_parameters() -> None:
    members = thing(gt=WHOLE, gte=WHOLE, lt=WHOLE, lte=WHOLE)
    created = {"type": "integer", "format": "unix-time"}

    found = table({"/pets": get(array(thing(id=WHOLE, created=created)), query("created", members))})["columns"]["Created"]["filter"]

    assert {operator: entry["param"] for operator, entry in found.items()} == {
        "gt": "created[gt]",
        "ge": "created[gte]",
        "lt": "created[lt]",
        "le": "created[lte]",
    }


def test_a_default_that_hides_rows_is_lifted() -> None:
    state = query("state", {"type": "string", "enum": ["open", "closed", "all"], "default": "open"})

    found = table({"/issues": get(array(thing(id=WHOLE, state=TEXT)), state)})

    assert found["read"][0]["params"] == {"state": "all"}
    assert "filter" not in found["columns"]["State"]


def test_a_required_parameter_is_a_column_that_must_be_given() -> None:
    paths = {"/pets/findByStatus": get(array(thing(id=WHOLE, status=TEXT)), query("status", required=True), query("zone", required=True))}

    found = tables(paths)["Pets"]

    assert found["read"][0]["params"] == {"status": "{Status}", "zone": "{Zone}"}
    assert found["read"][0]["needs"] == ["Status", "Zone"]
    assert found["columns"]["Status"] == {"given": True, "path": ["status"], "type": "string"}
    assert found["columns"]["Zone"] == {"given": True}


def test_a_required_parameter_with_one_value_is_sent_always() -> None:
    version = query("api-version", required=True)

    assert table({"/pets": get(array(thing(id=WHOLE)), version)})["read"][0]["params"] == {"api-version": "1"}


def test_sorting_by_a_minus_is_found() -> None:
    found = table({"/pets": get(array(thing(id=WHOLE, name=TEXT)), query("sort", {"type": "string", "enum": ["name", "-name"]}))})

    assert found["read"][0]["sort"] == {"param": "sort", "ascending": "{field}", "descending": "-{field}", "nulls": "unknown"}
    assert found["columns"]["Name"]["sort"] == "name"


def test_a_parameter_called_like_an_attribute_filters_the_attribute() -> None:
    row = thing(id=TEXT, type=TEXT, attributes=thing(type=TEXT, name=TEXT))
    columns = table({"/events": get(thing(data=array(row)), query("type"))})["columns"]

    assert {name: "filter" in entry for name, entry in columns.items() if name.startswith("Type")} == {"Type": False, "Type2": True}
