"""The protocols a source implements: Connector (a kind of source) and Session (one opened connection; RowSession where it takes no SQL)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from connections.contract.context import NONE, Context
from connections.contract.dialect import Dialect
from connections.contract.property import Property
from connections.contract.scan import RowSession
from connections.contract.table import Column, Table, TableInfo, TableRef


@dataclass(frozen=True, slots=True)
class TestStep:
    """One named step of Save & Test: resolve, connect, tls, sign_in, list_tables."""

    __test__: ClassVar[bool] = False

    name: str
    ok: bool
    seconds: float
    message: str = ""  # what was found or what failed, safe to show
    hint: str = ""  # what to try


@dataclass(frozen=True, slots=True)
class Result:
    """Rows of a statement, as they come. `close` must be called; iterating to the end also releases the connection."""

    names: Callable[[], tuple[str, ...]]  # of the columns; asked for while rows are left or right after them
    batches: Iterator[Sequence[Sequence[Any]]]  # lists of row tuples, raw values of the driver
    close: Callable[[], None] = field(default=lambda: None)


class Session(Protocol):
    """One stored connection in use that takes SQL: thread-safe, holds the pool, lives until the connection changes."""

    dialect: Dialect

    def list_tables(self) -> list[TableInfo]:
        """Return every table and view that the signed-in user may read, sorted by schema and name."""

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables with exact types, keys and relations; raise TableGone for a missing one."""

    def describe_select(self, sql: str) -> tuple[Column, ...]:
        """Return the columns of a SELECT, names as the source gives them; `sql` is engine.view_sql's."""

    def query(self, sql: str, binds: Sequence[Any], *, batch_size: int = 1000, stream: bool = False) -> Result:
        """Run one reading statement in a read-only transaction. `sql` uses the dialect's own bind marks.

        With `stream` the rows stay at the source and the connection stays in use until `close` or the last batch.
        """

    def write(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> list[Written]:
        """Run writing statements in one transaction, commit when all succeed, else roll back and raise."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Return a context manager giving a Transaction: reads and writes that commit or roll back together."""

    def close(self) -> None:
        """Release the pool."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a writing statement did: rows matched, rows of RETURNING (driver values), last generated key."""

    row_count: int
    rows: tuple[tuple[Any, ...], ...] = ()
    last_id: int | None = None


class Transaction(Protocol):
    """Statements inside one transaction of the source."""

    def execute(self, sql: str, binds: Sequence[Any]) -> Written:
        """Run one statement; rows are fetched whole (only use it for few rows)."""


class Connector(Protocol):
    """A kind of source: declarations first."""

    key: ClassVar[str]  # "postgresql"
    label: ClassVar[str]  # "PostgreSQL"
    description: ClassVar[str]  # one sentence for the gallery
    properties: ClassVar[tuple[Property, ...]]
    url_schemes: ClassVar[tuple[str, ...]]  # pasted addresses it understands: ("postgres", "postgresql")

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values typed and with defaults; raise InvalidProperties (an unknown name tells the nearest)."""

    def from_url(self, url: str) -> dict[str, Any]:
        """Return the properties that a pasted address holds."""

    def test(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> list[TestStep]:
        """Run the named steps; stop at the first that fails. Never raises for a source's failure."""

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> Session | RowSession:
        """Return a session; connects lazily."""

    # A connector of files that may be uploaded has also `takes_uploads`, the endings of their names in capitals.
    # A connector whose connections may sign in by OAuth 2.0 has also `oauth(values, *, context=NONE) -> OAuthService | None`
    # (contract/context.py). It takes values that `clean` has not seen and that may be incomplete: None = these sign in otherwise.

    # A connector whose driver is an optional install has also `extra`, the name of its extra in pyproject.toml, and
    # `missing_driver() -> str | None`, the module that can't be found (None = it is installed). Asking imports no driver.

    # What the gallery shows: `category` (one of CATEGORIES below; without it OTHERS), and `is_destination` where rows can be written to
    # tables that are made there. Its `loading` is the Loading that writes them, which tells limits of names without a connection; one
    # whose rows go through dlt has `missing_loader() -> str` instead, the command that installs that. With `for_administrators` only
    # they make and change such connections.

    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Return why these properties may not be used (they reach the product's own database or broker), or ''."""


def install_line(connector: Connector) -> str:
    """Return the command that installs a connector's missing driver, '' where nothing is missing."""
    missing = getattr(connector, "missing_driver", None)
    return f'pip install ".[{getattr(connector, "extra", "")}]"' if missing and missing() else ""


CATEGORIES = DATABASES, SAAS, FILES, APIS, OTHERS = ("Databases", "SaaS", "Files", "APIs", "Others")
