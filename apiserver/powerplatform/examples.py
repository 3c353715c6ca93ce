"""Example values, conditions and rows of a resource, by the types of its columns: for Postman collections and the console's programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apiserver.resources.catalog import PublishedProperty, PublishedResource
from connections.contract.table import INTEGER_RANGE, NUMBERS, Column, Type

TEXT = "text"
NEW = 900_001
VALUES: dict[Type, Any] = {
    Type.BOOLEAN: True,
    Type.STRING: TEXT,
    Type.GUID: "00000000-0000-0000-0000-000000000001",
    Type.DATE: "2026-01-31",
    Type.TIME: "12:00:00",
    Type.TIMESTAMP: "2026-01-31T12:00:00Z",
    Type.DURATION: "PT1H",
    Type.BINARY: "AQID",
}
# URL Conventions 4.01, 5.1.1.14: what stands around a literal.
MARKS: dict[Type, tuple[str, str]] = {Type.STRING: ("'", "'"), Type.DURATION: ("duration'", "'"), Type.BINARY: ("binary'", "'")}


def value_of(column: Column) -> Any:
    """Return an example as JSON has it, within the column's length; one of the allowed values where they are known."""
    if column.allowed_values:
        found: Any = column.allowed_values[0]
    elif column.is_json:
        found = "{}"
    elif column.type is Type.STRING and column.max_length:
        found = TEXT[: column.max_length]
    else:
        found = VALUES.get(column.type, 1)
    return [found] if column.is_collection else found


def literal_of(column: Column) -> str:
    """Return the example as it stands in a filter."""
    found = value_of(column)
    if isinstance(found, bool):
        return str(found).lower()
    before, after = MARKS.get(column.type, ("", ""))
    text = str(found).replace("'", "''")
    return f"{before}{text}{after}"


def row_of(resource: PublishedResource, names: Iterable[str]) -> dict[str, Any]:
    """Return an example row of these properties; names of other things are left out."""
    return {name: value_of(resource.by_name[name].column) for name in names if name in resource.by_name}


def new_row_of(resource: PublishedResource, names: Iterable[str]) -> dict[str, Any]:
    """Return an example of a row that is created: whole numbers in its key are ones that no row is likely to have yet."""
    row = row_of(resource, names)
    for name in row.keys() & set(resource.key):
        highest = INTEGER_RANGE.get(resource.by_name[name].column.type, (0, 0))[1]
        row[name] = min(NEW, highest) or row[name]
    return row


def condition_of(resource: PublishedResource) -> str:
    """Return a `$filter` that shows how one is written and is true of rows that one has: "" for a resource without columns.

    Where the source demands values, they are what it asks for.
    """
    demanded = [item for item in resource.properties if item.column.is_demanded]
    if demanded:
        return " and ".join(f"{item.name} eq {literal_of(item.column)}" for item in demanded)
    single = [item for item in resource.properties if not item.column.is_collection and not item.column.is_costly]
    for item in single:
        if item.column.type in NUMBERS:
            return f"{item.name} ge 0"
    return f"{single[0].name} ne null" if single else ""


def needs_condition(resource: PublishedResource) -> bool:
    """Claim that the source is not read without one."""
    return any(item.column.is_demanded for item in resource.properties)


def first_names(items: Iterable[PublishedProperty]) -> str:
    """Return the first two names, as `$select` has them."""
    return ",".join([item.name for item in items][:2])
