"""One schema at a time: references, unions, null types, examples."""

from __future__ import annotations

from typing import Any

import pytest

from connections.connectors.openapi.document import Document
from connections.connectors.openapi.schema import Shape, Shapes

A = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
B = {"type": "object", "properties": {"b": {"type": "integer"}}}


def shape(schema: Any, **components: Any) -> Shape:
    document = Document({"openapi": "3.1.0", "paths": {}, "components": {"schemas": components}, "a/b": {"c~d": {"type": "boolean"}}})
    return Shapes(document).of(schema)


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize(
    ("schema", "kind", "is_nullable"),
    [
        ({"type": "string"}, "string", False),
        ({"type": ["string", "null"]}, "string", True),
        ({"type": "integer", "nullable": True}, "integer", True),
        ({"type": "string", "x-nullable": True}, "string", True),
        ({"type": ["integer", "number"]}, "number", False),
        ({"type": ["string", "integer"]}, "string", False),
        ({"type": ["object", "string"]}, "any", False),
        ({"properties": {"a": {}}}, "object", False),
        ({"items": {}}, "array", False),
        ({"enum": ["x", "y"]}, "string", False),
        ({"enum": [1, 2]}, "integer", False),
        ({"additionalProperties": {"type": "string"}}, "object", False),
        ({}, "any", False),
        ({"$ref": "#/a~1b/c~0d"}, "boolean", False),
        ({"$ref": "#/a~1b/c%7E0d"}, "boolean", False),
    ],
)
def test_kind_of_a_plain_schema(schema: Any, kind: str, is_nullable: bool) -> None:
    found = shape(schema)

    assert (found.kind, found.is_nullable) == (kind, is_nullable)


def test_all_of_has_the_properties_of_every_member() -> None:
    found = shape({"allOf": [ref("A"), B], "properties": {"c": {}}}, A=A)

    assert list(found.properties) == ["a", "b", "c"]
    assert found.required == {"a"}
    assert found.name == ""


def test_all_of_one_reference_keeps_its_name() -> None:
    assert shape({"allOf": [ref("A")], "nullable": True}, A=A).name == "A"


@pytest.mark.parametrize("word", ["oneOf", "anyOf"])
def test_a_union_of_objects_has_all_properties(word: str) -> None:
    assert list(shape({word: [ref("A"), ref("B")]}, A=A, B=B).properties) == ["a", "b"]


def test_a_union_with_null_is_the_other() -> None:
    found = shape({"oneOf": [{"type": "null"}, ref("A")]}, A=A)

    assert (found.kind, found.name) == ("object", "A")


def test_text_or_object_is_an_id() -> None:
    thing = {"type": "object", "properties": {"id": {"type": "string"}}}

    found = shape({"anyOf": [{"type": "string"}, thing]})

    assert (found.kind, found.id_of) == ("string", thing)


def test_a_union_that_only_demands_properties_changes_nothing() -> None:
    found = shape({**A, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]})

    assert (found.kind, list(found.properties)) == ("object", ["a"])


def test_recursion_ends() -> None:
    node = {"type": "object", "properties": {"parent": ref("Node"), "id": {"type": "string"}}}
    circle = {"allOf": [ref("Circle")]}

    assert list(shape(ref("Node"), Node=node).properties) == ["parent", "id"]
    assert shape(ref("Circle"), Circle=circle).kind == "any"
    assert shape(ref("Self"), Self=ref("Self")).kind == "any"


@pytest.mark.parametrize("target", ["other.yaml#/A", "https://evil.example/a.json", "//evil.example/x", "#/components/schemas/None"])
def test_references_to_elsewhere_are_left_out_and_told(target: str) -> None:
    document = Document({"openapi": "3.0.0", "paths": {}})

    assert Shapes(document).of({"$ref": target}).kind == "any"
    assert target[:20] in document.notes[0]


def test_an_example_tells_where_nothing_else_does() -> None:
    found = shape({"example": {"id": 1, "tags": ["a"], "ok": True}})

    assert found.kind == "object"
    assert list(found.properties) == ["id", "tags", "ok"]
