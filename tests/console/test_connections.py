from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from apiserver.resources.services import publish_tables
from connections.contract.table import TableRef
from connections.models import Connection
from connections.services import save_connection, values_of
from tests.console import NOW

LIST = "/console/connections/"


def post(client: Client, path: str, **values: str) -> str:
    return client.post(path, values, follow=True).content.decode()


def test_list_of_a_stranger_leads_to_sign_in(db: None) -> None:
    answer = Client().get(LIST)

    assert (answer.status_code, answer["Location"]) == (302, f"/console/sign-in?next={LIST}")


@pytest.mark.parametrize(("person", "status"), [("as_admin", 200), ("as_operator", 200), ("as_reader", 302)])
def test_list_opens_by_role(person: str, status: int, request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue(person).get(LIST).status_code == status


def test_list_shows_connections(as_admin: Client, connection: Connection) -> None:
    page = as_admin.get(LIST).content.decode()

    assert all(text in page for text in ("shop", "SQLite", "Not tested", "Add Connection", 'aria-current="page"'))


def test_gallery_searches_connectors(as_admin: Client) -> None:
    page = as_admin.get(f"{LIST}add?q=postgres").content.decode()

    assert ("PostgreSQL" in page, "add/sqlite" in page) == (True, False)


@pytest.mark.parametrize("key", ["postgresql", "mysql", "sqlite"])
def test_form_grows_from_the_connector(as_admin: Client, key: str) -> None:
    page = as_admin.get(f"{LIST}add/{key}").content.decode()

    assert ("Create & Test" in page, "Save & Test" in page, "<summary>Advanced" in page) == (True, False, True)


def test_create_saves_and_shows_the_steps(as_admin: Client, shop: Path) -> None:
    page = post(as_admin, f"{LIST}add/sqlite", name="shop", labels="a, b", Database=str(shop))

    found = Connection.objects.get()
    assert (found.labels, found.properties, found.last_test["ok"]) == (["a", "b"], {"Database": str(shop)}, True)
    assert all(text in page for text in ("list_tables", "Works", "Save & Test", "Saved. The connection works."))


def test_create_shows_a_failed_step(as_admin: Client, tmp_path: Path) -> None:
    page = post(as_admin, f"{LIST}add/sqlite", name="none", Database=str(tmp_path / "none.db"))

    assert ("Failed" in page, Connection.objects.get().last_test["ok"]) == (True, False)


def test_create_shows_an_invalid_property_at_its_field(as_admin: Client, shop: Path) -> None:
    answer = as_admin.post(f"{LIST}add/sqlite", {"name": "shop", "Database": str(shop), "TimeZone": "Mars/Olympus"})

    assert (answer.status_code, list(answer.context["form"].errors), Connection.objects.count()) == (422, ["TimeZone"], 0)


def test_pasted_address_fills_the_form(as_admin: Client) -> None:
    answer = as_admin.post(f"{LIST}add/postgresql", {"fill": "1", "address": "postgres://ann:s3cret@db.example:5433/sales"})

    page = answer.content.decode()
    assert all(f'value="{text}"' in page for text in ("ann", "s3cret", "db.example", "5433", "sales"))
    assert "no-store" in answer["Cache-Control"]


def test_pasted_address_that_is_none_is_explained(as_admin: Client) -> None:
    answer = as_admin.post(f"{LIST}add/postgresql", {"fill": "1", "address": "gopher://x"})

    assert (answer.status_code, bool(answer.context["failure"])) == (422, True)


def test_edit_keeps_a_secret_left_empty_and_never_shows_it(as_admin: Client, db: None) -> None:
    values = {"Server": "127.0.0.1", "Port": 1, "User": "ann", "Password": "pssst"}
    stored = save_connection(name="pg", connector="postgresql", values=values)

    before = as_admin.get(f"{LIST}{stored.pk}").content.decode()
    page = post(as_admin, f"{LIST}{stored.pk}", name="pg", Server="127.0.0.1", Port="1", User="bob", UseSSL="Off")

    stored.refresh_from_db()
    assert ("pssst" in before + page, values_of(stored)["Password"], values_of(stored)["User"]) == (False, "pssst", "bob")


def test_tables_show_escaped_rows(as_admin: Client, connection: Connection) -> None:
    page = as_admin.get(f"{LIST}{connection.pk}/tables?table=Orders").content.decode()

    assert ("Goods" in page, "&lt;b&gt;Aoi" in page, "<b>Aoi" in page) == (True, True, False)


def test_delete_is_refused_while_a_resource_uses_it(as_admin: Client, connection: Connection) -> None:
    publish_tables(connection, [TableRef("", "Orders")], now=NOW)

    answer = as_admin.post(f"{LIST}{connection.pk}/delete")

    assert (answer.status_code, "<li>Orders</li>" in answer.content.decode(), Connection.objects.count()) == (409, True, 1)


def test_delete_asks_then_deletes(as_admin: Client, connection: Connection) -> None:
    asked = as_admin.get(f"{LIST}{connection.pk}/delete")

    post(as_admin, f"{LIST}{connection.pk}/delete")

    assert (asked.status_code, Connection.objects.count()) == (200, 0)
