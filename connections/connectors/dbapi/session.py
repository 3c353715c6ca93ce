"""A database behind a DB-API driver (PEP 249) as a source that gives rows: scans become one SELECT each, changes one statement."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar, Protocol

from connections.connectors.dbapi.describing import Describing, Fetch
from connections.connectors.dbapi.errors import is_lost
from connections.connectors.dbapi.paging import Page, has_held_key, pages_of, position
from connections.connectors.dbapi.printing import Printer, Statement
from connections.connectors.dbapi.rules import Catalog, Rules
from connections.connectors.dbapi.values import reader
from connections.connectors.sql.pool import Pool, Pooled
from connections.contract.errors import ConnectorError, NotSupported, SourceRejected
from connections.contract.scan import Batch, Grade, Offer, Scan
from connections.contract.table import Table, TableInfo, TableRef
from connections.contract.unsayable import read_value

BATCH = 1000


class Database(Protocol):
    """What a session asks of the connector that opened it."""

    rules: ClassVar[Rules]
    catalog: ClassVar[Catalog]

    def connect(self, values: Mapping[str, Any], *, is_writer: bool) -> Any:
        """Return an open connection of the driver."""

    def places(self, values: Mapping[str, Any], quote: Callable[[str], str]) -> dict[str, str]:
        """Return names that queries of the catalog stand in."""

    def own_schemas(self, values: Mapping[str, Any]) -> set[str]:
        """Return the schemas that a property narrows the tables to."""

    def translate(self, error: Exception) -> ConnectorError:
        """Return the error in the contract's words."""

    def is_current(self, connection: Any) -> bool:
        """Claim that the connection still belongs to the source that the properties name."""

    def unreached(self, error: Exception) -> ConnectorError:
        """Return why there is no connection."""

    def execute(self, cursor: Any, sql: str, binds: Sequence[Any], values: Mapping[str, Any]) -> None:
        """Run a statement."""

    def end(self, cursor: Any) -> None:
        """Stop a statement whose rows are not wanted any more."""

    def key_lines(self, fetch: Fetch, refs: Sequence[TableRef], describing: Describing) -> list[Sequence[Any]]:
        """Return the lines of the catalog that tell keys."""

    def changed(self, cursor: Any) -> int:
        """Return how many rows the statement changed."""

    def told(self, cursor: Any, table: Table, values: Mapping[str, Any], printer: Printer) -> Sequence[Any] | None:
        """Return the key of the row that was made; None where the database does not tell it."""


class DbapiSession:
    """One database in use. Thread-safe; connects lazily."""

    dialect: None = None

    def __init__(
        self,
        database: Database,
        values: Mapping[str, Any],
        *,
        zone: dt.tzinfo,
        catalog: str = "",
        read_only: bool = False,
        keeps_idle: bool = True,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._values, self._zone = database, values, zone
        self._is_read_only, self._keeps_idle, self._on_close = read_only, keeps_idle, on_close
        self._printer = Printer(database.rules, zone, catalog)
        self._describing = Describing(database, self._printer, values)
        size, wait = values["MaxConnections"], values["ConnectTimeout"]
        self._readers = Pool(lambda: database.connect(values, is_writer=False), database.unreached, size=size, wait=wait)
        self._writers = Pool(lambda: database.connect(values, is_writer=True), database.unreached, size=size, wait=wait)

    # ---- tables ----

    def list_tables(self) -> list[TableInfo]:
        """Return every table and view that the user may read."""
        return self._describing.list_tables(self.fetch)

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables as they are now."""
        return self._describing.describe(self.fetch, refs)

    def fetch(self, sql: str, binds: Sequence[Any] = ()) -> list[Sequence[Any]]:
        """Return all rows of a short statement."""
        made = Statement(list(binds), sql)
        return [row for batch in self._batches(made) for row in batch]

    # ---- rows ----

    def offer(self, scan: Scan) -> Offer:
        """Take all that the database does as OData has it."""
        grades = tuple(self._printer.grade(scan.table, item) for item in scan.where)
        is_whole = all(grade is Grade.EXACT for grade in grades)
        takes_order = all(self._printer.rules.can_order(scan.table.by_name[item.column]) for item in scan.order)
        offer = Offer(scan, grades, takes_order=takes_order, takes_limit=is_whole and takes_order, takes_count=is_whole, calls=1)
        is_paged = not (scan.order and takes_order) and scan.limit is None and has_held_key(self._printer.rules, scan)
        offer = replace(offer, is_steady=is_paged, is_snapshot=not is_paged)  # pages behind keys, or one statement
        made = self._printer.count(scan, grades) if scan.wants_count else self._first(offer)
        return replace(offer, explain=made.finish(self._printer.rules)[:1])

    def _first(self, offer: Offer) -> Statement:
        return self._statement(offer, next(iter(pages_of(self._printer.rules, offer, None))))

    def _statement(self, offer: Offer, page: Page) -> Statement:
        return self._printer.select(
            offer.scan, offer.grades, columns=page.columns, order=page.order, behind=page.behind, limit=page.limit, offset=page.offset
        )

    def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
        """Give the rows: where a key holds, page behind page, else by one statement."""
        scan = offer.scan
        pages = pages_of(self._printer.rules, offer, None if resume is None else json.loads(resume))
        page = next(pages)
        while True:
            has_infinity = self._database.rules.has_infinity
            readers = [reader(scan.table.by_name[name], self._zone, has_infinity=has_infinity) for name in page.columns]
            count = 0
            row: tuple[Any, ...] = ()
            for raw in self._batches(self._statement(offer, page)):
                rows = [tuple(read_value(take, value) for take, value in zip(readers, line, strict=True)) for line in raw]
                count += len(rows)
                row = rows[-1]
                yield Batch([line[: len(scan.columns)] for line in rows], json.dumps(position(scan.table, page, row, count)))
            if page.limit is None or count < page.limit or not page.goes_on:
                return
            page = pages.send(position(scan.table, page, row, count))

    def _batches(self, made: Statement) -> Iterator[list[Sequence[Any]]]:
        sql, binds = made.finish(self._printer.rules)
        connection, cursor = self._started(sql, binds)
        try:
            while rows := cursor.fetchmany(BATCH):
                yield rows
        except GeneratorExit:
            raise
        except Exception as error:
            connection.invalidate()
            raise self._database.translate(error) from error
        finally:
            self._give_back(connection, cursor)

    def _started(self, sql: str, binds: Sequence[Any]) -> tuple[Pooled, Any]:
        """Return a connection and a cursor whose statement runs; a connection that died in the pool is replaced once."""
        connection = self._readers.borrow()
        try:
            if self._database.is_current(connection.dbapi_connection):
                return connection, self._execute(connection, sql, binds)
        except Exception as error:
            connection.invalidate()
            if not is_lost(error):
                raise self._database.translate(error) from error
        connection.invalidate()
        self._readers.forget()
        connection = self._readers.borrow()
        try:
            return connection, self._execute(connection, sql, binds)
        except Exception as error:
            connection.invalidate()
            raise self._database.translate(error) from error

    def _execute(self, connection: Pooled, sql: str, binds: Sequence[Any]) -> Any:
        cursor = connection.cursor()
        self._database.execute(cursor, sql, binds, self._values)
        return cursor

    def _give_back(self, connection: Pooled, cursor: Any) -> None:
        if not connection.is_valid:
            return
        try:
            self._database.end(cursor)
        except Exception:  # noqa: BLE001 a statement that can't be stopped goes with its connection
            connection.invalidate()
        if self._keeps_idle:
            connection.close()
        else:
            connection.invalidate()

    def count(self, offer: Offer) -> int:
        """Return the number of rows."""
        rows = [row for batch in self._batches(self._printer.count(offer.scan, offer.grades)) for row in batch]
        return int(rows[0][0])

    # ---- changes ----

    def insert(self, table: Table, values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any]:
        """Create a row; a key that the database made is told where it tells it."""
        self._refuse("insert", table)
        with self._changing() as cursor:
            self._run(cursor, self._printer.insert(table, values))
            told = self._database.told(cursor, table, values, self._printer)
        if told is None:
            return {name: value for name, value in values.items() if name in table.primary_key}
        columns = [table.by_name[name] for name in table.primary_key]
        return {column.name: reader(column, self._zone)(value) for column, value in zip(columns, told, strict=True)}

    def update(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any] | None:
        """Change columns of the row of a key."""
        self._refuse("update", table)
        with self._changing() as cursor:
            found = self._changed(cursor, self._printer.update(table, key, values))
        return dict(key) if found else None

    def delete(self, table: Table, key: Mapping[str, Any], *, idempotency: str) -> bool:
        """Remove the row of a key."""
        self._refuse("delete", table)
        with self._changing() as cursor:
            return self._changed(cursor, self._printer.delete(table, key))

    def _refuse(self, verb: str, table: Table) -> None:
        if self._is_read_only:
            raise SourceRejected("The connection is read-only.", hint="Change it in the connection's settings.")
        if verb not in table.writes:
            raise NotSupported(f"This source can't {verb} rows of {table.ref}.", hint="Write to the database itself.")

    def _changed(self, cursor: Any, made: Statement) -> bool:
        self._run(cursor, made)
        count = self._database.changed(cursor)
        if count > 1:  # a key that does not hold: nothing is changed
            raise SourceRejected("More than one row has this key.", hint="Publish the table with a key that is unique.")
        return bool(count)

    def _run(self, cursor: Any, made: Statement) -> None:
        sql, binds = made.finish(self._printer.rules)
        self._database.execute(cursor, sql, binds, self._values)

    @contextmanager
    def _changing(self) -> Iterator[Any]:
        """Give a cursor whose statements are committed at the end of the block, and taken back when it raises."""
        connection = self._writers.borrow()
        try:
            cursor = connection.cursor()
            yield cursor
            connection.dbapi_connection.commit()
            cursor.close()
        except Exception as error:
            connection.invalidate()  # ends the transaction
            raise self._database.translate(error) from error
        if self._keeps_idle:
            connection.close()
        else:
            connection.invalidate()

    def close(self) -> None:
        """Close the connections."""
        self._readers.close()
        self._writers.close()
        self._on_close()
