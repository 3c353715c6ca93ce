"""Addresses, CORS and tokens in URLs, as outsiders meet them on a served demo."""

from __future__ import annotations

import base64
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served import Served, manage, serve

PREFLIGHT = {
    "Origin": "https://make.powerautomate.com",
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "x-ms-client-request-id",
}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = serve("--demo")
    yield server
    server.dismiss()


def token_of(served: Served) -> str:
    return str(served.ready["oas"].split("@")[1].split("/")[0])


def change(served: Served, tmp_path: Path, **server: object) -> None:
    """Apply server settings to the running server."""
    file = tmp_path / "server.json"
    file.write_text(json.dumps({"server": server}))
    assert manage(served.data_dir, "apply", str(file)).returncode == 0


def wait_for(served: Served, headers: dict[str, str], wanted: int) -> tuple[int, dict[str, str], bytes]:
    """Ask until the server follows its new settings, which it does within a second where the machine is quick."""
    end = time.monotonic() + 10
    answer = served.get("/api.rsc/", headers)
    while answer[0] != wanted and time.monotonic() < end:
        time.sleep(0.1)
        answer = served.get("/api.rsc/", headers)
    return answer


def test_forwarded_request_from_an_unlisted_proxy_is_not_local(served: Served) -> None:
    for name in ("X-Forwarded-For", "Forwarded", "X-Forwarded-Host"):
        status, _, body = served.get("/api.rsc/", {name: "for=1.2.3.4", "x-cdata-authtoken": token_of(served)})

        assert (status, json.loads(body)["error"]["code"]) == (403, "ProxyNotTrusted")
        assert b"trusted_proxies" in body


def test_untrusted_address_is_refused_by_name_and_follows_the_setting(served: Served, tmp_path: Path) -> None:
    change(served, tmp_path, trusted_addresses=["10.1.2.3"])
    status, _, body = wait_for(served, {"x-cdata-authtoken": token_of(served)}, 403)
    health = served.get("/healthz")[0]
    change(served, tmp_path, trusted_addresses=["127.0.0.1", "::1"])
    again = wait_for(served, {"x-cdata-authtoken": token_of(served)}, 200)[0]

    assert (status, health, again) == (403, 200, 200)
    assert b"127.0.0.1" in body


def test_cors_is_off_until_the_articles_settings_are_on(served: Served, tmp_path: Path) -> None:
    _, before, _ = served.get("/api.rsc/$oas", PREFLIGHT, "OPTIONS")
    listed = {"allow_origins": ["*"], "allow_methods": ["GET", "PUT", "POST", "OPTIONS"]}
    change(served, tmp_path, cors={"enabled": True, **listed, "allow_headers": ["x-ms-client-request-id", "authorization", "content-type"]})
    wait_for(served, {"x-cdata-authtoken": "x"}, 401)
    time.sleep(0.6)
    status, headers, _ = served.get("/api.rsc/$oas", PREFLIGHT, "OPTIONS")
    refused, refusal, _ = served.get("/api.rsc/$oas", {"Origin": "https://make.powerautomate.com"})

    assert "access-control-allow-origin" not in before
    assert (status, headers["access-control-allow-origin"]) == (200, "*")
    assert headers["access-control-allow-headers"] == "x-ms-client-request-id, authorization, content-type"
    assert (refused, refusal["access-control-allow-origin"]) == (401, "*")


def test_token_in_the_path_stays_in_links_and_out_of_the_log(served: Served) -> None:

    token = token_of(served)
    status, _, body = served.get(f"/api.rsc/@{token}/Customers?$top=1")
    served.get(f"/api.rsc/%40{token}/Customers?$top=1")
    served.get(f"/api.rsc/Customers?$top=1&@authtoken={token}")
    time.sleep(1.2)

    assert status == 200
    assert json.loads(body)["@odata.context"].startswith(f"{served.base}/api.rsc/@{token}/")
    with sqlite3.connect(served.data_dir / "requests.sqlite3") as log:
        entries = log.execute("SELECT path, query FROM requests").fetchall()
    assert ("/api.rsc/@***/Customers", "$top=1") in entries
    assert [entry for entry in entries if token in "".join(map(str, entry))] == []


def test_credentials_in_every_header_form_and_none_that_differ(served: Served) -> None:
    token = token_of(served)
    basic = base64.b64encode(f"demo:{token}".encode()).decode()
    wrong_user = base64.b64encode(f"other:{token}".encode()).decode()

    answers = [
        served.get("/api.rsc/", headers)[0]
        for headers in (
            {"Authorization": f"Bearer {token}"},
            {"Authorization": f"Basic {basic}"},
            {"Authorization": f"Basic {wrong_user}"},
            {"Authorization": "Basic ???"},
            {"Authorization": f"Bearer {token}", "x-cdata-authtoken": token},
            {"Authorization": f"Bearer {token}", "x-cdata-authtoken": token[::-1]},
        )
    ]

    assert answers == [200, 200, 401, 401, 200, 401]
