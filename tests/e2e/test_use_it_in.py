"""Use it in... in a real browser: every client's page in light, dark and narrow; addresses copied, files downloaded, all by keyboard."""

from __future__ import annotations

import json
from collections.abc import Iterator

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


def opened(browser: Browser, served: Served, **options: object) -> Page:
    """Return the page of Customers, found as somebody finds it who looks for the words."""
    context = browser.new_context(locale="en", permissions=["clipboard-read", "clipboard-write"], **options)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(15_000)
    sign_in(page, served)
    page.locator("nav").get_by_role("link", name="API", exact=True).click()
    page.get_by_role("link", name="Customers", exact=True).click()
    page.locator("main").get_by_role("link", name="Use it in…", exact=True).click()
    return page


def client(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Clients").get_by_role("link", name=name, exact=True).click()
    expect(page.locator("h1")).to_have_text(f"Use Customers in {name}")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_every_client_has_a_page_without_faults(browser: Browser, served: Served, scheme: str, width: int) -> None:
    page = opened(browser, served, color_scheme=scheme, viewport={"width": width, "height": 900})
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)

    for name in CLIENTS:
        client(page, name)
        problems += [f"{name}: {fault}" for fault in page.evaluate(FAULTS)]
        page.screenshot(path=PICTURES / f"use-{name.replace(' ', '-').lower()}-{scheme}-{width}.png", full_page=True)

    page.context.close()
    assert problems == []


def test_addresses_are_copied_and_authtokens_revealed_once(browser: Browser, served: Served) -> None:
    page = opened(browser, served)
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


def test_program_is_copied_whole(browser: Browser, served: Served) -> None:
    page = opened(browser, served)

    client(page, "Python")
    page.get_by_role("button", name="Copy").nth(2).click()
    expect(page.locator("#said")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")

    assert copied == page.locator("#snippet-read").input_value()
    assert copied.startswith("import requests\n")
    page.context.close()


@pytest.mark.parametrize(
    ("name", "button", "file"),
    [
        ("Power Automate", "Download the OpenAPI file", "Customers.swagger.json"),
        ("Excel", "Download the data connection", "Customers.odc"),
        ("Power BI", "Download the data source file", "Customers.pbids"),
        ("Postman", "Download the collection", "Customers.postman_collection.json"),
        ("Postman", "The same for all resources of this user", "API Server.postman_collection.json"),
    ],
)
def test_files_are_downloaded(browser: Browser, served: Served, name: str, button: str, file: str) -> None:
    page = opened(browser, served)
    client(page, name)

    with page.expect_download() as waiting:
        page.get_by_role("link", name=button).first.click()

    found = waiting.value
    body = found.path().read_text(encoding="utf-8")
    assert (found.suggested_filename, "/api.rsc" in body) == (file, True)
    assert file.endswith(".odc") or json.loads(body)
    page.context.close()


def test_tabs_are_reached_by_keyboard(browser: Browser, served: Served) -> None:
    page = opened(browser, served)
    page.get_by_role("navigation", name="Clients").get_by_role("link").first.focus()

    words = []
    for _ in range(3):
        page.keyboard.press("Tab")
        words.append(focused(page))
    page.keyboard.press("Enter")

    assert words == ["Power Apps", "Excel", "Power BI"]
    expect(page.locator("h1")).to_have_text("Use Customers in Power BI")
    page.context.close()
