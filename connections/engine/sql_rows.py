"""A SQL session as one that gives rows: what joins over several connections read a database by. Everything is pushed down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlglot import exp

from connections.contract.connector import Session
from connections.contract.dialect import Dialect
from connections.contract.errors import NotSupported
from connections.contract.scan import AllOf, AnyOf, Batch, Grade, Not, Offer, Order, Other, Predicate, Scan
from connections.contract.table import FLOATS, Column, Table, TableInfo, TableRef, Type
from connections.contract.unsayable import read_value
from connections.engine.nodes import Bind, Read, all_of, fn, select, table
from connections.engine.predicates import contains_other
from connections.engine.printer import print_statement

ALIAS = "t"
PAGE = 1000
SUFFIXED = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})


class SqlRows:
    """Reads the tables of a SQL session scan by scan."""

    dialect: None = None

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sql: Dialect = session.dialect

    def list_tables(self) -> list[TableInfo]:
        """Return the tables of the database."""
        return self._session.list_tables()

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables as they are now."""
        return self._session.describe(refs)

    def offer(self, scan: Scan) -> Offer:
        """Take all that the dialect compares as the contract does."""
        grades = tuple(self.grade(scan.table, item) for item in scan.where)
        is_whole = all(grade is Grade.EXACT for grade in grades)
        line = self.explain(scan, grades)
        return Offer(scan, grades, takes_order=True, takes_limit=is_whole, takes_count=is_whole, calls=1, explain=line)

    def grade(self, asked: Table, item: Predicate) -> Grade:
        """Return EXACT for what can be printed and means the same here."""
        if isinstance(item, AllOf | AnyOf):
            return min((self.grade(asked, part) for part in item.items), default=Grade.EXACT)
        if isinstance(item, Not):
            return self.grade(asked, item.item)
        if isinstance(item, Other) or contains_other(item):
            return Grade.NO
        kind = asked.by_name[item.column].type
        # SQLite keeps decimals as doubles: only the engine compares them by their digits.
        is_rough = kind is Type.DURATION or (kind is Type.DECIMAL and self._sql.name == "sqlite")
        return Grade.NO if is_rough and item.operator not in ("is_null", "is_not_null") else Grade.EXACT

    def explain(self, scan: Scan, grades: Sequence[Grade]) -> tuple[str, ...]:
        """Return the statement without its values."""
        return (print_statement(self.tree(scan, grades, [], Page()), self._sql).sql,)

    def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
        """Give the rows in batches; `resume` is the number of rows that were given."""
        scan, binds = offer.scan, []  # type: tuple[Scan, list[Any]]
        page = Page(scan.limit, scan.offset) if offer.takes_limit else Page()
        passed = int(resume or 0)
        page = Page(None if page.limit is None else page.limit - passed, page.offset + passed)
        statement = print_statement(self.tree(scan, offer.grades, binds, page), self._sql)
        decoders = [self._sql.decode(scan.table.by_name[name]) for name in scan.columns]
        result = self._session.query(statement.sql, [binds[slot] for slot in statement.slots], batch_size=PAGE, stream=True)
        try:
            for raw in result.batches:
                rows = [tuple(read_value(decode, value) for decode, value in zip(decoders, row, strict=True)) for row in raw]
                passed += len(rows)
                yield Batch(rows, str(passed))
        finally:
            result.close()

    def count(self, offer: Offer) -> int:
        """Return the number of rows."""
        binds: list[Any] = []
        tree = select([fn("count_rows")], table(offer.scan.table.ref.schema, offer.scan.table.ref.name, ALIAS))
        self.add_where(tree, offer.scan, offer.grades, binds)
        statement = print_statement(tree, self._sql)
        result = self._session.query(statement.sql, [binds[slot] for slot in statement.slots])
        try:
            return next(int(row[0]) for batch in result.batches for row in batch)
        finally:
            result.close()

    # ---- trees ----

    def tree(self, scan: Scan, grades: Sequence[Grade], binds: list[Any], page: Page) -> exp.Select:
        """Return the SELECT of a scan; its values are put into `binds`."""
        ref = scan.table.ref
        found = select([self.column(scan.table.by_name[name]) for name in scan.columns], table(ref.schema, ref.name, ALIAS))
        self.add_where(found, scan, grades, binds)
        keys = [Order(name) for name in scan.table.primary_key if all(name != key.column for key in scan.order)]
        if scan.order or keys:
            found.set("order", exp.Order(expressions=[self.key(scan.table, key) for key in (*scan.order, *keys)]))
        if page.limit is not None or page.offset:
            most = 2**62 if page.limit is None else page.limit
            found.set("limit", exp.Limit(expression=bound(binds, most, "{0}")))
        if page.offset:
            found.set("offset", exp.Offset(expression=bound(binds, page.offset, "{0}")))
        return found

    def add_where(self, tree: exp.Select, scan: Scan, grades: Sequence[Grade], binds: list[Any]) -> None:
        """Add what was taken."""
        taken = [item for item, grade in zip(scan.where, grades, strict=True) if grade is not Grade.NO]
        if taken:
            tree.where(all_of([self.condition(scan.table, item, binds) for item in taken]), copy=False)

    def condition(self, asked: Table, item: Predicate, binds: list[Any]) -> exp.Expression:
        """Return a predicate as a condition of our tree."""
        if isinstance(item, AllOf | AnyOf):
            parts = [self.condition(asked, part, binds) for part in item.items]
            return fn("and" if isinstance(item, AllOf) else "or", *parts) if len(parts) > 1 else parts[0]
        if isinstance(item, Not):
            return fn("not", self.condition(asked, item.item, binds))
        if isinstance(item, Other):
            raise NotSupported("This condition can't be asked of the database.")
        column = asked.by_name[item.column]
        if item.operator in ("is_null", "is_not_null"):
            return fn(item.operator, self.column(column))
        values = item.value if item.operator == "in" else (item.value,)
        marks = [bound(binds, self.encoded(column, value), self._sql.bind(column)) for value in values]
        return fn(self.operator(column, item.operator), self.column(column), *marks)

    def operator(self, column: Column, name: str) -> str:
        """Return our function of an operator for a type."""
        if name == "in" and column.type is Type.STRING and "in_text" in self._sql.functions:
            return "in_text"
        if name not in SUFFIXED:
            return name
        if column.type is Type.STRING:
            return f"{name}_text"
        return f"{name}_float" if column.type in FLOATS and f"{name}_float" in self._sql.functions else name

    def key(self, asked: Table, order: Order) -> exp.Expression:
        """Return one item of ORDER BY; null is lowest."""
        column = asked.by_name[order.column]
        tree: exp.Expression = self.column(column)
        tree = fn("order_text", tree) if column.type is Type.STRING else tree
        return fn(("desc" if order.is_descending else "asc") + ("_nullable" if column.is_nullable else ""), tree)

    def column(self, column: Column) -> Read:
        """Return a column, read exactly."""
        template = self._sql.select(column)
        return Read(table=ALIAS, column=column.name, template=template.replace("%", "%%") if self._sql.doubles_percent else template)

    def encoded(self, column: Column, value: Any) -> Any:
        """Return the driver's value."""
        encode = self._sql.encode(column)
        return value if encode is None else encode(value)

    # ---- changes ----

    def insert(self, asked: Table, values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any]:
        """Refuse: databases are written by their own statements."""
        raise NotSupported("Rows of a database are not written this way.")

    def update(self, asked: Table, key: Mapping[str, Any], values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any] | None:
        """Refuse: databases are written by their own statements."""
        raise NotSupported("Rows of a database are not written this way.")

    def delete(self, asked: Table, key: Mapping[str, Any], *, idempotency: str) -> bool:
        """Refuse: databases are written by their own statements."""
        raise NotSupported("Rows of a database are not written this way.")

    def close(self) -> None:
        """Leave the session to its owner."""


class Page:
    """Which rows of a scan the database gives."""

    def __init__(self, limit: int | None = None, offset: int = 0) -> None:
        self.limit = limit
        self.offset = offset


def bound(binds: list[Any], value: Any, template: str) -> Bind:
    """Return a mark for the value."""
    binds.append(value)
    return Bind(slot=len(binds) - 1, template=template)
