"""A page of another origin fetches $oas in a real browser, as Power Automate's designer does: with the walkthroughs' three settings."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests import databases
from tests.served import Served, manage, publish

TOKEN = "cors-page-authtoken-0123456789"
# What the walkthroughs of Bitbucket and Stripe set, word for word.
THREE = {
    "allow_origins": ["*"],
    "allow_methods": ["GET", "PUT", "POST", "OPTIONS"],
    "allow_headers": ["x-ms-client-request-id", "authorization", "content-type"],
}
# What the designer's client sends with the address of the document (Azure/LogicAppsUX).
DESIGNERS = {"Access-Control-Allow-Origin": "*", "x-ms-client-request-id": "0b1c", "x-ms-user-agent": "LogicAppsDesigner/(host)"}
FETCH = """async ([address, headers]) => {
    try {
        const answer = await fetch(address, {headers, credentials: "omit"});
        return {status: answer.status, body: await answer.json()};
    } catch (error) { return {failed: String(error)}; }
}"""


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = Path(tmp_path_factory.mktemp("cors"))
    shop = databases.sqlite("shop", request, folder)
    shop.create("Issues", {"Id": "integer PRIMARY KEY", "Title": "text"})
    shop.run("INSERT INTO Issues VALUES (1, 'First')")
    told = {
        "server": {"allow_authtoken_in_url": True, "cors": {"enabled": True, **THREE}},
        "connections": {"shop": shop.connection},
        "resources": {"Issues": {"connection": "shop", "table": "Issues"}},
        "users": {"maker": {"role": "query", "privileges": ["GET"], "authtoken": TOKEN}},
    }
    running = publish(told, folder / "data")
    yield running
    running.dismiss()


class Blank(http.server.BaseHTTPRequestHandler):
    """An empty page of another origin."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>designer</title>")

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def designer() -> Iterator[str]:
    """The address of a page on another port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Blank)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()


def fetched(browser: Browser, page_address: str, address: str, headers: dict[str, str]) -> dict[str, Any]:
    """Return what the page got."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(page_address)
    found: dict[str, Any] = page.evaluate(FETCH, [address, headers])
    context.close()
    return found


def change(served: Served, folder: Path, **cors: Any) -> None:
    """Apply other settings to the running server, which follows within a second."""
    file = folder / "cors.yaml"
    file.write_text(f"server: {{cors: {{{', '.join(f'{name}: {value}' for name, value in cors.items())}}}}}")
    assert manage(served.data_dir, "apply", str(file)).returncode == 0


def test_the_designer_reads_the_document_with_the_three_settings(served: Served, browser: Browser, designer: str) -> None:
    found = fetched(browser, designer, f"{served.base}/api.rsc/@{TOKEN}/$oas", DESIGNERS)

    assert found["status"] == 200
    assert found["body"]["paths"]["/Issues"]["get"]["summary"] == "Return Issues"


@pytest.mark.parametrize(("path", "status"), [("/api.rsc/@a-wrong-authtoken-0123456789/$oas", 401), (f"/api.rsc/@{TOKEN}/Nothing", 404)])
def test_the_page_can_read_what_is_wrong(served: Served, browser: Browser, designer: str, path: str, status: int) -> None:
    found = fetched(browser, designer, served.base + path, DESIGNERS)

    assert found["status"] == status
    assert found["body"]["error"]["message"]


def test_preflights_need_no_credentials_and_refuse_other_headers(served: Served, browser: Browser, designer: str) -> None:
    asked = {"origin": designer.rstrip("/"), "access-control-request-method": "GET"}
    asked["access-control-request-headers"] = "access-control-allow-origin,x-ms-client-request-id,x-ms-user-agent,x-other"

    status, headers, _ = served.get("/api.rsc/$oas", asked, method="OPTIONS")
    refused = fetched(browser, designer, f"{served.base}/api.rsc/@{TOKEN}/$oas", {"x-other": "1"})

    assert (status, headers["access-control-allow-origin"]) == (200, "*")
    assert "x-ms-user-agent" in headers["access-control-allow-headers"] and "x-other" not in headers["access-control-allow-headers"]
    assert "failed" in refused


def test_another_origin_gets_nothing_when_cors_is_off(served: Served, browser: Browser, designer: str, tmp_path: Path) -> None:
    address = f"{served.base}/api.rsc/@{TOKEN}/$oas"
    change(served, tmp_path, enabled="false")
    for _ in range(50):
        off = fetched(browser, designer, address, DESIGNERS)
        if "failed" in off:
            break
    change(served, tmp_path, enabled="true", allow_all_without_star="true")
    for _ in range(50):
        on = fetched(browser, designer, address, DESIGNERS)
        if "failed" not in on:
            break

    assert "failed" in off
    assert on["status"] == 200  # "allow all domains without *" of the walkthroughs
