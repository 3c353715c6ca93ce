"""Programs that ask for a sign-in at this server, and what they are given."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client as Browser

from users.oauth import clients
from users.oauth.models import Client

BACK = "https://global.consent.azure-apim.net/redirect"
VERIFIER = "a-verifier-of-more-than-forty-three-characters-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
PROVEN = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
BY = {"who": "test"}


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
