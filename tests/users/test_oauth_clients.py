"""OAuth clients by page, file and management API: the same rules everywhere, secrets told once; issuers by page."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.test import Client as Browser
from django.utils import timezone

from apiserver.server import options
from apiserver.server.configuration import apply, diff, exported
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.configuration_secrets import Sealer
from apiserver.server.models import Audit
from users import tokens
from users.models import User
from users.oauth.models import Client, RefreshToken
from users.tokens import digest

BACK = "https://global.consent.azure-apim.net/redirect"
SECRET = "secret-of-a-client-0123456789"
HOST = {"host": "testserver"}
ENTRY: dict[str, Any] = {"client_id": "flow-client", "client_secret": SECRET, "redirect_uris": [BACK], "scopes": ["read"]}


@pytest.fixture
def console(admin: User) -> Browser:
    found = Browser(headers=HOST)
    found.force_login(admin)
    return found


def applied(**entries: Any) -> Any:
    return apply({"oauth_clients": entries}, now=timezone.now())


def test_the_file_makes_changes_and_prunes_clients(db: None) -> None:
    first = applied(flow=ENTRY)
    again = applied(flow=ENTRY)
    changed = applied(flow={"scopes": ["create", "read"], "active": False})
    made = applied(desk={"type": "public", "redirect_uris": ["http://127.0.0.1/cb"]}, web={"redirect_uris": [BACK]})
    pruned = apply({"oauth_clients": {"desk": {}}}, now=timezone.now(), prune=True)

    assert (first.created, again.is_any, changed.updated) == (["oauth_clients/flow"], False, ["oauth_clients/flow"])
    assert (list(made.authtokens), len(made.authtokens["oauth_clients/web"])) == (["oauth_clients/web"], 43)
    assert sorted(pruned.deleted) == ["oauth_clients/flow", "oauth_clients/web"]


def test_an_export_makes_the_same_clients(db: None) -> None:
    applied(flow={**ENTRY, "active": False}, desk={"type": "public", "redirect_uris": ["http://127.0.0.1/cb"]})
    sealer = Sealer("passphrase")
    data = exported(sealer)
    before = list(Client.objects.values("name", "client_id", "client_secret", "client_type", "redirect_uris", "scopes", "is_active"))
    Client.objects.all().delete()

    change = apply(yaml.safe_load(yaml.safe_dump(data)), now=timezone.now(), sealer=sealer)

    after = list(Client.objects.values("name", "client_id", "client_secret", "client_type", "redirect_uris", "scopes", "is_active"))
    assert (change.authtokens, after) == ({}, before)
    assert diff(data, now=timezone.now(), sealer=sealer).is_any is False


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({**ENTRY, "redirect_uris": []}, "redirect"),
        ({**ENTRY, "redirect_uris": ["http://app.example.com/"]}, "must begin with https://"),
        ({**ENTRY, "redirect_uris": ["https://*.example.com/"]}, "wildcard"),
        ({**ENTRY, "redirect_uris": BACK}, "redirect_uris must be a list"),
        ({**ENTRY, "scopes": []}, "scope"),
        ({**ENTRY, "scopes": ["write"]}, "there is no 'write'"),
        ({**ENTRY, "type": "confidental"}, "the nearest is confidential"),
        ({**ENTRY, "client_secret": "short"}, "client_secret must have"),
        ({**ENTRY, "type": "public"}, "a public client has none"),
        ({**ENTRY, "client_id": "a b"}, "client id"),
        ({**ENTRY, "secret": "x"}, "the nearest is"),
        ({**ENTRY, "active": "perhaps"}, "active must be true or false"),
    ],
)
def test_what_no_client_can_be_is_refused_with_its_place(db: None, entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        applied(flow=entry)

    assert str(caught.value).startswith("oauth_clients.flow")
    assert not Client.objects.exists()


def test_two_clients_have_two_ids(db: None) -> None:
    with pytest.raises(ConfigurationError, match=r"oauth_clients\.other"):
        applied(flow=ENTRY, other=ENTRY)


def test_the_management_api_has_them_too(admin: User) -> None:
    token = tokens.generate(admin, now=timezone.now())
    api = Browser(headers={**HOST, "x-cdata-authtoken": token})
    at = "/manage/api/oauth_clients/"

    made = api.post(at, {"name": "flow", "redirect_uris": [BACK]}, content_type="application/json")
    one = api.get(f"{at}flow/").json()
    renamed = api.patch(f"{at}flow/", {"name": "sales", "scopes": ["read"]}, content_type="application/json")
    rotated = api.post(f"{at}sales/secret/")
    public = api.post(at, {"name": "desk", "type": "public", "redirect_uris": ["http://[::1]/"]}, content_type="application/json")
    none = api.post(f"{at}desk/secret/")
    wrong = api.put(f"{at}sales/", {"redirect_uris": ["ftp://x"]}, content_type="application/json")

    assert (made.status_code, len(made.json()["client_secret"]), "client_secret" in one) == (201, 43, False)
    assert (renamed.status_code, renamed.json()["scopes"], rotated.status_code) == (200, ["read"], 201)
    assert Client.objects.get(name="sales").client_secret == digest(rotated.json()["client_secret"])
    assert (public.status_code, "client_secret" in public.json(), none.status_code, wrong.status_code) == (201, False, 409, 422)
    assert [api.delete(f"{at}sales/{place}").status_code for place in ("sign_ins/", "")] == [204, 204]
    assert made.json()["client_secret"] not in json.dumps(list(Audit.objects.values("subject", "detail")))


def test_the_page_registers_shows_the_secret_once_and_rotates(console: Browser) -> None:
    given = {"name": "flow", "client_type": "confidential", "redirect_uris": f"{BACK}\r\n{BACK}/x", "scopes": ["read"], "is_active": "on"}

    shown = console.post("/console/users/oauth/add", given, follow=True)
    client = Client.objects.get()
    again = console.get(f"/console/users/oauth/{client.pk}/secret", follow=True)
    rotated = console.post(f"/console/users/oauth/{client.pk}/rotate", follow=True)

    assert client.redirects == [BACK, f"{BACK}/x"]
    first, second = shown.context["secret"], rotated.context["secret"]
    assert first != second and digest(second) == Client.objects.get().client_secret
    assert first not in again.content.decode() and second not in console.get(f"/console/users/oauth/{client.pk}").content.decode()


def test_the_page_says_what_is_wrong_and_keeps_what_was_entered(console: Browser) -> None:
    given = {"name": "flow", "client_type": "public", "redirect_uris": "http://app.example.com/", "scopes": ["read"]}

    response = console.post("/console/users/oauth/add", given)

    assert (response.status_code, Client.objects.count()) == (422, 0)
    assert "must begin with https://" in response.content.decode() and "http://app.example.com/" in response.content.decode()


def test_sign_ins_are_shown_and_ended_one_by_one(console: Browser, reader: User, admin: User) -> None:
    applied(flow=ENTRY)
    client = Client.objects.get()
    later = timezone.now() + timedelta(days=1)
    for user in (reader, admin):
        made = {"user": user, "application": client, "token_checksum": digest(f"ort.{user.name}"), "token_family": _family(user)}
        RefreshToken.objects.create(**made, token="", scope="read", expires=later)

    page = console.get(f"/console/users/oauth/{client.pk}").content.decode()
    console.post(f"/console/users/oauth/{client.pk}/end", {"family": str(_family(reader))})
    one = list(RefreshToken.objects.filter(revoked=None).values_list("user__name", flat=True))
    console.post(f"/console/users/oauth/{client.pk}/end")

    assert "reader" in page
    assert (one, RefreshToken.objects.filter(revoked=None).count()) == (["admin"], 0)
    assert console.post(f"/console/users/oauth/{client.pk}/delete").status_code == 302
    assert not Client.objects.exists()


def _family(user: User) -> Any:
    return uuid.UUID(int=user.pk)


def test_operators_and_strangers_see_none_of_it(db: None) -> None:
    operator = Browser(headers=HOST)
    operator.force_login(User.objects.create_user("operator", "x", role="operator"))

    for path in ("oauth/", "oauth/add", "issuers/", "issuers/add"):
        assert operator.get(f"/console/users/{path}").status_code == 403
        assert Browser(headers=HOST).get(f"/console/users/{path}").status_code == 302


def test_issuers_are_added_changed_and_removed_on_their_page(console: Browser) -> None:
    given = {
        "issuer": "https://login.example.com/v2.0",
        "audience": "api://a\napi://b",
        "claims": "oid",
        "users": "11=flow\n22 = lead",
        "algorithms": ["ES256"],
        "scope_claim": "scp",
        "scopes": "Data.Read = read",
        "leeway_seconds": "5",
    }

    added = console.post("/console/users/issuers/add", given)
    stored = options.stored()["jwt"][0]
    wrong = console.post("/console/users/issuers/0", {**given, "tenants": "x"})
    bad_line = console.post("/console/users/issuers/0", {**given, "users": "nothing"})
    changed = console.post("/console/users/issuers/0", {**given, "leeway_seconds": "6"})
    seconds = options.stored()["jwt"][0]["leeway_seconds"]
    other = console.post("/console/users/issuers/0/delete", {"issuer": "https://other.example.com"})
    removed = console.post("/console/users/issuers/0/delete", {"issuer": given["issuer"]})

    assert (added.status_code, changed.status_code, seconds) == (302, 302, 6)
    assert {name: stored[name] for name in ("audience", "users", "scopes", "algorithms")} == {
        "audience": ["api://a", "api://b"],
        "users": {"11": "flow", "22": "lead"},
        "scopes": {"Data.Read": "read"},
        "algorithms": ["ES256"],
    }
    assert (wrong.status_code, bad_line.status_code, other.status_code, removed.status_code) == (422, 422, 404, 302)
    assert options.stored().get("jwt", []) == []
