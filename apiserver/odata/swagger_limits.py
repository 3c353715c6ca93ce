"""What Power Platform takes at most of one document: 256 operations and 1 MB (Microsoft's connector documentation, "Limits").

A service of hundreds of tables has more. The document then leaves out what is needed least, kind by kind, and says so; all of it is
there by parts, with `?resources=` and `?connection=`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from apiserver.odata.swagger_info import LONGEST_DESCRIPTION

MOST_OPERATIONS = 256
MOST_BYTES = 1_000_000
VERBS = ("get", "put", "post", "patch", "delete")
LEFT_OUT = (
    "Left out, as one document holds 256 operations and 1 MB: {kinds}. Choose tables with ?resources= or ?connection= in its address."
)
REFERENCE = '"$ref":"#/definitions/'
Document = dict[str, Any]
Belongs = Callable[[str, str], bool]  # address and verb

# What is needed least comes first.
KINDS: tuple[tuple[str, Belongs], ...] = (
    ("subscriptions", lambda path, verb: path.startswith("/$subscriptions")),
    ("polling triggers", lambda path, verb: path.startswith("/$poll")),
    ("deletes", lambda path, verb: verb == "delete"),
    ("updates", lambda path, verb: verb in ("patch", "put")),
    ("single rows", lambda path, verb: verb == "get" and path.endswith(")")),
    ("new rows", lambda path, verb: verb == "post"),
)


def fitted(document: Document) -> Document:
    """Return the document without the kinds of operations that are too many."""
    left_out: list[str] = []
    description = document["info"]["description"]
    for kind, belongs in KINDS:
        if fits(document):
            break
        if any(belongs(path, verb) for path, item in document["paths"].items() for verb in VERBS if verb in item):
            left_out.append(kind)
            document = without(document, belongs)
            document["info"] = {**document["info"], "description": told(description, left_out)}
    return document if fits(document) else {**document, "definitions": shortened(document["definitions"])}


def told(description: str, kinds: list[str]) -> str:
    """Return the description and, within its length, what is left out."""
    note = LEFT_OUT.format(kinds=", ".join(kinds))
    return f"{description[: LONGEST_DESCRIPTION - len(note) - 1]} {note}"


def fits(document: Document) -> bool:
    """Claim that one connector can hold the document."""
    return operations(document) <= MOST_OPERATIONS and len(json.dumps(document, separators=(",", ":"))) < MOST_BYTES


def shortened(definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions without what is said twice of a property, and without what only some readers know."""
    return {
        name: {**schema, "properties": {key: spare(item) for key, item in schema["properties"].items()}}
        for name, schema in definitions.items()
    }


def spare(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a property, its title said once."""
    return {key: value for key, value in schema.items() if key not in ("x-ms-summary", "x-nullable")}


def operations(document: Document) -> int:
    """Return the number of operations."""
    return sum(verb in item for item in document["paths"].values() for verb in VERBS)


def without(document: Document, belongs: Belongs) -> Document:
    """Return the document without some operations and the definitions that nothing else names."""
    paths: dict[str, Any] = {}
    for path, item in document["paths"].items():
        kept = {key: value for key, value in item.items() if key not in VERBS or not belongs(path, key)}
        if any(verb in kept for verb in VERBS):
            paths[path] = kept
    return {**document, "paths": paths, "definitions": reachable(paths, document["definitions"])}


def reachable(paths: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions that the paths name, in their order."""
    found: set[str] = set()
    waiting = names_in(paths)
    while waiting:
        found |= waiting
        waiting = names_in([definitions[name] for name in waiting]) - found
    return {name: schema for name, schema in definitions.items() if name in found}


def names_in(part: Any) -> set[str]:
    """Return the names of the definitions that a part refers to."""
    return {piece.partition('"')[0] for piece in json.dumps(part, separators=(",", ":")).split(REFERENCE)[1:]}
