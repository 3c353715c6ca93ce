"""Choosing among a connection's tables by a part of their names and by schema, for the pages that list them."""

from __future__ import annotations

from collections.abc import Iterable

from connections.contract.table import TableInfo

MOST_TABLES = 1000


def pick(known: Iterable[TableInfo], text: str, schema: str) -> list[TableInfo]:
    """Return the tables of that schema ("" = all) whose name holds the text, in any case."""
    wanted = text.strip().lower()
    return [item for item in known if wanted in str(item.ref).lower() and schema in ("", item.ref.schema)]


def schemas(known: Iterable[TableInfo]) -> list[str]:
    """Return the schemas to choose from; none where there is no choice."""
    found = sorted({item.ref.schema for item in known})
    return found if len(found) > 1 else []
