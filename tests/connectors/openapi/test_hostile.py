"""Documents that mean harm or nonsense: never a crash, never for ever, always a manifest or a sentence."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connections.connectors.openapi.derive import derive
from connections.connectors.openapi.overlay import SCHEMA, apply_overlay, read_overlay
from connections.connectors.openapi.reading import DocumentError, read_document
from connections.contract.errors import ConnectorError
from tests.connectors.openapi.documents import ROW, array, document, get

WORDS = [
    "type", "object", "array", "string", "integer", "properties", "items", "id", "name", "data", "next", "limit", "page", "$ref",
    "#/components/schemas/A", "#/components/schemas/B", "#/paths", "allOf", "oneOf", "anyOf", "enum", "format", "date-time", "required",
    "schema", "parameters", "in", "query", "path", "get", "post", "patch", "responses", "200", "default", "content", "application/json",
    "additionalProperties", "example", "nullable", "x-ms-pageable", "headers", "Link", "tags", "/a", "/a/{id}", "/a/{id}/b", "{}", "",
]  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5), max_leaves=40
)
SCHEMAS = st.recursive(
    st.sampled_from(
        [{}, {"type": "string"}, {"type": "integer"}, ROW, {"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]
    ),
    lambda inner: (
        st.builds(lambda item: {"type": "array", "items": item}, inner)
        | st.builds(
            lambda properties: {"type": "object", "properties": properties}, st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
        )
        | st.builds(lambda word, items: {word: items}, st.sampled_from(["allOf", "oneOf", "anyOf"]), st.lists(inner, max_size=3))
        | VALUES
    ),
    max_leaves=15,
)
PARAMETERS = st.builds(
    lambda name, place, schema: {"name": name, "in": place, "schema": schema},
    st.sampled_from(["page", "limit", "cursor", "id", "sort", "created", "status", ""]),
    st.sampled_from(["query", "path", "header", "body", "formData", "cookie"]),
    SCHEMAS,
)
OPERATIONS = st.builds(
    lambda schema, body, parameters: {
        "parameters": parameters,
        "requestBody": {"content": {"application/json": {"schema": body}}},
        "responses": {"200": {"content": {"application/json": {"schema": schema}}}},
    },
    SCHEMAS,
    SCHEMAS,
    st.lists(PARAMETERS, max_size=4),
)
PATHS = st.sampled_from(
    ["/", "/a", "/a/{id}", "/a/{id}/b", "/a/{id}/b/{id}", "/{x}", "/{x}/{y}", "//", "/a.json", "/{", "/}{", "/v1/ä/{b}c", "/search"]
)
VALID = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
METHODS = st.sampled_from(["get", "post", "put", "patch", "delete"])


def manifest_of(root: Any) -> dict[str, Any] | None:
    """Return what a document gives, None where it is refused with a sentence."""
    try:
        return derive(root).manifest
    except DocumentError as error:
        assert error.message
        return None


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(PATHS, st.dictionaries(METHODS, OPERATIONS, max_size=3), min_size=1, max_size=5), SCHEMAS, SCHEMAS)
def test_random_documents_give_a_valid_manifest_or_a_sentence(paths: Any, first: Any, second: Any) -> None:
    found = manifest_of(document(paths, components={"schemas": {"A": first, "B": second}}))

    if found is not None:
        VALID.validate(found)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(
        st.sampled_from([*WORDS, "paths", "openapi", "swagger", "servers", "security", "components", "info"]), VALUES, max_size=6
    )
)
def test_random_values_never_break_the_importer(root: Any) -> None:
    manifest_of({"openapi": "3.0.0", **root})
    manifest_of({"swagger": "2.0", **root})


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="{}[]:-&*!|>'\"# \na<,", max_size=40))
def test_random_text_never_breaks_the_reader(text: str) -> None:
    try:
        read_document(text)
    except ConnectorError as error:
        assert error.message


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(
        st.sampled_from(["tables", "headers", "auth", "params", "x"]), VALUES | st.dictionaries(st.just("Pets"), VALUES), max_size=3
    )
)
def test_random_overlays_are_applied_or_refused(overlay: Any) -> None:
    derived = derive(document({"/pets": get(array(ROW))}))

    try:
        apply_overlay(derived, read_overlay(json.dumps(overlay)))
    except ConnectorError as error:
        assert error.message


def test_many_operations_end() -> None:
    paths = {f"/p{number}/{{id}}/rows": get(array(ROW)) for number in range(100_000)}

    found = derive(document(paths))

    assert len(found.manifest["tables"]) == 2500
    assert len([note for note in found.notes if "left out" in note]) == 2


def ref(name: str) -> dict[str, str]:
    """Return a reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


ENTANGLED: dict[str, dict[str, Any]] = {
    "itself many times": {"A": {"allOf": [ref("A")] * 50}},
    "each of each": {"A": ref("S0"), **{f"S{n}": {"allOf": [ref(f"S{m}") for m in range(60)]} for n in range(60)}},
    "a tree that never ends": {"A": {"type": "object", "properties": {f"p{n}": ref("A") for n in range(300)}}},
    "very wide": {"A": {"type": "object", "properties": {f"column{n}": {"type": "string"} for n in range(100_000)}}},
    "very deep": {"A": ref("S0"), **{f"S{n}": {"type": "array", "items": ref(f"S{n + 1}")} for n in range(5_000)}},
    "doubling": {"A": ref("S0"), **{f"S{n}": {"oneOf": [ref(f"S{n + 1}"), ref(f"S{n + 1}")]} for n in range(2_000)}},
}


@pytest.mark.parametrize("name", ENTANGLED)
def test_entangled_schemas_end(name: str) -> None:
    paths = {"/a": get(array(ref("A"))), "/b": get(ref("A")), "/c": get(array(ROW))}

    found = manifest_of(document(paths, components={"schemas": ENTANGLED[name]}))

    assert found is not None
    assert list(found["tables"]["C"]["columns"]) == ["Id", "Name"]


def test_work_beyond_measure_is_refused() -> None:
    wide = {"type": "object", "properties": {f"p{n}": {} for n in range(20_000)}}
    paths = {f"/p{n}": get({"allOf": [ref("A"), {"description": str(n)}]}) for n in range(2_000)}

    with pytest.raises(DocumentError, match="too entangled"):
        derive(document(paths, components={"schemas": {"A": wide}}))
