"""Two users with random rights: what each is told is, byte for byte, what a service tells that really lacks the rest.

The second service reads from a database that holds nothing but the rows and columns that the user may see, under no rights at all. Whatever
leaks through any option, an error text or a document would differ between the two. Both users take turns over one process and its caches.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.test import RequestFactory
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from apiserver.odata.documents import document
from apiserver.odata.service import ServiceContext, run
from apiserver.resources.catalog import Catalog
from apiserver.resources.models import Resource
from apiserver.resources.services import catalog_for, publish_tables
from apiserver.server import stamp
from connections.contract.table import TableRef
from connections.models import Connection
from connections.services import SESSIONS, save_connection, session_for
from tests.console import NOW
from users.models import User
from users.principal import principal_of

ROOT = "http://testserver/api.rsc"
COLUMNS = {
    "customers": {"id": "INTEGER PRIMARY KEY", "name": "VARCHAR(20) NOT NULL", "country": "VARCHAR(2)", "credit": "DECIMAL(9,2)"},
    "orders": {
        "no": "INTEGER PRIMARY KEY",
        "customer_id": "INTEGER REFERENCES customers (id)",
        "total": "DECIMAL(9,2)",
        "note": "VARCHAR(20)",
    },
    "lines": {"order_no": "INTEGER NOT NULL REFERENCES orders (no)", "line": "INTEGER NOT NULL", "item": "VARCHAR(20)"},
}
KEYS = {"customers": ("id",), "orders": ("no",), "lines": ("order_no", "line")}
ROWS: dict[str, list[tuple[Any, ...]]] = {
    "customers": [(1, "Aoi", "JP", "10.50"), (2, "Bob", "US", None), (3, "Chloe", "FR", "0.00"), (4, "Dai", "JP", "99.99")],
    "orders": [(10, 1, "5.00", "rush"), (11, 2, "7.50", None), (12, 1, "70.00", "gift"), (13, None, "1.00", "rush"), (14, 3, None, "")],
    "lines": [(10, 1, "pen"), (10, 2, "ink"), (12, 1, "paper"), (11, 1, "pen"), (14, 1, "ink")],
}
# Row filters in OData and the same in Python.
FILTERS: dict[str, list[tuple[str, Any]]] = {
    "customers": [
        ("", lambda _: True),
        ("country eq 'JP'", lambda r: r[2] == "JP"),
        ("id gt 2", lambda r: r[0] > 2),
        ("id lt 0", lambda _: False),
    ],
    "orders": [("", lambda _: True), ("note eq 'rush'", lambda r: r[3] == "rush"), ("no ge 12", lambda r: r[0] >= 12)],
    "lines": [("", lambda _: True), ("item eq 'pen'", lambda r: r[2] == "pen"), ("line eq 1", lambda r: r[1] == 1)],
}
NAVIGATIONS = {"customers": ["orders"], "orders": ["customer", "lines"], "lines": ["order"]}
VALUES = ["1", "2", "10", "12", "'JP'", "'rush'", "'pen'", "null", "7.5", "'Aoi'"]


@st.composite
def grants(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Return random rights: some resources, some columns, one row filter each."""
    found = {}
    for table, columns in COLUMNS.items():
        if draw(st.integers(0, 4)) == 0:
            continue
        place = draw(st.integers(0, len(FILTERS[table]) - 1))
        grant: dict[str, Any] = {"filter": FILTERS[table][place][0], "place": place}
        if draw(st.booleans()):
            grant["columns"] = draw(st.lists(st.sampled_from(list(columns)), min_size=1, unique=True))
        found[table] = grant
    return found


@st.composite
def questions(draw: st.DrawFn) -> str:
    """Return a random address: any resource, any column, any relation, visible or not."""
    table = draw(st.sampled_from(list(COLUMNS)))
    column = st.sampled_from([*COLUMNS[table], "nope"])
    nav = st.sampled_from(NAVIGATIONS[table])
    test = st.builds("{} {} {}".format, column, st.sampled_from(["eq", "ne", "gt", "le"]), st.sampled_from(VALUES))
    there = st.sampled_from(sorted({name for columns in COLUMNS.values() for name in columns}))
    related = st.one_of(
        st.builds("{}/{} eq {}".format, nav, there, st.sampled_from(VALUES)),
        st.builds("{}/any(x:x/{} eq {})".format, nav, there, st.sampled_from(VALUES)),
        st.builds("{}/$count gt {}".format, nav, st.integers(0, 2)),
    )
    condition = st.one_of(test, related, st.builds("{} and {}".format, test, related), st.builds("not ({})".format, test))
    options = {
        "$filter": condition,
        "$orderby": st.one_of(column, st.builds("{}/{}".format, nav, there), st.builds("{} desc".format, column)),
        "$select": st.lists(column, min_size=1, max_size=3, unique=True).map(",".join),
        "$expand": st.one_of(
            nav, st.builds("{}($filter={} eq {})".format, nav, there, st.sampled_from(VALUES)), st.builds("{}/$count".format, nav)
        ),
        "$search": st.sampled_from(["rush", "Aoi", "pen", "JP"]),
        "$count": st.just("true"),
        "$top": st.integers(0, 3).map(str),
        "$compute": st.builds("{} as extra".format, column),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(options)), max_size=3, unique=True))
    query = "&".join(f"{name}={quote(draw(options[name]), safe='(),/:$ ')}" for name in chosen)
    key = draw(st.sampled_from(["", "", "", "(1)", "(10)", "(2)", "(order_no=10,line=1)"]))
    tail = draw(st.sampled_from(["", "", "/$count", f"/{draw(nav)}", f"/{draw(column)}", f"/{draw(nav)}/$count", "/$ref"]))
    return f"/{table}{key}{tail}" + (f"?{query}" if query else "")


def fill(path: Path, tables: Sequence[str], columns: dict[str, Sequence[str]], keep: dict[str, Any]) -> None:
    """Make a database with these tables, columns and rows; keys and relations only where all their columns are there."""
    with closing(sqlite3.connect(path)) as made, made:
        for table in tables:
            shown = list(columns[table])
            parts = []
            for name in COLUMNS[table]:
                if name in shown:
                    target = re.search(r"REFERENCES (\w+) \((\w+)\)", COLUMNS[table][name])
                    is_whole = target is None or (target[1] in tables and target[2] in columns[target[1]])
                    parts.append(f"{name} {COLUMNS[table][name] if is_whole else COLUMNS[table][name].partition(' REFERENCES')[0]}")
            if len(KEYS[table]) > 1 and set(KEYS[table]) <= set(shown):
                parts.append(f"PRIMARY KEY ({', '.join(KEYS[table])})")
            made.execute(f"CREATE TABLE {table} ({', '.join(parts)})")
            places = [place for place, name in enumerate(COLUMNS[table]) if name in shown]
            for row in filter(keep[table], ROWS[table]):
                made.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(places))})", [row[place] for place in places])


class World:
    """One service: a connection and its catalog for one user."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def ask(self, question: str) -> tuple[int, bytes]:
        """Return status and body; tokens of next links and addresses of this world's own are taken out."""
        path, _, query = question.partition("?")
        request = RequestFactory().get(f"/api.rsc{path}", QUERY_STRING=query)
        context = ServiceContext(self.catalog, session_for, ROOT, {}, partial(document, self.catalog, ROOT, is_open=False))
        response = run(request, path, lambda _: context)
        body = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
        response.close()
        if path == "/$oas":
            body = without_triggers(body)
        return response.status_code, re.sub(rb"skiptoken=[^\"&]*", b"skiptoken=", body)


def without_triggers(body: bytes) -> bytes:
    """Return $oas without triggers: where rows are filtered, deleted ones are not told, and that is no secret."""
    document = json.loads(body)
    document["paths"] = {path: item for path, item in document["paths"].items() if not path.startswith("/$")}
    return json.dumps(document).encode()


def world(connection: Connection, tables: Sequence[str], user: User) -> World:
    """Publish the tables of a connection and return what the user sees; then take them back, so that the next world has the names."""
    publish_tables(connection, [TableRef("", table) for table in tables], now=NOW)
    found = World(catalog_for(principal_of(user)))
    Resource.objects.all().delete()
    stamp.changed()
    return found


def differing(question: str, told: bytes, wanted: bytes) -> str:
    """Return where two answers part."""
    at = next((place for place, pair in enumerate(zip(told, wanted, strict=False)) if pair[0] != pair[1]), min(len(told), len(wanted)))
    return f"{question}: ...{told[max(0, at - 200) : at + 200]!r} instead of ...{wanted[max(0, at - 200) : at + 200]!r}"


@pytest.fixture
def folder(db: None, tmp_path: Path) -> Iterator[Path]:
    SESSIONS.close()
    yield tmp_path
    SESSIONS.close()


@settings(
    max_examples=60,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
@given(rights=st.tuples(grants(), grants()), asked=st.lists(questions(), min_size=8, max_size=14))
def test_a_user_is_told_what_a_service_tells_that_lacks_the_rest(
    folder: Path, rights: tuple[dict[str, Any], dict[str, Any]], asked: list[str]
) -> None:
    number = Connection.objects.count()
    everything: dict[str, Sequence[str]] = {table: list(columns) for table, columns in COLUMNS.items()}
    fill(folder / f"{number}.db", list(COLUMNS), everything, dict.fromkeys(COLUMNS, lambda _: True))
    whole = save_connection(name=f"c{number}", connector="sqlite", values={"Database": str(folder / f"{number}.db")})
    pairs = []
    for place, held in enumerate(rights):
        resources = {table: {name: value for name, value in grant.items() if name != "place"} for table, grant in held.items()}
        narrow = User(name=f"u{place}", privileges=["GET"], resources=resources)
        file = folder / f"{number}-{place}.db"
        keep = {table: FILTERS[table][grant["place"]][1] for table, grant in held.items()}
        fill(file, [t for t in COLUMNS if t in held], {t: held[t].get("columns", everything[t]) for t in held}, keep)
        lacking = save_connection(name=f"c{number}-{place}", connector="sqlite", values={"Database": str(file)})
        theirs = world(whole, list(COLUMNS), narrow)
        ours = world(lacking, [t for t in COLUMNS if t in held], User(name="all", privileges=["GET"]))
        pairs.append((theirs, ours))

    together = ["", "/$metadata", "/$oas", *asked]
    for question in together:
        for narrowed, lacking_world in pairs:
            told, wanted = narrowed.ask(question), lacking_world.ask(question)
            assert told == wanted, differing(question, told[1], wanted[1])
    print(f"{len(together) * len(pairs)} questions under random rights: 0 told more")
