"""Statements of one table in its dialect: insert, update, delete, and the row in hand, bound, never pasted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apiserver.odata.drift import check, kinds_of
from apiserver.resources.catalog import PublishedResource
from connections.contract.dialect import Dialect
from connections.contract.table import Column, Type
from connections.contract.unsayable import read_value, sayable
from connections.engine.view_sql import checked_select

Row = dict[str, Any]  # source column name -> contract value
Statement = tuple[str, list[Any]]

# The name under which a Condition knows the table.
ALIAS = "t0"
# How a row is kept from others between reading and writing it; SQLite's transactions are exclusive already.
_LOCKS = {"postgresql": " FOR UPDATE", "mysql": " FOR UPDATE"}
_EMPTY_INSERT = {"mysql": " () VALUES ()"}


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL of a predicate over the table under ALIAS, with its binds as the driver takes them."""

    sql: str
    binds: tuple[Any, ...] = ()


class TableSql:
    """Writes the statements of one resource."""

    def __init__(self, resource: PublishedResource, dialect: Dialect) -> None:
        self.resource = resource
        self.dialect = dialect
        self.columns = {item.column.name: item.column for item in resource.all_properties}
        ref = resource.ref
        self.table = f"{self._name(ref.schema)}.{self._name(ref.name)}" if ref.schema else self._name(ref.name)
        if resource.sql:
            self.table = f"({self._text(checked_select(resource.sql, dialect.name))})"

    def select(self, where: Mapping[str, Any], *, lock: bool = False, condition: Condition | None = None) -> Statement:
        """Read all columns of the rows whose columns equal these values."""
        listed = ", ".join(
            self._text(self.dialect.select(column).format(self.dialect.quote(name))) for name, column in self.columns.items()
        )
        text, binds = self._where(where, condition)
        locking = _LOCKS.get(self.dialect.name, "") if lock else ""
        return f"SELECT {listed} FROM {self.table} AS {self._name(ALIAS)}{text}{locking}", binds  # noqa: S608 names are quoted, values bound

    def rows(self, raw: Sequence[Sequence[Any]]) -> list[Row]:
        """Return the rows of `select`, decoded."""
        decoders = [self.dialect.decode(column) for column in self.columns.values()]
        check(raw, kinds_of(list(self.columns.values()), decoders, self.dialect))
        names = list(self.columns)
        return [{name: read_value(decode, value) for name, value, decode in zip(names, line, decoders, strict=True)} for line in raw]

    def insert(self, values: Mapping[str, Any], *, returning: Sequence[str]) -> Statement:
        """Insert a row; `returning` asks for driver values of these columns where the database can."""
        text, binds = "", []
        for name, value in values.items():
            binds.append(self._driver(name, value))
        names = ", ".join(self._name(name) for name in values)
        marks = ", ".join(self._stored(name) for name in values)
        text = f" ({names}) VALUES ({marks})" if values else _EMPTY_INSERT.get(self.dialect.name, " DEFAULT VALUES")
        sql = f"INSERT INTO {self.table}{text}"
        if returning and self.dialect.has_returning:
            sql += " RETURNING " + ", ".join(
                self._text(self.dialect.select(self.columns[name]).format(self.dialect.quote(name))) for name in returning
            )
        return sql, binds

    def decoded(self, names: Sequence[str], raw: Sequence[Any]) -> Row:
        """Return what RETURNING of `insert` gave."""
        found: Row = {}
        for name, value in zip(names, raw, strict=True):
            decode = self.dialect.decode(self.columns[name])
            found[name] = value if value is None or decode is None else decode(value)
        return found

    def update(self, values: Mapping[str, Any], expressions: Mapping[str, str], where: Mapping[str, Any]) -> Statement:
        """Set columns to values, or to SQL that comes from the schema (defaults), of the rows named by `where`."""
        sets = [f"{self._name(name)} = {self._stored(name)}" for name in values]
        sets += [f"{self._name(name)} = {text}" for name, text in expressions.items()]
        binds = [self._driver(name, value) for name, value in values.items()]
        text, more = self._where(where, None)
        return f"UPDATE {self.table} SET {', '.join(sets)}{text}", binds + more  # noqa: S608 names are quoted, values bound

    def delete(self, where: Mapping[str, Any]) -> Statement:
        """Delete the rows named by `where`."""
        text, binds = self._where(where, None)
        return f"DELETE FROM {self.table}{text}", binds  # noqa: S608 names are quoted, values bound

    def _where(self, where: Mapping[str, Any], condition: Condition | None) -> Statement:
        parts: list[str] = []
        binds: list[Any] = []
        for name, value in where.items():
            equal, values = self._equals(name, value)
            parts.append(equal)
            binds += values
        if condition is not None:
            parts.append(f"({condition.sql})")
            binds += condition.binds
        return (" WHERE " + " AND ".join(parts) if parts else ""), binds

    def _equals(self, name: str, value: Any) -> Statement:
        """Compare as the reader does: a key that is found for reading is found for writing, and no other."""
        column, driver, mark = self.columns[name], self._driver(name, value), self._mark(name)
        seen = self._text(self.dialect.select(column).format(self.dialect.quote(name)))
        template = self.dialect.functions.get("eq_text") if column.type == Type.STRING else None
        if not isinstance(template, str):
            return f"{seen} = {mark}", [driver]
        return f"({template.format(seen, mark)})", [driver] * template.count("{1}")

    def _driver(self, name: str, value: Any) -> Any:
        encode = self.dialect.encode(self.columns[name])
        value = sayable(value)
        return value if value is None or encode is None else encode(value)

    def _mark(self, name: str) -> str:
        return self.dialect.bind(self.columns[name]).format(self.dialect.bind_mark)

    def _stored(self, name: str) -> str:
        template = self.dialect.stored(self.columns[name])
        return self._mark(name) if template is None else self._text(template).format(self.dialect.bind_mark)

    def _name(self, name: str) -> str:
        return self._text(self.dialect.quote(name))

    def _text(self, sql: str) -> str:
        return sql.replace("%", "%%") if self.dialect.doubles_percent else sql


def column_of(resource: PublishedResource, name: str) -> Column:
    """Return the source column of a property."""
    return resource.by_name[name].column


def key_columns(resource: PublishedResource) -> tuple[str, ...]:
    """Return the source columns of the key."""
    return tuple(resource.by_name[name].column.name for name in resource.key)


def by_column(resource: PublishedResource, key: Mapping[str, Any]) -> Row:
    """Return values by property name as values by source column."""
    return {resource.by_name[name].column.name: value for name, value in key.items()}


def by_property(resource: PublishedResource, row: Row) -> dict[str, Any]:
    """Return what the user may see of a row."""
    return {item.name: row[item.column.name] for item in resource.properties if item.column.name in row}
