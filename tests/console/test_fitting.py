"""What fits one connector: size, what is left out and parts that fit, on the page of a user and on Status."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from django.test import Client

from apiserver.console.overview import warnings
from apiserver.odata.swagger_limits import operations
from apiserver.resources.services import publish_tables
from connections.contract.table import TableRef
from connections.models import Connection
from connections.services import save_connection
from tests import databases
from tests.console import NOW
from users.models import User
from users.tokens import generate

TOKEN = "fitting-token-0123456789abcdef"
WIDE = 60


@pytest.fixture
def flow(db: None) -> User:
    user = User.objects.create_user("flow", privileges=["GET", "POST", "PATCH", "DELETE"])
    generate(user, now=NOW, text=TOKEN)
    return user


@pytest.fixture
def wide(request: pytest.FixtureRequest, tmp_path: Path, connection: Connection, flow: User) -> User:
    """More than one connector holds: sixty tables beside two of another connection."""
    database = databases.sqlite("wide", request, tmp_path)
    tables = [f"table{number:02}" for number in range(WIDE)]
    for table in tables:
        database.create(table, {"id": "integer PRIMARY KEY", "created_at": "timestamp NOT NULL", "note": "text"})
    other = save_connection(name="wide", connector="sqlite", values=database.connection["properties"])
    publish_tables(connection, [TableRef("", "Orders"), TableRef("", "Goods")], now=NOW)
    publish_tables(other, [TableRef("", table) for table in tables], now=NOW)
    return flow


def addresses(page: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'value="([^"]*\$oas[^"]*)"', page)]


def test_a_small_service_fits_as_it_is(as_admin: Client, connection: Connection, flow: User) -> None:
    publish_tables(connection, [TableRef("", "Orders")], now=NOW)

    page = as_admin.get(f"/console/fitting/{flow.pk}").content.decode()

    assert "All of it fits" in page
    assert [urlsplit(address).query for address in addresses(page)] == [""]
    assert "leaves operations out" not in as_admin.get("/console/").content.decode()


def test_parts_fit_and_hold_everything_together(as_admin: Client, wide: User, client: Client) -> None:
    page = as_admin.get(f"/console/fitting/{wide.pk}").content.decode()

    assert "Too much for one connector" in page and "deletes, polling triggers, subscriptions" in page
    found = addresses(page)
    parts = [address for address in found if "resources=" in address or "connection=" in address]
    assert [unquote(urlsplit(address).query) for address in found[1:5]] == [
        "operations=read,write",
        "operations=read",
        "operations=list",
        "operations=triggers",
    ]
    documents = []
    for address in parts:
        parsed = urlsplit(address)
        body = client.get(f"{parsed.path}?{parsed.query}", headers={"x-cdata-authtoken": TOKEN}).content
        documents.append(json.loads(body))
        assert len(body) < 500_000
    assert "connection=shop" in {urlsplit(address).query for address in parts}
    assert [item["info"]["description"] for item in documents if "Left out" in item["info"]["description"]] == []
    assert max(operations(item) for item in documents) <= 256
    assert {path for item in documents for path in item["paths"] if path.count("/") == 1 and "(" not in path} == {
        "/Orders",
        "/Goods",
        *(f"/table{number:02}" for number in range(WIDE)),
    }


def test_figures_are_those_of_the_document(as_admin: Client, wide: User, client: Client) -> None:
    page = as_admin.get(f"/console/fitting/{wide.pk}").content.decode()
    body = client.get("/api.rsc/$oas?operations=read", headers={"x-cdata-authtoken": TOKEN}).content

    row = page[page.index("operations=read&quot;") if "operations=read&quot;" in page else page.index('operations=read"') :]
    assert f">{operations(json.loads(body))}<" in row[:1500]
    assert f">{-(-len(body) // 1000)} kB<" in row[:1500]


def test_status_names_whose_document_leaves_operations_out(as_admin: Client, wide: User) -> None:
    User.objects.create_user("narrow", privileges=["GET"], resources={"Orders": {}})

    (told,) = [text for text in warnings() if "$oas" in text]

    assert told.endswith("leaves operations out. See What fits one connector, on the page of: flow.")
    assert told in html.unescape(as_admin.get("/console/").content.decode())


def test_only_administrators_see_it(as_operator: Client, flow: User) -> None:
    assert as_operator.get(f"/console/fitting/{flow.pk}").status_code == 403
