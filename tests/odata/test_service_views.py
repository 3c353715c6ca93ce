"""The API through Django's client, with stored users, connections and resources."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.odata.parser import parse_path
from apiserver.odata.parser_errors import DEFAULT_LIMITS, ODataSyntaxError
from apiserver.odata.service import read_path
from apiserver.resources.services import publish_tables
from apiserver.server import options
from connections.contract.table import TableRef
from connections.services import SESSIONS, save_connection
from tests import databases
from tests.compliance import rows
from users.models import User
from users.tokens import generate

TOKEN = "service-token-0123456789abcdef"

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(tmp_path: Path, request: pytest.FixtureRequest) -> Client:
    SESSIONS.close()
    database = databases.sqlite("views", request, tmp_path)
    rows.fill(database)
    connection = save_connection(name="shop", connector="sqlite", values=database.connection["properties"])
    publish_tables(connection, [TableRef("", name) for name in ("customers", "orders", "things")], now=timezone.now())
    user = User.objects.create_user("flow", privileges=["GET", "POST"])
    generate(user, now=timezone.now(), text=TOKEN)
    return Client(headers={"x-cdata-authtoken": TOKEN, "host": "testserver"})


@pytest.mark.parametrize("path", ["/api.rsc", "/api.rsc/"])
def test_root_answers_with_and_without_slash(client: Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 200
    assert [item["name"] for item in response.json()["value"]] == ["customers", "orders", "things"]


def test_rows_come_through_every_stage(client: Client) -> None:
    response = client.get("/api.rsc/customers?$filter=country eq 'JP'&$select=id&$expand=orders($select=id)")

    assert [row["id"] for row in response.json()["value"]] == [1, 4, 9]
    assert response.json()["@odata.context"] == "http://testserver/api.rsc/$metadata#customers(id,orders(id))"


@pytest.mark.parametrize("path", ["/api.rsc/", "/api.rsc/customers", "/api.rsc/nothing", "/api.rsc/$metadata"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_without_a_token_every_address_is_401(client: Client, path: str, method: str) -> None:
    response = getattr(Client(), method)(path)

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "Unauthorized"
    assert response["WWW-Authenticate"].startswith("Basic")
    assert response["OData-Version"] == "4.0"


def test_token_in_the_path_stays_in_links_only_there(client: Client) -> None:
    assert Client().get(f"/api.rsc/@{TOKEN}/customers").status_code == 401
    options.save({"allow_authtoken_in_url": True, "page_size": 2})

    for mark in ("@", "%40"):
        link = Client(headers={"host": "testserver"}).get(f"/api.rsc/{mark}{TOKEN}/customers").json()["@odata.nextLink"]
        assert link.startswith(f"http://testserver/api.rsc/@{TOKEN}/customers?")
    by_query = Client().get(f"/api.rsc/customers?@authtoken={TOKEN}").json()
    assert TOKEN not in str(by_query)
    assert len(by_query["value"]) == 2


def test_privileges_bound_the_methods(client: Client) -> None:
    assert client.post("/api.rsc/things", {"id": 1}, content_type="application/json").status_code == 201
    assert client.delete("/api.rsc/things(1)").status_code == 403


def test_public_url_is_the_root_of_links(client: Client) -> None:
    options.save({"public_url": "https://api.example.com"})

    assert client.get("/api.rsc/customers(1)").json()["@odata.context"].startswith("https://api.example.com/api.rsc/$metadata#")


def test_documents_are_served_to_this_user(client: Client) -> None:
    assert client.get("/api.rsc/$metadata")["Content-Type"] == "application/xml"
    assert "API" in client.get("/api.rsc/$metadata?$format=json").json()
    assert client.get("/api.rsc/$oas").json()["swagger"] == "2.0"
    assert client.get("/api.rsc/$metadata", headers={"accept": "text/html"}).status_code == 406


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("Names('it's')", "Names('it''s')"),
        ("Names('a/b's')", "Names('a/b''s')"),
        ("Lines(a=1,b='it's')", "Lines(a=1,b='it''s')"),
        ("Lines(b='x/y'z, 1',a=2)", "Lines(b='x/y''z, 1',a=2)"),
        ("Lines(b=''',c='')", "Lines(b='''',c='')"),
    ],
)
def test_keys_are_read_whose_quotes_the_client_did_not_double(given: str, meant: str) -> None:
    if "''" in given:
        with pytest.raises(ODataSyntaxError):
            read_path(given, DEFAULT_LIMITS)
    else:
        assert read_path(given, DEFAULT_LIMITS) == parse_path(meant, decoded=True, limits=DEFAULT_LIMITS)
