"""Redshift and Databricks: warehouses that jobs load through dlt. Their rows are not read here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from connections.connectors.cleaning import clean
from connections.connectors.dbapi.errors import translate
from connections.connectors.dbapi.loading_dlt import DltLoading, missing_loader, refuse_missing
from connections.connectors.sql import addresses
from connections.connectors.sql.base import OWN
from connections.connectors.sql.properties import TUNING
from connections.connectors.sql.values import zone_of
from connections.connectors.testing import Steps, listed, tested
from connections.contract.connector import DATABASES, TestStep
from connections.contract.context import NONE, Context
from connections.contract.errors import InvalidProperties, NotSupported
from connections.contract.property import Property
from connections.contract.scan import Batch, Offer, Scan
from connections.contract.table import Table, TableInfo, TableRef

SERVER = Property("Server", is_required=True)
ZONE = tuple(item for item in TUNING if item.name == "TimeZone")
NOT_READ = "Rows of this warehouse are not read here: jobs load it."
HINT = "Choose it as the destination of a job."


class WrittenConnector(ABC):
    """A warehouse that is only loaded."""

    key: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    properties: ClassVar[tuple[Property, ...]]
    url_schemes: ClassVar[tuple[str, ...]] = ()
    category: ClassVar[str] = DATABASES
    is_destination: ClassVar[bool] = True
    loader: ClassVar[str]  # the extra of dlt

    @abstractmethod
    def destination(self, values: Mapping[str, Any]) -> Any:
        """Return dlt's destination with the connection's credentials."""

    def missing_loader(self) -> str:
        """Return the command that installs what loads are made with; '' where it is there."""
        return missing_loader(self.loader)

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values typed and with defaults."""
        found = clean(self.properties, values)
        try:
            addresses.check_host(found["Server"] or "")
        except ValueError as error:
            raise InvalidProperties({"Server": str(error)}) from error
        return found

    def from_url(self, url: str) -> dict[str, Any]:
        """Refuse: nothing is pasted."""
        raise InvalidProperties({"Server": "give the host name of the warehouse"})

    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Return why these properties reach the product's own database, or ''."""
        return ""

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> WrittenSession:
        """Return a session; connects lazily."""
        return WrittenSession(self, self.clean(values), read_only=read_only)

    def test(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> list[TestStep]:
        """Run the named steps; stop at the first that fails, or when the time is over."""
        return tested(lambda: self.clean(values), self.steps)

    def steps(self, values: Mapping[str, Any]) -> Steps:
        """Give: resolve, driver (dlt), list_tables."""
        session = self.open(values)
        yield "resolve", lambda: addresses.resolve(values["Server"])
        yield "driver", lambda: found_loader(self)
        yield "list_tables", lambda: listed(session.list_tables())


class WrittenSession:
    """A warehouse in use."""

    dialect: None = None

    def __init__(self, warehouse: WrittenConnector, values: Mapping[str, Any], *, read_only: bool) -> None:
        self._warehouse, self._values, self._is_read_only = warehouse, values, read_only

    def loading(self, seconds: int) -> DltLoading:
        """Return a writer; dlt has its own limits of time."""
        if self._is_read_only:
            raise NotSupported("This connection is read-only.", hint="An administrator can allow writes on the connection's page.")
        warehouse, values = self._warehouse, self._values
        refuse_missing(warehouse.label, warehouse.loader)
        return DltLoading(lambda: warehouse.destination(values), values["Schema"], translate, zone_of(values["TimeZone"]))

    def list_tables(self) -> list[TableInfo]:
        """Return the tables of the schema, by dlt."""
        refuse_missing(self._warehouse.label, self._warehouse.loader)
        warehouse, values = self._warehouse, self._values
        loading = DltLoading(lambda: warehouse.destination(values), values["Schema"], translate, zone_of(values["TimeZone"]))
        try:
            return loading.tables()
        finally:
            loading.close()

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        """Refuse."""
        raise NotSupported(NOT_READ, hint=HINT)

    def offer(self, scan: Scan) -> Offer:
        """Refuse."""
        raise NotSupported(NOT_READ, hint=HINT)

    def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
        """Refuse."""
        raise NotSupported(NOT_READ, hint=HINT)

    def count(self, offer: Offer) -> int:
        """Refuse."""
        raise NotSupported(NOT_READ, hint=HINT)

    def insert(self, table: Table, values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any]:
        """Refuse."""
        raise NotSupported(NOT_READ, hint=HINT)

    def update(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any] | None:
        """Refuse."""
        raise NotSupported(NOT_READ, hint=HINT)

    def delete(self, table: Table, key: Mapping[str, Any], *, idempotency: str) -> bool:
        """Refuse."""
        raise NotSupported(NOT_READ, hint=HINT)

    def close(self) -> None:
        """Hold nothing open."""


def found_loader(warehouse: WrittenConnector) -> str:
    """Return that dlt is there."""
    refuse_missing(warehouse.label, warehouse.loader)
    return "The driver is installed"


class RedshiftConnector(WrittenConnector):
    """A database of Amazon Redshift."""

    key: ClassVar[str] = "redshift"
    label: ClassVar[str] = "Amazon Redshift"
    description: ClassVar[str] = "A Redshift database that jobs load through dlt."
    loader: ClassVar[str] = "redshift"
    properties: ClassVar[tuple[Property, ...]] = (
        SERVER,
        Property("Port", kind="integer", default=5439, minimum=1, maximum=65535),
        Property("Database", is_required=True),
        Property("Schema", default="public", help="Schema that is loaded into where a job names none."),
        Property("User", is_required=True, group="Authentication"),
        Property("Password", is_secret=True, group="Authentication"),
        *ZONE,
    )

    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Return why these properties reach the product's own database, which speaks the same protocol, or ''."""
        return OWN if addresses.is_own("postgresql", values, own) else ""

    def destination(self, values: Mapping[str, Any]) -> Any:
        """Return dlt's destination."""
        import dlt

        credentials = {
            "host": values["Server"],
            "port": values["Port"],
            "database": values["Database"],
            "username": values["User"],
            "password": values["Password"] or "",
        }
        return dlt.destinations.redshift(credentials=credentials)


class DatabricksConnector(WrittenConnector):
    """A catalog of a Databricks workspace."""

    key: ClassVar[str] = "databricks"
    label: ClassVar[str] = "Databricks"
    description: ClassVar[str] = "A Databricks catalog that jobs load through dlt."
    loader: ClassVar[str] = "databricks"
    properties: ClassVar[tuple[Property, ...]] = (
        Property("Server", is_required=True, placeholder="adb-1234567890123456.7.azuredatabricks.net"),
        Property(
            "HTTPPath", "HTTP path", is_required=True, help="Of the SQL warehouse.", placeholder="/sql/1.0/warehouses/0123456789abcdef"
        ),
        Property("Catalog", is_required=True),
        Property("Schema", default="default", help="Schema that is loaded into where a job names none."),
        Property("Token", is_required=True, is_secret=True, group="Authentication", help="Personal access token."),
        *ZONE,
    )

    def destination(self, values: Mapping[str, Any]) -> Any:
        """Return dlt's destination."""
        import dlt

        credentials = {
            "server_hostname": values["Server"],
            "http_path": values["HTTPPath"],
            "catalog": values["Catalog"],
            "access_token": values["Token"],
        }
        return dlt.destinations.databricks(credentials=credentials)
