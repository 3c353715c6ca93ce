"""Names of tables and columns as names of entity sets and properties (OData CSDL 4.01, 15.2: simple identifiers)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

LONGEST = 128
OUTSIDE = re.compile(r"\W")
FIRST = re.compile(r"[^\W\d]")


def identifier(text: str) -> str:
    """Return the nearest simple identifier: letters of any script, digits and `_`; what is refused becomes `_`."""
    if is_plain(text):
        return text
    found = OUTSIDE.sub("_", text) or "_"
    if not FIRST.match(found):
        found = f"_{found}"
    return found[:LONGEST]


def is_plain(text: str) -> bool:
    """Claim that the text is a simple identifier of ASCII."""
    return text.isascii() and text.isidentifier() and len(text) <= LONGEST


def unique(name: str, taken: Collection[str]) -> str:
    """Return the name, with a number behind it while another name is equal but for case."""
    return unlike(name, {item.lower() for item in taken})


def unlike(name: str, lower: Collection[str]) -> str:
    """Return the name, with a number behind it while it is among names in lower case."""
    found, number = name, 2
    while found.lower() in lower:
        suffix = f"_{number}"
        found = name[: LONGEST - len(suffix)] + suffix
        number += 1
    return found


def resource_name(connection: str, schema: str, table: str, taken: Collection[str]) -> str:
    """Return the name a table is published under: its own; with connection and schema before it on a clash."""
    name = identifier(table)
    if name.lower() not in {item.lower() for item in taken}:
        return name
    return unique(identifier("_".join(part for part in (connection, schema, table) if part)), taken)


def property_names(columns: Collection[str], resource: str) -> dict[str, str]:
    """Return column -> property name: unique ignoring case, none equal to the entity type's name."""
    given = {column.lower() for column in columns}
    if len(given) == len(columns) and resource.lower() not in given and all(is_plain(column) for column in columns):
        return {column: column for column in columns}
    found: dict[str, str] = {}
    lower = {resource.lower()}
    for column in columns:
        found[column] = unlike(identifier(column), lower)
        lower.add(found[column].lower())
    return found


# ReturnOneOf + Orders and Return + OneOfOrders would be one operation.
PART_OF_VERBS = "oneof"


def public_id(name: str, taken: Collection[str]) -> str:
    """Return letters and digits that stay with a resource for life, made from its first name."""
    letters = re.sub(r"[^A-Za-z0-9]", "", name)
    if not letters or letters[0].isdigit() or letters.lower().startswith(PART_OF_VERBS):
        letters = f"R{letters}"
    if letters != name.replace("_", "") or len(letters) > 40:
        letters = letters[:40] + hashlib.sha256(name.encode()).hexdigest()[:6]
    return unique(letters[0].upper() + letters[1:], taken).replace("_", "x")
