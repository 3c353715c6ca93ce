"""Users, groups and authtokens by the management API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.manage.conftest import Caller, audited, error
from users.models import Authtoken, Group, User


def test_created_user_gets_an_authtoken_that_is_told_once(admin: Caller) -> None:
    made = admin("POST", "/users/", {"name": "flow", "privileges": ["GET", "POST"]})
    read = admin("GET", "/users/flow/").json()

    assert (made.status_code, len(made.json()["authtoken"])) == (201, 43)
    assert read == {
        "name": "flow",
        "role": "query",
        "privileges": ["GET", "POST"],
        "resources": None,
        "groups": [],
        "active": True,
        "requests_per_hour": None,
        "concurrent_requests": None,
        "token_days": None,
    }  # fmt: skip
    assert {key: value for key, value in made.json().items() if key != "authtoken"} == read
    assert audited() == [("ada", "user created")]


def test_given_authtoken_is_taken_and_not_told(admin: Caller) -> None:
    token = "given-token-0123456789-abcdef"
    made = admin("POST", "/users/", {"name": "boss", "role": "operator", "authtoken": token})

    assert "authtoken" not in made.json()
    assert Caller(token)("GET", "/connections/").status_code == 200


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_what_was_read_can_be_sent_back(admin: Caller, method: str) -> None:
    admin("POST", "/groups/", {"name": "team", "privileges": ["GET"]})
    admin("POST", "/users/", {"name": "flow", "groups": ["team"], "requests_per_hour": 5, "resources": {}})
    read = admin("GET", "/users/flow/").json()

    answer = admin(method, "/users/flow/", read)

    assert (answer.status_code, answer.json(), audited()[-1]) == (200, read, ("ada", "user created"))
    assert Authtoken.objects.filter(user__name="flow").count() == 1


def test_change_rename_and_delete(admin: Caller) -> None:
    admin("POST", "/users/", {"name": "flow", "privileges": ["GET"]})

    changed = admin("PATCH", "/users/flow/", {"name": "flow two", "active": False})

    assert (changed.json()["name"], changed.json()["active"], changed.json()["privileges"]) == ("flow two", False, ["GET"])
    assert admin("DELETE", "/users/flow%20two/").status_code == 204
    assert admin("GET", "/users/flow%20two/").status_code == 404
    assert audited()[-1] == ("ada", "user deleted")


@pytest.mark.parametrize("body", [{"role": "operator"}, {"active": False}])
def test_last_administrator_stays(admin: Caller, body: Any) -> None:
    answer = admin("PATCH", "/users/ada/", body)

    assert (answer.status_code, error(answer)["code"]) == (409, "Conflict")
    assert (User.objects.get().role, User.objects.get().is_active) == ("admin", True)


def test_nobody_deletes_themselves(admin: Caller) -> None:
    User.objects.create_user("eve", "a long pass phrase", role="admin")

    assert admin("DELETE", "/users/ada/").status_code == 409


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ({"name": "a/b"}, "name"),
        ({"name": "ﬁn"}, "name"),
        ({"name": "ａｄａ"}, "name"),
        ({"name": "fin "}, "name"),
        ({"name": "fin\n"}, "name"),
        ({"name": "a", "role": "boss"}, "role"),
        ({"name": "a", "rolle": "admin"}, "rolle"),
        ({"name": "a", "privileges": ["FETCH"]}, "privileges"),
        ({"name": "a", "privileges": "GET"}, "privileges"),
        ({"name": "a", "groups": ["none"]}, "groups"),
        ({"name": "a", "resources": {"Nothing": {}}}, "resources.Nothing"),
        ({"name": "a", "resources": 5}, "resources"),
        ({"name": "a", "active": "yes"}, "active"),
        ({"name": "a", "authtoken": "short"}, "authtoken"),
        ({"name": "a", "requests_per_hour": "many"}, "requests_per_hour"),
        ({"name": "a", "requests_per_hour": 10**15}, "requests_per_hour"),
        ({"name": "a", "token_days": -1}, "token_days"),
    ],
)
def test_bad_users_are_refused_by_field(admin: Caller, body: Any, target: str) -> None:
    answer = admin("POST", "/users/", body)

    assert (answer.status_code, error(answer).get("target", "")) == (422, target), answer.content
    assert User.objects.count() == 1


def test_existing_names_are_refused(admin: Caller) -> None:
    assert admin("POST", "/users/", {"name": "ada"}).status_code == 409
    admin("POST", "/users/", {"name": "flow"})
    assert admin("PATCH", "/users/flow/", {"name": "ada"}).status_code == 409


def test_grants_are_checked_against_what_is_published(published: Caller) -> None:
    good = published("POST", "/users/", {"name": "a", "resources": {"Orders": {"columns": ["Id"], "filter": "Buyer eq 'x'"}}})
    bad = published("POST", "/users/", {"name": "b", "resources": {"Orders": {"filter": "Byer eq 'x'"}}})

    assert (good.status_code, bad.status_code) == (201, 422)
    assert error(bad)["target"].startswith("resources.Orders")


def test_group_that_alone_confines_a_user_stays(published: Caller) -> None:
    published("POST", "/groups/", {"name": "team", "privileges": ["GET"], "resources": {"Orders": {}}})
    published("POST", "/users/", {"name": "flow", "groups": ["team"]})

    refused = published("DELETE", "/groups/team/")
    published("PATCH", "/users/flow/", {"resources": {}})

    assert (refused.status_code, "flow" in error(refused)["message"]) == (409, True)
    assert (published("DELETE", "/groups/team/").status_code, Group.objects.exists()) == (204, False)


def test_groups_are_changed_and_renamed(admin: Caller) -> None:
    admin("POST", "/groups/", {"name": "team", "privileges": ["GET"]})

    changed = admin("PATCH", "/groups/team/", {"name": "crew", "resources": {}})
    replaced = admin("PUT", "/groups/crew/", {})

    assert changed.json() == {"name": "crew", "privileges": ["GET"], "resources": {}}
    assert replaced.json() == {"name": "crew", "privileges": [], "resources": None}


def works(token: str) -> bool:
    return Caller(token)("GET", "/").status_code == 200


def test_authtokens_generate_list_reveal_revoke(admin: Caller) -> None:
    first = admin("POST", "/users/", {"name": "ops", "role": "operator"}).json()["authtoken"]

    made = admin("POST", "/users/ops/authtokens/", {"note": "laptop"}).json()
    listed = admin("GET", "/users/ops/authtokens/")
    revealed = admin("POST", f"/users/ops/authtokens/{made['id']}/reveal/").json()
    gone = admin("DELETE", f"/users/ops/authtokens/{made['id']}/").status_code

    assert ([item["note"] for item in listed.json()["results"]], made["authtoken"].encode() in listed.content) == (["laptop", ""], False)
    assert (revealed["authtoken"], gone, works(first), works(made["authtoken"])) == (made["authtoken"], 204, True, False)
    assert [action for _, action in audited()][1:] == ["authtoken generated", "authtoken revealed", "authtoken revoked"]
    assert admin("POST", f"/users/ops/authtokens/{made['id']}/reveal/").status_code == 404


@pytest.mark.parametrize(("hours", "still"), [(0, False), (1, True)])
def test_rotation_ends_the_others_after_the_overlap(admin: Caller, hours: int, still: bool) -> None:
    first = admin("POST", "/users/", {"name": "ops", "role": "operator"}).json()["authtoken"]

    made = admin("POST", "/users/ops/authtokens/rotate/", {"overlap_hours": hours})

    assert (made.status_code, works(made.json()["authtoken"]), works(first)) == (201, True, still)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/users/ada/authtokens/rotate/", {"overlap_hours": -1}, 422),
        ("/users/ada/authtokens/rotate/", {"overlap_hours": 10**9}, 422),
        ("/users/ada/authtokens/rotate/", {"overlap_hours": True}, 422),
        ("/users/ada/authtokens/", {"note": 5}, 422),
        ("/users/who/authtokens/", {}, 404),
        ("/users/ada/authtokens/999999/reveal/", None, 404),
        ("/users/rita/authtokens/1x/reveal/", None, 404),
    ],
)
def test_bad_requests_for_authtokens_are_refused(admin: Caller, path: str, body: Any, status: int) -> None:
    assert admin("POST", path, body).status_code == status


def test_authtoken_of_another_user_is_not_found(admin: Caller, operator: Caller) -> None:
    other = Authtoken.objects.get(user__name="olga").pk

    assert admin("POST", f"/users/ada/authtokens/{other}/reveal/").status_code == 404
