"""Every connector by its key: dotted paths, imported on first use, packaged manifests, the entry-point group `apiserver.connectors`."""

from __future__ import annotations

import difflib
import functools
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from connections.contract.connector import Connector
from connections.contract.errors import InvalidProperties

MANIFESTS = Path(__file__).parent / "http" / "manifests"
PACKAGED = "connections.connectors.http.connector.packaged_connector"
ENTRY_POINT_GROUP = "apiserver.connectors"

CONNECTORS: dict[str, str] = {
    "odata": "connections.connectors.odata.connector.ODataConnector",
    "postgresql": "connections.connectors.sql.postgresql.PostgresqlConnector",
    "files": "connections.connectors.files.connector.FilesConnector",
    "mysql": "connections.connectors.sql.mysql.MysqlConnector",
    "rest": "connections.connectors.http.rest.RestConnector",
    "manifest": "connections.connectors.http.uploaded.UploadedConnector",
    "sqlite": "connections.connectors.sql.sqlite.SqliteConnector",
    "openapi": "connections.connectors.openapi.connector.OpenapiConnector",
    "bigquery": "connections.connectors.dbapi.bigquery.BigqueryConnector",
    "clickhouse": "connections.connectors.dbapi.clickhouse.ClickhouseConnector",
    "databricks": "connections.connectors.dbapi.written.DatabricksConnector",
    "duckdb": "connections.connectors.dbapi.duckdb_file.DuckdbConnector",
    "parquet": "connections.connectors.dbapi.parquet_folder.ParquetConnector",
    "oracle": "connections.connectors.dbapi.oracle.OracleConnector",
    "redshift": "connections.connectors.dbapi.written.RedshiftConnector",
    "snowflake": "connections.connectors.dbapi.snowflake.SnowflakeConnector",
    "sqlserver": "connections.connectors.dbapi.sqlserver.SqlserverConnector",
    "trino": "connections.connectors.dbapi.trino.TrinoConnector",
}


@functools.cache
def paths() -> dict[str, str]:
    """Return key -> dotted path, installed extensions included; they can't replace a built-in connector."""
    installed = {point.name: point.value.replace(":", ".") for point in entry_points(group=ENTRY_POINT_GROUP)}
    packaged = {path.stem: PACKAGED for path in MANIFESTS.glob("*.yaml")}
    return {**installed, **packaged, **CONNECTORS}


def connector_keys() -> list[str]:
    """Return all keys, sorted."""
    return sorted(paths())


@functools.cache
def get_connector(key: str) -> Connector:
    """Return the connector of a key; raise InvalidProperties that names the nearest for an unknown one."""
    path = paths().get(key)
    if path is None:
        nearest = difflib.get_close_matches(key, connector_keys(), 1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(connector_keys())}"
        raise InvalidProperties({"connector": f"there is no connector {key!r}: {hint}"})
    module, _, name = path.rpartition(".")
    made = getattr(import_module(module), name)
    connector: Connector = made(key) if path == PACKAGED else made()
    return connector
