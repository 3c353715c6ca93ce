"""Corrections over a derived manifest: a fragment of a manifest that renames, hides, adds and settles. Edited as text or by a form."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from connections.connectors.openapi.derive import Derived, Finding
from connections.connectors.openapi.manifest import DEMANDS
from connections.connectors.openapi.names import vocabulary
from connections.connectors.openapi.reading import DocumentError, from_yaml
from connections.contract.errors import InvalidProperties

MOST_TEXT = 2**20
SCHEMA = Path(__file__).parent.parent / "http" / "manifest.schema.json"
OWN = ("rename", "hide", "paging", "rows", "body")
COUNTED = ("cursor", "last_id", "page", "offset")
TOP = vocabulary(
    "label base_url hosts headers params auth oauth refuse test defaults idempotency rate retry errors error_message limits tables"
)


def read_overlay(text: str) -> dict[str, Any]:
    """Return the corrections; raise InvalidProperties that says what is wrong."""
    if not text.strip():
        return {}
    if len(text) > MOST_TEXT:
        raise InvalidProperties({"Overlay": "must be shorter than 1 MB"})
    try:
        found = from_yaml(text)
    except DocumentError as error:
        raise InvalidProperties({"Overlay": error.message.replace("The document is neither JSON nor YAML", "This is no YAML")}) from error
    if not isinstance(found, dict):
        raise InvalidProperties({"Overlay": "must be a mapping with tables: in it"})
    unknown = [name for name in found if name not in TOP]
    if unknown:
        raise InvalidProperties({"Overlay": f"{unknown[0]}: no such key; known are {', '.join(sorted(TOP))}"})
    tables = found.get("tables", {})
    if not isinstance(tables, dict) or not all(value is None or isinstance(value, dict) for value in tables.values()):
        raise InvalidProperties({"Overlay": "tables: must map a table's name to its corrections"})
    return found


def apply_overlay(derived: Derived, overlay: Mapping[str, Any]) -> Derived:
    """Return what was derived with the corrections in it."""
    if not overlay:
        return derived
    manifest = {**derived.manifest, "tables": dict(derived.manifest["tables"])}
    for name, value in overlay.items():
        if name != "tables":
            manifest[name] = merged(manifest.get(name), value)
    findings = dict(derived.findings)
    notes = list(derived.notes)
    renamed: dict[str, str] = {}
    for name, changes in (overlay.get("tables") or {}).items():
        corrected(manifest["tables"], findings, notes, name, changes or {}, renamed)
    rename_parents(manifest["tables"], renamed)
    return Derived(manifest, findings, notes, derived.access, derived.title, derived.version)


def corrected(
    tables: dict[str, Any],
    findings: dict[str, tuple[Finding, ...]],
    notes: list[str],
    name: str,
    changes: Mapping[str, Any],
    renamed: dict[str, str],
) -> None:
    """Correct one table."""
    if name not in tables and not ("read" in changes and "columns" in changes):
        notes.append(f"The overlay corrects {name}, which the document does not have.")
        return
    own = findings.pop(name, ())
    table = tables.pop(name, {})
    if changes.get("hide") is True:
        return
    table = correct(table, changes)
    for about in ("paging", "rows", "key"):
        if about in changes:
            own = (*(item for item in own if item.about != about), settled(about, told(changes[about])))
    target = str(changes.get("rename") or name)
    check(target, table)
    renamed[name] = target
    tables[target] = table
    findings[target] = own


def correct(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return one table with its corrections; `paging`, `rows` and `body` are those of its listing."""
    found: dict[str, Any] = merged(copy.deepcopy(dict(table)), {key: value for key, value in changes.items() if key not in OWN})
    found["columns"] = columns_renamed(found)
    for name in ("paging", "rows"):
        if name in changes and found.get("read"):
            found["read"][0][name] = changes[name]
    if "rows" in changes and found.get("read") and found["read"][0].pop("single", None):
        found["read"][0].pop("row", None)
        found["read"][0].setdefault("paging", {"type": "unknown", "reason": "the document describes one row"})
    if "body" in changes and found.get("read"):
        found["read"][0]["body"] = merged(found["read"][0].get("body") or {}, changes["body"])
    if "partial" not in changes and settles(changes, str(found.get("partial", ""))):
        found.pop("partial", None)
    if found.get("read") and found["read"][0].get("method") == "POST":
        found["read"][0]["paging"] = in_body(found["read"][0].get("paging") or {})
    return found


def settles(changes: Mapping[str, Any], partial: str) -> bool:
    """Claim that corrections settle why a table may not be whole: how its pages are asked for, or what its body demands."""
    return "body" in changes if partial.startswith(DEMANDS) else "paging" in changes


def in_body(paging: Mapping[str, Any]) -> dict[str, Any]:
    """Return the paging of a list that is posted to: page and size go into the body unless they are said to go elsewhere."""
    found = {"in": "body", **paging} if paging.get("type") in (*COUNTED, "auto") else dict(paging)
    if found.get("size"):
        found["size"] = {"in": "body", **found["size"]}
    return found


def told(value: Any) -> str:
    """Return a correction in words."""
    if isinstance(value, Mapping):
        return str(value.get("type", ""))
    return ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)


def settled(about: str, text: str) -> Finding:
    """Return the finding of something that the overlay says."""
    return Finding(about, f"{text}: set by the overlay", "settled")


def columns_renamed(table: dict[str, Any]) -> dict[str, Any]:
    """Return the columns under their new names; key, paths and filters follow."""
    names: dict[str, str] = {}
    found: dict[str, Any] = {}
    for name, column in (table.get("columns") or {}).items():
        if isinstance(column, dict) and column.get("rename"):
            names[name] = str(column["rename"])
            column = {key: value for key, value in column.items() if key != "rename"}
        found[names.get(name, name)] = column
    if names:
        table["key"] = [names.get(item, item) for item in table.get("key", ())]
        for read in table.get("read", ()):
            rename_read(read, names)
        for change in (table.get("write") or {}).values():
            change["path"] = in_braces(change.get("path", ""), names)
    return found


def rename_read(read: dict[str, Any], names: Mapping[str, str]) -> None:
    """Rename columns in an access path."""
    read["path"] = in_braces(read.get("path", ""), names)
    if "needs" in read:
        read["needs"] = [names.get(item, item) for item in read["needs"]]
    if "body" in read:
        read["body"] = json.loads(in_braces(json.dumps(read["body"]), names))
    if "params" in read:
        read["params"] = {key: in_braces(value, names) if isinstance(value, str) else value for key, value in read["params"].items()}
    if "parent" in read:
        read["parent"] = {**read["parent"], "binds": {names.get(own, own): other for own, other in read["parent"]["binds"].items()}}


def in_braces(text: str, names: Mapping[str, str]) -> str:
    """Rename what stands in braces."""
    for old, new in names.items():
        text = text.replace(f"{{{old}}}", f"{{{new}}}")
    return text


def rename_parents(tables: dict[str, Any], renamed: Mapping[str, str]) -> None:
    """Let tables below a renamed or hidden one follow."""
    for name, table in tables.items():
        for number, read in enumerate(table.get("read", ())):
            parent = read.get("parent")
            target = renamed.get(parent["table"], parent["table"]) if parent else ""
            if not parent or (target == parent["table"] and target in tables):
                continue
            reads = [dict(item) for item in table["read"]]
            if target in tables:
                reads[number]["parent"] = {**parent, "table": target}
            else:
                del reads[number]["parent"]
            tables[name] = {**table, "read": reads}
            table = tables[name]


def merged(base: Any, change: Any) -> Any:
    """Return base with the change in it: mappings are merged, null removes, anything else replaces."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return copy.deepcopy(change)
    found = dict(base)
    for key, value in change.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


@functools.cache
def table_validator() -> Any:
    """Return the validator of one table of a manifest."""
    import jsonschema

    whole = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator({"$schema": whole["$schema"], "$defs": whole["$defs"], "$ref": "#/$defs/table"})


def check(name: str, table: Mapping[str, Any]) -> None:
    """Raise InvalidProperties where a corrected table is no table of a manifest any more."""
    for error in table_validator().iter_errors(table):
        place = ".".join(str(part) for part in ("tables", name, *error.path))
        raise InvalidProperties({"Overlay": f"{place}: {error.message[:200]}"})
    columns = {item.lower() for item in table["columns"]}
    missing = [item for item in table.get("key", ()) if item.lower() not in columns]
    if missing:
        raise InvalidProperties({"Overlay": f"tables.{name}.key: there is no column {missing[0]}"})


def written(overlay: Mapping[str, Any]) -> str:
    """Return the corrections as text."""
    return str(yaml.safe_dump(dict(overlay), sort_keys=False, allow_unicode=True, width=120)) if overlay else ""


def with_changes(text: str, table: str, changes: Mapping[str, Any]) -> str:
    """Return the overlay's text with changes of one table put in; None takes one back."""
    overlay = read_overlay(text)
    tables = dict(overlay.get("tables") or {})
    have = dict(tables.get(table) or {})
    for name, value in changes.items():
        if value is None:
            have.pop(name, None)
        elif name == "columns":
            before = have.get("columns") or {}
            have["columns"] = {**before, **{own: entry and merged(before.get(own), entry) for own, entry in value.items()}}
        else:
            have[name] = value
    tables = {**tables, table: have} if have else {key: value for key, value in tables.items() if key != table}
    return written({**overlay, "tables": tables} if tables else {key: value for key, value in overlay.items() if key != "tables"})


def columns_left_out(overlay: Mapping[str, Any], table: str) -> list[str]:
    """Return the columns of a table that the overlay leaves out, as the document has them."""
    columns = ((overlay.get("tables") or {}).get(table) or {}).get("columns") or {}
    return sorted(name for name, entry in columns.items() if entry is None)


def with_column(text: str, table: str, column: str) -> str:
    """Return the overlay's text without the line that leaves a column out."""
    have = dict((read_overlay(text).get("tables") or {}).get(table) or {})
    rest = {name: entry for name, entry in (have.get("columns") or {}).items() if name != column or entry is not None}
    # `columns` is taken back whole first: changes of columns are merged with those before.
    bare = with_changes(text, table, {"columns": None})
    return with_changes(bare, table, {"columns": rest}) if rest else bare
