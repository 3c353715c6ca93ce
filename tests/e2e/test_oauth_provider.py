"""Other programs sign in: third-party OAuth libraries, a person who consents in a real browser, both themes."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import WebApplicationClient
from playwright.sync_api import Browser, Page, expect
from requests_oauthlib import OAuth2Session

from tests.e2e.conftest import PASSWORD, PICTURES
from tests.served import Served, manage, publish
from tests.servers import free_port

FLOW, LEAD = "Authtoken-of-flow-0123456789", "Authtoken-of-lead-0123456789"
SECRET = "secret-of-the-client-0123456789"


class Callback:
    """The program's own address on this machine."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        callback = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/cb"):
                    callback.seen.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<h1>Back in the program</h1>")

            def log_message(self, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/cb"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def program() -> Iterator[Callback]:
    found = Callback()
    yield found
    found.server.shutdown()


@pytest.fixture(scope="module")
def served(program: Callback, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    import sqlite3

    where = tmp_path_factory.mktemp("oauth-provider")
    with closing(sqlite3.connect(where / "shop.db")) as shop, shop:
        shop.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT, country TEXT)")
        shop.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(1, "tea", "JP"), (2, "ink", "US")])
    configuration = {
        "connections": {"shop": {"connector": "sqlite", "properties": {"Database": str(where / "shop.db")}}},
        "resources": {"Orders": {"connection": "shop", "table": "orders"}},
        "users": {
            "flow": {"role": "query", "privileges": ["GET", "POST", "DELETE"], "authtoken": FLOW},
            "lead": {"privileges": ["GET"], "authtoken": LEAD, "resources": {"Orders": {"filter": "country eq 'JP'"}}},
        },
        "oauth_clients": {
            "Power Automate": {"client_id": "power-automate", "client_secret": SECRET, "redirect_uris": [program.url]},
            "Desk": {"client_id": "desk-program", "type": "public", "redirect_uris": ["http://127.0.0.1/cb"], "scopes": ["read"]},
        },
    }
    extra = {"APISERVER_ADMIN_USER": "admin", "APISERVER_ADMIN_PASSWORD": PASSWORD, "APISERVER_ALLOWED_FOLDERS": str(where)}
    server = publish(configuration, where / "data", extra=extra)
    yield server
    server.dismiss()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    yield context.new_page()
    context.close()


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


def consent(page: Page, address: str, name: str, secret: str, program: Callback) -> str:
    """Consent in the browser; return the address to which it led back."""
    page.goto(address)
    page.fill("[name=name]", name)
    page.fill("[name=secret]", secret)
    page.click("button[value=allow]")
    expect(page.locator("h1")).to_have_text("Back in the program")
    return program.url.removesuffix("/cb") + program.seen[-1]


def test_requests_oauthlib_signs_in_reads_refreshes_and_revokes(served: Served, program: Callback, page: Page) -> None:
    session = OAuth2Session("power-automate", redirect_uri=program.url, scope=["read", "create"], pkce="S256")
    address, state = session.authorization_url(f"{served.base}/oauth/authorize")

    back = consent(page, address, "flow", FLOW, program)
    session.fetch_token(f"{served.base}/oauth/token", authorization_response=back, client_secret=SECRET)
    rows = session.get(f"{served.base}/api.rsc/Orders").json()["value"]
    created = session.post(f"{served.base}/api.rsc/Orders", json={"id": 9, "note": "by OAuth"})
    deleted = session.delete(f"{served.base}/api.rsc/Orders(9)")
    old = session.token["access_token"]
    session.refresh_token(f"{served.base}/oauth/token", client_id="power-automate", client_secret=SECRET)
    fresh = session.get(f"{served.base}/api.rsc/Orders").status_code
    given = {"token": session.token["refresh_token"], "client_id": "power-automate", "client_secret": SECRET}
    revoked = requests.post(f"{served.base}/oauth/revoke", data=given, timeout=30)
    time.sleep(1)

    found = parse_qs(urlsplit(back).query)
    assert (found["state"], found["iss"]) == ([state], [served.base])
    assert ([row["note"] for row in rows], created.status_code, deleted.status_code) == (["tea", "ink"], 201, 403)
    assert (fresh, revoked.status_code) == (200, 200)
    bearer = {"Authorization": f"Bearer {session.token['access_token']}"}
    assert served.get("/api.rsc/Orders", bearer)[0] == 401
    assert served.get("/api.rsc/Orders", {"Authorization": f"Bearer {old}"})[0] == 401  # the whole family ended


def test_authlib_as_a_program_without_a_secret_gets_the_users_rows_alone(served: Served, program: Callback, page: Page) -> None:
    session = AuthlibSession(
        "desk-program", redirect_uri=program.url, scope="read", code_challenge_method="S256", token_endpoint_auth_method="none"
    )
    verifier = "v" * 60
    address, _ = session.create_authorization_url(f"{served.base}/oauth/authorize", code_verifier=verifier)

    back = consent(page, address, "lead", LEAD, program)
    session.fetch_token(f"{served.base}/oauth/token", authorization_response=back, code_verifier=verifier)

    assert [row["note"] for row in session.get(f"{served.base}/api.rsc/Orders").json()["value"]] == ["tea"]
    assert session.post(f"{served.base}/api.rsc/Orders", json={"id": 5}).status_code == 403
    assert session.get(f"{served.base}/manage/api/").status_code == 403


def test_oauthlib_alone_with_basic_authentication_and_no_pkce(served: Served, program: Callback, page: Page) -> None:
    client = WebApplicationClient("power-automate")
    back = consent(page, client.prepare_request_uri(f"{served.base}/oauth/authorize", program.url, state="abc"), "flow", FLOW, program)
    code = client.parse_request_uri_response(back, state="abc")["code"]
    body = client.prepare_request_body(code=code, redirect_uri=program.url, include_client_id=False)

    answers = [
        requests.post(
            f"{served.base}/oauth/token",
            data=body,
            auth=("power-automate", SECRET),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            timeout=30,
        )
        for _ in range(2)
    ]

    token = client.parse_request_body_response(answers[0].text)
    assert (token["token_type"], answers[1].status_code, answers[1].json()["error"]) == ("Bearer", 400, "invalid_grant")


def test_one_code_sent_by_many_at_once_serves_one(served: Served, program: Callback, page: Page) -> None:
    client = WebApplicationClient("power-automate")
    back = consent(page, client.prepare_request_uri(f"{served.base}/oauth/authorize", program.url), "flow", FLOW, program)
    code = client.parse_request_uri_response(back)["code"]
    given = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": program.url,
        "client_id": "power-automate",
        "client_secret": SECRET,
    }
    statuses: list[int] = []

    def send() -> None:
        statuses.append(requests.post(f"{served.base}/oauth/token", data=given, timeout=30).status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200] + [400] * 7


def test_oas_says_how_one_signs_in(served: Served) -> None:
    header = {"x-cdata-authtoken": FLOW}
    found = {way: json.loads(served.get(f"/api.rsc/$oas?security={way}", header)[2]) for way in ("apikey", "basic", "oauth2", "none")}
    plain = served.get("/api.rsc/$oas", header)[2]

    assert found["oauth2"]["securityDefinitions"] == {
        "oauth2_auth": {
            "type": "oauth2",
            "flow": "accessCode",
            "authorizationUrl": f"{served.base}/oauth/authorize",
            "tokenUrl": f"{served.base}/oauth/token",
            "scopes": {"read": "Read rows.", "create": "Add rows.", "delete": "Delete rows."},
        }
    }
    assert found["oauth2"]["security"] == [{"oauth2_auth": ["read", "create", "delete"]}]
    assert found["apikey"] == json.loads(plain)
    assert (found["basic"]["securityDefinitions"], found["basic"]["security"]) == ({"basic": {"type": "basic"}}, [{"basic": []}])
    assert "securityDefinitions" not in found["none"] and "security" not in found["none"]
    wrong = [served.get(f"/api.rsc/$oas?security={way}", header)[0] for way in ("aad", "digest", "")]
    assert wrong == [400, 400, 400]


def test_nothing_of_a_sign_in_stands_in_a_log(served: Served) -> None:
    logs = [path.read_bytes() for path in Path(served.data_dir).rglob("*") if path.is_file() and path.suffix in (".log", ".db", ".sqlite3")]

    assert not [word for word in (b"oat.", b"ort.", SECRET.encode()) for text in logs if word in text]


def test_the_file_exports_what_it_gave(served: Served) -> None:
    exported = manage(served.data_dir, "export").stdout

    assert "oauth_clients:" in exported and "APISERVER_SECRET_OAUTH_CLIENTS_POWER_AUTOMATE_CLIENT_SECRET" in exported
    assert SECRET not in exported


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_administrator_registers_a_client_and_an_issuer(served: Served, browser: Browser, scheme: Any) -> None:
    problems: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(f"{served.base}/console/users/oauth/")
    page.fill("[name=name]", "admin")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.screenshot(path=PICTURES / f"oauth-clients-{scheme}.png", full_page=True)
    page.click("text=Add OAuth client")
    page.fill("[name=name]", f"Sales {scheme}")
    page.fill(
        "[name=redirect_uris]", "https://global.consent.azure-apim.net/redirect\nhttps://global.consent.azure-apim.net/redirect/sales-5f1"
    )
    page.screenshot(path=PICTURES / f"oauth-client-add-{scheme}.png", full_page=True)
    page.click("main form button:has-text('Add OAuth client')")
    secret = page.input_value("#client-secret")
    assert len(secret) == 43 and page.input_value("#token-url") == f"{served.base}/oauth/token"
    page.screenshot(path=PICTURES / f"oauth-client-secret-{scheme}.png", full_page=True)
    page.click("text=Done")
    assert secret not in page.content()
    page.goto(f"{served.base}/console/users/oauth/")
    page.click("text=Power Automate")
    page.screenshot(path=PICTURES / f"oauth-client-{scheme}.png", full_page=True)

    address = f"{served.base}/oauth/authorize?client_id=power-automate&response_type=code&scope=read+create+update"
    page.goto(address)
    expect(page.locator("main")).to_contain_text("You are signed in as admin")
    page.screenshot(path=PICTURES / f"oauth-consent-admin-{scheme}.png", full_page=True)
    page.click("text=Consent as somebody else")
    page.screenshot(path=PICTURES / f"oauth-consent-{scheme}.png", full_page=True)
    page.goto(f"{served.base}/oauth/authorize?client_id=nobody")
    page.screenshot(path=PICTURES / f"oauth-refused-{scheme}.png", full_page=True)
    problems.clear()  # the browser notes the 400

    page.goto(f"{served.base}/console/users/issuers/add")
    page.fill("[name=issuer]", f"https://login.microsoftonline.com/{scheme}/v2.0")
    page.fill("[name=audience]", "api://sales")
    page.fill("[name=users]", "1111-2222 = flow")
    page.screenshot(path=PICTURES / f"oauth-issuer-{scheme}.png", full_page=True)
    page.click("main form button:has-text('Save')")
    expect(page.locator("main")).to_contain_text(f"https://login.microsoftonline.com/{scheme}/v2.0")
    page.screenshot(path=PICTURES / f"oauth-issuers-{scheme}.png", full_page=True)
    assert problems == []
    context.close()
