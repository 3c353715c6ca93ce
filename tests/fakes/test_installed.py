"""Stand-ins that others publish start on loopback and keep nothing outside their folder."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.fakes.grants import challenge_of
from tests.fakes.installed import localstripe, oidc_provider, prism

DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "Notes", "version": "1"},
    "paths": {
        "/notes": {
            "get": {
                "responses": {
                    "200": {
                        "description": "notes",
                        "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/note"}}}},
                    }
                }
            }
        }
    },
    "components": {"schemas": {"note": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer", "example": 7}}}}},
}


def call(url: str, form: dict[str, str] | None = None, user: str = "", password: str = "") -> Any:
    """Return the JSON of an answer."""
    data = urllib.parse.urlencode(form).encode() if form else None
    sign = {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()} if user else {}
    with urllib.request.urlopen(urllib.request.Request(url, data, sign), timeout=20) as answer:
        return json.loads(answer.read())


def test_localstripe_keeps_customers_in_memory(tmp_path: Path) -> None:
    with localstripe(tmp_path) as url:
        made = call(f"{url}/v1/customers", {"email": "a@example.com"}, "sk_test_12345")
        found = call(f"{url}/v1/customers", user="sk_test_12345")

    assert [row["id"] for row in found["data"]] == [made["id"]]
    assert not Path("/tmp/localstripe.pickle").exists()


def test_prism_answers_a_document(tmp_path: Path) -> None:
    document = tmp_path / "notes.json"
    document.write_text(json.dumps(DOCUMENT), encoding="utf-8")

    with prism(document, tmp_path) as url:
        assert call(f"{url}/notes") == [{"id": 7}]


def test_oidc_provider_rotates_refresh_tokens(tmp_path: Path) -> None:
    verifier = "v" * 50
    asked = {
        "client_id": "client",
        "response_type": "code",
        "scope": "openid offline_access",
        "redirect_uri": "http://localhost:33333",
        "state": "s",
        "prompt": "consent",
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    with oidc_provider(tmp_path) as url:
        code = consented(f"{url}/auth?{urllib.parse.urlencode(asked)}")
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://localhost:33333", "code_verifier": verifier}
        first = call(f"{url}/token", form, "client", "secret")
        again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        second = call(f"{url}/token", again, "client", "secret")
        try:
            reused = call(f"{url}/token", again, "client", "secret")
        except urllib.error.HTTPError as error:
            reused = json.loads(error.read())

    assert second["refresh_token"] != first["refresh_token"]
    assert reused["error"] == "invalid_grant"


def consented(address: str) -> str:
    """Follow a sign-in as a browser does; return the code that the callback gets."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: Any, **kwargs: Any) -> None:
            return None

    opener = urllib.request.build_opener(Stay, urllib.request.HTTPCookieProcessor())
    for _ in range(8):
        try:
            opener.open(address, timeout=20)
        except urllib.error.HTTPError as led:
            address = urllib.parse.urljoin(address, led.headers["Location"])
        if address.startswith("http://localhost:33333"):
            return urllib.parse.parse_qs(urllib.parse.urlsplit(address).query)["code"][0]
    raise AssertionError(address)
