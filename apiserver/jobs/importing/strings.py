"""Connection strings of the replaced products (`Key=Value;Key="a;b";`) -> one of our connectors and its properties."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_noop as _

from apiserver.jobs.importing.found import Unreadable
from connections.connectors.registry import get_connector

# Names of providers, drivers and libraries without blanks, dots and case -> our connector.
CONNECTORS = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "npgsql": "postgresql",
    "orgpostgresqldriver": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "mysqldatamysqlclient": "mysql",
    "commysqljdbcdriver": "mysql",
    "commysqlcjjdbcdriver": "mysql",
    "orgmariadbjdbcdriver": "mysql",
    "sqlite": "sqlite",
    "orgsqlitejdbc": "sqlite",
    "sqlserver": "sqlserver",
    "sql": "sqlserver",
    "mssql": "sqlserver",
    "microsoftsqlserver": "sqlserver",
    "sqlclient": "sqlserver",
    "azuresql": "sqlserver",
    "oracle": "oracle",
    "oracleoci": "oracle",
    "snowflake": "snowflake",
    "googlebigquery": "bigquery",
    "bigquery": "bigquery",
    "trino": "trino",
    "clickhouse": "clickhouse",
    "duckdb": "duckdb",
    "bitbucket": "bitbucket",
    "stripe": "stripe",
    "odata": "odata",
    "rest": "rest",
    "csv": "files",
    "excel": "files",
    "parquet": "files",
    "json": "files",
}
AROUND = re.compile(r"^(systemdata|cdata|cdatajdbc|jdbc)+|(driver|provider|adonetprovider|jdbcdriver)$")
# Other spellings of properties, without blanks and case -> ours. `datasource` is a path for databases that are files.
SPELLINGS = {
    "userid": "User",
    "uid": "User",
    "username": "User",
    "pwd": "Password",
    "host": "Server",
    "servername": "Server",
    "datasource": "Server",
    "initialcatalog": "Database",
    "databasename": "Database",
    "filename": "Database",
    "fulluri": "Database",
}
FILES = ("sqlite", "duckdb")
# What says nothing here, or what this product does by itself: left without a note.
SILENT = {
    "provider",
    "providername",
    "other",
    "logfile",
    "verbosity",
    "rtk",
    "licensekey",
    "initiateoauth",
    "oauthsettingslocation",
    "location",
}
SIGNED_IN = ("initiateoauth", "oauthsettingslocation")
PREFIX = re.compile(r"^jdbc:(?P<name>[A-Za-z0-9]+):(?!//)", re.IGNORECASE)
PAIR = re.compile(r"""\s*(?P<name>[^=;]+?)\s*=\s*(?:"(?P<double>(?:[^"]|"")*)"|'(?P<single>(?:[^']|'')*)'|(?P<plain>[^;]*))\s*(?:;|\Z)""")
# By which a string without a provider is known: all of these names stand in it.
MARKS = {"bitbucket": ("workspace",), "stripe": ("liveapikey",), "snowflake": ("warehouse",), "bigquery": ("datasetid",)}


@dataclass(frozen=True, slots=True)
class Connected:
    """What a connection string says: `left` are names of properties that this product does not have, `is_signed_in` by OAuth elsewhere."""

    connector: str
    properties: dict[str, str]
    left: tuple[str, ...]
    is_signed_in: bool


def pairs(text: str) -> dict[str, str]:
    """Return the names and values of a connection string; raise Unreadable without repeating any of it."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text) and text[at:].strip(" \t\r\n;"):
        match = PAIR.match(text, at)
        if match is None:
            raise Unreadable(_("The connection string can't be read: it must be Name=Value; with values that hold a semicolon in quotes."))
        found[match["name"]] = value_of(match)
        at = match.end()
    return found


def value_of(match: re.Match[str]) -> str:
    """Return a value without its quotes."""
    if match["double"] is not None:
        return match["double"].replace('""', '"')
    return match["single"].replace("''", "'") if match["single"] is not None else match["plain"].strip()


def connector_of(provider: str) -> str:
    """Return our connector for the name of a provider, driver or library; '' for one that is not known."""
    word = re.sub(r"[^a-z0-9]", "", provider.lower())
    while word not in CONNECTORS:
        shorter = AROUND.sub("", word)
        if shorter == word:
            return ""
        word = shorter
    return CONNECTORS[word]


def guessed(names: Mapping[str, str]) -> str:
    """Return the connector that a string without a provider is for; '' when nothing tells."""
    words = {plain(name) for name in names}
    return next((key for key, wanted in MARKS.items() if words.issuperset(wanted)), "")


def plain(name: str) -> str:
    """Return a name without blanks and case."""
    return name.lower().replace(" ", "").replace("_", "")


def connected(text: str, provider: str = "") -> Connected:
    """Return what a connection string says; raise Unreadable for one that can't be read or whose data source is not known here."""
    prefix = PREFIX.match(text.strip())
    given = pairs(text.strip()[prefix.end() :] if prefix else text)
    named = (
        provider
        or (prefix["name"] if prefix else "")
        or next((v for n, v in given.items() if plain(n) in ("provider", "providername")), "")
    )
    key = connector_of(named) if named else guessed(given)
    if not key:
        if named:
            raise Unreadable(_("There is no connector for %(name)s."), name=named[:80])
        raise Unreadable(_("Nothing says which data source the connection is for."))
    known = {item.name.lower(): item.name for item in get_connector(key).properties}
    properties: dict[str, str] = {}
    left: list[str] = []
    for name, value in given.items():
        own = own_name(key, name, known)
        if own:
            properties[own] = value
        elif plain(name) not in SILENT and value:
            left.append(name[:60])
    signed = any(plain(name) in SIGNED_IN for name in given) and "OAuthClientId" in known.values()
    return Connected(key, properties, tuple(left), signed)


def own_name(key: str, name: str, known: Mapping[str, str]) -> str:
    """Return how the connector spells a property; '' for one that it lacks."""
    word = plain(name)
    spelled = "Database" if word == "datasource" and key in FILES else SPELLINGS.get(word, "")
    return known.get(word, "") or known.get(spelled.lower(), "") if word not in SILENT else ""
