"""Lists that are asked for by POST: which operations only ask, and what their bodies take.

A POST that may write is never sent to read a table, so words and answer both have to speak of a list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from connections.connectors.openapi.document import Operation, Parameter
from connections.connectors.openapi.names import plain, vocabulary, words
from connections.connectors.openapi.paging_words import CURSOR, MORE, OFFSET, PAGE, SIZE, TOTAL, word_of
from connections.connectors.openapi.paths import parts_of
from connections.connectors.openapi.rows import Rows, find_rows
from connections.connectors.openapi.schema import Shape, Shapes

ASKS = vocabulary("search searches query queries find filter filters list lookup scroll")
READS = vocabulary("get fetch retrieve read browse list search find query lookup")
WRITES = vocabulary(
    "create add insert remove delete update set send cancel clear import upload post put patch start stop run execute batch bulk save "
    "enable disable assign unassign copy move merge validate export register invite generate convert replace sync upsert reset revoke"
)
SECRETS = vocabulary("secret password clientsecret accesstoken apikey token privatekey key authtoken sessionid")
MOST_MEMBERS = 200


def asked_rows(shapes: Shapes, operation: Operation) -> Rows | None:
    """Return the rows that a POST answers with, where it surely only asks."""
    if operation.is_form or not only_asks(operation):
        return None
    rows = find_rows(shapes, operation)
    if rows is None or rows.is_map or rows.confidence == "guess" or not rows.shape.properties:
        return None
    if not speaks_of_pages(shapes, operation, rows) and not ASKS.intersection(last_words(operation)):
        return None
    return replace(rows, confidence="likely", reason=f"{rows.reason}; it is asked for by POST")


def only_asks(operation: Operation) -> bool:
    """Claim that an operation's words are those of a question."""
    named, said = words(operation.name), words(operation.summary)[:1]
    if WRITES.intersection((*named, *said)):
        return False
    first = {*named[:1], *said}
    return bool(ASKS.intersection((*named, *last_words(operation))) or READS & first)


def last_words(operation: Operation) -> tuple[str, ...]:
    """Return the words of the path's last fixed part."""
    fixed = parts_of(operation.path).fixed
    return words(fixed[-1].replace(":", ".")) if fixed else ()


def speaks_of_pages(shapes: Shapes, operation: Operation, rows: Rows) -> bool:
    """Claim that pages are asked for, or told of beside the rows."""
    asked = {word_of(item.name) for item in (*operation.of("query"), *members(shapes, operation))}
    told = {plain(name) for name in rows.envelope.properties}
    return bool(asked & (SIZE | PAGE | OFFSET | CURSOR)) or bool(told & (MORE | TOTAL | CURSOR))


def with_members(shapes: Shapes, operation: Operation) -> Operation:
    """Return a POST with the members of its body among its parameters; a dotted name stands deeper."""
    return replace(operation, parameters=(*operation.parameters, *members(shapes, operation)))


def members(shapes: Shapes, operation: Operation) -> Iterator[Parameter]:
    """Give the members of a body, those of its objects one level deep."""
    body = shapes.of(operation.body)
    for name, raw in list(body.properties.items())[:MOST_MEMBERS]:
        shape = shapes.of(raw)
        is_required = name in body.required
        if "." in name or shape.is_read_only:
            continue
        if shape.kind == "object" and shape.properties:
            yield from inner(shapes, name, shape, is_required)
        else:
            yield Parameter(name, "body", is_required, raw, shape.description)


def inner(shapes: Shapes, name: str, shape: Shape, is_required: bool) -> Iterator[Parameter]:
    """Give the members of an object in a body; one that demands what is an object itself is demanded whole."""
    found = [(key, raw, shapes.of(raw)) for key, raw in list(shape.properties.items())[:MOST_MEMBERS] if "." not in key]
    for key, raw, member in found:
        if member.kind != "object":
            yield Parameter(f"{name}.{key}", "body", is_required and key in shape.required, raw, member.description)
    if is_required and not shape.required:
        yield Parameter(name, "body", True, {"type": "object"}, shape.description)


def is_secret(param: Parameter) -> bool:
    """Claim that a member signs in: it is no column that a query could name."""
    return plain(param.name.rpartition(".")[2]) in SECRETS


def put(tree: dict[str, Any], name: str, value: Any) -> None:
    """Set a member of a body by its dotted name."""
    *above, last = name.split(".")
    for part in above:
        tree = tree.setdefault(part, {})
    tree[last] = value
