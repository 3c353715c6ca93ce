"""This server as an OAuth provider: consent, codes, tokens, and what each of them refuses."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client as Browser
from django.utils import timezone

from apiserver.server import options, stamp
from users import services, tokens
from users.models import User
from users.oauth import clients, endpoints
from users.oauth.models import AccessToken, Client, Code, RefreshToken
from users.oauth.server import BEGAN
from users.oauth.validator import forget_old
from users.throttle import PASSWORDS

BACK = "https://global.consent.azure-apim.net/redirect"
VERIFIER = "a-verifier-of-more-than-forty-three-characters-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
PROVEN = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
BY = {"who": "test"}


@pytest.fixture(autouse=True)
def calm() -> None:
    PASSWORDS.forget()


@pytest.fixture
def flow() -> tuple[Client, str]:
    """A confidential client and its secret."""
    client = Client()
    made = clients.save_client(
        client, name="flow", client_type="confidential", redirect_uris=BACK, scopes=["read", "create", "offline_access"], **BY
    )
    return client, made


@pytest.fixture
def app() -> Client:
    """A public client on the user's machine."""
    client = Client()
    clients.save_client(client, name="app", client_type="public", redirect_uris="http://127.0.0.1/cb?a=1", scopes=["read"], **BY)
    return client


def asked(client: Client, **more: str) -> dict[str, str]:
    given = {"client_id": client.client_id, "response_type": "code", "redirect_uri": client.redirects[0], "state": "s t&te", **more}
    return {name: value for name, value in given.items() if value}


def consent(client: Client, name: str, secret: str, decision: str = "allow", **more: str) -> Any:
    return Browser(headers={"host": "testserver"}).post(
        "/oauth/authorize", {"name": name, "secret": secret, "decision": decision}, query_params=asked(client, **more)
    )


def told(response: Any) -> dict[str, str]:
    assert response.status_code == 302, response.content
    return dict(parse_qsl(urlsplit(response["Location"]).query))


def exchanged(client: Client, code: str, secret: str = "", **more: str) -> HttpResponse:
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.redirects[0], "client_id": client.client_id, **more}
    return post({**given, "client_secret": secret} if secret else given)


def post(given: dict[str, str], address: str = "/oauth/token", **more: Any) -> Any:
    body = "&".join(f"{name}={value}" for name, value in given.items())
    return Browser(headers={"host": "testserver"}).post(address, body, content_type="application/x-www-form-urlencoded", **more)


def get(token: str, path: str = "/api.rsc/", **more: Any) -> Any:
    return Browser(headers={"host": "testserver"}).get(path, headers={"authorization": f"Bearer {token}"}, **more)


@pytest.fixture
def granted(flow: tuple[Client, str], reader: User, reader_token: str) -> dict[str, Any]:
    """What a reader's consent gave."""
    client, secret = flow
    code = told(consent(client, "reader", reader_token))["code"]
    found: dict[str, Any] = exchanged(client, code, secret).json()
    return found


def test_a_user_with_an_authtoken_consents_and_the_token_acts_for_them(flow: tuple[Client, str], reader: User, reader_token: str) -> None:
    client, secret = flow

    answer = told(consent(client, "reader", reader_token))
    found = exchanged(client, answer.pop("code"), secret)

    assert answer == {"state": "s t&te", "iss": "http://testserver"}
    given = found.json()
    assert (found.status_code, found["Cache-Control"], found["Pragma"]) == (200, "no-store", "no-cache")
    assert {name: given[name] for name in ("token_type", "expires_in", "scope")} == {
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "read create offline_access",
    }
    assert get(given["access_token"]).status_code == 200


def test_no_session_and_no_cookie_of_one_comes_of_consent(flow: tuple[Client, str], reader: User, reader_token: str) -> None:
    response = consent(flow[0], "reader", reader_token)

    assert "apiserver_session" not in response.cookies


def test_a_console_user_consents_by_password_or_by_the_session(flow: tuple[Client, str], admin: User) -> None:
    from tests.users.conftest import PASSWORD

    browser = Browser(headers={"host": "testserver"})
    browser.force_login(admin)

    by_password = consent(flow[0], "admin", PASSWORD)
    by_session = browser.post("/oauth/authorize", {"decision": "allow"}, query_params=asked(flow[0]))

    assert "code" in told(by_password) and "code" in told(by_session)


def test_rights_are_the_users_within_the_scopes_and_never_a_managers(flow: tuple[Client, str], admin: User) -> None:
    from tests.users.conftest import PASSWORD

    client, secret = flow
    code = told(consent(client, "admin", PASSWORD, scope="read"))["code"]
    token = exchanged(client, code, secret).json()["access_token"]

    assert get(token).status_code == 200
    assert Browser(headers={"host": "testserver"}).post(
        "/api.rsc/Nothing", {}, headers={"authorization": f"Bearer {token}"}
    ).status_code in (403, 404)
    assert get(token, "/manage/api/").status_code == 403


def test_what_is_wrong_with_the_client_or_the_address_is_told_on_a_page_of_ours(flow: tuple[Client, str]) -> None:
    client, _ = flow
    wrong = [
        {"client_id": "nobody-there"},
        {"client_id": ""},
        {"client_id": "a\0b"},
        {"redirect_uri": BACK + "/"},
        {"redirect_uri": BACK + "?x=1"},
        {"redirect_uri": BACK + "#x"},
        {"redirect_uri": BACK.upper()},
        {"redirect_uri": "https://evil.example/redirect"},
        {"redirect_uri": "https://global.consent.azure-apim.net@evil.example/redirect"},
        {"redirect_uri": "https://global.consent.azure-apim.net/redirect\\..\\evil"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "http://127.0.0.1/redirect"},
    ]

    answers = [Browser(headers={"host": "testserver"}).get("/oauth/authorize", query_params=asked(client, **one)) for one in wrong]

    assert [(answer.status_code, "Location" in answer) for answer in answers] == [(400, False)] * len(wrong)
    again = Browser(headers={"host": "testserver"}).get(f"/oauth/authorize?client_id=x&client_id=y&redirect_uri={BACK}")
    unread = Browser(headers={"host": "testserver"}).get("/oauth/authorize?client_id=%zz&%")
    assert (again.status_code, unread.status_code) == (400, 400)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"scope": "read delete"}, "invalid_scope"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": CHALLENGE}, "invalid_request"),
        ({"code_challenge": "x" * 200, "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "S512"}, "invalid_request"),
    ],
)
def test_other_mistakes_are_told_to_the_program(flow: tuple[Client, str], more: dict[str, str], error: str) -> None:
    response = Browser(headers={"host": "testserver"}).get("/oauth/authorize", query_params=asked(flow[0], **more))

    location = urlsplit(response["Location"])
    found = dict(parse_qsl(location.query or location.fragment))
    assert (response["Location"].startswith(BACK), found["error"], found["state"], found["iss"]) == (
        True,
        error,
        "s t&te",
        "http://testserver",
    )


def test_cancel_tells_the_program_without_any_credentials(flow: tuple[Client, str]) -> None:
    answer = told(consent(flow[0], "", "", decision="deny"))

    assert answer == {"error": "access_denied", "state": "s t&te", "iss": "http://testserver"}


@pytest.mark.parametrize(
    ("name", "secret"), [("reader", "wrong"), ("nobody", "TOKEN"), ("reader\0", "TOKEN"), ("", "TOKEN"), ("READER", "TOKEN")]
)
def test_wrong_credentials_give_no_code(flow: tuple[Client, str], reader: User, reader_token: str, name: str, secret: str) -> None:
    response = consent(flow[0], name, secret.replace("TOKEN", reader_token))

    assert (response.status_code, "Location" in response, Code.objects.count()) == (403, False, 0)


def test_who_guesses_waits(flow: tuple[Client, str], reader: User, reader_token: str) -> None:
    for number in range(20):
        consent(flow[0], "reader", f"guess-{number}")

    response = consent(flow[0], "reader", reader_token)

    assert (response.status_code, int(response["Retry-After"]) > 0) == (429, True)


def test_a_post_of_another_site_is_refused(flow: tuple[Client, str], admin: User) -> None:
    browser = Browser(enforce_csrf_checks=True, headers={"host": "testserver"})
    browser.force_login(admin)

    response = browser.post("/oauth/authorize", {"decision": "allow"}, query_params=asked(flow[0]))

    assert (response.status_code, Code.objects.count()) == (403, 0)


def test_the_consent_page_is_framed_by_nobody_and_lets_its_opener_wait(flow: tuple[Client, str]) -> None:
    page = Browser(headers={"host": "testserver"}).get("/oauth/authorize", query_params=asked(flow[0]))

    assert page.status_code == 200
    assert page["X-Frame-Options"] == "DENY" and "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert "form-action" not in page["Content-Security-Policy"]
    assert (page["Cross-Origin-Opener-Policy"], page["Referrer-Policy"], page["Cache-Control"]) == (
        "unsafe-none",
        "same-origin",
        "no-store",
    )


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


def test_a_program_on_the_users_machine_may_choose_its_port(app: Client) -> None:
    pages = {
        address: Browser(headers={"host": "testserver"})
        .get("/oauth/authorize", query_params=asked(app, redirect_uri=address, **PROVEN))
        .status_code
        for address in (
            "http://127.0.0.1:51004/cb?a=1",
            "http://127.0.0.1:51004/cb",
            "http://localhost:51004/cb?a=1",
            "http://127.0.0.1.evil.example:80/cb?a=1",
            "https://127.0.0.1:51004/cb?a=1",
            "http://127.0.0.1:51004@evil.example/cb?a=1",
        )
    }

    assert list(pages.values()) == [200, 400, 400, 400, 400, 400]


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


def test_requests_that_are_none_are_told_so(flow: tuple[Client, str]) -> None:
    browser = Browser(headers={"host": "testserver"})
    twice = browser.post("/oauth/token", "grant_type=a&grant_type=b", content_type="application/x-www-form-urlencoded")

    assert browser.get("/oauth/token").status_code == 405
    assert browser.post("/oauth/token", {"grant_type": "x"}, content_type="application/json").json()["error"] == "invalid_request"
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    assert (
        browser.post("/oauth/token?grant_type=authorization_code&code=1", "", content_type="application/x-www-form-urlencoded").status_code
        == 400
    )


def test_the_document_tells_where_to_sign_in(db: None) -> None:
    found = Browser(headers={"host": "testserver"}).get("/.well-known/oauth-authorization-server").json()

    assert found["issuer"] == "http://testserver"
    assert found["token_endpoint"] == "http://testserver/oauth/token"
    assert found["code_challenge_methods_supported"] == ["S256"]


def test_a_client_cant_be_what_is_not_safe(db: None) -> None:
    from django.core.exceptions import ValidationError

    wrong = [
        "http://app.example.com/cb", "https://*.example.com/cb", "https://user@app.example.com/", "https://app.example.com/#x",
        "myapp:/cb", "javascript:alert(1)", "//app.example.com/cb", "https://", "https://app.example.com:0/", "https://äpp.example.com/",
    ]  # fmt: skip
    for address in wrong:
        with pytest.raises(ValidationError):
            clients.save_client(Client(), name="x", client_type="public", redirect_uris=address, scopes=["read"], **BY)
    assert Client.objects.count() == 0
    assert tokens.SHAPE.fullmatch("oat.x" * 10) is None  # no authtoken looks like an access token
