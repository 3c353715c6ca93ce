"""Connections in a real browser: gallery, a driver installed from its row, labels, uploads, a connection that is kept."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import PASSWORD, PICTURES
from tests.e2e.test_accessibility import FAULTS, sign_in
from tests.fakes.extension import extension
from tests.served import Served, publish

VIEW = "SELECT c.name, p.Total FROM shop.customers c JOIN files.[paid.csv] p ON p.Id = c.id"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("served")
    (data / "files").mkdir()
    (data / "files" / "paid.csv").write_text("Id,Total\n1,2.50\n")
    with sqlite3.connect(data / "files" / "shop.db") as made:
        made.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT)")
    connections = {
        "shop": {"connector": "sqlite", "properties": {"Database": str(data / "files" / "shop.db")}, "labels": ["crm"]},
        "files": {"connector": "files", "properties": {"URI": "paid.csv"}, "labels": ["販売"]},
        "inbox": {"connector": "files", "properties": {}},
    }
    extra = {"APISERVER_ADMIN_USER": "admin", "APISERVER_ADMIN_PASSWORD": PASSWORD, "APISERVER_INSTALL_CONNECTORS": "true"}
    extra |= extension(tmp_path_factory.mktemp("extension")).environment
    server = publish({"connections": connections, "resources": {"Paid": {"sql": VIEW}}}, data, extra=extra)
    yield server
    assert server.stop() == 0


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="en", color_scheme="light")
    sign_in(page, served)
    page.goto(f"{served.base}/console/connections/")
    yield page
    page.close()


def row(page: Page, name: str) -> Locator:
    """Return the gallery's row of a connector."""
    return page.locator(".gallery li").filter(has=page.get_by_role("heading", name=name, exact=True))


def test_gallery_is_searched_and_leads_to_the_form(page: Page) -> None:
    page.get_by_role("link", name="Add Connection").click()
    expect(row(page, "Bitbucket").get_by_role("link", name="Configure Connection")).to_be_visible()
    page.get_by_label("Search connectors").press_sequentially("postgres")
    expect(page.locator(".gallery li")).to_have_count(1)
    page.get_by_label("Search connectors").fill("")
    expect(row(page, "Stripe")).to_be_visible()
    page.get_by_role("link", name="Destinations").click()
    expect(row(page, "Stripe")).to_have_count(0)
    expect(page.get_by_role("link", name="Destinations")).to_have_attribute("aria-current", "page")
    page.get_by_label("Kind").select_option("Databases")
    expect(row(page, "PostgreSQL")).to_be_visible()
    assert page.evaluate(FAULTS) == []

    row(page, "SQLite").get_by_role("link", name="Configure Connection").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("New connection: SQLite")


def test_driver_is_installed_from_its_row_while_one_looks_on(page: Page) -> None:
    page.get_by_role("link", name="Add Connection").click()
    row(page, "Tiny Database").get_by_role("link", name="Download Connector").click()
    expect(page.get_by_role("button", name="Download and install")).to_be_visible()
    expect(page.get_by_label("Or run this line on the server")).to_have_value(re.compile(r" -m pip install tinydriver==1\.0$"))
    page.screenshot(path=PICTURES / "gallery-download.png", full_page=True)
    assert page.evaluate(FAULTS) == []

    page.get_by_role("button", name="Download and install").click()

    expect(page.get_by_text("Installed", exact=False).first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("without a restart")).to_be_visible(timeout=60_000)
    page.get_by_text("Log", exact=True).click()
    expect(page.locator("pre.log")).to_contain_text("Successfully installed tinydriver-1.0")
    page.screenshot(path=PICTURES / "gallery-installed.png", full_page=True)
    assert page.evaluate(FAULTS) == []
    page.get_by_role("link", name="Configure Connection").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("New connection: Tiny Database")


def test_labels_are_given_beside_the_name_and_searched(page: Page) -> None:
    page.get_by_role("link", name="shop", exact=True).click()
    page.get_by_label("Labels").fill("crm, 本番")
    page.get_by_role("button", name="Save & Test").click()
    expect(page.get_by_text("Saved. The connection works.").first).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Connections").first.click()
    expect(page.locator("tbody tr")).to_have_count(3)

    page.get_by_label("Search connections").press_sequentially("本番")

    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("shop")
    page.get_by_label("Label", exact=True).select_option("販売")
    expect(page.get_by_text("No connection fits.")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    assert page.evaluate(FAULTS) == []


def test_files_are_uploaded_and_become_tables(page: Page, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("Id,Name\n1,x\n")
    page.get_by_role("link", name="inbox", exact=True).click()
    page.get_by_label("Files to upload").set_input_files(tmp_path / "orders.csv")

    page.get_by_role("button", name="Upload", exact=True).click()

    expect(page.get_by_text("orders.csv was uploaded.").first).to_be_visible()
    expect(page.locator("#uploads tbody tr")).to_contain_text("orders.csv")
    assert page.evaluate(FAULTS) == []
    page.get_by_role("button", name="Delete orders.csv").click()
    expect(page.get_by_text("No file was uploaded yet.", exact=True)).to_be_visible()


def test_connection_that_a_view_names_is_not_deleted(page: Page) -> None:
    line = page.locator("tbody tr").filter(has=page.get_by_role("link", name="files", exact=True))
    line.get_by_role("link", name="Delete").click()

    expect(page.get_by_role("link", name="Paid")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    page.get_by_role("link", name="Unpublish").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Paid")


@pytest.mark.parametrize(("language", "scheme", "width"), [("ja", "dark", 1280), ("en", "light", 390)])
def test_pages_of_connections_fit(browser: Browser, served: Served, language: str, scheme: str, width: int) -> None:
    page = browser.new_page(locale=language, color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
    sign_in(page, served)
    for number, path in enumerate(("", "?q=nothing", "add", "add?tab=destinations", "add?q=nothing", "add/tiny/install", "add/openapi")):
        page.goto(f"{served.base}/console/connections/{path}")
        page.screenshot(path=PICTURES / f"gallery-{language}-{width}-{number}.png", full_page=True)
        assert page.evaluate(FAULTS) == [], path
    page.close()
