from __future__ import annotations

import pytest
from django.test import Client

from apiserver.server.models import Audit
from tests.console import NOW
from users import tokens
from users.models import User

LIST = "/console/users/"


@pytest.fixture
def reader(db: None) -> User:
    return User.objects.create(name="rob", privileges=["GET"])


@pytest.mark.parametrize(("person", "status"), [("as_admin", 200), ("as_operator", 403), ("as_reader", 302)])
def test_list_is_for_administrators(person: str, status: int, request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue(person)

    assert (client.get(LIST).status_code, client.get(f"{LIST}add").status_code) == (status, status)


def test_list_masks_authtokens(as_admin: Client, reader: User) -> None:
    text = tokens.generate(reader, now=NOW)

    page = as_admin.get(LIST).content.decode()

    assert (text in page, "••••" in page, "rob" in page) == (False, True, True)


@pytest.mark.parametrize("count", [1, 3])
def test_list_asks_the_database_no_more_for_more_users(as_admin: Client, count: int, django_assert_max_num_queries: object) -> None:
    for number in range(count):
        tokens.generate(User.objects.create(name=f"u{number}"), now=NOW)
    as_admin.get(LIST)

    with django_assert_max_num_queries(9):  # type: ignore[operator]
        as_admin.get(LIST)


def test_add_shows_the_authtoken_once(as_admin: Client) -> None:
    answer = as_admin.post(f"{LIST}add", {"role": "query", "name": "pa", "privileges": ["GET", "POST"]})

    user = User.objects.get(name="pa")
    text = tokens.reveal(user.authtokens.get())
    assert (user.role, user.privileges, user.has_usable_password()) == ("query", ["GET", "POST"], False)
    assert (text in answer.content.decode(), "no-store" in answer["Cache-Control"]) == (True, True)
    assert text not in as_admin.get(f"{LIST}{user.pk}").content.decode()


def test_add_refuses_a_taken_name(as_admin: Client, reader: User) -> None:
    answer = as_admin.post(f"{LIST}add", {"role": "query", "name": "rob"})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["name"])


def test_reveal_shows_and_records(as_admin: Client, reader: User) -> None:
    text = tokens.generate(reader, now=NOW)

    page = as_admin.post(f"{LIST}{reader.pk}/reveal").content.decode()

    record = Audit.objects.get(action="authtoken revealed")
    assert (text in page, record.who, record.subject) == (True, "ada", "rob")


@pytest.mark.parametrize("verb", ["reveal", "rotate", "switch"])
def test_verbs_need_post(as_admin: Client, reader: User, verb: str) -> None:
    assert as_admin.get(f"{LIST}{reader.pk}/{verb}").status_code == 405


def test_rotate_lets_the_old_authtoken_end_after_a_day(as_admin: Client, reader: User) -> None:
    old = tokens.generate(reader, now=NOW)

    page = as_admin.post(f"{LIST}{reader.pk}/rotate").content.decode()

    new, first = reader.authtokens.order_by("-created", "-pk")
    assert (tokens.reveal(first), first.expires is not None, new.expires) == (old, True, None)
    assert tokens.reveal(new) in page


def test_switch_turns_off_and_on(as_admin: Client, reader: User) -> None:
    states = []
    for _ in range(2):
        as_admin.post(f"{LIST}{reader.pk}/switch")
        reader.refresh_from_db()
        states.append(reader.is_active)

    assert states == [False, True]


def test_last_administrator_stays(as_admin: Client, admin: User) -> None:
    as_admin.post(f"{LIST}{admin.pk}/switch")
    refused = as_admin.post(f"{LIST}{admin.pk}/delete")
    demoted = as_admin.post(f"{LIST}{admin.pk}", {"role": "query", "name": "ada"})

    admin.refresh_from_db()
    assert (refused.status_code, demoted.status_code, admin.role, admin.is_active) == (409, 422, "admin", True)


def test_delete_asks_then_deletes(as_admin: Client, reader: User) -> None:
    asked = as_admin.get(f"{LIST}{reader.pk}/delete")

    as_admin.post(f"{LIST}{reader.pk}/delete")

    assert (asked.status_code, User.objects.filter(name="rob").exists()) == (200, False)
