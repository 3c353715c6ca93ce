"""What counts as breaking: rule by rule, each the one change of a definition."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from apiserver.powerplatform.contract_compare import compare
from apiserver.powerplatform.contract_findings import BREAKING, CODES, SAFE, TEXT, of_stored
from apiserver.powerplatform.contract_markdown import as_json, markdown

ROW = {
    "type": "object",
    "properties": {
        "Id": {"type": "integer", "format": "int32", "title": "Id"},
        "Note": {"type": "string", "x-nullable": True},
        "title": {"type": "string"},
        "Parent": {"$ref": "#/definitions/Row"},
    },
}
BODY = {"type": "object", "properties": {"Note": {"type": "string", "enum": ["a", "b"]}, "Total": {"type": "number"}}, "required": ["Note"]}
FILTER = {"name": "$filter", "in": "query", "type": "string", "required": False}
KEY = {"name": "Id", "in": "path", "type": "integer", "format": "int32", "required": True}
PAGE = {"type": "object", "properties": {"value": {"type": "array", "items": {"$ref": "#/definitions/Row"}}}}
HOOK = {"type": "object", "properties": {"url": {"type": "string", "x-ms-notification-url": True}}, "required": ["url"]}
DEFINITION: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Sales", "version": "1.0", "description": "About sales."},
    "host": "api.example.com",
    "basePath": "/api.rsc",
    "paths": {
        "/Orders": {
            "get": {
                "operationId": "ReturnOrders",
                "summary": "Return Orders",
                "parameters": [FILTER],
                "x-ms-pageable": {"nextLinkName": "@odata.nextLink"},
                "responses": {"200": {"schema": PAGE}, "default": {"description": "An error."}},
            },
            "post": {
                "operationId": "CreateOrders",
                "summary": "Create in Orders",
                "parameters": [{"name": "body", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Body"}}],
                "responses": {"201": {"schema": {"$ref": "#/definitions/Row"}}},
            },
        },
        "/Orders({Id})": {
            "get": {
                "operationId": "One",
                "summary": "One",
                "parameters": [KEY],
                "responses": {"200": {"schema": {"$ref": "#/definitions/Row"}}},
            }
        },
        "/$subscriptions/Orders": {
            "x-ms-notification-content": {"schema": {"type": "object", "properties": {"data": {"$ref": "#/definitions/Row"}}}},
            "post": {
                "operationId": "When",
                "summary": "When",
                "x-ms-trigger": "single",
                "parameters": [{"name": "body", "in": "body", "required": True, "schema": HOOK}],
                "responses": {"201": {"description": "Subscribed."}},
            },
        },
    },
    "definitions": {"Row": ROW, "Body": BODY},
    "securityDefinitions": {"authtoken": {"type": "apiKey", "in": "header", "name": "x-cdata-authtoken"}},
    "security": [{"authtoken": []}],
}
Change = Callable[[dict[str, Any]], Any]


def put(*path: Any) -> Change:
    """Return the change that sets the value at the end of the path."""
    *parents, last, value = path

    def change(document: dict[str, Any]) -> None:
        found: Any = document
        for name in parents:
            found = found[name]
        found[last] = value

    return change


def drop(*path: Any) -> Change:
    """Return the change that removes what is at the path."""
    *parents, last = path

    def change(document: dict[str, Any]) -> None:
        found: Any = document
        for name in parents:
            found = found[name]
        del found[last]

    return change


def move(old: str, new: str) -> Change:
    """Return the change of an address."""

    def change(document: dict[str, Any]) -> None:
        document["paths"][new] = document["paths"].pop(old)

    return change


LIST = ("paths", "/Orders", "get")
CREATE = ("paths", "/Orders", "post")
ROWS = ("definitions", "Row", "properties")
SENT = ("definitions", "Body")
CHANGES: dict[str, tuple[Change, set[str]]] = {
    "operation deleted": (drop(*LIST), {"OperationDeleted"}),
    "operation renamed": (put(*LIST, "operationId", "ListOrders"), {"OperationRenamed"}),
    "operation added": (put("paths", "/New", {"get": {"operationId": "New", "responses": {}}}), {"OperationAdded"}),
    "operation deprecated": (put(*LIST, "deprecated", True), {"OperationDeprecated"}),
    "operation hidden": (put(*LIST, "x-ms-visibility", "internal"), {"VisibilityChanged"}),
    "address changed": (move("/Orders({Id})", "/Orders('{Id}')"), {"PathChanged"}),
    "paging lost": (drop(*LIST, "x-ms-pageable"), {"PagingLost"}),
    "trigger changed": (put("paths", "/$subscriptions/Orders", "post", "x-ms-trigger", "batch"), {"TriggerKindChanged"}),
    "trigger lost": (drop("paths", "/$subscriptions/Orders", "post", "x-ms-trigger"), {"TriggerKindChanged"}),
    "message undescribed": (drop("paths", "/$subscriptions/Orders", "x-ms-notification-content"), {"AnswerRemoved"}),
    "parameter removed": (put(*LIST, "parameters", []), {"ParameterRemoved"}),
    "parameter moved": (put(*LIST, "parameters", [FILTER | {"in": "header"}]), {"ParameterMoved"}),
    "parameter required": (put(*LIST, "parameters", [FILTER | {"required": True}]), {"ParameterBecameRequired"}),
    "parameter limited": (put(*LIST, "parameters", [FILTER | {"enum": ["a"]}]), {"ValuesLimited"}),
    "parameter shortened": (put(*LIST, "parameters", [FILTER | {"maxLength": 5}]), {"ValuesLimited"}),
    "parameter of a type": (put(*LIST, "parameters", [FILTER | {"type": "integer"}]), {"TypeChanged"}),
    "parameter with default": (put(*LIST, "parameters", [FILTER | {"default": "x"}]), {"DefaultChanged"}),
    "parameter added": (put(*LIST, "parameters", [FILTER, FILTER | {"name": "$top"}]), {"ParameterAdded"}),
    "required parameter added": (put(*LIST, "parameters", [FILTER, KEY | {"in": "query"}]), {"RequiredParameterAdded"}),
    "key of another type": (put("paths", "/Orders({Id})", "get", "parameters", [KEY | {"format": "int64"}]), {"TypeChanged"}),
    "answer removed": (drop(*LIST, "responses", "200", "schema"), {"AnswerRemoved"}),
    "field removed": (drop(*ROWS, "Note"), {"FieldRemoved"}),
    "field called title removed": (drop(*ROWS, "title"), {"FieldRemoved"}),
    "field of another type": (put(*ROWS, "Id", {"type": "string", "title": "Id"}), {"TypeChanged"}),
    "field of another format": (put(*ROWS, "Id", {"type": "integer", "format": "int64"}), {"TypeChanged"}),
    "text becomes a date": (put(*ROWS, "title", {"type": "string", "format": "date"}), {"TypeChanged"}),
    "field added": (put(*ROWS, "New", {"type": "string"}), {"FieldAdded"}),
    "nulls come": (put(*ROWS, "title", {"type": "string", "x-nullable": True}), {"NullsCome"}),
    "nulls end": (put(*ROWS, "Note", {"type": "string"}), {"NullsEnd"}),
    "input removed": (drop(*SENT, "properties", "Total"), {"InputRemoved"}),
    "input needed": (put(*SENT, "required", ["Note", "Total"]), {"RequiredInputAdded"}),
    "new input needed": (
        put("definitions", "Body", {**BODY, "properties": BODY["properties"] | {"New": {"type": "string"}}, "required": ["Note", "New"]}),
        {"RequiredInputAdded"},
    ),
    "input optional": (drop(*SENT, "required"), {"InputBecameOptional"}),
    "values removed": (put(*SENT, "properties", "Note", "enum", ["a"]), {"ValuesRemoved"}),
    "values added": (put(*SENT, "properties", "Note", "enum", ["a", "b", "c"]), {"ValuesChanged"}),
    "any value": (drop(*SENT, "properties", "Note", "enum"), {"ValuesChanged"}),
    "other way to sign in": (put("securityDefinitions", "authtoken", {"type": "basic"}), {"AuthenticationChanged"}),
    "no signing in": (lambda it: [it.pop(name) for name in ("securityDefinitions", "security")], {"AuthenticationChanged"}),
    "other host": (put("host", "other.example.com"), {"BackendChanged"}),
    "callback elsewhere": (
        put(
            "paths",
            "/$subscriptions/Orders",
            "post",
            "parameters",
            0,
            "schema",
            {"type": "object", "properties": {"url": {"type": "string"}}},
        ),
        {"CallbackMoved", "InputBecameOptional"},
    ),
    "texts": (put(*LIST, "summary", "Return all orders"), {"TextsChanged"}),
    "version and title": (put("info", {"title": "Other", "version": "9.9"}), {"TextsChanged"}),
    "nothing": (lambda document: None, set()),
}


@pytest.mark.parametrize("name", CHANGES)
def test_one_change_is_told_as_what_it_is(name: str) -> None:
    changed = copy.deepcopy(DEFINITION)
    change, codes = CHANGES[name]
    change(changed)

    found = compare(copy.deepcopy(DEFINITION), changed)

    assert {item.code for item in found} == codes
    assert bool(found) == (changed != DEFINITION)


def test_every_operation_that_reads_a_row_is_named() -> None:
    changed = copy.deepcopy(DEFINITION)
    del changed["definitions"]["Row"]["properties"]["Note"]

    found = [(item.operation, item.place) for item in compare(DEFINITION, changed) if item.level == BREAKING]

    parents = ["Note", "Parent"]
    assert {operation for operation, _ in found} == {"ReturnOrders", "CreateOrders", "One", "When"}
    assert ("ReturnOrders", "value/Note") in found and ("When", "notification/data/Note") in found and parents[0] in dict(found)["One"]


def test_what_no_rule_knows_is_not_passed_over() -> None:
    changed = copy.deepcopy(DEFINITION)
    changed["definitions"]["Row"]["properties"]["Id"]["x-ms-media-kind"] = "image"

    found = compare(DEFINITION, changed)

    assert [item.code for item in found] == ["OtherChanged"]


def test_every_code_has_a_sentence_and_comes_back_from_storage() -> None:
    values = {"old": "one", "new": "two", "names": "three"}

    for code, (level, _, advice) in CODES.items():
        item = of_stored({"code": code, "operation": "Op", "place": "Field", "detail": values})
        assert (item.stored()["code"], item.said().endswith(".") or code == "", bool(item.advice()) == bool(advice)) == (code, True, True)
        assert level in (BREAKING, SAFE, TEXT)


def test_markdown_escapes_what_people_named() -> None:
    changed = copy.deepcopy(DEFINITION)
    changed["paths"]["/Orders"]["get"]["summary"] = "<img src=x> *Return*"
    changed["paths"]["/Orders"]["get"]["parameters"] = []

    text = markdown(compare(changed, {**changed, "paths": {}}), "1.0 -> 2.0")

    assert "\\<img src=x\\> \\*Return\\*" in text and "## Breaking changes (4)" in text and "Keep the old operation" in text


# ---- the command ----


def run(*arguments: Any) -> tuple[int, str]:
    """Return exit code and output of `manage.py powerplatform diff`."""
    out = io.StringIO()
    try:
        call_command("powerplatform", "diff", *map(str, arguments), stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def stored(path: Path, change: Change | None = None) -> Path:
    """Write a definition."""
    document = copy.deepcopy(DEFINITION)
    if change:
        change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.mark.parametrize(("name", "code"), [("nothing", 0), ("texts", 0), ("field added", 2), ("field removed", 3)])
def test_the_exit_code_tells(tmp_path: Path, name: str, code: int) -> None:
    old, new = stored(tmp_path / "old.json"), stored(tmp_path / "new.json", CHANGES[name][0])

    assert run(old, new)[0] == code


def test_json_is_one_line_with_sentences(tmp_path: Path) -> None:
    old, new = stored(tmp_path / "old.json"), stored(tmp_path / "new.json", CHANGES["parameter removed"][0])

    code, text = run(old, new, "--json")

    found = json.loads(text)
    assert (code, text.count("\n"), found["level"], found["safe"]) == (3, 1, "breaking", [])
    assert found["breaking"][0]["message"] == "The parameter $filter is gone."
    assert found == as_json(compare(json.loads(old.read_text()), json.loads(new.read_text())))


def package(folder: Path, properties: dict[str, Any]) -> Path:
    """Write a package."""
    folder.mkdir()
    stored(folder / "apiDefinition.swagger.json")
    (folder / "apiProperties.json").write_text(json.dumps({"properties": properties}), encoding="utf-8")
    return folder


def zipped(folder: Path) -> Path:
    """Return the folder as a zip, its files below a folder as some tools put them."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"package/{file.name}")
    return path


@pytest.mark.parametrize(
    ("parameters", "codes"),
    [
        ({"api_key": {"type": "securestring"}}, []),
        ({}, ["ConnectionParameterRemoved"]),
        ({"api_key": {"type": "string"}}, ["ConnectionParameterChanged"]),
        ({"api_key": {"type": "securestring"}, "more": {"type": "string"}}, ["ConnectionParameterAdded"]),
        (
            {"api_key": {"type": "securestring"}, "url": {"type": "string", "uiDefinition": {"constraints": {"required": "true"}}}},
            ["ConnectionParameterRequired"],
        ),
    ],
)
def test_packages_are_compared_with_how_connections_are_made(tmp_path: Path, parameters: dict[str, Any], codes: list[str]) -> None:
    old = package(tmp_path / "old", {"connectionParameters": {"api_key": {"type": "securestring"}}})
    new = zipped(package(tmp_path / "new", {"connectionParameters": parameters}))

    found = json.loads(run(old, new, "--json")[1])

    assert [item["code"] for level in ("breaking", "safe", "text") for item in found[level]] == codes


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no JSON"),
        (b"[]", "no JSON object"),
        (b'{"openapi": "3.0.3", "paths": {}}', "no Swagger 2.0 document"),
        (b"PK\x03\x04rubbish", "damaged"),
        (b"[" * 100_000, "is no JSON"),
    ],
)
def test_what_can_not_be_read_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    old = stored(tmp_path / "old.json")
    (tmp_path / "new.json").write_bytes(content)

    with pytest.raises(CommandError, match=said):
        run(old, tmp_path / "new.json")


def test_a_missing_file_and_two_standard_inputs_are_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be read: No such file"):
        run(tmp_path / "none.json", tmp_path / "none.json")
    with pytest.raises(CommandError, match="Only one of the two"):
        run("-", "-")


def test_an_authtoken_in_an_address_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as told:
        run("http://127.0.0.1:9/api.rsc/@secrettokensecrettoken/$oas", stored(tmp_path / "new.json"))

    assert ("secrettoken" in str(told.value), "127.0.0.1" in str(told.value)) == (False, True)
