"""Path C: the rows that a statement needs of each table are read first, as few as the source can be asked for; DuckDB does the rest.

Tables are read one after the other: what one gave narrows the next by the values of columns that must be equal.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from connections.contract.dialect import Dialect
from connections.contract.errors import Incomplete, TooCostly
from connections.contract.scan import AllOf, AnyOf, Compare, Grade, Not, Offer, Other, Predicate, RowSession, Scan
from connections.contract.table import INTEGERS, Column, Table, Type
from connections.engine import arrow, duck
from connections.engine.budget import Budget
from connections.engine.dialect_duckdb import DUCKDB
from connections.engine.predicates import Asker, fitting
from connections.engine.printer import print_statement
from connections.engine.readings import READINGS
from connections.engine.scans import Step, steps_of
from connections.engine.session import EngineSession
from connections.engine.sql_lower import lowered, sent, whole
from connections.engine.sql_nodes import Bound, Found
from connections.engine.sql_push import Tie, enough, needed, parts_of, pushed, values_in
from connections.engine.sql_rows import SqlRows
from connections.engine.sql_words_duckdb import WORDS
from connections.engine.view_pages import Pages

MOST_KEYS = 1000  # values that a table is narrowed by
LONGEST = 60  # seconds that a statement which may not end by itself runs here
MEGABYTE = 2**20


def select(column: Column) -> str:
    """Return how DuckDB reads a column of an Arrow table."""
    return "CAST({0} AS UUID)" if column.type is Type.GUID else "{0}"


COLLECTED: Dialect = replace(DUCKDB, functions={**DUCKDB.functions, **WORDS}, select=select)


@dataclass(slots=True)
class TableReading:
    """How one table is read, for the one who runs it and for explain."""

    alias: str
    found: Found
    columns: tuple[str, ...]
    asked: tuple[Predicate, ...] = ()
    ties: list[Tie] = field(default_factory=list)
    most: int | None = None  # so many rows are enough, where the source does every condition exactly
    used: list[Tie] = field(default_factory=list)  # ties whose values narrowed it
    offers: list[Offer] = field(default_factory=list)
    rows: int = 0

    @property
    def name(self) -> str:
        """Return the table's name with its connection's."""
        return f"{self.found.connection}.{self.found.table.ref}" if self.found.connection else str(self.found.table.ref)


def rows_of(found: Found) -> RowSession:
    """Return the session of a table as one that gives rows."""
    session: Any = found.session
    if isinstance(session, EngineSession):
        return session.rows
    return session if session.dialect is None else SqlRows(session)


class Collector:
    """Runs one bound statement over several sources."""

    def __init__(
        self,
        bound: Bound,
        budget: Budget,
        *,
        watch: Callable[[Callable[[], None]], None] = lambda _: None,
        most: int | None = None,
        pages: Pages | None = None,
    ) -> None:
        self.bound = bound
        self.budget = budget
        self.watch = watch
        self.most = most  # rows of the answer that anybody looks at
        self.pages = pages
        self.values = [slot.value for slot in bound.slots]
        self.readings = self.planned()
        self._distinct: dict[tuple[str, str], list[Any] | None] = {}

    def planned(self) -> list[TableReading]:
        """Return how each table is read, in the order of reading."""
        found, columns = pushed(self.bound.tree if self.pages is None else self.pages.pushing), needed(self.bound.tree)
        readings = []
        for alias, source in self.bound.tables.items():
            asker = Asker(source.table.by_name, alias, self.values)
            trees = [lowered(tree, self.bound.slots, DUCKDB) for tree in found.conditions.get(alias, ())]
            asked = [asker.predicate(tree) for tree in trees]
            kept = tuple(part for item in asked for part in conjuncts(item) if not has_other(part))
            names = tuple(columns.get(alias, [])) or smallest(source.table)
            ties = [tie for tie in found.ties if tie.target == alias]
            readings.append(TableReading(alias, source, names, kept, ties))
            where = self.bound.tree.args.get("where")
            if not any(map(has_other, asked)) and len(asked) == len(parts_of(where.this) if where else ()):
                readings[-1].most = enough(self.bound.tree, self.values, self.most)
        return ordered(readings)

    def batches(self) -> Iterator[list[tuple[Any, ...]]]:
        """Give the rows, as contract values."""
        steps = self.judged_steps()
        if steps is not None:
            yield from self.first_rows(self.readings[0], steps)
            return
        tables, size = {}, 0
        for reading in self.readings:
            tables[reading.alias] = self.read(reading)
            size += tables[reading.alias].nbytes
            self.check_size(size)
        yield from self.computed(tables)

    def check_size(self, size: int) -> None:
        """Raise where the rows need more memory than one query may."""
        if size > self.budget.limits.source_memory * MEGABYTE:
            hint = "Filter more rows away. An administrator can raise server.request_limits.source_memory."
            raise TooCostly(f"The query needs more than {self.budget.limits.source_memory} MB of rows at once.", hint=hint)

    def computed(self, tables: Mapping[str, Any]) -> Iterator[list[tuple[Any, ...]]]:
        """Give what DuckDB makes of the tables."""
        sql, binds = statement(self.bound)
        decoders = [whole if o.column.type in INTEGERS else arrow.READERS.get(o.column.type) for o in self.bound.outputs]
        collections = [output.column.is_collection for output in self.bound.outputs]
        seconds = LONGEST if self.bound.tree.find(exp.With) is not None else None
        for batch in duck.rows(sql, binds, tables, memory=self.budget.limits.source_memory * 2, seconds=seconds, watch=self.watch):
            self.budget.check_time()
            yield [shown(row, decoders, collections) for row in batch]

    # ---- a few rows of one table, some of whose conditions are judged here ----

    def judged_steps(self) -> list[Step] | None:
        """Return how the one table is read where its first rows may be enough, though not each that comes is one of them."""
        if len(self.readings) != 1 or self.pages is not None or enough(self.bound.tree, self.values, self.most) is None:
            return None
        reading = self.readings[0]
        steps = self.steps(rows_of(reading.found), reading, reading.asked)
        return steps if reading.most is None else None

    def first_rows(self, reading: TableReading, steps: Sequence[Step]) -> Iterator[list[tuple[Any, ...]]]:
        """Give rows as soon as enough are found; what has come is looked through anew whenever it is twice as much."""
        limit, offset = (self.bound.tree.args.get(name) for name in ("limit", "offset"))
        cuts = (self.most, values_in(limit, self.values))
        wanted = min(number for number in cuts if number is not None)
        held: list[tuple[Any, ...]] = []
        looked, batches = -1, self.read_on(reading, steps)
        try:
            while wanted and (rows := next(batches, None)) is not None:
                held += rows
                if len(held) < max(2 * looked, wanted + (values_in(offset, self.values) or 0)):
                    continue
                looked, found = len(held), self.rows_found(reading, held)
                if len(found) >= wanted:
                    yield found
                    return
        finally:
            batches.close()
        yield from self.computed({reading.alias: self.table_of(reading, held)})

    def read_on(self, reading: TableReading, steps: Sequence[Step]) -> Generator[list[tuple[Any, ...]], None, None]:
        """Give the rows of a table page by page."""
        self.budget.foresee(len(steps) if len(steps) > 1 else 0)
        for step in steps:
            self.take_note(reading, step)
            batches = rows_of(reading.found).read(step.offer)
            try:
                for batch in batches:
                    self.budget.spend(len(batch.rows))
                    yield batch.rows
            finally:
                batches.close()  # type: ignore[attr-defined]

    def rows_found(self, reading: TableReading, held: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Return the answer as far as these rows give it."""
        return [row for batch in self.computed({reading.alias: self.table_of(reading, held)}) for row in batch]

    def table_of(self, reading: TableReading, held: Sequence[tuple[Any, ...]]) -> Any:
        """Return rows as a table for DuckDB."""
        found = arrow.table_of([reading.found.table.by_name[name] for name in reading.columns], held)
        self.check_size(found.nbytes)
        return found

    def take_note(self, reading: TableReading, step: Step) -> None:
        """Remember what is asked; raise for a table that can't be read to its end."""
        reading.offers.append(step.offer)
        if step.offer.is_partial:
            raise Incomplete(
                f"{reading.name} can't be read to its end: {step.offer.is_partial.rstrip('.')}.",
                hint="It can't be joined or brought together.",
            )

    # ---- reading one table ----

    def read(self, reading: TableReading) -> Any:
        """Return the rows of a table that can be of use."""
        session = rows_of(reading.found)
        table = reading.found.table
        narrowed = self.narrowed(reading)
        held = self.kept(session, reading, narrowed)
        if held is None and narrowed is not None:
            held, at = [], READINGS.now()
            steps = self.steps(session, reading, narrowed)
            self.budget.foresee(len(steps) if len(steps) > 1 else 0)
            for step in steps:
                self.take_note(reading, step)
                held += self.rows(session, step.offer, None if reading.most is None else reading.most - len(held))
            if self.keeps(session, reading):
                self.pages.put(session, table, reading.columns, narrowed, held, at)  # type: ignore[union-attr]
        held = held or []
        reading.rows = len(held)
        self.remember(reading, held)
        return arrow.table_of([table.by_name[name] for name in reading.columns], held)

    def keeps(self, session: RowSession, reading: TableReading) -> bool:
        """Claim that the pages that follow may have the rows: of a service. A database is asked again, which costs little."""
        return self.pages is not None and reading.most is None and not isinstance(session, SqlRows)

    def kept(self, session: RowSession, reading: TableReading, where: tuple[Predicate, ...] | None) -> list[tuple[Any, ...]] | None:
        """Return what the page before read."""
        if where is None or self.pages is None or not self.keeps(session, reading):
            return None
        return self.pages.get(session, reading.found.table, reading.columns, where)

    def steps(self, session: RowSession, reading: TableReading, where: tuple[Predicate, ...]) -> list[Step]:
        """Return the readings of a table; of as few rows as are enough only where none of them is judged again."""
        scan = Scan(reading.found.table, reading.columns, where)
        steps = steps_of(session, scan)
        if reading.most is not None and any(grade is not Grade.EXACT for step in steps for grade in step.offer.grades):
            reading.most = None
        return steps if reading.most is None else steps_of(session, replace(scan, limit=reading.most))

    def rows(self, session: RowSession, offer: Offer, most: int | None) -> list[tuple[Any, ...]]:
        """Return the rows of a reading, `most` of them."""
        held: list[tuple[Any, ...]] = []
        if most is not None and most <= 0:
            return held
        batches = session.read(offer)
        try:
            for batch in batches:
                self.budget.spend(len(batch.rows))
                held += batch.rows
                if most is not None and len(held) >= most:
                    break
        finally:
            batches.close()  # type: ignore[attr-defined]
        return held[:most]

    def narrowed(self, reading: TableReading) -> tuple[Predicate, ...] | None:
        """Return what the table is asked for; None where no row can be of use."""
        where = list(reading.asked)
        for tie in reading.ties:
            values = self._distinct.get((tie.source, tie.source_column))
            column = reading.found.table.by_name[tie.column]
            if values is None or any(
                isinstance(item, Compare) and item.column == tie.column and item.operator in ("eq", "in") for item in where
            ):
                continue
            fit = tuple(dict.fromkeys(found for value in values if (found := fitting(value, column)) is not None))
            if len(fit) > MOST_KEYS:
                continue
            reading.used.append(tie)
            if not fit:
                return None
            where.append(Compare(tie.column, "in", fit))
        return tuple(where)

    def remember(self, reading: TableReading, rows: Sequence[Sequence[Any]]) -> None:
        """Keep the values of columns that narrow other tables."""
        wanted = {tie.source_column for other in self.readings for tie in other.ties if tie.source == reading.alias}
        for name in wanted:
            place = reading.columns.index(name)
            values = {row[place] for row in rows} - {None}
            self._distinct[reading.alias, name] = list(values) if len(values) <= MOST_KEYS else None

    # ---- telling without running ----

    def explain(self) -> list[TableReading]:
        """Return how the tables would be read, without a call; values that narrow are not known yet."""
        known: set[str] = set()
        for reading in self.readings:
            reading.used = [tie for tie in reading.ties if tie.source in known]
            where = reading.asked
            table = reading.found.table
            for tie in reading.used:
                if table.by_name[tie.column].is_demanded:
                    where = (*where, Compare(tie.column, "eq", SAMPLES.get(table.by_name[tie.column].type, "...")))
            reading.offers = [step.offer for step in self.steps(rows_of(reading.found), reading, where)]
            known.add(reading.alias)
        return self.readings


SAMPLES: dict[Type, Any] = {Type.INT64: 1, Type.INT32: 1, Type.INT16: 1}


def statement(bound: Bound) -> tuple[str, list[Any]]:
    """Return what DuckDB runs over the collected tables."""
    tree = lowered(bound.tree, bound.slots, COLLECTED)
    for node in list(tree.find_all(exp.Table)):
        if node.alias not in bound.tables:  # made by WITH RECURSIVE
            continue
        node.set("db", None)
        node.set("this", exp.to_identifier(node.alias, quoted=True))
    printed = print_statement(tree, COLLECTED)
    values = [sent(slot, COLLECTED) for slot in bound.slots]
    return printed.sql, [values[number] for number in printed.slots]


def shown(row: Sequence[Any], decoders: Sequence[Callable[[Any], Any] | None], collections: Sequence[bool]) -> tuple[Any, ...]:
    """Return a row as contract values."""
    return tuple(
        value if value is None or decode is None or is_many else decode(value)
        for value, decode, is_many in zip(row, decoders, collections, strict=True)
    )


def ordered(readings: Sequence[TableReading]) -> list[TableReading]:
    """Return the tables in the order of reading: what is narrowed most first, each behind those that narrow it."""
    left, done = list(readings), set[str]()
    found: list[TableReading] = []
    while left:
        best = min(left, key=lambda reading: rank(reading, done))
        left.remove(best)
        done.add(best.alias)
        found.append(best)
    return found


def rank(reading: TableReading, done: set[str]) -> tuple[int, int, int]:
    """Return how late a table is read: those whose demanded columns have no value yet come last."""
    given = {item.column for item in reading.asked if isinstance(item, Compare) and item.operator in ("eq", "in")}
    tied = {tie.column for tie in reading.ties if tie.source in done}
    missing = [column.name for column in reading.found.table.columns if column.is_demanded and column.name not in given | tied]
    return (len(missing), -bool(tied), -len(reading.asked))


def smallest(table: Table) -> tuple[str, ...]:
    """Return a column to read where none is asked for: rows are counted."""
    return table.primary_key[:1] or tuple(column.name for column in table.columns if not column.is_costly)[:1]


def conjuncts(item: Predicate) -> tuple[Predicate, ...]:
    """Return the conditions that all must hold."""
    return tuple(part for one in item.items for part in conjuncts(one)) if isinstance(item, AllOf) else (item,)


def has_other(item: Predicate) -> bool:
    """Claim that some part can only be evaluated here."""
    if isinstance(item, AllOf | AnyOf):
        return any(has_other(part) for part in item.items)
    return has_other(item.item) if isinstance(item, Not) else isinstance(item, Other)


__all__ = ["Collector", "TableReading", "rows_of", "statement"]
