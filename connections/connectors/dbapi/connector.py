"""What the databases behind a DB-API driver have in common: driver looked for, properties cleaned, named test steps, a session opened."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar

from connections.connectors.cleaning import clean, wrong_zone
from connections.connectors.dbapi.describing import Describing, Fetch
from connections.connectors.dbapi.errors import translate
from connections.connectors.dbapi.printing import Printer
from connections.connectors.dbapi.rules import Catalog, Rules
from connections.connectors.dbapi.session import DbapiSession
from connections.connectors.sql import addresses
from connections.connectors.sql import properties as shared
from connections.connectors.sql.meanings import UNREACHABLE, Meaning, made
from connections.connectors.sql.values import zone_of
from connections.connectors.testing import Steps, limited, listed, tested
from connections.contract.connector import DATABASES, TestStep
from connections.contract.context import NONE, Context
from connections.contract.errors import ConnectionFailed, ConnectorError, InvalidProperties, SourceTimeout
from connections.contract.property import Property
from connections.contract.table import Table, TableRef

TUNING = shared.TUNING


class DbapiConnector(ABC):
    """A database that is read scan by scan through its own driver."""

    key: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    properties: ClassVar[tuple[Property, ...]]
    url_schemes: ClassVar[tuple[str, ...]]
    category: ClassVar[str] = DATABASES
    module: ClassVar[str]  # of the driver
    extra: ClassVar[str]  # of pyproject.toml, that installs it; '' = it is there always
    rules: ClassVar[Rules]
    catalog: ClassVar[Catalog]
    texts: ClassVar[tuple[tuple[str, Meaning], ...]] = ()  # parts of its errors, and what they mean
    keeps_idle: ClassVar[bool] = True
    session: ClassVar[type[DbapiSession]] = DbapiSession
    schema_names: ClassVar[tuple[str, ...]] = ()  # properties that name the only schema that is shown

    @abstractmethod
    def connect(self, values: Mapping[str, Any], *, is_writer: bool) -> Any:
        """Return an open connection of the driver."""

    def missing_driver(self) -> str | None:
        """Return the module of the driver where it is not installed."""
        try:
            return None if importlib.util.find_spec(self.module) else self.module
        except ModuleNotFoundError:
            return self.module

    def driver(self, name: str = "") -> Any:
        """Return the driver's module; raise what to install where it is missing."""
        try:
            return import_module(name or self.module)
        except ImportError as error:
            raise ConnectionFailed(f"The driver of {self.label} is not installed.", hint=f'Run: pip install ".[{self.extra}]"') from error

    # ---- properties ----

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values typed and with defaults."""
        found = clean(self.properties, values)
        wrong = wrong_zone(found)
        if "Server" in found:
            try:
                addresses.check_host(found["Server"] or "")
            except ValueError as error:
                wrong["Server"] = str(error)
        wrong |= self.check(found)
        if wrong:
            raise InvalidProperties(wrong)
        return found

    def check(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return what is wrong, by property."""
        return {}

    def from_url(self, url: str) -> dict[str, Any]:
        """Return the properties that a pasted address holds."""
        names = {item.name for item in self.properties}
        return {name: value for name, value in self.parsed(url).items() if name in names}

    def parsed(self, url: str) -> dict[str, Any]:
        """Return the parts of a pasted address, by the names that servers have for them."""
        return addresses.properties_of(url, self.url_schemes)

    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Forbid nothing: the product's own database is of another kind."""
        return ""

    # ---- use ----

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> DbapiSession:
        """Return a session; connects lazily."""
        values = self.clean(values)
        zone = zone_of(values["TimeZone"])
        return self.session(
            self, values, zone=zone, catalog=self.database(values), read_only=read_only, keeps_idle=self.keeps_idle or read_only
        )

    def database(self, values: Mapping[str, Any]) -> str:
        """Return the database that tables are named in, where names have three parts."""
        return ""

    def places(self, values: Mapping[str, Any], quote: Callable[[str], str]) -> dict[str, str]:
        """Return names that queries of the catalog stand in, by the word that they are written as."""
        return {}

    def own_schemas(self, values: Mapping[str, Any]) -> set[str]:
        """Return the schemas that a property of this database narrows the tables to; none: all are shown."""
        return {str(values[name]) for name in self.schema_names if values[name]}

    def test(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> list[TestStep]:
        """Run the named steps; stop at the first that fails, or when the time is over."""
        return tested(lambda: self.clean(values), lambda found: self.steps(limited(found), context))

    def steps(self, values: Mapping[str, Any], context: Context) -> Steps:
        """Give: driver, (resolve, connect), sign_in, list_tables."""
        yield "driver", self.found_driver
        yield from self.reach(values)
        session = self.open(values, context=context)
        try:
            yield "sign_in", lambda: self.signed_in(session)
            yield "list_tables", lambda: listed(session.list_tables())
        finally:
            session.close()

    def found_driver(self) -> str:
        """Return that the driver is there."""
        self.driver()
        return "The driver is installed"

    def reach(self, values: Mapping[str, Any]) -> Steps:
        """Give the steps before signing in, of a server with host and port."""
        yield "resolve", lambda: addresses.resolve(values["Server"])
        yield "connect", lambda: addresses.connect(values["Server"], values["Port"], values["ConnectTimeout"])

    probe: ClassVar[str] = "SELECT 1"

    def signed_in(self, session: DbapiSession) -> str:
        """Return that a statement runs."""
        session.fetch(self.probe)
        return "Signed in"

    # ---- what sessions ask ----

    def translate(self, error: Exception) -> ConnectorError:
        """Return the error in the contract's words."""
        return translate(error, self.texts)

    def unreached(self, error: Exception) -> ConnectorError:
        """Return why there is no connection: no statement ran yet that could have taken too long."""
        found = self.translate(error)
        return made(UNREACHABLE) if isinstance(found, SourceTimeout) else found

    def is_current(self, connection: Any) -> bool:
        """Claim that the connection belongs to the source: a server's does."""
        return True

    def execute(self, cursor: Any, sql: str, binds: Sequence[Any], values: Mapping[str, Any]) -> None:
        """Run a statement."""
        cursor.execute(sql, tuple(binds))

    def end(self, cursor: Any) -> None:
        """Stop a statement whose rows are not wanted any more."""
        cursor.close()

    def key_lines(self, fetch: Fetch, refs: Sequence[TableRef], describing: Describing) -> list[Sequence[Any]]:
        """Return the lines of the catalog that tell keys."""
        found = self.catalog
        if not found.keys:
            return []
        asked = describing.asked(found.keys, refs, found.key_schema or found.schema, found.key_table or found.table)
        return fetch(*asked)

    def changed(self, cursor: Any) -> int:
        """Return how many rows the statement changed."""
        return int(cursor.rowcount)

    def told(self, cursor: Any, table: Table, values: Mapping[str, Any], printer: Printer) -> Sequence[Any] | None:
        """Return the key of the row that was made, where the statement gives it."""
        if not table.primary_key or not self.rules.returning:
            return None
        return tuple(cursor.fetchone())
