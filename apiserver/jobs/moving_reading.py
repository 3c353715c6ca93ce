"""What a task reads: its statement bound to the source, and pieces of it: what is newer, behind a key, in a window, keys alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, cast

from sqlglot import exp

from apiserver.jobs.moving_ahead import ahead_of
from apiserver.jobs.moving_order import SOURCE, told_of
from apiserver.jobs.moving_types import sample
from connections.contract.dialect import Commits
from connections.contract.errors import Incomplete, NotSupported
from connections.contract.scan import Compare, Grade, Scan
from connections.contract.table import FLOATS, INTEGERS, Column, Table, Type
from connections.contract.unsayable import read_value
from connections.engine.budget import Limits
from connections.engine.nodes import Read, all_of, fn
from connections.engine.prepared import gives_rows
from connections.engine.rows_plan import POSITION, row_plan
from connections.engine.session import EngineSession, Foreseen
from connections.engine.sql_expressions import aliased
from connections.engine.sql_lower import lowered, native
from connections.engine.sql_nodes import Bound, Cell, Given, Output, Slot
from connections.engine.sql_plan import Plan

SERVERS = ("postgresql", "mysql")
PAGE = 2000  # rows of one page of a database
WIDE = Limits(source_calls=10**9, source_rows=10**12, source_memory=1024)
KEYSET_TYPES = INTEGERS | {Type.GUID, Type.DATE, Type.TIMESTAMP, Type.DECIMAL}
# Texts that a database compares with a given one as it sorts them, by the column's own collation: no blanks that it fills up, no labels.
KEYSET_TEXTS = {
    "postgresql": re.compile(r"text|(character varying|varchar)(\(\d+\))?"),
    "mysql": re.compile(r"(tiny|medium|long)?text|(var)?char\(\d+\)"),
    "sqlite": re.compile(r"(.*char.*|text|clob)(\(\d+\))?"),
}
Rows = Sequence[Sequence[Any]]
PLACE = Column("place", Type.STRING, is_nullable=False)


@dataclass(frozen=True, slots=True)
class Piece:
    """Which rows are read. Columns are the source table's; an empty piece is everything."""

    floor: tuple[tuple[str, Any], ...] = ()  # no row below these values is read at all, and none without one
    nulls_of: str = ""  # only rows without a value of this column
    low: tuple[tuple[str, Any], ...] = ()  # one of these columns is at or above its value
    high: tuple[str, Any] | None = None  # the column is below the value
    has_nulls: bool = False  # and rows whose column of `low` is null
    since: int | None = None  # written by this transaction of the source, or a later one
    is_old: bool = False  # the rest of `low`: what is below it, or null
    after: tuple[Any, ...] = ()  # behind this key
    until: tuple[Any, ...] = ()  # not behind this key
    keys: tuple[tuple[Any, ...], ...] = ()  # of these keys
    by_key: bool = False  # in the order of the key
    sorted_by: str = ""  # in the order of this column, null first
    place: str | None = (
        None  # of a service: each row ends with its place in the source's own order, and rows behind this one are read; '' = all
    )
    only: tuple[str, ...] = ()  # columns that are read instead of the statement's
    limit: int | None = None


@dataclass(slots=True)
class Reading:
    """A statement bound to its source. `table` None: its rows are no rows of one table, `reason` says why."""

    bound: Bound
    columns: tuple[Column, ...]  # as the statement names them
    table: Table | None = None
    alias: str = ""
    reason: str = ""
    key: tuple[str, ...] = ()  # columns of the table that name a row, all of them shown
    places: dict[str, int] = field(default_factory=dict)  # column of the table -> its place among `columns`
    hidden: tuple[str, ...] = ()  # columns of the table that are read behind `columns`

    @property
    def session(self) -> Any:
        """Return the session of the first table; None of a statement without tables."""
        return next((found.session for found in self.bound.tables.values()), None)

    @property
    def is_sql(self) -> bool:
        """Claim that one database runs the statement as it is, over one state of it."""
        sessions = {id(found.session) for found in self.bound.tables.values()}
        dialect = getattr(self.session, "dialect", None)
        return len(sessions) == 1 and dialect is not None and not gives_rows(dialect)

    @property
    def is_server(self) -> bool:
        """Claim that the database has a process of its own, which works beside this one."""
        return self.is_sql and self.session.dialect.name in SERVERS

    @property
    def commits(self) -> Commits | None:
        """Return how the source tells which transaction wrote a row, where it does."""
        is_table = self.table is not None and self.table.kind == "table"
        return self.session.dialect.commits if self.is_sql and is_table else None

    @property
    def has_keyset(self) -> bool:
        """Claim that reading can go on behind a key."""
        return bool(self.table and self.key) and self.is_sql and all(self.shows_place(self.column(name)) for name in self.key)

    def shows_place(self, column: Column) -> bool:
        """Claim that the source sorts by a column as it compares it with a value."""
        texts = KEYSET_TEXTS.get(self.session.dialect.name)
        if column.type == Type.STRING and not column.is_collection and texts is not None:
            return texts.fullmatch(column.native_type.lower()) is not None
        return column.type in KEYSET_TYPES

    @property
    def has_text_key(self) -> bool:
        """Claim that only the source knows which of two keys comes first."""
        return any(self.column(name).type == Type.STRING for name in self.key)

    def column(self, name: str) -> Column:
        """Return a column of the table."""
        assert self.table is not None
        return self.table.by_name[name]

    def named(self, name: str) -> str | None:
        """Return the table's column that a person means: by its name there, or as the statement calls it."""
        if self.table is None:
            return None
        shown = {self.columns[place].name.lower(): column for column, place in self.places.items()}
        return {column.name.lower(): column.name for column in self.table.columns}.get(name.lower(), shown.get(name.lower()))

    def place(self, name: str) -> int:
        """Return where a column of the table stands in the rows."""
        return self.places[name] if name in self.places else len(self.columns) + self.hidden.index(name)

    def with_hidden(self, names: Sequence[str]) -> Reading:
        """Return the reading with columns of the table behind its own, where it does not show them."""
        return replace(self, hidden=tuple(name for name in names if name not in self.places))

    def can_filter(self, name: str) -> bool:
        """Claim that the source itself gives only what is newer by this column; nothing is asked."""
        if self.table is None:
            return False
        if self.is_sql:
            return True
        column = self.column(name)
        asked = Scan(self.table, tuple(self.key or (name,)), (Compare(name, "ge", sample(column)),))
        return bool(self.session.rows.offer(asked).grades[0] is not Grade.NO)

    # ---- reading ----

    def pages(self, piece: Piece = Piece()) -> Iterator[Rows]:
        """Give rows as contract values, page by page; closing the iterator stops the source."""
        with told_of(SOURCE):
            yield from self._pages(piece)

    def _pages(self, piece: Piece) -> Iterator[Rows]:
        bound = self.piece(piece)
        if self.is_sql:
            try:
                statement = native(bound, self.session.dialect)
            except NotSupported:
                yield from Plan(bound, WIDE).batches()
                return
            yield from read_sql(self.session, statement)
            return
        self.refuse_part()
        plan = self.row_plan(bound)
        if plan is None:
            yield from Plan(bound, WIDE).batches()
            return
        result = self.session.select(plan, [slot.value for slot in bound.slots])
        # In the order of a column each page is asked for anew: nobody wants the one behind it.
        batches = result.batches if piece.sorted_by else ahead_of(self.session.rows, result.batches)
        with closing(result), closing(batches):
            yield from batches

    def foreseen(self, piece: Piece) -> Foreseen | None:
        """Return how the rows of a piece of one table of a service would come; None where they don't come as they are read."""
        bound = self.piece(piece)
        plan = None if self.is_sql else self.row_plan(bound)
        if plan is None:
            return None
        with told_of(SOURCE):
            found: Foreseen = self.session.foreseen(plan, [slot.value for slot in bound.slots])
        return found

    def refuse_part(self) -> None:
        """Raise where the source can't give the whole table: what is missing would be taken for deleted."""
        for found in self.bound.tables.values():
            if found.table.partial:
                raise Incomplete(
                    f"{found.table.ref} can't be read to its end: {found.table.partial.rstrip('.')}.", hint="It can't be replicated."
                )

    def row_plan(self, bound: Bound) -> Any:
        """Return how one table of a source that gives rows is read as its rows come; None where that can't be."""
        if self.table is None or not isinstance(self.session, EngineSession):
            return None
        try:
            tree = cast(exp.Select, lowered(bound.tree, bound.slots, self.session.dialect))
            tree.set("expressions", [item.unalias() for item in tree.expressions])
            return row_plan(tree)
        except NotSupported:
            return None

    def count(self, piece: Piece = Piece()) -> int | None:
        """Return the number of rows of a piece, where the source tells it at little cost."""
        if self.table is None or not self.is_sql:
            return None
        return int(self.one(fn("count_rows"), Column("n", Type.INT64), piece))

    def extreme(self, which: str, name: str) -> Any:
        """Return the least (`min`) or the greatest (`max`) value of a column, None of an empty table."""
        suffix = "_text" if self.column(name).type == Type.STRING else ""  # by code point, as it is compared
        return self.one(fn(which + suffix, self.cell(name)), self.column(name), Piece())

    def one(self, tree: exp.Expression, column: Column, piece: Piece) -> Any:
        """Return the one value that a database computes over the rows of a piece."""
        bound = self.piece(piece)
        whole = bound.tree
        whole.set("expressions", [aliased(tree, 1)])
        whole.set("order", None)
        statement = native(replace(bound, outputs=(Output("n", column),)), self.session.dialect)
        with told_of(SOURCE):
            ((value,),) = (row for page in read_sql(self.session, statement) for row in page)
        return value

    def key_at(self, piece: Piece, number: int) -> tuple[Any, ...]:
        """Return the key of the row of that number, from 1 on, in the order of the key; () where there are fewer."""
        bound = self.piece(replace(piece, by_key=True, only=self.key, limit=1))
        slots = list(bound.slots)
        bound.tree.set("offset", exp.Offset(expression=given(slots, number - 1, Column("", Type.INT64))))
        statement = native(replace(bound, slots=tuple(slots)), self.session.dialect)
        with told_of(SOURCE):
            return next((tuple(row) for page in read_sql(self.session, statement) for row in page), ())

    def running(self) -> int | None:
        """Return the oldest transaction of the source that has not ended; None where it does not tell."""
        if self.commits is None:
            return None
        with told_of(SOURCE):
            result = self.session.query(f"SELECT {self.commits.running}", ())
            try:
                return int(next(row[0] for batch in result.batches for row in batch))
            finally:
                result.close()

    # ---- trees ----

    def cell(self, name: str) -> Cell:
        """Return a column of the table."""
        return Cell(table=self.alias, name=name, column=self.column(name))

    def piece(self, piece: Piece) -> Bound:
        """Return the statement for a part of its rows."""
        if self.table is None:
            return self.bound
        tree, slots = self.bound.tree.copy(), list(self.bound.slots)
        outputs = list(self.bound.outputs)
        added = list(piece.only or self.hidden)
        if piece.only:
            tree.set("expressions", [])
            outputs = []
        for name in added:
            outputs.append(Output(name, self.column(name)))
            tree.append("expressions", aliased(self.cell(name), len(outputs)))
        if piece.place is not None:
            outputs.append(Output("place", PLACE))
            tree.append("expressions", aliased(fn(POSITION), len(outputs)))
        conditions = self.conditions(piece, slots)
        if conditions:
            cast(exp.Select, tree).where(all_of(conditions), copy=False)
        if piece.by_key:
            tree.set("order", exp.Order(expressions=[fn("asc", self.cell(name)) for name in self.key]))
        elif piece.sorted_by:
            column = self.column(piece.sorted_by)
            key = fn("asc_nullable" if column.is_nullable else "asc", self.cell(piece.sorted_by))
            tree.set("order", exp.Order(expressions=[key]))
        elif self.is_sql or piece.place is not None:
            tree.set("order", None)
        if piece.limit is not None:
            tree.set("limit", exp.Limit(expression=given(slots, piece.limit, Column("", Type.INT64))))
        return replace(self.bound, tree=tree, outputs=tuple(outputs), slots=tuple(slots))

    def conditions(self, piece: Piece, slots: list[Slot]) -> list[exp.Expression]:
        """Return what rows of the piece meet."""
        found: list[exp.Expression] = [self.compared("ge", name, value, slots) for name, value in piece.floor]
        if piece.nulls_of:
            found.append(fn("is_null", self.cell(piece.nulls_of)))
        if piece.low and piece.is_old:
            found += [
                fn("or", self.compared("lt", name, value, slots), fn("is_null", self.cell(name)))
                if self.column(name).is_nullable
                else self.compared("lt", name, value, slots)
                for name, value in piece.low
            ]
        elif piece.low:
            newer: list[exp.Expression] = [self.compared("ge", name, value, slots) for name, value in piece.low]
            if piece.has_nulls:
                newer += [fn("is_null", self.cell(name)) for name, _ in piece.low if self.column(name).is_nullable]
            found.append(fn("or", *newer) if len(newer) > 1 else newer[0])
        if piece.high is not None:
            found.append(self.compared("lt", *piece.high, slots))
        found += self.written(piece.since)
        if piece.after:
            found.append(self.behind(self.key, piece.after, slots))
        if piece.until:
            found.append(fn("not", self.behind(self.key, piece.until, slots)))
        if piece.place:
            found.append(fn("gt", fn(POSITION), given(slots, piece.place, PLACE)))
        if piece.keys:
            found.append(self.among(piece.keys, slots))
        return found

    def written(self, since: int | None) -> list[exp.Expression]:
        """Return what is true of rows that this transaction or a later one wrote."""
        if since is None or self.commits is None:
            return []
        old = self.commits.before.replace("{1}", str(int(since)))
        old = old.replace("%", "%%") if self.session.dialect.doubles_percent else old
        return [fn("not", Read(table=self.alias, column=self.commits.column, template=f"({old})"))]

    def compared(self, operator: str, name: str, value: Any, slots: list[Slot]) -> exp.Expression:
        """Return a comparison of a column with a value."""
        column = self.column(name)
        suffix = "_text" if column.type == Type.STRING else "_float" if column.type in FLOATS else ""
        return fn(operator + suffix, self.cell(name), given(slots, value, column))

    def behind(self, names: Sequence[str], values: Sequence[Any], slots: list[Slot]) -> exp.Expression:
        """Return what is true of rows behind a key; texts are compared as the source sorts them, by no other collation."""
        column = self.column(names[0])
        first = fn("gt", self.cell(names[0]), given(slots, values[0], column))
        if len(names) == 1:
            return first
        same = fn("eq", self.cell(names[0]), given(slots, values[0], column))
        return fn("or", first, fn("and", same, self.behind(names[1:], values[1:], slots)))

    def among(self, keys: Sequence[Sequence[Any]], slots: list[Slot]) -> exp.Expression:
        """Return what is true of rows of these keys."""
        rows = [
            all_of([self.compared("eq", name, value, slots) for name, value in zip(self.key, values, strict=True)]) or exp.true()
            for values in keys
        ]
        return fn("or", *rows) if len(rows) > 1 else rows[0]


def given(slots: list[Slot], value: Any, column: Column) -> Given:
    """Return a value of the statement."""
    slots.append(Slot(value, column))
    return Given(number=len(slots) - 1)


def read_sql(session: Any, statement: Any) -> Iterator[Rows]:
    """Give the rows of a database as contract values."""
    decoders = [(place, decode) for place, decode in enumerate(statement.decoders) if decode is not None]
    result = session.query(statement.sql, statement.binds, batch_size=PAGE, stream=True)
    try:
        for page in result.batches:
            if not decoders:
                yield page
                continue
            rows = [list(row) for row in page]
            for place, decode in decoders:
                for row in rows:
                    if row[place] is not None:
                        row[place] = read_value(decode, row[place])
            yield rows
    finally:
        result.close()
