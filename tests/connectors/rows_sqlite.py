"""SQLite as a source that gives rows and takes nothing: the whole engine works for it. Installed as an extension by tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from connections.connectors.sql.session import SqlSession
from connections.connectors.sql.sqlite import SqliteConnector
from connections.contract.context import NONE, Context
from connections.contract.scan import Grade, Offer, Scan
from connections.contract.table import Table
from connections.engine.sql_rows import SqlRows


class PlainRows(SqlRows):
    """Gives whole tables; writes one row at a time."""

    def __init__(self, session: SqlSession) -> None:
        super().__init__(session)
        self.session = session

    def offer(self, scan: Scan) -> Offer:
        """Take nothing."""
        return Offer(scan, tuple(Grade.NO for _ in scan.where), explain=(f"GET {scan.table.ref}",))

    def insert(self, asked: Table, values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any]:
        names = ", ".join(self._sql.quote(name) for name in values)
        marks = ", ".join("?" for _ in values)
        told = ", ".join(self._sql.quote(name) for name in asked.primary_key)
        text = f"({names}) VALUES ({marks})" if values else "DEFAULT VALUES"
        sql = f"INSERT INTO {self._sql.quote(asked.ref.name)} {text} RETURNING {told}"
        written = self.session.write([(sql, self.driver(asked, values))])[0]
        return dict(zip(asked.primary_key, written.rows[0], strict=True))

    def update(self, asked: Table, key: Mapping[str, Any], values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any] | None:
        sets = ", ".join(f"{self._sql.quote(name)} = ?" for name in values)
        sql = f"UPDATE {self._sql.quote(asked.ref.name)} SET {sets} WHERE {self.where(key)}"
        written = self.session.write([(sql, [*self.driver(asked, values), *self.driver(asked, key)])])[0]
        return dict(key) if written.row_count else None

    def delete(self, asked: Table, key: Mapping[str, Any], *, idempotency: str) -> bool:
        sql = f"DELETE FROM {self._sql.quote(asked.ref.name)} WHERE {self.where(key)}"
        return bool(self.session.write([(sql, self.driver(asked, key))])[0].row_count)

    def where(self, key: Mapping[str, Any]) -> str:
        return " AND ".join(f"{self._sql.quote(name)} = ?" for name in key)

    def driver(self, asked: Table, values: Mapping[str, Any]) -> list[Any]:
        return [None if value is None else self.encoded(asked.by_name[name], value) for name, value in values.items()]

    def close(self) -> None:
        self.session.close()


class RowsSqlite(SqliteConnector):
    """The connector."""

    key: ClassVar[str] = "rows"
    label: ClassVar[str] = "Rows"

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> Any:
        return PlainRows(super().open(values, read_only=read_only, context=context))


def installed(folder: Path) -> dict[str, str]:
    """Install the connector as an extension in a folder of its own; return the environment in which it is found."""
    made = folder / "extension" / "apiserver_rows-1.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: apiserver-rows\nVersion: 1\n")
    (made / "entry_points.txt").write_text("[apiserver.connectors]\nrows = tests.connectors.rows_sqlite:RowsSqlite\n")
    return {"PYTHONPATH": str(made.parent)}
