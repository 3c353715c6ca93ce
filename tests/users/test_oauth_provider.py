"""This server as an OAuth provider: who consents to what, what it tells programs, what it refuses."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client as Browser

from tests.users.oauth_flow import BACK, BY, CHALLENGE, PROVEN, app, asked, consent, exchanged, flow, get, told
from users import tokens
from users.models import User
from users.oauth import clients
from users.oauth.models import Client, Code
from users.throttle import PASSWORDS

__all__ = ["app", "flow"]


@pytest.fixture(autouse=True)
def calm() -> None:
    PASSWORDS.forget()


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
