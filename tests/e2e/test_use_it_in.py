"""Use it in... in a real browser: every client's page in light, dark and narrow; addresses copied, files downloaded, all by keyboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PASSWORD, PICTURES
from tests.e2e.test_accessibility import FAULTS, focused, sign_in
from tests.served import Served, serve

CLIENTS = (
    *("Power Automate", "Power Apps", "Excel", "Power BI", "Salesforce Connect"),
    *("Postman", "curl", "Python", "JavaScript", "PowerShell"),
)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = serve("--demo", extra={"APISERVER_ADMIN_USER": "admin", "APISERVER_ADMIN_PASSWORD": PASSWORD})
    yield server
    server.dismiss()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, served: Served) -> Any:
    """The cookies of an administrator."""
    page = browser.new_page(locale="en")
    sign_in(page, served)
    return page.context.storage_state()


def opened(browser: Browser, served: Served, signed_in: Any, **options: Any) -> Page:
    """Return the page of Customers, found as somebody finds it who looks for the words."""
    allowed = ["clipboard-read", "clipboard-write"]
    context = browser.new_context(locale="en", storage_state=signed_in, permissions=allowed, **options)
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.goto(f"{served.base}/console/api/")
    page.get_by_role("link", name="Customers", exact=True).click()
    page.locator("main").get_by_role("link", name="Use it in…", exact=True).click()
    return page


def client(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Clients").get_by_role("link", name=name, exact=True).click()
    expect(page.locator("h1")).to_have_text(f"Use Customers in {name}")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_every_client_has_a_page_without_faults(browser: Browser, served: Served, signed_in: Any, scheme: str, width: int) -> None:
    page = opened(browser, served, signed_in, color_scheme=scheme, viewport={"width": width, "height": 900})
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)

    for name in CLIENTS if scheme == "light" else CLIENTS[::3]:
        client(page, name)
        problems += [f"{name}: {fault}" for fault in page.evaluate(FAULTS)]
        page.screenshot(path=PICTURES / f"use-{name.replace(' ', '-').lower()}-{scheme}-{width}.png", full_page=True)

    page.context.close()
    assert problems == []


def test_addresses_are_copied_and_authtokens_revealed_once(browser: Browser, served: Served, signed_in: Any) -> None:
    page = opened(browser, served, signed_in)
    token = str(served.ready["oas"]).partition("@")[2].partition("/")[0]

    page.get_by_role("button", name="Copy").first.click()
    hidden = page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("button", name="Reveal authtoken").click()
    page.get_by_role("button", name="Copy").first.click()
    shown = page.evaluate("navigator.clipboard.readText()")
    page.reload()

    assert hidden == f"{served.base}/api.rsc/@AUTHTOKEN/$oas?resources=Customers"
    assert shown == f"{served.base}/api.rsc/@{token}/$oas?resources=Customers"
    assert served.get(shown.removeprefix(served.base))[0] == 200
    assert token not in page.content()
    page.context.close()


def test_program_is_copied_whole(browser: Browser, served: Served, signed_in: Any) -> None:
    page = opened(browser, served, signed_in)

    client(page, "Python")
    page.get_by_role("button", name="Copy").nth(2).click()
    expect(page.locator("#said")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")

    assert copied == page.locator("#snippet-read").input_value()
    assert copied.startswith("import requests\n")
    page.context.close()


FILES = (
    ("Power Automate", "Download the OpenAPI file", "Customers.swagger.json"),
    ("Excel", "Download the data connection", "Customers.odc"),
    ("Power BI", "Download the data source file", "Customers.pbids"),
    ("Postman", "Download the collection", "Customers.postman_collection.json"),
    ("Postman", "The same for all resources of this user", "API Server.postman_collection.json"),
)


def test_files_are_downloaded(browser: Browser, served: Served, signed_in: Any) -> None:
    page = opened(browser, served, signed_in)
    found = []

    for name, button, _ in FILES:
        client(page, name)
        with page.expect_download() as waiting:
            page.get_by_role("link", name=button).first.click()
        found.append((waiting.value.suggested_filename, waiting.value.path().read_text(encoding="utf-8")))

    page.context.close()
    assert [name for name, _ in found] == [file for _, _, file in FILES]
    assert all("/api.rsc" in body and (name.endswith(".odc") or json.loads(body)) for name, body in found)


def test_tabs_are_reached_by_keyboard(browser: Browser, served: Served, signed_in: Any) -> None:
    page = opened(browser, served, signed_in)
    page.get_by_role("navigation", name="Clients").get_by_role("link").first.focus()

    words = []
    for _ in range(3):
        page.keyboard.press("Tab")
        words.append(focused(page))
    page.keyboard.press("Enter")

    assert words == ["Power Apps", "Excel", "Power BI"]
    expect(page.locator("h1")).to_have_text("Use Customers in Power BI")
    page.context.close()
