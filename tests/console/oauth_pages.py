"""How a browser signs in at a service through the console."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from tests.connections.oauth import connection_to, properties
from tests.fakes.oauth_provider import Provider

ADD, CALLBACK = "/console/connections/add/probe", "/console/connections/oauth/callback"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def allowed(probe: str, provider: Provider) -> Provider:
    """The service; this server may call it, and has no connection yet."""
    connection_to(provider).delete()
    return provider


def begin(client: Client, provider: Provider, path: str = ADD, **more: Any) -> str:
    """Press Connect and return where the browser is led."""
    answer = client.post(path, {"connect": "browser", "name": "cloud", **properties(provider, **more)}, headers=HTMX)
    assert answer.status_code == 200, answer.content.decode()[-2000:]
    return answer["HX-Redirect"]


def come_back(client: Client, address: str) -> Any:
    """Follow the service's redirect to the callback."""
    return client.get(f"{CALLBACK}?{urlsplit(address).query}")


def text_of(answer: Any) -> str:
    return answer.content.decode()
