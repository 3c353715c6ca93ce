"""Tables in memory as a source that gives rows: it grades by a table of data, gives pages, counts its calls, takes writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connections.contract.errors import ConstraintViolated, SourceRejected, TableGone
from connections.contract.scan import AnyOf, Batch, Compare, Grade, Not, Offer, Other, Predicate, Scan
from connections.contract.table import Table, TableInfo, TableRef
from tests.connectors.reference import ordered, truth

Rows = list[dict[str, Any]]


@dataclass
class Skill:
    """What the source does by itself. `grades` by (column, operator), `*` for any; the rest is NO."""

    grades: Mapping[tuple[str, str], Grade] = field(default_factory=dict)
    takes_any_of: bool = False
    takes_not: bool = False
    orders: frozenset[str] = frozenset()
    takes_limit: bool = False
    takes_count: bool = False
    partial: str = ""

    def grade(self, item: Predicate) -> Grade:
        """Return what is done of a conjunct."""
        if isinstance(item, Compare):
            names = ((item.column, item.operator), (item.column, "*"), ("*", item.operator), ("*", "*"))
            return next((self.grades[name] for name in names if name in self.grades), Grade.NO)
        if isinstance(item, Other):
            return Grade.NO
        if isinstance(item, Not):
            return self.grade(item.item) if self.takes_not and self.grade(item.item) is Grade.EXACT else Grade.NO
        parts = [self.grade(part) for part in item.items]
        if isinstance(item, AnyOf):
            return min(parts) if self.takes_any_of else Grade.NO
        return min(parts, default=Grade.EXACT)


EVERYTHING = Skill(
    {("*", "*"): Grade.EXACT}, takes_any_of=True, takes_not=True, orders=frozenset({"*"}), takes_limit=True, takes_count=True
)


class MemorySession:
    """A RowSession over lists of dictionaries; `calls` tells what was asked."""

    dialect = None

    def __init__(self, tables: Mapping[Table, Rows] | Sequence[tuple[Table, Rows]], skill: Skill | None = None, page: int = 10) -> None:
        pairs = tables.items() if isinstance(tables, Mapping) else tables
        self.tables = {table.ref: table for table, _ in pairs}
        self.rows = {table.ref: rows for table, rows in pairs}
        self.skill = skill or Skill()
        self.page = page
        self.calls: list[str] = []
        self.keys: dict[str, Any] = {}

    def list_tables(self) -> list[TableInfo]:
        return [TableInfo(ref) for ref in sorted(self.tables, key=str)]

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        missing = next((ref for ref in refs if ref not in self.tables), None)
        if missing is not None:
            raise TableGone(f"{missing} is gone.")
        return [self.tables[ref] for ref in refs]

    def offer(self, scan: Scan) -> Offer:
        given = {item.column for item in scan.where if isinstance(item, Compare) and item.operator == "eq"}
        missing = [column.name for column in scan.table.columns if column.is_demanded and column.name not in given]
        if missing:
            raise SourceRejected(f"{scan.table.ref} needs a value of {missing[0]}.", hint=f"Add {missing[0]} eq ... to the filter.")
        skill = self.skill
        demands = {column.name for column in scan.table.columns if column.is_demanded}
        grades = tuple(
            Grade.EXACT if isinstance(item, Compare) and item.operator == "eq" and item.column in demands else skill.grade(item)
            for item in scan.where
        )
        takes_order = bool(scan.order) and ("*" in skill.orders or all(key.column in skill.orders for key in scan.order))
        is_whole = all(grade is Grade.EXACT for grade in grades)
        return Offer(
            scan,
            grades,
            takes_order=takes_order,
            takes_limit=skill.takes_limit and is_whole and (takes_order or not scan.order),
            takes_count=skill.takes_count and is_whole,
            explain=(f"GET {scan.table.ref}",),
            is_partial=skill.partial,
        )

    def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
        rows = self.found(offer)
        if offer.takes_limit:
            rows = rows[offer.scan.offset :][: offer.scan.limit]
        start = int(resume or 0)
        while True:
            self.calls.append(f"GET {offer.scan.table.ref} from {start}")
            part = rows[start : start + self.page]
            start += self.page
            is_last = start >= len(rows)
            yield Batch([tuple(row[name] for name in offer.scan.columns) for row in part], None if is_last else str(start))
            if is_last or self.skill.partial:
                return

    def count(self, offer: Offer) -> int:
        self.calls.append(f"COUNT {offer.scan.table.ref}")
        return len(self.found(offer))

    def found(self, offer: Offer) -> Rows:
        """Return the rows that the taken conjuncts leave; what is only SUPERSET leaves some more."""
        rows = list(self.rows[offer.scan.table.ref])
        for item, grade in zip(offer.scan.where, offer.grades, strict=True):
            if grade is Grade.EXACT:
                rows = [row for row in rows if truth(item, row) is True]
            elif grade is Grade.SUPERSET:
                rows = [row for number, row in enumerate(rows) if truth(item, row) is True or number % 3 == 0]
        return ordered(rows, offer.scan.order) if offer.takes_order else rows

    def insert(self, table: Table, values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any]:
        self.calls.append(f"POST {table.ref}")
        if idempotency not in self.keys:
            key = {name: values.get(name, self.next_key(table, name)) for name in table.primary_key}
            row = {**dict.fromkeys(table.by_name), **values, **key}
            if self.at(table, key) is not None:
                raise ConstraintViolated("The key exists already.", kind="unique")
            self.rows[table.ref].append(row)
            self.keys[idempotency] = key
        return self.keys[idempotency]

    def next_key(self, table: Table, name: str) -> int:
        return max((row[name] for row in self.rows[table.ref]), default=0) + 1

    def update(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any] | None:
        self.calls.append(f"PATCH {table.ref}")
        row = self.at(table, key)
        if row is None:
            return None
        row.update(values)
        return dict(key)

    def delete(self, table: Table, key: Mapping[str, Any], *, idempotency: str) -> bool:
        self.calls.append(f"DELETE {table.ref}")
        row = self.at(table, key)
        if row is not None:
            self.rows[table.ref].remove(row)
        return row is not None

    def at(self, table: Table, key: Mapping[str, Any]) -> dict[str, Any] | None:
        return next((row for row in self.rows[table.ref] if all(row[name] == value for name, value in key.items())), None)

    def close(self) -> None:
        pass
