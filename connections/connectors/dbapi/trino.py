"""Trino: one catalog of a cluster; also the way to publish what no longer fits one machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from connections.connectors.dbapi.connector import DbapiConnector
from connections.connectors.dbapi.rules import CLOCK_TEXTS, Catalog, Rules, Text, base_of, by_type
from connections.connectors.sql import properties as shared
from connections.connectors.sql.certificates import PemFiles
from connections.contract.property import Property, auth_scheme
from connections.contract.table import Column, Type

TYPES = {
    "boolean": Type.BOOLEAN,
    "tinyint": Type.SBYTE,
    "smallint": Type.INT16,
    "integer": Type.INT32,
    "bigint": Type.INT64,
    "real": Type.SINGLE,
    "double": Type.DOUBLE,
    "decimal": Type.DECIMAL,
    "varchar": Type.STRING,
    "char": Type.STRING,
    "uuid": Type.GUID,
    "date": Type.DATE,
    "time": Type.TIME,
    "timestamp": Type.TIMESTAMP,
    "timestamp with time zone": Type.TIMESTAMP,
    "varbinary": Type.BINARY,
}
JSON = frozenset({"json", "row", "array", "map"})
MICROSECONDS = 6
# The driver tells decimals of more digits from text only by a cast.
BINDS = {
    Type.DATE: "CAST({0} AS DATE)",
    Type.TIME: "CAST({0} AS TIME(6))",
    Type.TIMESTAMP: "CAST({0} AS TIMESTAMP(6))",
    Type.GUID: "CAST({0} AS UUID)",
    Type.DOUBLE: "CAST({0} AS DOUBLE)",
}


def read(column: Column) -> str:
    """Return how a column is read: instants in UTC, of seconds the six digits that Python has."""
    shown = "CAST({0} AT TIME ZONE 'UTC' AS TIMESTAMP(6))" if column.has_zone else "{0}"
    if not column.has_zone and column.type in (Type.TIMESTAMP, Type.TIME) and (column.precision or 0) > MICROSECONDS:
        return f"CAST({{0}} AS {base_of(column.native_type).upper()}(6))"
    return shown


class TrinoConnector(DbapiConnector):
    """A catalog of a Trino cluster."""

    key: ClassVar[str] = "trino"
    label: ClassVar[str] = "Trino"
    description: ClassVar[str] = "Tables and views of one catalog of a Trino cluster."
    module: ClassVar[str] = "trino"
    extra: ClassVar[str] = "trino"
    properties: ClassVar[tuple[Property, ...]] = (
        Property("Server", default="localhost", is_required=True, help="Host name or address of the coordinator."),
        Property("Port", kind="integer", default=8443, minimum=1, maximum=65535, help="Usual without TLS: 8080."),
        Property("Catalog", is_required=True, help="Catalog whose schemas are shown."),
        auth_scheme("None", "Password", "JWT", default="Password"),
        Property("User", group="Authentication", default="apiserver", shown_when=("AuthScheme", ("None", "Password"))),
        Property("Password", is_secret=True, group="Authentication", shown_when=("AuthScheme", ("Password",))),
        Property("AccessToken", "JSON web token", is_secret=True, group="Authentication", shown_when=("AuthScheme", ("JWT",))),
        replace(shared.TLS[0], default=shared.TLS_VERIFY),
        shared.TLS[1],
        *shared.TUNING,
    )
    url_schemes: ClassVar[tuple[str, ...]] = ("trino",)
    rules: ClassVar[Rules] = Rules(
        sqlglot="trino",
        mark=lambda place: "?",
        types=TYPES,
        zoned=frozenset({"timestamp with time zone"}),
        json=JSON,
        as_text=lambda native: "JSON_FORMAT(CAST({0} AS JSON))" if base_of(native) in JSON else "CAST({0} AS VARCHAR)",
        read=read,
        bind=by_type(BINDS),
        encode={
            **CLOCK_TEXTS,
            Type.GUID: str,
        },
        text=Text(
            contains="STRPOS({0}, {1}) > 0",
            startswith="STARTS_WITH({0}, {1})",
            # ends_with came late to Trino.
            endswith="LENGTH({0}) >= LENGTH({1}) AND SUBSTR({0}, LENGTH({0}) - LENGTH({1}) + 1) = {1}",
            is_foreign=lambda column: base_of(column.native_type) == "char",
        ),
        unordered=frozenset({Type.BINARY, Type.DURATION, Type.SINGLE, Type.GUID}),
        nan="IS_NAN({0})",
        keys_hold=False,
        writes=frozenset({"insert"}),
    )
    catalog: ClassVar[Catalog] = Catalog(
        tables="""
SELECT table_schema, table_name, table_type, '' FROM {catalog}information_schema.tables WHERE table_schema <> 'information_schema'""",
        columns="""
SELECT table_schema, table_name, column_name, data_type, is_nullable, NULL, NULL, NULL, column_default, 'no', ''
FROM {catalog}information_schema.columns WHERE {refs} ORDER BY table_schema, table_name, ordinal_position""",
    )

    def check(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return what is wrong: nothing secret goes unencrypted."""
        secret = {"Password": "Password", "JWT": "AccessToken"}.get(values["AuthScheme"])
        if secret and values[secret] and values["UseSSL"] == shared.TLS_OFF:
            return {"UseSSL": "Trino takes a password or token only over TLS: choose Verify"}
        return {}

    def database(self, values: Mapping[str, Any]) -> str:
        """Return the catalog."""
        return str(values["Catalog"])

    def from_url(self, url: str) -> dict[str, Any]:
        """Return the properties that a pasted address holds: trino://user@host:8080/catalog."""
        catalog = str(self.parsed(url).get("Database", "")).partition("/")[0]
        return super().from_url(url) | ({"Catalog": catalog} if catalog else {})

    def connect(self, values: Mapping[str, Any], *, is_writer: bool) -> Any:
        """Return a connection; each statement commits by itself."""
        files = PemFiles()
        verify: bool | str = values["UseSSL"] == shared.TLS_VERIFY
        if verify and values["SSLServerCert"]:
            verify = files.file("authority.pem", values["SSLServerCert"])
        connection = self.driver("trino.dbapi").connect(
            host=values["Server"],
            port=values["Port"],
            user=values["User"] or None,
            catalog=values["Catalog"],
            source="apiserver",
            http_scheme="http" if values["UseSSL"] == shared.TLS_OFF else "https",
            auth=self.sign_in(values),
            verify=verify,
            request_timeout=float(values["ConnectTimeout"]),
            session_properties={"query_max_run_time": f"{values['Timeout']}s"},
            timezone="UTC",
        )
        connection.files = files  # the authority is read again with each call
        return connection

    def sign_in(self, values: Mapping[str, Any]) -> Any:
        """Return what signs in."""
        auth = self.driver("trino.auth")
        if values["AuthScheme"] == "JWT":
            return auth.JWTAuthentication(values["AccessToken"])
        return auth.BasicAuthentication(values["User"], values["Password"]) if values["Password"] else None

    def execute(self, cursor: Any, sql: str, binds: Sequence[Any], values: Mapping[str, Any]) -> None:
        """Run a statement; one that writes has run when its answer is read."""
        cursor.execute(sql, tuple(binds))
        if not sql.lstrip().upper().startswith("SELECT"):
            cursor.fetchall()
