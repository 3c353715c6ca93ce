"""A driver that stands in for a database we can't run here: what we print is read as that database's SQL, and run by DuckDB.

Statements of the catalog are read too, but answered from a description in the database's own words.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from connections.connectors.dbapi.connector import DbapiConnector
from tests.connectors.dbapi import facts

Line = tuple[Any, ...]
# Functions of these databases that DuckDB has under no name that sqlglot knows.
MACROS = """
CREATE MACRO datalength(x) AS length(x);
CREATE MACRO sys_extract_utc(x) AS x;
CREATE MACRO to_binary(x, f) AS unhex(x);
CREATE MACRO todatetime64(x, p, z) AS CAST(x AS TIMESTAMP);
CREATE MACRO todecimal256(x, s) AS CAST(x AS DECIMAL(38, 10));
CREATE MACRO todate32(x) AS CAST(x AS DATE);
CREATE MACRO touuid(x) AS CAST(x AS UUID);
CREATE MACRO tostring(x) AS CAST(x AS VARCHAR);
CREATE MACRO to_json_string(x) AS CAST(x AS VARCHAR);
CREATE MACRO chartorowid(x) AS CAST(x AS BIGINT);
CREATE MACRO is_nan(x) AS isnan(x);
"""


BYTES = (exp.DataType.Type.VARBINARY, exp.DataType.Type.BINARY)
# What stands around a change of SQL Server.
COUNTED = ("SET NOCOUNT ON; ", "; SELECT @@ROWCOUNT")


class StandIn:
    """One database: its DuckDB, what its catalog says, the statements that came."""

    def __init__(self, connector: DbapiConnector, columns: Sequence[Line], keys: Sequence[Line], schema: str) -> None:
        self.connector, self.columns, self.keys, self.schema = connector, columns, keys, schema
        self.statements: list[str] = []
        self.database = duckdb.connect(":memory:")
        self.database.execute(f'SET TimeZone = \'UTC\'; CREATE SCHEMA "{schema}"; USE memory."{schema}"; {MACROS}')
        facts.create(self.database)

    def connect(self) -> Connection:
        return Connection(self)

    def catalog(self, sql: str) -> list[Line] | None:
        """Return what the catalog answers; None for a statement about rows."""
        found = self.connector.catalog
        parts = {found.tables: self.tables, found.columns: self.columns, found.keys: self.keys}
        for text, lines in parts.items():
            if text and sql.replace("%%", "%").strip().startswith(text.strip().partition("{")[0]) and opening(text) in sql:
                return list(lines)
        if sql.startswith("SHOW "):
            return [line for line in self.keys if line[0] == sql.split()[1]]
        return None

    @property
    def tables(self) -> list[Line]:
        return [(self.schema, "facts", "BASE TABLE", "")]

    def run(self, sql: str, binds: Sequence[Any]) -> tuple[Any, int]:
        """Run a statement of the dialect in DuckDB; return the cursor and the number of rows that were changed."""
        tree = self.read(sql)
        for table in tree.find_all(exp.Table):
            table.set("catalog", None)
        for collate in list(tree.find_all(exp.Collate)):
            collate.replace(collate.this)
        for size in [item for item in tree.find_all(exp.DataTypeParam) if not isinstance(item.this, exp.Literal)]:
            size.pop()  # nvarchar(max)
        for named in [item for item in tree.find_all(exp.Anonymous) if item.name.upper() == "NCHAR"]:
            named.set("this", "chr")  # NCHAR is a type to DuckDB
        for cast in [item for item in tree.find_all(exp.Cast) if item.args["to"].this in BYTES]:
            cast.replace(exp.Anonymous(this="encode", expressions=[cast.this]))  # DuckDB reads \\x within text as bytes
        for plus in list(tree.find_all(exp.Add)):
            if plus.expression.is_number:
                continue
            plus.replace(exp.DPipe(this=plus.this, expression=plus.expression))
        for column in tree.find_all(exp.Column):
            if column.table == "INSERTED":
                column.set("table", None)
        text = tree.sql("duckdb")
        cursor = self.database.cursor()
        cursor.execute(f'USE memory."{self.schema}"')
        cursor.execute(text, [sent(value) for value in binds])
        if isinstance(tree, exp.Select) or (isinstance(tree, exp.Insert) and tree.args.get("returning")):
            return cursor, -1
        return None, int(cursor.fetchone()[0])

    def read(self, sql: str) -> exp.Expression:
        """Return the tree of a statement, read as the dialect; raise for what is none."""
        tree = sqlglot.parse_one(sql, read=self.connector.rules.sqlglot, error_level=sqlglot.ErrorLevel.RAISE)
        assert not isinstance(tree, exp.Command), sql
        for mark in list(tree.find_all(exp.Parameter, exp.Placeholder)):
            mark.replace(exp.Placeholder())
        return tree


class Connection:
    """PEP 249's."""

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin

    def cursor(self) -> Cursor:
        return Cursor(self.standin)

    def commit(self) -> None:
        """Keep what was written: it is kept already."""

    def close(self) -> None:
        """Leave the database to the others."""


class Cursor:
    """PEP 249's."""

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin
        self.rowcount = -1
        self.lastrowid: Any = None
        self._next: Callable[[int], list[Line]] = lambda size: []

    def execute(self, sql: str, binds: Sequence[Any] | None = None) -> None:
        binds = binds or ()
        self.standin.statements.append(sql)
        plain = self.plain(sql, len(binds))
        lines = self.standin.catalog(sql)
        if lines is not None:
            if not sql.startswith("SHOW "):
                self.standin.read(plain)
            self._next = taken(lines)
            return
        found, self.rowcount = self.standin.run(plain.removeprefix(COUNTED[0]).removesuffix(COUNTED[1]), binds)
        if plain.endswith(COUNTED[1]):
            self._next = taken([(self.rowcount,)])
            return
        if plain.startswith("INSERT"):
            self.lastrowid = str(self.standin.database.execute('SELECT max(rowid) FROM "facts"').fetchall()[0][0])
        self._next = found.fetchmany if found is not None else lambda size: []

    def plain(self, sql: str, count: int) -> str:
        """Return the statement with `?` for its marks, made the way the driver does it."""
        style = self.standin.connector.rules.mark(1)
        if style == "%s":
            return sql % (("?",) * count) if count else sql
        plain, found = re.subn(r":\d+\b|\?", "?", sql)
        assert found == count
        return plain

    def fetchmany(self, size: int) -> list[Line]:
        return self._next(size)

    def fetchone(self) -> Line:
        return self._next(1)[0]

    def fetchall(self) -> list[Line]:
        return self._next(10**6)

    def close(self) -> None:
        """Leave the rows."""


def opening(text: str) -> str:
    """Return the first words behind FROM: what tells a query of the catalog."""
    return re.sub(r"\{.*", "", text.partition("FROM ")[2].split("\n")[0]).split(" ")[0]


def taken(lines: list[Line]) -> Callable[[int], list[Line]]:
    """Return what gives the next lines."""
    left = list(lines)

    def some(size: int) -> list[Line]:
        found = left[:size]
        del left[:size]
        return found

    return some


def sent(value: Any) -> Any:
    """Return a bound value as DuckDB takes it."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    return value if not isinstance(value, Decimal) else Decimal(format(value, "f"))
