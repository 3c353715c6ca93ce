from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.server import options
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

    with django_assert_max_num_queries(12):  # type: ignore[operator]
        as_admin.get(LIST)


def test_add_shows_the_authtoken_once(as_admin: Client) -> None:
    given = {"role": "query", "name": "pa", "privileges": ["GET", "POST"]}
    answer = as_admin.post(f"{LIST}add", given, follow=True)

    user = User.objects.get(name="pa")
    text = tokens.reveal(user.authtokens.get())
    assert (user.role, user.privileges, user.has_usable_password()) == ("query", ["GET", "POST"], False)
    assert (text in answer.content.decode(), "no-store" in answer["Cache-Control"]) == (True, True)
    again = as_admin.get(answer.redirect_chain[-1][0], follow=True).content.decode()
    assert (text in again, "was shown once" in again, user.authtokens.count()) == (False, True, 1)


def test_add_refuses_a_taken_name(as_admin: Client, reader: User) -> None:
    answer = as_admin.post(f"{LIST}add", {"role": "query", "name": "rob"})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["name"])


def test_reveal_shows_and_records(as_admin: Client, reader: User) -> None:
    text = tokens.generate(reader, now=NOW)

    page = as_admin.post(f"{LIST}authtokens/{reader.authtokens.get().pk}/reveal", follow=True).content.decode()

    record = Audit.objects.get(action="authtoken revealed")
    assert (text in page, record.who, record.subject) == (True, "ada", "rob")


def test_authtoken_of_somebody_else_s_click_is_not_shown(as_admin: Client, reader: User) -> None:
    text = tokens.generate(reader, now=NOW)

    page = as_admin.get(f"{LIST}authtokens/{reader.authtokens.get().pk}", follow=True).content.decode()

    assert text not in page


def test_revoke_ends_one_authtoken(as_admin: Client, reader: User) -> None:
    for _ in range(2):
        tokens.generate(reader, now=NOW)
    first = reader.authtokens.first()

    as_admin.post(f"{LIST}authtokens/{first.pk}/revoke")

    assert [token.revoked is not None for token in reader.authtokens.order_by("pk")] == [
        token == first for token in reader.authtokens.order_by("pk")
    ]


@pytest.mark.parametrize("verb", ["rotate", "switch", "authtokens/add"])
def test_verbs_need_post(as_admin: Client, reader: User, verb: str) -> None:
    assert as_admin.get(f"{LIST}{reader.pk}/{verb}").status_code == 405


@pytest.mark.parametrize(("overlap", "is_ended"), [("24", False), ("0", True), ("x", False)])
def test_rotate_lets_the_old_authtoken_end_after_the_overlap(as_admin: Client, reader: User, overlap: str, is_ended: bool) -> None:
    old = tokens.generate(reader, now=NOW)

    page = as_admin.post(f"{LIST}{reader.pk}/rotate", {"overlap": overlap}, follow=True).content.decode()

    new, first = reader.authtokens.order_by("-pk")
    assert (tokens.reveal(first), first.expires is not None, new.expires) == (old, True, None)
    assert (tokens.reveal(new) in page, first.expires <= timezone.now()) == (True, is_ended)


def test_one_more_authtoken_leaves_the_others(as_admin: Client, reader: User) -> None:
    tokens.generate(reader, now=NOW)

    as_admin.post(f"{LIST}{reader.pk}/authtokens/add", {"note": "for the flow"})

    assert [(token.note, token.expires) for token in reader.authtokens.order_by("pk")] == [("", None), ("for the flow", None)]


@pytest.mark.parametrize(("trusted", "is_said"), [(["127.0.0.1", "::1"], True), (["127.0.0.1", "10.0.0.*"], False)])
def test_authtoken_page_says_when_no_other_machine_may_call(as_admin: Client, trusted: list[str], is_said: bool) -> None:
    options.save({"trusted_addresses": trusted})

    page = as_admin.post(f"{LIST}add", {"role": "query", "name": "flow", "privileges": ["GET"]}, follow=True).content.decode()

    assert ("Only these addresses may call the API now: 127.0.0.1, ::1." in page, "curl -H" in page) == (is_said, True)


def test_limits_and_password_are_kept(as_admin: Client, reader: User) -> None:
    given = {"role": "operator", "name": "rob", "requests_per_hour": "10", "concurrent_requests": "", "password": "a long pass phrase"}

    as_admin.post(f"{LIST}{reader.pk}", given)

    reader.refresh_from_db()
    assert (reader.role, reader.requests_per_hour, reader.concurrent_requests) == ("operator", 10, None)
    assert reader.check_password("a long pass phrase")


def test_password_for_a_query_user_is_refused(as_admin: Client, reader: User) -> None:
    answer = as_admin.post(f"{LIST}{reader.pk}", {"role": "query", "name": "rob", "password": "a long pass phrase"})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["password"])


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


@pytest.mark.parametrize("text", ["9" * 20, "9" * 400, "9" * 5000, "x", "-1"])
def test_group_that_no_row_can_be_is_refused(as_admin: Client, text: str) -> None:
    answer = as_admin.post("/console/users/add", {"role": "query", "name": "new", "groups": text})

    assert (answer.status_code, User.objects.filter(name="new").exists()) == (422, False)
