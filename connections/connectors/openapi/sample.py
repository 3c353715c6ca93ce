"""Rows that came -> what an undescribed table looks like: where its rows are, its columns, its key."""

from __future__ import annotations

from typing import Any

from connections.connectors.openapi.columns import ColumnDraft, columns_of
from connections.connectors.openapi.document import Document, Operation
from connections.connectors.openapi.keys import find_key
from connections.connectors.openapi.names import singular_name
from connections.connectors.openapi.paths import name_chain
from connections.connectors.openapi.rows import find_rows
from connections.connectors.openapi.schema import Shapes

WHOLE = "RowAggregate"


def is_undescribed(table: dict[str, Any]) -> bool:
    """Claim that nothing is known of a table's rows."""
    return bool(table["columns"].get(WHOLE, {}).get("path") == [])


def described_by(answer: Any, path: str) -> dict[str, Any] | None:
    """Return the corrections that an answer teaches; None where no rows are seen in it."""
    document = Document({"openapi": "3.1.0", "paths": {}})
    shapes = Shapes(document)
    operation = Operation("GET", path, "", "", (), (), answer={"example": answer})
    rows = find_rows(shapes, operation)
    if rows is None or rows.is_map or not rows.shape.properties:
        return None
    columns = columns_of(shapes, rows.shape, lambda shape: False)
    key = find_key(None, columns, singular_name(name_chain(operation, "", True)[0]))
    changes: dict[str, Any] = {"rows": list(rows.path), "columns": {WHOLE: None, **{column.name: entry(column) for column in columns}}}
    return {**changes, **({"key": [key.column]} if key else {})}


def entry(column: ColumnDraft) -> dict[str, Any]:
    """Return a column as the manifest has it."""
    return {"path": list(column.path), **({"type": column.type} if column.type != "string" else {})}
