"""What $oas says of query options in a resource's own words: its columns, their comments, an example of their types."""

from __future__ import annotations

from collections.abc import Sequence

from apiserver.odata.swagger_info import one_line
from apiserver.resources.catalog import PublishedProperty, PublishedResource
from connections.contract.table import NUMBERS, Type

LONGEST_LIST, LONGEST_COMMENT = 600, 100
# Literals of the types whose values are not written as text (OData URL Conventions 4.01, 5.1.1.14.1).
LITERALS: dict[Type, str] = dict.fromkeys(NUMBERS, "1") | {
    Type.BOOLEAN: "true",
    Type.GUID: "11111111-2222-3333-4444-555555555555",
    Type.DATE: "2026-01-31",
    Type.TIME: "12:00:00",
    Type.TIMESTAMP: "2026-01-31T12:00:00Z",
}


def example(resource: PublishedResource) -> str:
    """Return a filter over the first column that can be compared, `Id eq 1`, or "" when there is none."""
    for item in resource.properties:
        column = item.column
        if column.is_collection or column.type in (Type.BINARY, Type.DURATION):
            continue
        text = column.allowed_values[0] if column.allowed_values else "text"
        quoted = "'" + text.replace("'", "''") + "'"
        return f"{item.name} eq {LITERALS.get(column.type, quoted)}"
    return ""


def such_as(text: str) -> str:
    """Return what follows a statement: an example of it."""
    return f", such as {text}" if text else ""


def columns_said(resource: PublishedResource) -> str:
    """Return the columns, each with its comment."""
    return listed([said(item) for item in resource.properties], LONGEST_LIST)


def said(item: PublishedProperty) -> str:
    """Return a column's name and, in parentheses, what its comment says."""
    comment = one_line(item.description).rstrip(".")
    if len(comment) > LONGEST_COMMENT:
        comment = comment[:LONGEST_COMMENT].rpartition(" ")[0] or comment[:LONGEST_COMMENT]
    return f"{item.name} ({comment})" if comment else item.name


def searched(resource: PublishedResource) -> str:
    """Return the columns that $search reads."""
    names = resource.search or [
        item.name for item in resource.properties if item.column.type is Type.STRING and not item.column.is_collection
    ]
    return listed(list(names), LONGEST_LIST // 2)


def listed(parts: Sequence[str], longest: int) -> str:
    """Return the parts on one line, as many as fit, and how many more there are."""
    found: list[str] = []
    length = 0
    for part in parts:
        length += len(part) + 2
        if length > longest and found:
            return f"{', '.join(found)} and {len(parts) - len(found)} more"
        found.append(part[:longest])
    return ", ".join(found)
