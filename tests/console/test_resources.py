from __future__ import annotations

import pytest
from django.test import Client

from apiserver.resources.models import Resource
from apiserver.resources.services import publish_tables
from connections.contract.table import TableRef
from connections.models import Connection
from tests.console import NOW
from users.models import Group, User

LIST = "/console/api/"


@pytest.fixture
def orders(connection: Connection) -> Resource:
    return publish_tables(connection, [TableRef("", "Orders")], now=NOW)[0]


def test_list_shows_addresses_to_copy(as_admin: Client, orders: Resource) -> None:
    page = as_admin.get(LIST).content.decode()

    assert all(f'/api.rsc/{tail}"' in page for tail in ("", "$oas", "Orders"))


def test_empty_list_says_what_to_do(as_admin: Client, db: None) -> None:
    page = as_admin.get(LIST).content.decode()

    assert ("Add Table" in page, "No resource yet" in page) == (True, True)


def test_list_is_closed_to_query_users(as_reader: Client) -> None:
    assert as_reader.get(LIST).status_code == 302


def test_add_leads_from_the_connection_to_its_tables(as_admin: Client, connection: Connection) -> None:
    asked = as_admin.get(f"{LIST}add").content.decode()
    answer = as_admin.get(f"{LIST}add", {"connection": connection.pk})

    assert ("Next" in asked, answer["Location"]) == (True, f"{LIST}add/{connection.pk}")


def test_save_changes_texts_methods_and_columns(as_admin: Client, orders: Resource) -> None:
    given = {"title": "Sales", "description": "", "methods": ["GET"], "publish-0": "on", "publish-1": "on", "alias-1": "Customer"}

    as_admin.post(f"{LIST}{orders.pk}", given)

    orders.refresh_from_db()
    assert (orders.title, orders.methods, orders.columns) == ("Sales", ["GET"], {"Id": {}, "Buyer": {"name": "Customer"}})


def test_save_of_everything_as_it_was_keeps_all_columns(as_admin: Client, orders: Resource) -> None:
    given = {"methods": orders.methods, "publish-0": "on", "publish-1": "on", "publish-2": "on"}

    as_admin.post(f"{LIST}{orders.pk}", given)

    orders.refresh_from_db()
    assert (orders.columns, orders.version) == (None, 1)


def test_save_refuses_an_alias_that_is_no_identifier(as_admin: Client, orders: Resource) -> None:
    answer = as_admin.post(f"{LIST}{orders.pk}", {"methods": ["GET"], "publish-0": "on", "alias-0": "1 2"})

    assert (answer.status_code, "is no simple identifier" in answer.content.decode()) == (422, True)


def test_refresh_says_whether_the_table_changed(as_admin: Client, orders: Resource) -> None:
    page = as_admin.post(f"{LIST}{orders.pk}/refresh", follow=True).content.decode()

    assert "The table has not changed." in page


def test_unpublish_asks_then_takes_back(as_admin: Client, orders: Resource) -> None:
    asked = as_admin.get(f"{LIST}{orders.pk}/unpublish")

    as_admin.post(f"{LIST}{orders.pk}/unpublish")

    assert (asked.status_code, Resource.objects.count()) == (200, 0)


def test_unpublish_names_rights_and_relations_that_go_with_it(as_admin: Client, connection: Connection, orders: Resource) -> None:
    goods = publish_tables(connection, [TableRef("", "Goods")], now=NOW)[0]
    goods.relations = {"Bought": {"to": "Orders", "columns": {"Id": "Id"}, "collection": True}}
    goods.save()
    rob = User.objects.create_user("rob", resources={"Orders": {}})
    team = Group.objects.create(name="team", resources={"Orders": {}})

    page = as_admin.get(f"{LIST}{orders.pk}/unpublish").content.decode()

    assert (f"/users/{rob.pk}" in page, f"/groups/{team.pk}" in page) == (True, True)
    assert (f'href="{LIST}{goods.pk}"' in page, "<code>Bought</code>" in page) == (True, True)
