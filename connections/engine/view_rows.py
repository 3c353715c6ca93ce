"""A SELECT over any connections as a source that gives rows of one table: what is asked of it goes into the SELECT's own plan."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlglot import exp

from connections.contract.errors import NotSupported, TableGone
from connections.contract.scan import AllOf, AnyOf, Batch, Compare, Grade, Not, Offer, Order, Other, Predicate, Scan
from connections.contract.table import FLOATS, Column, Table, TableInfo, TableRef, Type
from connections.engine.budget import Limits
from connections.engine.memory_rows import MemoryRows
from connections.engine.nodes import all_of, fn, select
from connections.engine.sql_expressions import aliased, named_query
from connections.engine.sql_nodes import Bound, Cell, Found, Given, Names, Output, Slot
from connections.engine.sql_plan import Plan
from connections.engine.sql_queries import bind
from connections.engine.sql_reader import SqlProblem
from connections.engine.view_pages import Pages

# Stands where a table's name does, in messages too: "the SELECT has no column ...".
REF = TableRef("", "the SELECT")
ALIAS = "v"
FRESH = 3600  # seconds for which a table's description serves
COMPARED = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
WHOLE = Column("", Type.INT64)


class KnownNames:
    """Names that remember what they found for a while: a view is read more often than its tables change."""

    def __init__(self, names: Callable[[], Names], clock: Callable[[], float] = time.monotonic) -> None:
        self._names = names
        self._clock = clock
        self._lock = threading.Lock()
        self._found: dict[tuple[str, ...], tuple[float, Found]] = {}

    def find(self, parts: Sequence[str]) -> Found | None:
        """Return the table."""
        key = tuple(parts)
        with self._lock:
            known = self._found.get(key)
        if known is not None and self._clock() - known[0] < FRESH:
            return known[1]
        found = self._names().find(parts)
        if found is not None:
            with self._lock:
                self._found[key] = (self._clock(), found)
        return found

    def known(self, parts: Sequence[str]) -> list[str]:
        """Return names that could have been meant."""
        return self._names().known(parts)

    def forget(self) -> None:
        """Ask anew from now on."""
        with self._lock:
            self._found.clear()


class ViewRows(MemoryRows):
    """The rows of a SELECT; `key` are columns whose values name a row."""

    def __init__(
        self, sql: str, names: KnownNames, *, now: Callable[[], datetime], limits: Callable[[], Limits], key: Sequence[str] = ()
    ) -> None:
        super().__init__(())
        self._sql = sql
        self._names = names
        self._now = now
        self._limits = limits
        self._key = tuple(key)

    def bound(self) -> Bound:
        """Return the SELECT bound to its tables."""
        return bind(self._sql, self._names, now=self._now())

    def served(self) -> Bound:
        """Return the SELECT as it is served; raise TableGone where it can't be bound any more: whoever asks did not write it."""
        try:
            return self.bound()
        except SqlProblem as error:
            raise TableGone(error.message, hint=error.hint or "Correct the view, or put back what it names.") from error

    def list_tables(self) -> list[TableInfo]:
        """Return the one table."""
        return [TableInfo(REF, "view")]

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        """Return the SELECT's columns as they are now."""
        self._names.forget()
        return [table_of(self.served(), self._key) for _ in refs]

    def offer(self, scan: Scan) -> Offer:
        """Take all that is no condition of the engine's own."""
        bound = self.served()
        grades = tuple(grade(bound, item) for item in scan.where)
        is_whole = all(item is Grade.EXACT for item in grades)
        asked = self.asked(bound, Offer(scan, grades, takes_order=True, takes_limit=is_whole))
        explained = Plan(asked, self._limits()).explain()
        lines = tuple(f"{table.name}: {' AND '.join((*table.asked, *table.narrowed)) or 'all rows'}" for table in explained.tables)
        return Offer(
            scan, grades, takes_order=True, takes_limit=is_whole, takes_count=is_whole, explain=lines or (explained.sql,), path=bound
        )

    def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
        """Give the rows in batches; `resume` is the number of rows that were given."""
        passed = int(resume or 0)
        limits = self._limits()
        for rows in Plan(self.asked(offer.path, offer, passed), limits, pages=self.pages(offer, passed, limits)).batches():
            passed += len(rows)
            yield Batch([tuple(row) for row in rows], str(passed))

    def pages(self, offer: Offer, passed: int, limits: Limits) -> Pages | None:
        """Return how a page stands among those of its question; None where it is the only one."""
        page = offer.scan.page
        if page is None:
            return None
        kept = len(offer.scan.where) - page.passing
        before = replace(offer, scan=replace(offer.scan, where=offer.scan.where[:kept]), grades=offer.grades[:kept])
        return Pages(self.asked(offer.path, before, passed).tree, page.is_next, limits.source_memory)

    def count(self, offer: Offer) -> int:
        """Return the number of rows."""
        asked = Asking(offer.path)
        tree = asked.source(fn("count_rows"))
        asked.add_where(tree, offer)
        plan = Plan(asked.bound(tree, (Output("count", WHOLE),)), self._limits())
        return next(int(row[0]) for batch in plan.batches() for row in batch)

    def asked(self, bound: Bound, offer: Offer, passed: int = 0) -> Bound:
        """Return the statement of a scan around the SELECT; rows without a wished order come by the key, else by all columns."""
        asked, scan = Asking(bound), offer.scan
        tree = asked.source(*(asked.cell(name) for name in scan.columns))
        asked.add_where(tree, offer)
        named = {item.column for item in scan.order}
        ties = [name for name in self._key or tuple(scan.columns) if name not in named]
        keys = [*scan.order, *(Order(name) for name in ties)]
        tree.set("order", exp.Order(expressions=[asked.key(item) for item in keys if asked.can_order(item.column)]))
        limit, offset = (scan.limit, scan.offset + passed) if offer.takes_limit else (None, passed)
        if limit is not None or offset:
            most = 2**62 if limit is None else max(0, limit - passed)
            tree.set("limit", exp.Limit(expression=asked.given(most, WHOLE)))
        if offset:
            tree.set("offset", exp.Offset(expression=asked.given(offset, WHOLE)))
        return asked.bound(tree, tuple(asked.outputs[name] for name in scan.columns))


class Asking:
    """One statement around a bound SELECT."""

    def __init__(self, inner: Bound) -> None:
        self.inner = inner
        self.outputs = {output.name: output for output in inner.outputs}
        self.places = {output.name: number for number, output in enumerate(inner.outputs, 1)}
        self.slots = list(inner.slots)

    def source(self, *columns: exp.Expression) -> exp.Select:
        """Return SELECT columns FROM the SELECT."""
        return select([aliased(tree, number) for number, tree in enumerate(columns, 1)], named_query(self.inner.tree.copy(), ALIAS))

    def bound(self, tree: exp.Expression, outputs: tuple[Output, ...]) -> Bound:
        """Return the statement."""
        return Bound(tree, outputs, tuple(self.slots), self.inner.tables)

    def cell(self, name: str) -> Cell:
        """Return a column of the SELECT."""
        output = self.outputs.get(name)
        if output is None:
            raise TableGone(f"The SELECT has no column {name} any more.", hint="Refresh the resource on the API page.")
        return Cell(table=ALIAS, name=f"c{self.places[name]}", column=output.column, is_plain=True)

    def given(self, value: Any, column: Column) -> Given:
        """Return a value's mark."""
        self.slots.append(Slot(value, column))
        return Given(number=len(self.slots) - 1)

    def can_order(self, name: str) -> bool:
        """Claim that values of the column have an order."""
        return not self.outputs[name].column.is_collection

    def key(self, order: Order) -> exp.Expression:
        """Return one key of the order; null is lowest."""
        cell = self.cell(order.column)
        tree = fn("order_text", cell) if cell.args["column"].type is Type.STRING else cell
        return fn("desc_nullable" if order.is_descending else "asc_nullable", tree)

    def add_where(self, tree: exp.Select, offer: Offer) -> None:
        """Add what was taken."""
        taken = [self.condition(item) for item, graded in zip(offer.scan.where, offer.grades, strict=True) if graded is not Grade.NO]
        if taken:
            tree.where(all_of(taken), copy=False)

    def condition(self, item: Predicate) -> exp.Expression:
        """Return a predicate as a condition."""
        if isinstance(item, AllOf | AnyOf):
            parts = [self.condition(part) for part in item.items]
            return fn("and" if isinstance(item, AllOf) else "or", *parts) if len(parts) > 1 else parts[0]
        if isinstance(item, Not):
            return fn("not", self.condition(item.item))
        if isinstance(item, Other):
            raise NotSupported("This condition can't be asked of a SELECT.")
        return self.compared(item)

    def compared(self, item: Compare) -> exp.Expression:
        """Return a comparison."""
        cell = self.cell(item.column)
        column: Column = cell.args["column"]
        if item.operator in ("is_null", "is_not_null"):
            return fn(item.operator, cell)
        suffix = "_text" if column.type is Type.STRING else "_float" if column.type in FLOATS else ""
        if item.operator == "in":
            parts = [fn(f"eq{suffix}", cell.copy(), self.given(value, column)) for value in item.value]
            return fn("or", *parts) if len(parts) > 1 else parts[0]
        name = f"{item.operator}{suffix}" if item.operator in COMPARED else item.operator
        return fn(name, cell, self.given(item.value, column))


def grade(bound: Bound, item: Predicate) -> Grade:
    """Return EXACT for what means the same in the SELECT's plan."""
    if isinstance(item, AllOf | AnyOf):
        return min((grade(bound, part) for part in item.items), default=Grade.EXACT)
    if isinstance(item, Not):
        return grade(bound, item.item)
    if isinstance(item, Other):
        return Grade.NO
    column = next((output.column for output in bound.outputs if output.name == item.column), None)
    if column is None or column.type is Type.DURATION or column.is_collection:
        return Grade.NO
    # SQLite keeps decimals as doubles: only the engine compares them by their digits.
    is_rough = column.type is Type.DECIMAL and any(
        getattr(found.session.dialect, "name", "") == "sqlite" for found in bound.tables.values()
    )
    return Grade.NO if is_rough else Grade.EXACT


def table_of(bound: Bound, key: Sequence[str] = ()) -> Table:
    """Return the SELECT's columns as a table's; raise SqlProblem where two have one name."""
    names = [output.name for output in bound.outputs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SqlProblem(f"Two columns of the SQL have the name {twice}.", hint="Write AS and another name behind one of them.")
    columns = tuple(
        replace(output.column, name=output.name, native_type="", has_zone=output.column.type is Type.TIMESTAMP, ordinal=number)
        for number, output in enumerate(bound.outputs, 1)
    )
    return Table(REF, kind="view", columns=columns, primary_key=tuple(name for name in key if name in names), writes=frozenset())


def repeated(bound: Bound, key: Sequence[str]) -> Bound:
    """Return the statement that finds a value of the key which several rows have, or one without a value."""
    asked = Asking(bound)
    cells = [asked.cell(name) for name in key]
    texts = [fn("exact_text", cell) if cell.args["column"].type is Type.STRING else cell for cell in cells]
    inner = asked.source(*texts)
    outer = [Cell(table="w", name=f"c{number}", column=cell.args["column"], is_plain=True) for number, cell in enumerate(cells, 1)]
    tree = select([aliased(fn("count_rows"), 1)], named_query(inner, "w"))
    tree.set("group", exp.Group(expressions=[cell.copy() for cell in outer]))
    nulls = [fn("is_null", cell.copy()) for cell in outer]
    several = fn("gt", fn("count_rows"), asked.given(1, WHOLE))
    tree.set("having", exp.Having(this=fn("or", several, *nulls)))
    tree.set("limit", exp.Limit(expression=asked.given(1, WHOLE)))
    return asked.bound(tree, (Output("count", WHOLE),))
