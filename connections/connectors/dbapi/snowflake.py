"""Snowflake, by its own Python connector with values bound at the server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from cryptography.hazmat.primitives import serialization

from connections.connectors.dbapi.connector import TUNING, DbapiConnector
from connections.connectors.dbapi.describing import Describing, Fetch
from connections.connectors.dbapi.rules import CLOCK_TEXTS, Catalog, Rules, Text, base_of
from connections.connectors.sql.certificates import pem
from connections.connectors.testing import Steps
from connections.contract.errors import ConnectionFailed, InvalidProperties
from connections.contract.property import Property
from connections.contract.table import Column, TableRef, Type

PASSWORD, PRIVATE_KEY = "Password", "PrivateKey"
TYPES = {
    "number": Type.DECIMAL,
    "decimal": Type.DECIMAL,
    "float": Type.DOUBLE,
    "real": Type.DOUBLE,
    "double": Type.DOUBLE,
    "boolean": Type.BOOLEAN,
    "text": Type.STRING,
    "varchar": Type.STRING,
    "date": Type.DATE,
    "time": Type.TIME,
    "timestamp_ntz": Type.TIMESTAMP,
    "timestamp_ltz": Type.TIMESTAMP,
    "timestamp_tz": Type.TIMESTAMP,
    "binary": Type.BINARY,
}
ZONED = frozenset({"timestamp_ltz", "timestamp_tz"})
JSON = frozenset({"variant", "object", "array"})
BINDS = {
    Type.DATE: "TO_DATE({0})",
    Type.TIME: "TO_TIME({0})",
    Type.TIMESTAMP: "TO_TIMESTAMP_NTZ({0})",
    Type.BINARY: "TO_BINARY({0}, 'HEX')",
}


def read(column: Column) -> str:
    """Return how a column is read: instants in UTC, of seconds the six digits that Python has."""
    shown = "CONVERT_TIMEZONE('UTC', {0})::TIMESTAMP_NTZ" if column.has_zone else "{0}"
    is_long = column.type in (Type.TIMESTAMP, Type.TIME) and (column.precision is None or column.precision > 6)
    return f"DATE_TRUNC('MICROSECOND', {shown})" if is_long else shown


def bind(column: Column) -> str:
    """Return what stands around the mark of a value."""
    return BINDS.get(column.type, "{0}")


class SnowflakeConnector(DbapiConnector):
    """A database of a Snowflake account."""

    key: ClassVar[str] = "snowflake"
    label: ClassVar[str] = "Snowflake"
    description: ClassVar[str] = "Tables and views of a Snowflake database."
    module: ClassVar[str] = "snowflake.connector"
    extra: ClassVar[str] = "snowflake"
    properties: ClassVar[tuple[Property, ...]] = (
        Property("Account", help="Account identifier, such as myorg-account123; empty where URL is given.", placeholder="myorg-account123"),
        Property(
            "URL",
            "URL",
            help="Address of the account; empty where Account is given.",
            placeholder="https://myorg-account123.snowflakecomputing.com",
        ),
        Property("Warehouse", help="Virtual warehouse that runs the statements; empty: the user's default."),
        Property("Database", is_required=True, help="Database whose schemas are shown."),
        Property("Schema", help="Only this schema is shown; empty: all of the database.", group="Schema", is_advanced=True),
        Property("RoleName", "Role", help="Role that the statements run under; empty: the user's default.", is_advanced=True),
        Property("AuthScheme", "Auth Scheme", kind="choice", choices=(PASSWORD, PRIVATE_KEY), default=PRIVATE_KEY, group="Authentication"),
        Property("User", is_required=True, group="Authentication"),
        Property("Password", is_secret=True, group="Authentication", shown_when=("AuthScheme", (PASSWORD,))),
        Property(
            "PrivateKey",
            "Private key (PEM)",
            kind="text",
            is_secret=True,
            group="Authentication",
            shown_when=("AuthScheme", (PRIVATE_KEY,)),
            help="PEM text or path of the key whose public half the user has.",
        ),
        Property(
            "PrivateKeyPassword", "Password of the key", is_secret=True, group="Authentication", shown_when=("AuthScheme", (PRIVATE_KEY,))
        ),
        *TUNING,
    )
    url_schemes: ClassVar[tuple[str, ...]] = ("snowflake", "https")
    rules: ClassVar[Rules] = Rules(
        sqlglot="snowflake",
        mark=lambda place: "?",
        types=TYPES,
        zoned=ZONED,
        narrow=frozenset({"number", "decimal"}),
        json=JSON,
        as_text=lambda native: "TO_JSON({0})" if base_of(native) in JSON else "TO_VARCHAR({0})",
        read=read,
        bind=bind,
        encode={
            **CLOCK_TEXTS,
            Type.BINARY: lambda value: value.hex(),
            Type.DECIMAL: lambda value: format(value, "f"),
        },
        text=Text(
            contains="CONTAINS({0}, {1})",
            startswith="STARTSWITH({0}, {1})",
            endswith="ENDSWITH({0}, {1})",
        ),
        is_nan_greatest=True,
        keys_hold=False,
    )
    catalog: ClassVar[Catalog] = Catalog(
        tables="""
SELECT table_schema, table_name, table_type, comment FROM {catalog}information_schema.tables WHERE table_schema <> 'INFORMATION_SCHEMA'""",
        columns="""
SELECT table_schema, table_name, column_name, data_type || CASE WHEN collation_name IS NULL THEN '' ELSE ' COLLATE' END, is_nullable,
       character_maximum_length, numeric_precision, COALESCE(numeric_scale, datetime_precision), column_default, is_identity, comment
FROM {catalog}information_schema.columns WHERE {refs} ORDER BY table_schema, table_name, ordinal_position""",
    )

    def check(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return what is wrong: where the account is, and what signs in."""
        wrong = {}
        if not account_of(values):
            wrong["Account"] = "give the account identifier here, or the account's address in URL"
        name = "Password" if values["AuthScheme"] == PASSWORD else "PrivateKey"
        if not values[name]:
            wrong[name] = "a value is required"
        return wrong

    def from_url(self, url: str) -> dict[str, Any]:
        """Return the properties that a pasted address holds: that of the account."""
        found = re.match(r"(?:https|snowflake)://([A-Za-z0-9_.-]+?)(?:\.snowflakecomputing\.com)?(?:[:/?].*)?$", url.strip())
        if found is None:
            raise InvalidProperties({"URL": "paste an address that starts with https://"})
        return {"Account": found[1]}

    def database(self, values: Mapping[str, Any]) -> str:
        """Return the database."""
        return str(values["Database"])

    def reach(self, values: Mapping[str, Any]) -> Steps:
        """Give nothing: the connector finds the account itself."""
        yield from ()

    def connect(self, values: Mapping[str, Any], *, is_writer: bool) -> Any:
        """Return a connection whose statements end at the Timeout."""
        return self.driver().connect(
            account=account_of(values),
            user=values["User"],
            database=values["Database"],
            schema=values["Schema"] or None,
            warehouse=values["Warehouse"] or None,
            role=values["RoleName"] or None,
            login_timeout=values["ConnectTimeout"] + 10,
            network_timeout=values["Timeout"] + 10,
            autocommit=not is_writer,
            paramstyle="qmark",
            application="APIServer",
            session_parameters={"STATEMENT_TIMEOUT_IN_SECONDS": values["Timeout"], "TIMEZONE": "UTC"},
            **credentials(values),
        )

    def key_lines(self, fetch: Fetch, refs: Sequence[TableRef], describing: Describing) -> list[Sequence[Any]]:
        """Return the keys that SHOW tells of the database: its information schema has no columns of keys."""
        place = describing.text("{catalog}").rstrip(".")
        wanted = {(ref.schema, ref.name) for ref in refs}
        primary = fetch(f"SHOW PRIMARY KEYS IN DATABASE {place}")
        imported = fetch(f"SHOW IMPORTED KEYS IN DATABASE {place}")
        lines = [(line[2], line[3], "p", line[6], line[4], None, None, None, line[5]) for line in primary]
        lines += [(line[7], line[8], "f", line[12], line[9], line[2], line[3], line[4], line[10]) for line in imported]
        return [line[:8] for line in sorted(lines, key=lambda line: (line[:4], line[8])) if line[:2] in wanted]


def account_of(values: Mapping[str, Any]) -> str:
    """Return the account identifier."""
    if values["Account"]:
        return str(values["Account"])
    return re.sub(r"^https://|\.snowflakecomputing\.com.*$|/.*$", "", values["URL"] or "")


def credentials(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the user signs in by."""
    if values["AuthScheme"] == PASSWORD:
        return {"password": values["Password"]}
    password = values["PrivateKeyPassword"]
    try:
        key = serialization.load_pem_private_key(pem(values["PrivateKey"]).encode(), password.encode() if password else None)
    except (ValueError, TypeError) as error:
        raise ConnectionFailed("The private key can't be read.", hint="Check PrivateKey and PrivateKeyPassword.") from error
    return {"private_key": key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())}
