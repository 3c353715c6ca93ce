"""`export` of a server, applied to an empty one, gives the same service: byte for byte in $metadata and $oas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import databases
from tests.databases import Database
from tests.served import Served, manage, publish, serve

TOKENS = {name: f"round-trip-token-of-{name}-0123456789" for name in ("boss", "flow", "lead", "crew")}
DOCUMENTS = ("$metadata", "$metadata?$format=json", "$oas", "")
PUBLIC = "https://api.example.com"


def fill(database: Database) -> Database:
    """Make tables with a relation, a composite key, no key, names that need care."""
    database.create("customers", {"id": "integer PRIMARY KEY", "name": "varchar(40)", "country": "varchar(2)", "secret": "varchar(9)"})
    database.create(
        "orders",
        {"id": "integer PRIMARY KEY", "customer_id": "integer", "total": "numeric(10,2)", "note": "varchar(80)"},
        "FOREIGN KEY (customer_id) REFERENCES customers (id)",
    )
    database.create("lines", {"order_id": "integer", "line": "integer", "amount": "float"}, "PRIMARY KEY (order_id, line)")
    database.create("events", {"at": "timestamp", "what": "varchar(20)"})
    database.create("注文 明細", {"id": "integer PRIMARY KEY", "価格": "numeric(8,3)", "select": "varchar(5)"})
    database.insert("customers", [(1, "Aoi", "JP", "x"), (2, "Bob", "US", "y")])
    return database


@pytest.fixture(scope="module")
def sources(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Database]:
    folder = tmp_path_factory.mktemp("sources")
    return {kind: fill(databases.make(kind, "round_trip", request, folder)) for kind in ("sqlite", "postgresql", "mysql")}


LATE = "SELECT o.id, o.customer_id, c.name AS who FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.total > 10"


def configuration(sources: dict[str, Database]) -> dict[str, Any]:
    """Return a file that uses every section that is served today."""
    found: dict[str, Any] = {
        "server": {
            "public_url": PUBLIC,
            "api": {"title": "Sales data", "description": "All of it", "contact": {"name": "Desk", "email": "desk@example.com"}},
            "page_size": 50,
            "cors": {"enabled": True, "allow_all_without_star": True},
            "limits": {"requests_per_hour": 5000, "concurrent_requests": 50, "token_days": 0},
            "anonymous": True,
        },
        "connections": {},
        "resources": {},
        "groups": {
            "readers": {"privileges": ["GET"], "resources": {"postgresql_customers": {"methods": ["GET"], "columns": ["id", "name"]}}}
        },
        "users": {
            "boss": {"role": "admin", "privileges": ["GET", "POST", "PATCH", "PUT", "DELETE"], "authtoken": TOKENS["boss"]},
            "flow": {"role": "query", "privileges": ["GET", "POST"], "authtoken": TOKENS["flow"], "requests_per_hour": 900},
            "lead": {
                "role": "query",
                "privileges": ["GET"],
                "authtoken": TOKENS["lead"],
                "resources": {
                    "sqlite_customers": {"methods": ["GET"], "columns": ["id", "name"], "filter": "country eq 'JP'"},
                    "mysql_orders": {},
                },
            },
            "crew": {"role": "query", "privileges": [], "groups": ["readers"], "resources": {}, "authtoken": TOKENS["crew"]},
            "anonymous": {"role": "query", "privileges": ["GET"], "resources": {"mysql_late": {"filter": "CustomerId lt 2"}}},
        },
    }
    for kind, database in sources.items():
        found["connections"][kind] = {**database.connection, "labels": ["round", "trip"], "max_rows": 500}
        found["resources"] |= {
            f"{kind}_customers": {"connection": kind, "table": "customers", "title": "Customers", "etag": "none"},
            f"{kind}_orders": {
                "connection": kind,
                "table": "orders",
                "columns": {"id": "Id", "customer_id": "CustomerId", "total": {"name": "Total", "label": "Sum", "description": "With tax"}},
                "methods": ["GET", "POST"],
                "search": [],
            },
            f"{kind}_orders_again": {"connection": kind, "table": "orders", "description": "The same table twice"},
            f"{kind}_lines": {
                "connection": kind,
                "table": "lines",
                "check_column": "amount",
                "etag": "amount",
                "methods": ["GET", "PATCH"],
            },
            f"{kind}_events": {"connection": kind, "table": "events", "key": ["what"], "serve": "live"},
            f"{kind}_meisai": {"connection": kind, "table": "注文 明細", "columns": ["id", "価格"], "search": []},
            # Renamed after it was published: its id, of which operationIds are made, is that of its first name.
            f"{kind}_renamed": {"connection": kind, "table": "customers", "id": f"First{kind}", "search": ["name"], **related(kind)},
            f"{kind}_late": {
                "connection": kind,
                "sql": LATE,
                "key": ["id"],
                "columns": {"id": "Id", "customer_id": "CustomerId", "who": {"name": "Who", "description": "Whose", "read_only": True}},
            },
        }
    return found


def related(kind: str) -> dict[str, Any]:
    """Return declared relations: to a table, and to a derived view, with and without a partner."""
    late = {"to": f"{kind}_late", "columns": {"id": "customer_id"}, "collection": True, "partner": "buyer"}
    return {"relations": {"latecomers": late, "twin": {"to": f"{kind}_customers", "columns": {"id": "id"}}}}


@pytest.fixture(scope="module")
def first(sources: dict[str, Database], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = publish(configuration(sources), tmp_path_factory.mktemp("first"))
    yield server
    server.dismiss()


def documents(served: Served) -> dict[tuple[str, str], bytes]:
    """Return every document as every user gets it."""
    found = {}
    for user, token in (*TOKENS.items(), ("anonymous", "")):
        for path in DOCUMENTS:
            status, _, body = served.get(f"/api.rsc/{path}", {"x-cdata-authtoken": token} if token else {})
            assert status == 200, body
            found[user, path] = body
    return found


def secrets_of(export: dict[str, Any]) -> dict[str, str]:
    """Return the variables that the exported file asks for, authtokens from what this test knows."""
    asked = [item["authtoken"]["env"] for item in export["users"].values() if "authtoken" in item]
    return {name: TOKENS[name.removeprefix("APISERVER_SECRET_USERS_").removesuffix("_AUTHTOKEN").lower()] for name in asked}


def test_export_applied_to_an_empty_server_gives_the_same_documents(first: Served, tmp_path: Path) -> None:
    file = tmp_path / "export.yaml"
    exported = manage(first.data_dir, "export", str(file))
    secrets = secrets_of(yaml.safe_load(file.read_text(encoding="utf-8")))
    data = tmp_path / "second"
    data.mkdir()
    applied = manage(data, "apply", str(file), "--json", extra=secrets)
    assert (exported.returncode, applied.returncode) == (0, 0), exported.stderr + applied.stdout + applied.stderr

    second = serve(data_dir=data)
    try:
        assert documents(second) == documents(first)
    finally:
        second.stop()
    again = manage(data, "apply", str(file), "--json", extra=secrets)
    same = manage(data, "diff", str(file), extra=secrets)
    assert (json.loads(again.stdout)["changed"], same.returncode) == (False, 0)
    assert manage(data, "export", extra=secrets).stdout == manage(first.data_dir, "export").stdout


def test_what_a_user_may_not_see_is_in_no_document(first: Served) -> None:
    found = documents(first)

    for path in DOCUMENTS:
        assert b"secret" in found["boss", path] or path == ""
        assert b"secret" not in found["lead", path]
        assert b"sqlite_lines" not in found["lead", path]
        assert b"sqlite" not in found["crew", path]
        assert b"customers" not in found["anonymous", path]


def test_declared_relations_and_first_names_are_in_the_documents(first: Served) -> None:
    found = documents(first)

    for kind in ("sqlite", "postgresql", "mysql"):
        relation = f'<NavigationProperty Name="latecomers" Type="Collection(API.{kind}_late)" Partner="buyer"'
        assert relation.encode() in found["boss", "$metadata"]
        get = json.loads(found["boss", "$oas"])["paths"][f"/{kind}_renamed"]["get"]
        assert get["operationId"] == f"ReturnFirst{kind}"


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({"sqlite_renamed": {"id": "Another"}}, "resources.sqlite_renamed.id is Firstsqlite for good"),
        ({"more": {"connection": "sqlite", "table": "events", "id": "Firstsqlite"}}, "resources.more.id: sqlite_renamed has it"),
        ({"more": {"connection": "sqlite", "table": "events", "id": "no id"}}, "resources.more.id must be letters and digits"),
    ],
)
def test_ids_stay_and_belong_to_one_resource(first: Served, tmp_path: Path, resources: dict[str, Any], words: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(json.dumps({"resources": resources}), encoding="utf-8")

    done = manage(first.data_dir, "apply", str(file))

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert words in done.stderr
