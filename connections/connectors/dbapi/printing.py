"""Scans and changes as SQL: one SELECT, INSERT, UPDATE or DELETE in the database's own dialect, values bound, never pasted."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from connections.connectors.dbapi.rules import MARK, Rules
from connections.connectors.dbapi.values import can_send, writer
from connections.contract.errors import NotSupported
from connections.contract.scan import AllOf, AnyOf, Compare, Grade, Not, Order, Other, Predicate, Scan
from connections.contract.table import Column, Table, TableRef, Type

ALIAS = "t"
MARKS = re.compile("\ue000(\\d+)\ue001")
# A limit where the dialect has no offset without one.
ALL = 10**15
# Values of one list: SQL Server takes 2,100 in a statement, each printed twice; Oracle 1,000 in a list.
MOST_VALUES = 900
SIGNS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
RANGES = frozenset({"lt", "le", "gt", "ge"})
SEARCHES = frozenset({"contains", "startswith", "endswith"})
NULLS = {"is_null": "{0} IS NULL", "is_not_null": "{0} IS NOT NULL"}


@dataclass(slots=True)
class Statement:
    """SQL with marks of our own, and the values that belong to them."""

    values: list[Any] = field(default_factory=list)
    text: str = ""

    def mark(self, value: Any) -> str:
        """Return the mark of a value."""
        self.values.append(value)
        return MARK.format(len(self.values) - 1)

    def finish(self, rules: Rules) -> tuple[str, list[Any]]:
        """Return the driver's SQL and, in the order of its marks, the values."""
        slots = [int(slot) for slot in MARKS.findall(self.text)]
        text = self.text.replace("%", "%%") if rules.doubles_percent and slots else self.text  # drivers undo it only where there are values
        numbers = iter(range(1, len(slots) + 1))
        return MARKS.sub(lambda _: rules.mark(next(numbers)), text), [self.values[slot] for slot in slots]


class Printer:
    """Prints for one database; `catalog` is the database that tables are named in, where names have three parts."""

    def __init__(self, rules: Rules, zone: dt.tzinfo, catalog: str = "") -> None:
        self.rules, self.zone, self.catalog = rules, zone, catalog

    # ---- what the database does of a condition ----

    def grade(self, table: Table, item: Predicate) -> Grade:
        """Return EXACT for what can be printed and means the same there."""
        if isinstance(item, AllOf | AnyOf):
            return min((self.grade(table, part) for part in item.items), default=Grade.NO)
        if isinstance(item, Not):
            return Grade.EXACT if self.grade(table, item.item) is Grade.EXACT else Grade.NO
        if isinstance(item, Other):
            return Grade.NO
        column = table.by_name[item.column]
        if item.operator in NULLS:
            return Grade.EXACT
        values = item.value if item.operator == "in" else (item.value,)
        if column.is_collection or len(values) > MOST_VALUES or not all(can_send(self.rules, column, value) for value in values):
            return Grade.NO
        if column.type is Type.STRING:
            return Grade.EXACT if self._text(column, item.operator) else Grade.NO
        return self._typed(column, item.operator)

    def _text(self, column: Column, operator: str) -> str:
        """Return the template of a comparison of text; '' = there is none that means the same."""
        rule = self.rules.text
        if self.rules.is_foreign(column):
            return ""
        if operator in ("eq", "in"):
            return rule.equal
        if operator == "ne":
            return rule.differs
        if operator in RANGES:
            return f"{rule.ordered.format('{0}')} {SIGNS[operator]} {rule.ordered.replace('{0}', '{1}')}" if rule.ordered else ""
        return str(getattr(rule, operator)) if operator in SEARCHES else ""

    def _typed(self, column: Column, operator: str) -> Grade:
        if operator not in SIGNS and operator != "in":
            return Grade.NO
        if column.type in self.rules.unequal or (operator in RANGES and column.type in self.rules.unordered):
            return Grade.NO
        is_rough = self.rules.is_nan_greatest and self.rules.is_float(column) and operator in ("gt", "ge")
        return Grade.SUPERSET if is_rough else Grade.EXACT

    def condition(self, made: Statement, table: Table, item: Predicate) -> str:
        """Return a condition that was taken."""
        if isinstance(item, AllOf | AnyOf):
            word = " AND " if isinstance(item, AllOf) else " OR "
            return "(" + word.join(self.condition(made, table, part) for part in item.items) + ")"
        if isinstance(item, Not):
            return f"(NOT {self.condition(made, table, item.item)})"
        if isinstance(item, Other):
            raise NotSupported("This condition can't be asked of the database.")
        return f"({self._compare(made, table.by_name[item.column], item)})"

    def _compare(self, made: Statement, column: Column, item: Compare) -> str:
        if item.operator in NULLS:
            return NULLS[item.operator].format(self.raw(column))
        shown = self.read(column)
        if item.operator == "in":
            if column.type is Type.STRING and self.rules.text.equal != "{0} = {1}":
                return " OR ".join(f"({self.rules.text.equal.format(shown, self.value(made, column, value))})" for value in item.value)
            return f"{shown} IN ({', '.join(self.value(made, column, value) for value in item.value)})"
        value = self.value(made, column, item.value)
        if column.type is Type.STRING:
            return self._text(column, item.operator).format(shown, value)
        return f"{shown} {SIGNS[item.operator]} {value}"

    # ---- parts ----

    def quote(self, name: str) -> str:
        """Return a name as SQL."""
        if "\0" in name or (self.rules.escapes_names and ("\\" in name or "`" in name)):
            raise NotSupported(f"The name {name!r} can't be written in this database's SQL.")
        return str(exp.to_identifier(name, quoted=True).sql(self.rules.sqlglot))

    def raw(self, column: Column) -> str:
        """Return the column as it is."""
        return f"{self.quote(ALIAS)}.{self.quote(column.name)}"

    def read(self, column: Column) -> str:
        """Return the column so that it arrives, and compares, exactly."""
        template = self.rules.as_text(column.native_type) if self.rules.is_unknown(column) else self.rules.read(column)
        return template.format(self.raw(column))

    def value(self, made: Statement, column: Column, value: Any) -> str:
        """Return the mark of a value in the form of its column."""
        if value is None:  # a bound null would need a type: drivers guess one that does not fit the column, or refuse
            return "NULL"
        return self.rules.bind(column).format(made.mark(writer(self.rules, column, self.zone)(value)))

    def source(self, ref: TableRef) -> exp.Table:
        """Return a table."""
        names = [exp.to_identifier(name, quoted=True) if name else None for name in (ref.name, ref.schema, self.catalog)]
        self.quote(ref.name), self.quote(ref.schema)
        return exp.Table(this=names[0], db=names[1], catalog=names[2] if ref.schema else None)

    def named(self, ref: TableRef) -> str:
        """Return a table's name as SQL."""
        return str(self.source(ref).sql(self.rules.sqlglot))

    # ---- reading ----

    def keys(self, table: Table, order: Sequence[Order]) -> list[exp.Expression]:
        """Return what the rows are ordered by; nulls are lowest."""
        return [key for item in order for key in self._key(table.by_name[item.column], item.is_descending)]

    def _key(self, column: Column, is_descending: bool) -> list[exp.Expression]:
        shown = self.read(column)
        if column.type is Type.STRING and not self.rules.is_foreign(column):
            shown = self.rules.text.ordered.format(shown)
        parts = [shown]
        if self.rules.nan and self.rules.is_float(column):
            told = self.rules.nan.format(shown)
            parts = [f"CASE WHEN {shown} IS NULL THEN 0 WHEN {told} THEN 2 ELSE 1 END", shown]
        return [ordered(part, is_descending, is_nullable=column.is_nullable and part is shown) for part in parts]

    def select(
        self,
        scan: Scan,
        grades: Sequence[Grade],
        *,
        columns: Sequence[str],
        order: Sequence[Order],
        behind: Mapping[str, Any] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> Statement:
        """Return the SELECT of a scan, or of the rows behind a key."""
        made = Statement()
        shown: list[exp.Expression] = [exp.Var(this=self.read(scan.table.by_name[name])) for name in columns]
        tree = self._from(made, scan, grades, shown)
        if behind is not None:
            tree.where(exp.Var(this=self._behind(made, scan.table, order, behind)), copy=False)
        if keys := self.keys(scan.table, order):
            tree.set("order", exp.Order(expressions=keys))
        if limit is not None or offset:
            tree.set("limit", exp.Limit(expression=exp.Literal.number(ALL if limit is None else limit)))
        if offset:
            tree.set("offset", exp.Offset(expression=exp.Literal.number(offset)))
        made.text = tree.sql(self.rules.sqlglot)
        return made

    def count(self, scan: Scan, grades: Sequence[Grade]) -> Statement:
        """Return the SELECT that counts."""
        made = Statement()
        made.text = self._from(made, scan, grades, [exp.Var(this="COUNT(*)")]).sql(self.rules.sqlglot)
        return made

    def _from(self, made: Statement, scan: Scan, grades: Sequence[Grade], shown: list[exp.Expression]) -> exp.Select:
        source = self.source(scan.table.ref)
        source.set("alias", exp.TableAlias(this=exp.to_identifier(ALIAS, quoted=True)))
        tree = exp.Select(expressions=shown, from_=exp.From(this=source))
        taken = [self.condition(made, scan.table, item) for item, grade in zip(scan.where, grades, strict=True) if grade is not Grade.NO]
        return tree.where(*(exp.Var(this=text) for text in taken), copy=False) if taken else tree

    def _behind(self, made: Statement, table: Table, order: Sequence[Order], behind: Mapping[str, Any]) -> str:
        """Return the condition of rows behind a key: (a > 1) OR (a = 1 AND b > 2)."""
        found: list[str] = []
        same: list[str] = []
        for item in order:
            column, value = table.by_name[item.column], behind[item.column]
            beyond = self._compare(made, column, Compare(item.column, "gt", value))
            found.append(" AND ".join(f"({text})" for text in [*same, beyond]))
            same.append(self._compare(made, column, Compare(item.column, "eq", value)))
        return " OR ".join(f"({text})" for text in found)

    # ---- changes ----

    def insert(self, table: Table, values: Mapping[str, Any]) -> Statement:
        """Return the INSERT of one row."""
        made, rules = Statement(), self.rules
        keys = [table.by_name[name] for name in table.primary_key]
        names = ", ".join(self.quote(name) for name in values)
        marks = ", ".join(self.value(made, table.by_name[name], value) for name, value in values.items())
        row = f"SELECT {marks}" if rules.inserts_by_select else f"VALUES ({marks})"
        into = f"INSERT INTO {self.named(table.ref)}{f' ({names})' if values else ''}"  # noqa: S608
        row = row if values else rules.default_row.format(self.quote((*table.primary_key, table.columns[0].name)[0]))
        if rules.declared and not all(key.name in values for key in keys):
            made.text = self._told(into, row, keys, rules.declared)
        else:
            shown = ", ".join(self.quote(key.name) for key in keys)
            made.text = f"{into} {row}{rules.returning.format(shown) if rules.returning and keys else ''}"
        return made

    def _told(self, into: str, row: str, keys: Sequence[Column], declared: Callable[[Column], str]) -> str:
        """Return the INSERT whose answer is the key; by way of a variable, for a table with triggers tells nothing itself."""
        names = ", ".join(self.quote(key.name) for key in keys)
        types = ", ".join(f"{self.quote(key.name)} {declared(key)}" for key in keys)
        told = ", ".join(f"INSERTED.{self.quote(key.name)}" for key in keys)
        return f"SET NOCOUNT ON; DECLARE @made TABLE ({types}); {into} OUTPUT {told} INTO @made ({names}) {row}; SELECT {names} FROM @made"  # noqa: S608

    def update(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> Statement:
        """Return the UPDATE of the row of a key."""
        made = Statement()
        sets = ", ".join(f"{self.quote(name)} = {self.value(made, table.by_name[name], value)}" for name, value in values.items())
        made.text = self.rules.counted.format(f"UPDATE {self.named(table.ref)} SET {sets} WHERE {self._row(made, table, key)}")  # noqa: S608
        return made

    def delete(self, table: Table, key: Mapping[str, Any]) -> Statement:
        """Return the DELETE of the row of a key."""
        made = Statement()
        made.text = self.rules.counted.format(f"DELETE FROM {self.named(table.ref)} WHERE {self._row(made, table, key)}")  # noqa: S608
        return made

    def _row(self, made: Statement, table: Table, key: Mapping[str, Any]) -> str:
        return " AND ".join(self._same(made, table.by_name[name], value) for name, value in key.items())

    def _same(self, made: Statement, column: Column, value: Any) -> str:
        template = self.rules.text.equal if column.type is Type.STRING and not self.rules.is_foreign(column) else "{0} = {1}"
        return f"({template.format(self.quote(column.name), self.value(made, column, value))})"


def ordered(text: str, is_descending: bool, *, is_nullable: bool) -> exp.Expression:
    """Return one key of ORDER BY; where nulls stand is said only where there may be any, else indexes may not serve it."""
    if is_nullable:
        return exp.Ordered(this=exp.Var(this=text), desc=is_descending, nulls_first=not is_descending)
    return exp.Var(this=f"{text} DESC" if is_descending else text)
