"""One table of every registered connector, with rows that compare badly: a database, a folder, a stand-in on loopback."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connections.connectors.dbapi.loading_parquet import HIDDEN
from connections.connectors.dbapi.parquet_folder import FILE
from connections.connectors.registry import get_connector
from connections.contract.connector import Session
from connections.contract.context import Context
from connections.contract.scan import RowSession
from connections.contract.table import Table, TableRef
from connections.engine.sql_collect import rows_of
from connections.engine.sql_nodes import Found
from tests import databases
from tests.compliance.filter_expressions import COLUMNS, make_rows
from tests.connectors.dbapi import facts
from tests.connectors.dbapi.standin import StandIn
from tests.connectors.dbapi.test_dialects import NATIVE, columns_of, keys_of
from tests.connectors.files import folder
from tests.connectors.http.notes import MANIFEST, Notes, note
from tests.connectors.odata.test_served import REF as THINGS
from tests.connectors.odata.test_served import connect, database
from tests.connectors.openapi.documents import WHOLE, array, document, get, query, thing
from tests.contract.small import EVERY, TOKEN
from tests.fakes.bitbucket import Bitbucket
from tests.fakes.stripe import Stripe
from tests.fakes.upstream import Answer, Seen, Upstream
from tests.served import publish

DATABASES = ("sqlite", "postgresql", "mysql")


@dataclass(frozen=True)
class Opened:
    """A session and the table of it that is asked; `session` is a database's own where it is one."""

    session: Session
    ref: TableRef

    @property
    def rows(self) -> RowSession:
        """Return the session as one that gives rows."""
        return rows_of(Found("", self.session, Table(self.ref, columns=())))


@dataclass(frozen=True)
class Place:
    """Where a source of a test may live."""

    folder: Path
    request: pytest.FixtureRequest
    patch: pytest.MonkeyPatch


def texts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the values as text; moments in UTC, without saying so."""
    bare = [{name: value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value for name, value in row.items()} for row in rows]
    return [{name: value if value is None or isinstance(value, bool) else str(value) for name, value in row.items()} for row in bare]


@contextmanager
def of_database(kind: str, place: Place) -> Iterator[Opened]:
    found = databases.make(kind, "sources", place.request, place.folder)
    found.create("facts", COLUMNS)
    found.insert("facts", [[row[name] for name in COLUMNS] for row in texts(make_rows())])
    connector = get_connector(kind)
    session = connector.open(connector.clean(found.connection["properties"]))
    ref = next(info.ref for info in session.list_tables() if info.ref.name == "facts")
    yield Opened(session, ref)
    session.close()


@contextmanager
def of_duckdb(kind: str, place: Place) -> Iterator[Opened]:
    path = place.folder / "facts.duckdb"
    with duckdb.connect(str(path)) as made:
        facts.create(made)
    connector = get_connector(kind)
    session = connector.open(connector.clean({"Database": str(path)}), context=Context(folders=(place.folder,)))
    yield Opened(session, TableRef("main", "facts"))
    session.close()


@contextmanager
def of_parquet(kind: str, place: Place) -> Iterator[Opened]:
    connector = get_connector(kind)
    session = connector.open(connector.clean({"URI": "lake"}), context=Context(folders=(place.folder,)))
    session.list_tables()  # which makes the hidden database
    with duckdb.connect(str(place.folder / "lake" / HIDDEN / FILE)) as made:
        facts.create(made)
    yield Opened(session, TableRef("main", "facts"))
    session.close()


@contextmanager
def of_standin(kind: str, place: Place) -> Iterator[Opened]:
    schema, types, values = NATIVE[kind]
    connector: Any = get_connector(kind)
    found = StandIn(connector, columns_of(schema, types), keys_of(kind, schema), schema)
    place.patch.setattr(type(connector), "connect", lambda self, values, is_writer: found.connect())
    session = connector.open(values)
    yield Opened(session, facts.table(session).ref)
    session.close()


@contextmanager
def of_files(_: str, place: Place) -> Iterator[Opened]:
    rows = texts(make_rows())
    with (place.folder / "facts.csv").open("w", newline="", encoding="utf-8") as file:
        written = csv.DictWriter(file, list(rows[0]))
        written.writeheader()
        written.writerows(rows)
    session = folder.session(place.folder)
    yield Opened(session, folder.table(session, "facts.csv").ref)


@contextmanager
def of_rest(kind: str, place: Place) -> Iterator[Opened]:
    connector = get_connector(kind)
    with Upstream() as upstream:
        upstream.route("/notes", [note(number) | {"owner": f"u{number % 3}"} for number in range(1, 30)])
        values = connector.clean({"URL": upstream.url, "Path": "/notes", "Paging": "None"})
        yield Opened(connector.open(values, context=Context(outgoing=upstream.allow)), TableRef("", "Rows"))


@contextmanager
def of_manifest(kind: str, place: Place) -> Iterator[Opened]:
    connector = get_connector(kind)
    with Upstream() as upstream:
        Notes(upstream, 14)
        parameters = "Workspace=acme\nAPIToken=secret-token"
        values = connector.clean({"Manifest": MANIFEST, "URL": f"{upstream.url}/v2", "Parameters": parameters})
        yield Opened(connector.open(values, context=Context(outgoing=upstream.allow)), TableRef("blue", "Notes"))


def pets(seen: Seen) -> Answer:
    """Return pets by page; `state` and `owner` choose among them."""
    rows = [{"id": n, "name": f"Pet {n % 7}", "state": "sold" if n % 3 else "free", "age": n % 5 or None} for n in range(1, 41)]
    found = [row for row in rows if seen.params.get("state") in (None, row["state"])]
    page, size = int(seen.params.get("page", 1)), min(int(seen.params.get("limit", 8)), 8)
    return Answer(found[(page - 1) * size : page * size])


@contextmanager
def of_openapi(kind: str, place: Place) -> Iterator[Opened]:
    row = thing(id=WHOLE, name={"type": "string"}, state={"type": "string", "enum": ["sold", "free"]}, age={"type": "integer"})
    paging = (query("page", {"type": "integer", "default": 1}), query("limit", WHOLE))
    with Upstream() as upstream:
        upstream.route("/pets", pets)
        paths = {"/pets": get(array(row), query("state", {"type": "string", "enum": ["sold", "free"]}), *paging)}
        said = json.dumps(document(paths, servers=[{"url": upstream.url}]))
        connector = get_connector(kind)
        session = connector.open(connector.clean({"Document": said}), context=Context(outgoing=upstream.allow))
        yield Opened(session, session.list_tables()[0].ref)


@contextmanager
def of_odata(kind: str, place: Place) -> Iterator[Opened]:
    content = {
        "server": {"page_size": 50, "max_page_size": 500},
        "connections": {"shop": database(place.folder / "shop.db")},
        "resources": {"things": {"connection": "shop", "table": "things", "methods": EVERY}},
        "users": {"flow": {"role": "query", "privileges": EVERY, "authtoken": TOKEN}},
    }
    server = publish(content, place.folder / "data")
    yield Opened(connect(server, []), THINGS)
    server.stop()


@contextmanager
def of_bitbucket(kind: str, place: Place) -> Iterator[Opened]:
    with Bitbucket() as fake:
        values = {
            "AuthScheme": "Basic",
            "User": "aoi@example.com",
            "APIToken": "api-token-1",
            "Workspace": "acme",
            "URL": f"{fake.url}/2.0",
        }
        connector = get_connector(kind)
        session = connector.open(connector.clean(values), context=Context(outgoing=(fake.address,)))
        yield Opened(session, TableRef("shop", "Issues"))
        session.close()


@contextmanager
def of_stripe(kind: str, place: Place) -> Iterator[Opened]:
    with Stripe() as fake:
        connector = get_connector(kind)
        values = connector.clean({"LiveAPIKey": "sk_live_abc123", "URL": fake.url})
        session = connector.open(values, context=Context(outgoing=(fake.address,)))
        yield Opened(session, TableRef("Stripe", "Invoices"))
        session.close()


SOURCES: dict[str, Callable[[str, Place], Any]] = {
    **dict.fromkeys(DATABASES, of_database),
    **dict.fromkeys(NATIVE, of_standin),
    "duckdb": of_duckdb,
    "parquet": of_parquet,
    "files": of_files,
    "rest": of_rest,
    "manifest": of_manifest,
    "openapi": of_openapi,
    "odata": of_odata,
    "bitbucket": of_bitbucket,
    "stripe": of_stripe,
}
