"""The seam to the reader: questions made from one exchange, statements noted for the request log."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from apiserver.odata import nodes, reader, replicated
from apiserver.odata.binder import Binder
from apiserver.odata.etag import etag_names, has_etag
from apiserver.odata.kept import KeptSession
from apiserver.odata.payload import selected_names
from apiserver.odata.reader_plan import Question, bound
from apiserver.odata.row_fetch import fetch_rows
from apiserver.odata.service import Exchange
from apiserver.odata.straight import StraightMaker, is_straight
from apiserver.odata.writer_sql import ALIAS, Condition, Row, TableSql
from apiserver.resources.catalog import Catalog, PublishedResource
from apiserver.resources.remembered import remembered
from connections.contract.connector import Result, Session
from connections.contract.dialect import Dialect
from connections.engine.nodes import all_of
from connections.engine.prepared import gives_rows
from connections.engine.printer import print_statement
from connections.engine.rows_plan import RowPlan
from connections.engine.session import Selected


class NotedSession:
    """A session that notes the statements of one request in its log entry."""

    def __init__(self, session: Session, log: dict[str, Any]) -> None:
        self.dialect: Dialect = session.dialect
        self._session = session
        self._log = log

    def query(self, sql: str, binds: Sequence[Any], **options: Any) -> Result:
        """Note the statement and run it."""
        self._log["sql"] = f"{self._log['sql']};\n{sql}" if self._log.get("sql") else sql
        return self._session.query(sql, binds, **options)

    def select(self, plan: RowPlan, values: Sequence[Any], **options: Any) -> NotedRows:
        """Run a plan on a source that gives rows; what it was asked is noted when the rows are through."""
        return NotedRows(self._session.select(plan, values, **options), self._log)  # type: ignore[attr-defined]


class NotedRows:
    """Rows of a source, which notes what was asked of it in the log entry of the request."""

    def __init__(self, found: Selected, log: dict[str, Any]) -> None:
        self.batches = found.batches
        self._found = found
        self._log = log

    def close(self) -> None:
        """Stop reading."""
        self._found.close()
        asked = ";\n".join(self._found.explain)
        self._log["sql"] = f"{self._log['sql']};\n{asked}" if self._log.get("sql") and asked else asked or self._log.get("sql", "")


def question_of(exchange: Exchange, resource: PublishedResource, options: nodes.Options, where: Row) -> Question:
    """Return what is read: the options of the request within fixed source columns."""
    catalog = exchange.catalog
    if resource.replica is not None and exchange.method in ("GET", "HEAD"):
        catalog, resource = replicated.placed(exchange, resource, options)
    session: Any = NotedSession(exchange.context.session_for(resource.connection_id), exchange.context.log)
    if resource.kept_seconds and exchange.method in ("GET", "HEAD"):
        tell = partial(replicated.tell_kept, exchange)
        session = KeptSession(session, resource.connection_id, resource.kept_seconds, exchange.context.log, tell)
    return Question(session, catalog, resource, options, where, options.aliases)


@remembered
def needed_names(resource: PublishedResource, options: nodes.Options) -> tuple[str, ...]:
    """Return the properties to read: the selected ones, and what addresses and ETags are made of."""
    tags = etag_names(resource) if has_etag(resource) else ()
    return tuple(dict.fromkeys([*selected_names(resource, options), *resource.key, *tags]))


def read_set(exchange: Exchange, resource: PublishedResource, options: nodes.Options, where: Row | None, size: int) -> reader.SetResult:
    """Return a page of rows; `where` None = nothing is related."""
    question = question_of(exchange, resource, options, where or {})
    if where is None:
        return reader.SetResult([], 0 if options.count else None)
    straight = straight_maker(exchange, question)
    return reader.read_set(question, size=size, names=needed_names(resource, options), root=exchange.context.root, straight=straight)


def straight_maker(exchange: Exchange, question: Question) -> StraightMaker | None:
    """Return what makes JSON of the rows without decoding them; None where the answer is more than plain properties."""
    chosen, options = exchange.format, question.options
    if not is_straight(options, chosen.level, is_ieee754=chosen.is_ieee754, suffix=exchange.target.suffix):
        return None
    return StraightMaker(question.resource, options, question.dialect, has_control=chosen.level != "none")


def read_json(exchange: Exchange, resource: PublishedResource, options: nodes.Options, where: Row) -> dict[str, Any] | None:
    """Return the row that `where` names as a JSON object, or None. For answers of plain properties only."""
    question = question_of(exchange, resource, options, where)
    straight = straight_maker(exchange, question)
    return reader.read_one(question, names=needed_names(resource, options), root=exchange.context.root, straight=straight)


def read_one(exchange: Exchange, resource: PublishedResource, options: nodes.Options, where: Row) -> dict[str, Any] | None:
    """Return the row that `where` names, or None."""
    question = question_of(exchange, resource, options, where)
    return reader.read_one(question, names=needed_names(resource, options), root=exchange.context.root)


def count_rows(exchange: Exchange, resource: PublishedResource, options: nodes.Options, where: Row) -> int:
    """Return how many rows meet $filter and $search."""
    return reader.count_rows(question_of(exchange, resource, options, where))


def parent_row(exchange: Exchange, resource: PublishedResource, where: Row) -> Row | None:
    """Return a row on the way to another by source column, hidden ones too: relations may hang on these."""
    question = question_of(exchange, resource, nodes.Options(), where)
    resource, catalog = question.resource, question.catalog
    if gives_rows(question.dialect):
        return next(iter(fetch_rows(question.session, catalog, resource, where)), None)
    table = TableSql(resource, question.dialect)
    sql, binds = table.select(where, condition=filter_condition(catalog, resource, question.dialect))
    result = question.session.query(sql, binds)
    try:
        found = table.rows([line for batch in result.batches for line in batch])
    finally:
        result.close()
    return found[0] if found else None


def filter_condition(catalog: Catalog, resource: PublishedResource, dialect: Dialect) -> Condition | None:
    """Return the user's row filters of a resource as SQL over its table under ALIAS, or None."""
    if not resource.row_filters:
        return None
    binder = Binder(catalog, dialect, (), {})
    tree = all_of(binder.row_filters(resource, ALIAS))
    if tree is None:
        return None
    statement = print_statement(tree, dialect)
    values = [bound(slot, (), {}, dialect) for slot in binder.slots]
    return Condition(statement.sql, tuple(values[number] for number in statement.slots))
