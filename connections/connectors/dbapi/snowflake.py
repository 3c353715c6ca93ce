"""Snowflake, by its own Python connector with values bound at the server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import SplitResult, urlsplit

from cryptography.hazmat.primitives import serialization

from connections.connectors.dbapi.connector import TUNING
from connections.connectors.dbapi.describing import Describing, Fetch
from connections.connectors.dbapi.rules import CLOCK_TEXTS, Catalog, Rules, Text, base_of
from connections.connectors.dbapi.warehouse import WarehouseConnector
from connections.connectors.sql import meanings
from connections.connectors.sql.certificates import pem
from connections.connectors.testing import Steps
from connections.contract.errors import ConnectionFailed, InvalidProperties
from connections.contract.property import Property, auth_scheme
from connections.contract.table import Column, TableRef, Type

PASSWORD, PRIVATE_KEY = "Password", "PrivateKey"
TYPES = {
    "number": Type.DECIMAL,
    "decimal": Type.DECIMAL,
    "decfloat": Type.DECIMAL,
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
NO_DATABASE = (
    ConnectionFailed,
    "There is no such database, or the role may not use it.",
    "Check Database and RoleName.",
)
JSON = frozenset({"variant", "object", "array"})
# Rows of a SHOW; what is more is left out without a word.
MOST_SHOWN = 10_000
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
SHAPES = frozenset({"geography", "geometry"})
BINDS = {
    Type.DATE: "TO_DATE({0})",
    Type.TIME: "TO_TIME({0})",
    Type.TIMESTAMP: "TO_TIMESTAMP_NTZ({0})",
    Type.BINARY: "TO_BINARY({0}, 'HEX')",
}


def read(column: Column) -> str:
    """Return how a column is read: instants in UTC, of seconds the six digits that Python has."""
    shown = "CONVERT_TIMEZONE('UTC', {0})::TIMESTAMP_NTZ" if column.has_zone else "{0}"
    if column.type is Type.TIME:
        return "{0}::TIME(6)"
    return f"DATE_TRUNC('MICROSECOND', {shown})" if column.type is Type.TIMESTAMP else shown


def bind(column: Column) -> str:
    """Return what stands around the mark of a value: text of digits alone would be taken as a number without any behind the point."""
    if column.type is Type.DECIMAL and column.scale is not None:
        return f"TO_NUMBER({{0}}, 38, {column.scale})"
    if base_of(column.native_type) in JSON:
        return "PARSE_JSON({0})"
    return BINDS.get(column.type, "{0}")


def as_text(native: str) -> str:
    """Return how a type that we do not know is read."""
    base = base_of(native)
    if base in SHAPES:
        return "TO_JSON(ST_ASGEOJSON({0}))"
    if base == "vector":
        return "TO_JSON({0}::ARRAY)"
    return "TO_JSON({0}::VARIANT)" if base in JSON else "TO_VARCHAR({0})"


def can_bind(column: Column, value: Any) -> bool:
    """Claim that the value has no more digits behind the point than the column: Snowflake would round it."""
    if not isinstance(value, Decimal):
        return True
    exponent = value.normalize().as_tuple().exponent
    return column.scale is None or (isinstance(exponent, int) and -exponent <= column.scale)


class SnowflakeConnector(WarehouseConnector):
    """A database of a Snowflake account."""

    key: ClassVar[str] = "snowflake"
    label: ClassVar[str] = "Snowflake"
    description: ClassVar[str] = "Tables and views of a Snowflake database."
    module: ClassVar[str] = "snowflake.connector"
    extra: ClassVar[str] = "snowflake"
    loader: ClassVar[str] = "snowflake"
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
        auth_scheme(PASSWORD, PRIVATE_KEY, default=PRIVATE_KEY),
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
    schema_names: ClassVar[tuple[str, ...]] = ("Schema",)
    texts: ClassVar[tuple[tuple[str, meanings.Meaning], ...]] = (("does not have a current database", NO_DATABASE),)
    rules: ClassVar[Rules] = Rules(
        sqlglot="snowflake",
        mark=lambda place: "?",
        types=TYPES,
        zoned=ZONED,
        narrow=frozenset({"number", "decimal"}),
        json=JSON,
        as_text=as_text,
        read=read,
        bind=bind,
        can_bind=can_bind,
        encode={
            **CLOCK_TEXTS,
            Type.BINARY: lambda value: value.hex(),
            Type.DECIMAL: lambda value: format(Decimal(value), "f"),
        },
        text=Text(
            contains="CONTAINS({0}, {1})",
            startswith="STARTSWITH({0}, {1})",
            endswith="ENDSWITH({0}, {1})",
        ),
        is_nan_greatest=True,
        keys_hold=False,
        inserts_by_select=True,
    )
    catalog: ClassVar[Catalog] = Catalog(
        tables="""
SELECT table_schema, table_name, table_type, comment FROM information_schema.tables WHERE table_schema <> 'INFORMATION_SCHEMA'""",
        columns="""
SELECT table_schema, table_name, column_name, data_type || CASE WHEN collation_name IS NULL THEN '' ELSE ' COLLATE' END, is_nullable,
       character_maximum_length, numeric_precision, numeric_scale, column_default, is_identity, comment
FROM information_schema.columns WHERE {refs} ORDER BY table_schema, table_name, ordinal_position""",
    )

    def check(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return what is wrong: where the account is, and what signs in."""
        wrong = {}
        place = place_of(values)
        if values["URL"] and not place.hostname:
            wrong["URL"] = "give the account's whole address, such as https://myorg-account123.snowflakecomputing.com"
        elif place.scheme == "http" and place.hostname not in LOCAL:
            wrong["URL"] = "only a server on this machine is reached by http://: use https://"
        elif not account_of(values):
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

    def reach(self, values: Mapping[str, Any]) -> Steps:
        """Give nothing: the connector finds the account itself."""
        yield from ()

    def connect(self, values: Mapping[str, Any], *, is_writer: bool) -> Any:
        """Return a connection whose statements end at the Timeout."""
        return self.driver().connect(
            account=account_of(values),
            **server(values),
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
            platform_detection_timeout_seconds=0,  # it would ask the metadata services of three clouds where it runs
            enable_server_session_keep_alive_auto_detection=False,
            **credentials(values),
        )

    def destination(self, values: Mapping[str, Any]) -> Any:
        """Return dlt's destination; a key goes as text, with its password."""
        import dlt

        found = {
            "host": account_of(values),
            "database": values["Database"],
            "username": values["User"],
            "warehouse": values["Warehouse"] or None,
            "role": values["RoleName"] or None,
        }
        if values["AuthScheme"] == PASSWORD:
            found["password"] = values["Password"]
        else:
            found |= {"private_key": pem(values["PrivateKey"]), "private_key_passphrase": values["PrivateKeyPassword"] or None}
        return dlt.destinations.snowflake(credentials=found)

    def dataset(self, values: Mapping[str, Any]) -> str:
        """Return the schema."""
        return values["Schema"] or "PUBLIC"

    def key_lines(self, fetch: Fetch, refs: Sequence[TableRef], describing: Describing) -> list[Sequence[Any]]:
        """Return the keys that SHOW tells of each schema: the information schema has no columns of keys."""
        lines: list[tuple[Any, ...]] = []
        for schema in sorted({ref.schema for ref in refs}):
            some = [ref for ref in refs if ref.schema == schema]
            for line in shown(fetch, "PRIMARY", some, describing):
                lines.append((line[2], line[3], "p", line[6], line[4], None, None, None, line[5]))
            for line in shown(fetch, "IMPORTED", some, describing):
                lines.append((line[7], line[8], "f", line[12], line[9], line[2], line[3], line[4], line[10]))
        wanted = {(ref.schema, ref.name) for ref in refs}
        return [line[:8] for line in sorted(lines, key=lambda line: (line[:4], line[8])) if line[:2] in wanted]


def shown(fetch: Fetch, kind: str, refs: Sequence[TableRef], describing: Describing) -> list[Sequence[Any]]:
    """Return the lines of keys of tables of one schema; where they are more than SHOW tells at once, table by table."""
    found = fetch(f"SHOW {kind} KEYS IN SCHEMA {describing.named_schema(refs[0].schema)}")
    if len(found) < MOST_SHOWN:
        return found
    return [line for ref in refs for line in fetch(f"SHOW {kind} KEYS IN TABLE {describing.named(ref)}")]


def place_of(values: Mapping[str, Any]) -> SplitResult:
    """Return the parts of URL; none where it is no address."""
    text = str(values["URL"] or "").strip()
    try:
        found = urlsplit(text if "://" in text else f"https://{text}")
        return found if found.scheme in ("http", "https") and found.port != 0 else urlsplit("")
    except ValueError:
        return urlsplit("")


def account_of(values: Mapping[str, Any]) -> str:
    """Return the account identifier: what stands before Snowflake's own domain, of another host its first part."""
    if values["Account"]:
        return str(values["Account"])
    host = place_of(values).hostname or ""
    return host.partition(".snowflakecomputing.")[0] if ".snowflakecomputing." in host else host.partition(".")[0]


def server(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the account is, when URL says it; else the driver finds it by the account's name."""
    if not values["URL"]:
        return {}
    place = place_of(values)
    return {"host": place.hostname, "protocol": place.scheme, "port": place.port or (80 if place.scheme == "http" else 443)}


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
