"""Groups and rights on the pages: given, narrowed, taken back; nobody sees more by accident."""

from __future__ import annotations

import pytest
from django.test import Client

from apiserver.resources.models import Resource
from apiserver.resources.services import publish_tables
from connections.contract.table import TableRef
from connections.models import Connection
from tests.console import NOW
from users.models import Group, User

USERS = "/console/users/"


@pytest.fixture
def published(connection: Connection) -> list[Resource]:
    return publish_tables(connection, [TableRef("", "Orders"), TableRef("", "Goods")], now=NOW)


@pytest.fixture
def rob(db: None) -> User:
    return User.objects.create(name="rob", privileges=["GET"])


def rights(user: User) -> str:
    return f"{USERS}rights/user/{user.pk}"


def test_rights_are_chosen_narrowed_and_opened_again(as_admin: Client, published: list[Resource], rob: User) -> None:
    seen = []
    for given in ({"chosen": "1"}, {"resource": ["Orders", "None"]}):
        as_admin.post(rights(rob), given)
        rob.refresh_from_db()
        seen.append(rob.resources)
    as_admin.post(f"{rights(rob)}/Orders", {"methods": ["GET"], "columns": ["Id"], "filter": "Id gt 1"})
    rob.refresh_from_db()
    seen.append(rob.resources)
    as_admin.post(rights(rob), {"all": "1"})
    rob.refresh_from_db()

    assert seen == [{}, {"Orders": {}}, {"Orders": {"methods": ["GET"], "columns": ["Id"], "filter": "Id gt 1"}}]
    assert rob.resources is None


@pytest.mark.parametrize("text", ["Nope eq 1", "Id gt", "Id", "Id eq 1)"])
def test_row_filter_that_does_not_bind_is_refused(as_admin: Client, published: list[Resource], rob: User, text: str) -> None:
    as_admin.post(rights(rob), {"resource": ["Orders"]})

    answer = as_admin.post(f"{rights(rob)}/Orders", {"filter": text})

    rob.refresh_from_db()
    assert (answer.status_code, list(answer.context["form"].errors), rob.resources) == (422, ["filter"], {"Orders": {}})


def test_effective_rights_are_shown(as_admin: Client, published: list[Resource], rob: User) -> None:
    rob.resources = {"Orders": {"columns": ["Id"], "filter": "Id gt 1"}}
    rob.save()

    page = as_admin.get(f"/console/effective/{rob.pk}").content.decode()

    assert ("<code>Id gt 1</code>" in page, ">GET</td>" in page, "1 more resource is published" in page) == (True, True, True)


def test_group_gives_rights_to_its_members(as_admin: Client, published: list[Resource], rob: User) -> None:
    answer = as_admin.post(f"{USERS}groups/add", {"name": "crew", "privileges": ["POST"], "members": ["rob"]})
    group = Group.objects.get(name="crew")
    as_admin.post(answer["Location"], {"resource": ["Goods"]})

    page = as_admin.get(f"/console/effective/{rob.pk}").content.decode()

    assert answer["Location"] == f"{USERS}rights/group/{group.pk}"
    assert ('>Goods</td><td data-label="Methods">GET, POST</td>' in page, ">Orders</td>" in page) == (True, False)


def test_member_whom_only_the_group_confines_is_not_freed(as_admin: Client, published: list[Resource], rob: User) -> None:
    group = Group.objects.create(name="crew", resources={"Goods": {}})
    group.users.add(rob)

    taken_out = as_admin.post(f"{USERS}groups/{group.pk}", {"name": "crew"})
    deleted = as_admin.post(f"{USERS}groups/{group.pk}/delete")

    assert (taken_out.status_code, deleted.status_code, list(group.users.all())) == (422, 409, [rob])


@pytest.mark.parametrize("path", ["groups/", "groups/add", "rights/user/1", "groups/1"])
def test_pages_are_for_administrators(as_operator: Client, rob: User, path: str) -> None:
    assert as_operator.get(f"{USERS}{path}").status_code == 403
