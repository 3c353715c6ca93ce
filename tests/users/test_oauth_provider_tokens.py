"""This server as an OAuth provider: codes, tokens, their renewal and their end."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from apiserver.server import options, stamp
from tests.users.oauth_flow import BACK, BY, PROVEN, VERIFIER, app, asked, consent, exchanged, flow, get, post, told
from users import services
from users.models import User
from users.oauth import clients, endpoints
from users.oauth.models import AccessToken, Client, Code, RefreshToken
from users.oauth.server import BEGAN
from users.oauth.validator import forget_old
from users.throttle import PASSWORDS

__all__ = ["app", "flow"]


@pytest.fixture(autouse=True)
def calm() -> None:
    PASSWORDS.forget()


@pytest.fixture
def granted(flow: tuple[Client, str], reader: User, reader_token: str) -> dict[str, Any]:
    """What a reader's consent gave."""
    client, secret = flow
    code = told(consent(client, "reader", reader_token))["code"]
    found: dict[str, Any] = exchanged(client, code, secret).json()
    return found


def test_a_code_serves_once_and_its_tokens_end_when_it_comes_again(flow: tuple[Client, str], reader: User, reader_token: str) -> None:
    client, secret = flow
    code = told(consent(client, "reader", reader_token))["code"]
    given = exchanged(client, code, secret).json()

    again = exchanged(client, code, secret)

    stamp.forget()
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert get(given["access_token"]).status_code == 401
    renewed = post(
        {"grant_type": "refresh_token", "refresh_token": given["refresh_token"], "client_id": client.client_id, "client_secret": secret}
    )
    assert (renewed.status_code, renewed.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"code": "unknown"}, "invalid_grant"),
        ({"secret": "wrong-secret-of-more-than-22"}, "invalid_client"),
        ({"secret": ""}, "invalid_client"),
        ({"client_id": "somebody"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "unsupported_grant_type"),
        ({"code_verifier": VERIFIER}, "invalid_grant"),  # nothing was challenged
    ],
)
def test_codes_of_others_and_other_grants_are_refused(
    flow: tuple[Client, str], reader: User, reader_token: str, more: dict[str, str], error: str
) -> None:
    client, secret = flow
    code = told(consent(client, "reader", reader_token))["code"]

    response = exchanged(client, **{"code": code, "secret": secret, **more})  # type: ignore[arg-type]

    assert response.json()["error"] == error
    assert (response.status_code, "WWW-Authenticate" in response) == ((401, True) if error == "invalid_client" else (400, False))
    assert exchanged(client, code, secret).status_code == 200  # it is nobody else's, and was not spent


def test_a_code_of_another_client_is_none(flow: tuple[Client, str], app: Client, reader: User, reader_token: str) -> None:
    client, secret = flow
    code = told(consent(app, "reader", reader_token, **PROVEN))["code"]

    assert exchanged(client, code, secret).json()["error"] == "invalid_grant"
    assert exchanged(app, code, code_verifier=VERIFIER).status_code == 200


def test_a_public_client_must_prove_by_pkce_who_began(app: Client, reader: User, reader_token: str) -> None:
    without = Browser(headers={"host": "testserver"}).get("/oauth/authorize", query_params=asked(app))
    answer = told(consent(app, "reader", reader_token, **PROVEN))

    assert told(without)["error"] == "invalid_request"
    assert answer["a"] == "1"
    assert exchanged(app, answer["code"]).json()["error"] == "invalid_request"
    assert exchanged(app, answer["code"], code_verifier="x" * 50).json()["error"] == "invalid_grant"
    assert exchanged(app, answer["code"], code_verifier=VERIFIER).status_code == 200


def test_a_refresh_token_serves_once_and_the_family_ends_when_it_comes_again(flow: tuple[Client, str], granted: dict[str, Any]) -> None:
    client, secret = flow
    mine = {"grant_type": "refresh_token", "client_id": client.client_id, "client_secret": secret}

    second = post({**mine, "refresh_token": granted["refresh_token"]}).json()
    narrower = post({**mine, "refresh_token": second["refresh_token"], "scope": "read"}).json()
    wider = post({**mine, "refresh_token": narrower["refresh_token"], "scope": "read delete"})
    still = get(narrower["access_token"]).status_code
    replayed = post({**mine, "refresh_token": granted["refresh_token"]})

    stamp.forget()
    assert (narrower["scope"], wider.json()["error"], still) == ("read", "invalid_scope", 200)
    assert (replayed.status_code, replayed.json()["error"]) == (400, "invalid_grant")
    assert get(narrower["access_token"]).status_code == 401
    assert post({**mine, "refresh_token": narrower["refresh_token"]}).json()["error"] == "invalid_grant"


def test_a_refresh_sent_twice_at_once_leaves_the_one_that_was_answered(
    flow: tuple[Client, str], granted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, secret = flow
    mine = {"grant_type": "refresh_token", "client_id": client.client_id, "client_secret": secret}
    began = timezone.now()

    first = post({**mine, "refresh_token": granted["refresh_token"]}).json()
    with monkeypatch.context() as both:
        both.setattr(endpoints, "BEGAN", SimpleNamespace(set=lambda now: BEGAN.set(began)))
        other = post({**mine, "refresh_token": granted["refresh_token"]})

    stamp.forget()
    assert (other.status_code, other.json()["error"]) == (400, "invalid_grant")
    assert get(first["access_token"]).status_code == 200
    assert post({**mine, "refresh_token": first["refresh_token"]}).status_code == 200


def test_revoking_ends_tokens_of_the_client_that_asks_and_no_others(flow: tuple[Client, str], app: Client, granted: dict[str, Any]) -> None:
    client, secret = flow
    other = {"client_id": app.client_id}
    mine = {"client_id": client.client_id, "client_secret": secret}

    foreign = post({"token": granted["refresh_token"], **other}, "/oauth/revoke")
    before = get(granted["access_token"]).status_code
    unknown = post({"token": "unknown", **mine}, "/oauth/revoke")
    nobody = post({"token": granted["refresh_token"]}, "/oauth/revoke")
    done = post({"token": granted["refresh_token"], **mine}, "/oauth/revoke")

    stamp.forget()
    assert [one.status_code for one in (foreign, unknown, nobody, done)] == [200, 200, 401, 200]
    assert (before, get(granted["access_token"]).status_code) == (200, 401)


Change = Callable[[Client, User], None]


@pytest.mark.parametrize(
    "change",
    [
        lambda client, user: services.save_user(user, is_active=False, **BY),
        lambda client, user: services.delete_user(user, **BY),
        lambda client, user: clients.save_client(client, is_active=False, **BY),
        lambda client, user: clients.delete_client(client, **BY),
        lambda client, user: clients.end_sign_ins(client, **BY),
    ],
)
def test_tokens_end_with_their_user_their_client_and_their_sign_in(
    flow: tuple[Client, str], reader: User, granted: dict[str, Any], change: Change
) -> None:
    client, secret = flow
    before = get(granted["access_token"]).status_code

    change(client, reader)

    stamp.forget()
    refreshed = post(
        {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"], "client_id": client.client_id, "client_secret": secret}
    )
    assert (before, get(granted["access_token"]).status_code, refreshed.status_code in (400, 401)) == (200, 401, True)


def test_rights_of_the_moment_hold(flow: tuple[Client, str], reader: User, granted: dict[str, Any]) -> None:
    before = get(granted["access_token"], "/api.rsc/$oas").json()["info"]

    services.save_user(reader, privileges=[], **BY)

    stamp.forget()
    from users.authentication import by_bearer

    assert before and by_bearer(granted["access_token"], "127.0.0.1").privileges == frozenset()


def test_an_access_token_is_taken_from_the_header_alone(granted: dict[str, Any]) -> None:
    token = granted["access_token"]
    options.save({"allow_authtoken_in_url": True})
    stamp.forget()
    basic = base64.b64encode(f"reader:{token}".encode()).decode()

    answers = [
        Browser(headers={"host": "testserver"}).get(f"/api.rsc/@{token}/"),
        Browser(headers={"host": "testserver"}).get("/api.rsc/", query_params={"@authtoken": token}),
        Browser(headers={"host": "testserver"}).get("/api.rsc/", query_params={"access_token": token}),
        Browser(headers={"host": "testserver"}).get("/api.rsc/", headers={"x-cdata-authtoken": token}),
        Browser(headers={"host": "testserver"}).get("/api.rsc/", headers={"authorization": f"Basic {basic}"}),
        get(token + "x"),
        get(granted["refresh_token"]),
    ]

    assert [answer.status_code for answer in answers] == [401] * len(answers)


@pytest.mark.django_db(transaction=True)
def test_a_cached_access_token_costs_no_query(granted: dict[str, Any], django_assert_num_queries: Any) -> None:
    from users.authentication import by_bearer

    by_bearer(granted["access_token"], "127.0.0.1")

    with django_assert_num_queries(0):
        by_bearer(granted["access_token"], "127.0.0.1")


def test_codes_tokens_and_secrets_are_not_in_the_database(flow: tuple[Client, str], reader: User, reader_token: str) -> None:
    client, secret = flow
    code = told(consent(client, "reader", reader_token))["code"]
    given = exchanged(client, code, secret).json()

    rows = [*Code.objects.values(), *AccessToken.objects.values(), *RefreshToken.objects.values(), *Client.objects.values()]

    assert not [one for one in (code, given["access_token"], given["refresh_token"], secret) if one in str(rows)]


def test_lifetimes_are_settings_and_old_rows_are_forgotten(flow: tuple[Client, str], reader: User, reader_token: str) -> None:
    client, secret = flow
    options.save({"oauth": {"code_seconds": 10, "access_minutes": 1, "refresh_days": 1}})
    stamp.forget()
    given = exchanged(client, told(consent(client, "reader", reader_token))["code"], secret).json()
    late = told(consent(client, "reader", reader_token))["code"]
    Code.objects.filter(used=None).update(expires=timezone.now())

    forget_old(timezone.now() + timedelta(hours=2))

    assert (given["expires_in"], exchanged(client, late, secret).json()["error"]) == (60, "invalid_grant")
    assert (Code.objects.count(), AccessToken.objects.count(), RefreshToken.objects.count()) == (0, 0, 1)


def test_basic_authentication_of_the_client_in_any_case(flow: tuple[Client, str], reader: User, reader_token: str) -> None:
    client, secret = flow
    header = base64.b64encode(f"{client.client_id}:{secret}".encode()).decode()
    answers = []
    for scheme in ("Basic", "basic"):
        code = told(consent(client, "reader", reader_token))["code"]
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        answers.append(post(given, headers={"authorization": f"{scheme} {header}"}).status_code)

    assert answers == [200, 200]
