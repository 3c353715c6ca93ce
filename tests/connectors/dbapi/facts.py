"""The table that every database of these tests has: one column of each type, values that compare badly, nulls."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from connections.contract.table import Table, TableRef
from tests.compliance.filter_expressions import make_rows

KINDS = {
    "id": "INTEGER",
    "name": "VARCHAR(40)",
    "small": "SMALLINT",
    "big": "BIGINT",
    "price": "DECIMAL(12,2)",
    "score": "DOUBLE",
    "note": "VARCHAR(40)",
    "flag": "BOOLEAN",
    "born": "DATE",
    "wakes": "TIME",
    "seen": "TIMESTAMP",
    "tag": "UUID",
}
COLUMNS = tuple(KINDS)


def facts(count: int = 40) -> list[dict[str, Any]]:
    """Return the rows as the contract has them; one score is no number."""
    rows = [{**row, "tag": UUID(int=row["id"] * 2**100)} for row in make_rows(count)]
    rows[0]["score"] = float("nan")
    return [{name: row[name] for name in COLUMNS} for row in rows]


def stored(row: dict[str, Any]) -> list[Any]:
    """Return a row as it is put into DuckDB."""
    return [value.replace(tzinfo=None) if name == "seen" and value is not None else value for name, value in row.items()]


def create(database: Any, name: str = "facts", *, key: str = "PRIMARY KEY", count: int = 40) -> None:
    """Make the table in a connection of DuckDB."""
    columns = ", ".join(f'"{column}" {kind} {key if column == "id" else ""}' for column, kind in KINDS.items())
    database.execute(f'CREATE TABLE "{name}" ({columns})')
    database.executemany(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(KINDS))})', [stored(row) for row in facts(count)])


def table(session: Any, name: str = "facts") -> Table:
    ref: TableRef = next(info.ref for info in session.list_tables() if info.ref.name == name)
    return session.describe([ref])[0]
