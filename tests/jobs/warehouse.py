"""A warehouse for tests: a DuckDB file that dlt loads, in the place of one that costs money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from connections.connectors.dbapi.duckdb_file import DuckdbConnector
from connections.connectors.dbapi.rules import Catalog, Rules
from connections.connectors.dbapi.warehouse import WarehouseConnector
from connections.contract.property import Property


class StandIn(WarehouseConnector):
    """Loaded by the same code as Snowflake and BigQuery, with dlt's destination of another name."""

    key: ClassVar[str] = "standin"
    label: ClassVar[str] = "Stand-in"
    description: ClassVar[str] = "A warehouse for tests."
    module: ClassVar[str] = "duckdb"
    extra: ClassVar[str] = ""
    loader: ClassVar[str] = "standin"
    keeps_idle: ClassVar[bool] = False
    properties: ClassVar[tuple[Property, ...]] = DuckdbConnector.properties
    url_schemes: ClassVar[tuple[str, ...]] = ()
    rules: ClassVar[Rules] = DuckdbConnector.rules
    catalog: ClassVar[Catalog] = DuckdbConnector.catalog

    def connect(self, values: Mapping[str, Any], *, is_writer: bool) -> Any:
        return DuckdbConnector().connect(values, is_writer=is_writer)

    def destination(self, values: Mapping[str, Any]) -> Any:
        import dlt

        return dlt.destinations.duckdb(values["Database"])

    def dataset(self, values: Mapping[str, Any]) -> str:
        return "lake"
