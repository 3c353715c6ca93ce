"""What surrounds every page: search, language, the own password."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.test import Client

from apiserver.console import overview
from connections.models import Connection
from users.models import User


def test_search_finds_by_part_of_a_name(as_admin: Client, connection: Connection) -> None:
    page = as_admin.get("/console/search?q=SHO").content.decode()

    assert f'href="/console/connections/{connection.pk}"' in page


def test_search_shows_users_to_administrators_alone(as_admin: Client, as_operator: Client, admin: User) -> None:
    pages = [client.get("/console/search?q=ada").content.decode() for client in (as_admin, as_operator)]

    assert [f"/console/users/{admin.pk}" in page for page in pages] == [True, False]


@pytest.mark.parametrize("person", ["as_admin", "as_operator"])
def test_account_changes_the_own_password(person: str, request: pytest.FixtureRequest) -> None:
    client: Client = request.getfixturevalue(person)
    given = {"old": "a long pass phrase", "password": "another long phrase", "again": "another long phrase"}

    answer = client.post("/console/account", given)

    assert (answer.status_code, client.get("/console/account").status_code) == (302, 200)
    assert User.objects.get(role=person.removeprefix("as_")).check_password("another long phrase")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"old": "wrong"}, "This is not the old password."),
        ({"again": "something else"}, "The two passwords differ."),
        ({"password": "short", "again": "short"}, "too short"),
    ],
)
def test_account_refuses(as_admin: Client, given: dict[str, str], problem: str) -> None:
    whole = {"old": "a long pass phrase", "password": "another long phrase", "again": "another long phrase", **given}

    answer = as_admin.post("/console/account", whole)

    assert (answer.status_code, problem in answer.content.decode()) == (422, True)
    assert User.objects.get(role="admin").check_password("a long pass phrase")


def test_language_is_chosen_and_kept(as_admin: Client) -> None:
    answer = as_admin.post("/console/language", {"language": "ja", "next": "/console/"})

    assert (answer.status_code, answer["Location"]) == (302, "/console/")
    assert '<html lang="ja">' in as_admin.get("/console/").content.decode()
    assert '<html lang="ja">' in Client(headers={"Accept-Language": "ja"}).get("/console/sign-in").content.decode()


def test_language_leads_to_no_other_site(as_admin: Client) -> None:
    assert as_admin.post("/console/language", {"language": "ja", "next": "https://evil.example/"})["Location"] == "/"


def test_missing_page_stands_in_the_console(as_admin: Client) -> None:
    answer = as_admin.get("/console/connections/99999")

    page = answer.content.decode()
    assert (answer.status_code, "There is no such page" in page, 'class="side"' in page) == (404, True, True)


def test_failed_page_and_old_form_say_what_to_do(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.force_login(admin)
    monkeypatch.setattr(overview, "warnings", lambda: 1 / 0)

    failed, old = client.get("/console/"), client.post("/console/account", {"old": "x"})

    assert (failed.status_code, "Something went wrong" in failed.content.decode()) == (500, True)
    assert (old.status_code, "reload the page and send it again" in old.content.decode()) == (403, True)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("/console/logs/?status=4xx", "/console/logs/?status=4xx"),
        ("https://evil.example/", "/console/"),
        ("//evil.example", "/console/"),
        ("", "/console/"),
    ],
)
def test_sign_in_leads_to_the_page_that_was_asked_for(admin: User, wanted: str, found: str) -> None:
    answer = Client().post(f"/console/sign-in?{urlencode({'next': wanted})}", {"name": "ada", "password": "a long pass phrase"})

    assert (answer.status_code, answer["Location"]) == (302, found)
