"""Manifests: read from text, checked against the JSON Schema, compiled to tables on first use."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from connections.contract.errors import InvalidProperties

HERE = Path(__file__).parent
PACKAGED = HERE / "manifests"
MAX_TEXT = 8 * 2**20
MAX_NODES = 400_000
MAX_DEPTH = 100


@dataclass(frozen=True)
class Manifest:
    """A checked manifest. Its content is plain data as docs/connectors/manifest.md describes it."""

    content: Mapping[str, Any]
    compiled: dict[Any, Any] = field(default_factory=dict, repr=False)  # (table, appearance) -> tables.ManifestTable

    @property
    def key(self) -> str:
        """Return the connector's key."""
        return str(self.content["key"])

    @property
    def label(self) -> str:
        """Return the connector's name."""
        return str(self.content["label"])

    @property
    def tables(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the declared tables by name."""
        found: Mapping[str, Mapping[str, Any]] = self.content["tables"]
        return found

    def part(self, name: str) -> Mapping[str, Any]:
        """Return a section, empty where it is missing."""
        found: Mapping[str, Any] = self.content.get(name) or {}
        return found

    @property
    def schemes(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the ways to sign in by their name."""
        found: Mapping[str, Mapping[str, Any]] = self.part("auth").get("schemes") or {"None": {"type": "none"}}
        return found


@functools.cache
def packaged(key: str) -> Manifest:
    """Return a packaged manifest. It was checked by the tests."""
    return Manifest(parsed((PACKAGED / f"{key}.yaml").read_text(encoding="utf-8")))


def packaged_keys() -> list[str]:
    """Return the keys of the packaged manifests, without reading them."""
    return sorted(path.stem for path in PACKAGED.glob("*.yaml"))


def load(given: str | Mapping[str, Any], *, name: str = "Manifest") -> Manifest:
    """Return a manifest that somebody gave, checked; raise InvalidProperties that names the place."""
    try:
        content = parsed(given) if isinstance(given, str) else given
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidProperties({name: f"this is no YAML: {place_of(error)}"}) from error
    wrong = faults(content)
    if wrong:
        raise InvalidProperties({name: wrong})
    return Manifest(content)


def parsed(text: str) -> Any:
    """Return YAML or JSON as data; raise ValueError for what is too large, aliases written out."""
    if len(text) > MAX_TEXT:
        raise ValueError("it is too long")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    check_depth(text, loader)
    found = yaml.load(text, Loader=loader)  # noqa: S506 - both loaders are safe ones
    if count_nodes(found, MAX_NODES) > MAX_NODES:
        raise ValueError("it has too many parts")
    return found


def check_depth(text: str, loader: Any) -> None:
    """Raise ValueError for text that is nested so deep that building it would break the process."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError("it is nested too deeply")


def count_nodes(node: Any, limit: int) -> int:
    """Return the number of nodes of a tree, counting no further than the limit: aliases multiply."""
    waiting, count = [node], 0
    while waiting and count <= limit:
        item = waiting.pop()
        count += 1
        if isinstance(item, Mapping):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return count


def place_of(error: Exception) -> str:
    """Return where a text goes wrong."""
    mark = getattr(error, "problem_mark", None)
    return f"{getattr(error, 'problem', '')} in line {mark.line + 1}" if mark else str(error) or "it is nested too deeply"


@functools.cache
def validator() -> Any:
    """Return the JSON Schema's validator; imported when first needed, for it takes memory."""
    import jsonschema

    return jsonschema.Draft202012Validator(json.loads((HERE / "manifest.schema.json").read_text(encoding="utf-8")))


def faults(content: Any) -> str:
    """Return what is wrong with a manifest's data, the place first, or ''."""
    from jsonschema.exceptions import best_match

    if not isinstance(content, dict):
        return "a mapping is expected"
    error = best_match(validator().iter_errors(content))
    if error is not None:
        place = ".".join(str(step) for step in error.absolute_path)
        return f"{place or 'the document'}: {error.message[:300]}"
    return references(content)


def references(content: Mapping[str, Any]) -> str:
    """Return a name in the manifest that leads nowhere, or ''."""
    kinds = {*content.get("schemas", {}).get("fixed", ()), *content.get("schemas", {}).get("listed", {})}
    for name, table in content["tables"].items():
        columns = table["columns"]
        wanted = [*table.get("key", ()), *(column for keys in table.get("unique", ()) for column in keys)]
        wanted += [column for place in (table.get("in") or {}).values() for column in (*place.get("key", ()), *place.get("hides", ()))]
        wanted += [c["minor_units_of"] for c in columns.values() if isinstance(c, dict) and "minor_units_of" in c]
        missing = [column for column in wanted if column not in columns]
        if missing:
            return f"tables.{name}: there is no column {missing[0]}"
        strange = [kind for kind in table.get("in") or {} if kind not in kinds]
        if strange:
            return f"tables.{name}.in: there is no schema {strange[0]}"
        parents = [read["parent"]["table"] for read in table["read"] if "parent" in read]
        lost = [parent for parent in parents if parent not in content["tables"]]
        lost += [
            c["lookup"] for c in columns.values() if isinstance(c, dict) and c.get("lookup") and c["lookup"] not in table.get("lookups", {})
        ]
        deleted = table.get("deleted") or {}
        lost += [deleted["table"]] if deleted and deleted["table"] not in content["tables"] else []
        if lost:
            return f"tables.{name}: there is no table or lookup {lost[0]}"
        named = {deleted["moment"], *deleted["key"].values(), *deleted.get("where", {})} if deleted else set()
        unknown = sorted(named - content["tables"][deleted["table"]]["columns"].keys()) if deleted else []
        if unknown:
            return f"tables.{name}.deleted: there is no column {unknown[0]} in {deleted['table']}"
        if deleted and not set(deleted["key"]) <= set(columns):
            return f"tables.{name}.deleted: there is no column {min(set(deleted['key']) - set(columns))}"
    return wrong_pattern(content)


def wrong_pattern(content: Mapping[str, Any]) -> str:
    """Return a regular expression that is none, or ''."""
    entries = [*content.get("errors", ()), *content.get("refuse", ())]
    entries += [entry for table in content["tables"].values() for entry in table.get("errors", ())]
    for entry in entries:
        try:
            re.compile(entry.get("matches", ""))
        except re.error as error:
            return f"matches: {entry['matches']!r} is no regular expression ({error})"
    return ""
