"""Order and headers of what every request passes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import clear_script_prefix

from apiserver.server import options, stamp
from apiserver.server.models import Stamp

pytestmark = pytest.mark.usefixtures("fresh")
PREFLIGHT = {"Origin": "https://make.powerautomate.com", "Access-Control-Request-Method": "GET"}
ORIGIN = "https://good.example"


def cors(**values: Any) -> None:
    options.save({"cors": {"enabled": True, **values}})


def allowed(client: Client, origin: str, **headers: str) -> str | None:
    return client.get("/api.rsc/", headers={"Origin": origin, **headers}).headers.get("Access-Control-Allow-Origin")


def test_address_is_refused_before_the_token_is_asked_for(client: Client) -> None:
    answer = client.get("/api.rsc/Orders", REMOTE_ADDR="127.0.0.2")

    assert answer.status_code == 403
    assert answer.headers["OData-Version"] == "4.0"
    assert answer.json()["error"]["code"] == "AddressNotTrusted"
    assert "127.0.0.2" in answer.json()["error"]["message"]
    assert "trusted_addresses" in answer.json()["error"]["message"]


def test_console_is_refused_to_strangers_and_health_is_not(client: Client) -> None:
    answers = [client.get(path, REMOTE_ADDR="10.0.0.1").status_code for path in ("/console/sign-in", "/healthz", "/readyz")]

    assert answers == [403, 200, 200]


def test_proxy_that_is_not_listed_is_named_with_the_setting(client: Client) -> None:
    answer = client.get("/console/sign-in", headers={"X-Forwarded-For": "8.8.8.8"})

    assert answer.status_code == 403
    assert "trusted_proxies" in answer.content.decode()


def test_api_answers_are_not_stored_and_leak_no_referrer(client: Client) -> None:
    headers = client.get("/api.rsc/").headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in headers


def test_pages_are_neither_framed_nor_scripted_inline(client: Client) -> None:
    headers = client.get("/console/sign-in").headers

    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_pages_know_the_public_address_as_their_own(client: Client) -> None:
    options.save({"public_url": "https://api.example.com"})
    strict = Client(enforce_csrf_checks=True)
    page = strict.get("/console/sign-in")
    cookie = page.cookies["apiserver_csrf"]
    form = {"name": "x", "password": "y", "csrfmiddlewaretoken": cookie.value}

    ours = strict.post("/console/sign-in", form, headers={"Origin": "https://api.example.com"})
    foreign = strict.post("/console/sign-in", form, headers={"Origin": "https://evil.example"})

    assert cookie["secure"]
    assert "Not saved" not in ours.content.decode()
    assert foreign.status_code == 403
    assert "Not saved" in foreign.content.decode()


def test_pages_stand_below_the_path_of_the_public_address(client: Client) -> None:
    options.save({"public_url": "https://api.example.com/data"})

    page = client.get("/console/sign-in").content.decode()
    clear_script_prefix()  # a server sets it anew for each request
    options.save({"public_url": "https://api.example.com"})
    plain = client.get("/console/sign-in").content.decode()

    assert 'href="/data/static/ui/' in page
    assert 'href="/static/ui/' in plain


def test_cors_is_off_by_default(client: Client) -> None:
    assert allowed(client, ORIGIN) is None


def test_preflight_needs_no_token_and_refusals_carry_the_headers(client: Client) -> None:
    cors()

    preflight = client.options("/api.rsc/$oas", headers=PREFLIGHT)
    refused = client.get("/api.rsc/$oas", headers={"Origin": ORIGIN})
    stranger = client.get("/api.rsc/$oas", headers={"Origin": ORIGIN}, REMOTE_ADDR="10.0.0.1")

    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, PUT, POST, OPTIONS"
    assert preflight.headers["Access-Control-Allow-Headers"] == "x-ms-client-request-id, authorization, content-type"
    assert preflight.headers["Access-Control-Max-Age"] == "3600"
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, "*")
    assert (stranger.status_code, stranger.headers["Access-Control-Allow-Origin"]) == (403, "*")


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example",
        "https://good.example.evil.example",
        "https://evilgood.example",
        "http://good.example",
        "https://good.example:8443",
        "https://good.example/path",
        "https://good.example?x",
        "https://good.example\n",
        "https://GOOD.example",
        "https://good_example",
        "https://x@good.example",
        "good.example",
        "*",
        "",
    ],
)
def test_listed_origins_are_compared_whole(client: Client, origin: str) -> None:
    cors(allow_origins=[ORIGIN], allow_credentials=True)

    assert allowed(client, origin) is None


def test_listed_origin_is_allowed_with_credentials_where_set(client: Client) -> None:
    cors(allow_origins=[f"{ORIGIN}/"], allow_credentials=True)

    headers = client.get("/api.rsc/", headers={"Origin": ORIGIN}).headers

    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert "origin" in headers["Vary"].lower()


@pytest.mark.parametrize("values", [{"allow_origins": ["*"]}, {"allow_all_without_star": True}, {"allow_origins": ["*", ORIGIN]}])
def test_everybody_never_comes_with_credentials(client: Client, values: dict[str, Any]) -> None:
    cors(allow_credentials=True, **values)

    headers = client.get("/api.rsc/", headers={"Origin": ORIGIN}).headers

    assert headers["Access-Control-Allow-Origin"] in ("*", ORIGIN)
    assert "Access-Control-Allow-Credentials" not in headers


def test_all_without_star_echoes_the_origin_and_varies(client: Client) -> None:
    cors(allow_all_without_star=True)

    headers = client.get("/api.rsc/", headers={"Origin": ORIGIN}).headers

    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "origin" in headers["Vary"].lower()


@pytest.mark.parametrize(
    ("echo", "expected"),
    [
        (True, "content-type, access-control-allow-origin, x-ms-user-agent, x-other"),
        (False, "content-type, access-control-allow-origin, x-ms-user-agent"),
    ],
)
def test_preflight_headers_but_the_designers_are_echoed_only_when_set(client: Client, echo: bool, expected: str) -> None:
    cors(allow_headers=["content-type"], echo_headers=echo)
    wanted = "access-control-allow-origin, Content-Type, x-ms-user-agent, x-other, bad name"
    asked = {**PREFLIGHT, "Access-Control-Request-Headers": wanted}

    assert client.options("/api.rsc/", headers=asked).headers["Access-Control-Allow-Headers"] == expected


def test_console_has_no_cors(client: Client) -> None:
    cors()

    assert "Access-Control-Allow-Origin" not in client.get("/console/sign-in", headers={"Origin": ORIGIN}).headers


def test_database_that_is_away_is_a_503_that_says_when_to_come_back(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(Stamp.objects, "filter", away)
    stamp.forget()
    api, page, health = client.get("/api.rsc/Orders"), client.get("/console/sign-in"), client.get("/healthz")
    stamp.forget()

    assert (api.status_code, page.status_code, health.status_code) == (503, 503, 200)
    assert api.headers["Retry-After"] == "2"
    assert json.loads(api.content)["error"]["code"] == "Unavailable"
