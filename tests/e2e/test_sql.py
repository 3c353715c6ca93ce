"""The SQL page in a real browser: pick a table, run by keyboard, explain, cancel, save as a view; without JavaScript too."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PASSWORD, PICTURES
from tests.e2e.test_accessibility import FAULTS, sign_in
from tests.served import Served, publish

JOIN = """SELECT c.name, COUNT(*) AS orders, SUM(p.Total) AS total
FROM shop.customers c JOIN files.[paid.csv] p ON p.CustomerId = c.id
GROUP BY c.name ORDER BY total DESC"""
SLOW = """SELECT COUNT(*) FROM shop.customers a, shop.customers b, shop.customers c, shop.customers d, shop.customers e
WHERE a.id + e.id < 0"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("served")
    (data / "files").mkdir()
    paid = "".join(f"{n},{1 + n % 4},{n}.50,2026-01-{1 + n % 28:02}\n" for n in range(1, 60))
    (data / "files" / "paid.csv").write_text(f"Id,CustomerId,Total,Day\n{paid}")
    database = data / "files" / "shop.db"
    with sqlite3.connect(database) as made:
        made.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, country TEXT)")
        made.executemany("INSERT INTO customers VALUES (?, ?, 'JP')", [(n, f"Customer {n}") for n in range(1, 400)])
    silent = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{silent.getsockname()[1]}"
    connections = {
        "shop": {"connector": "sqlite", "properties": {"Database": str(database)}},
        "files": {"connector": "files", "properties": {"URI": "."}},
        "silent": {"connector": "rest", "properties": {"URL": f"http://{address}", "Timeout": 8}},
    }
    who = {"APISERVER_ADMIN_USER": "admin", "APISERVER_ADMIN_PASSWORD": PASSWORD}
    server = publish({"server": {"outgoing": {"allow": [address]}}, "connections": connections}, data, extra=who)
    yield server
    silent.close()
    assert server.stop() == 0


def opened(browser: Browser, served: Served, **options: object) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, **options)  # type: ignore[arg-type]
    sign_in(page, served)
    page.goto(f"{served.base}/console/sql/")
    return page


def test_a_table_is_picked_and_run_by_keyboard(browser: Browser, served: Served) -> None:
    page = opened(browser, served, locale="en", color_scheme="light")
    page.get_by_text("shop", exact=True).first.click()
    page.locator("aside").get_by_text("customers").click()
    expect(page.locator("aside").get_by_text("Key")).to_be_visible()
    page.get_by_role("button", name="SELECT *").click()
    expect(page.locator("#sql")).to_have_value("SELECT * FROM [shop].[customers]")

    page.keyboard.press("Control+Enter")

    expect(page.locator("#rows")).to_have_text("200 rows")
    expect(page.get_by_text("These are the first 200 rows: there are more.")).to_be_visible()
    page.screenshot(path=PICTURES / "sql-en-light.png", full_page=True)
    assert page.evaluate(FAULTS) == []
    page.close()


def test_a_join_is_explained_and_saved_as_a_view(browser: Browser, served: Served) -> None:
    page = opened(browser, served, locale="ja", color_scheme="dark")
    page.locator("#sql").fill(JOIN)
    page.locator("button[name=explain]").click()
    expect(page.locator("#answer details")).to_contain_text("files.paid.csv")
    page.screenshot(path=PICTURES / "sql-explain-ja-dark.png", full_page=True)
    page.locator("#go").click()
    expect(page.locator("#answer tbody tr")).to_have_count(4)
    page.screenshot(path=PICTURES / "sql-ja-dark.png", full_page=True)
    assert page.evaluate(FAULTS) == []

    page.locator("button[formaction$='add/view']").click()
    page.locator("input[name=name]").fill("Best")
    page.locator("input[value=name]").check()
    page.screenshot(path=PICTURES / "sql-view-ja-dark.png", full_page=True)
    assert page.evaluate(FAULTS) == []
    page.locator("button[name=publish]").click()

    expect(page.locator("h1")).to_have_text("Best")
    page.close()


def test_an_error_has_its_place(browser: Browser, served: Served) -> None:
    page = opened(browser, served, locale="en", color_scheme="dark")
    page.locator("#sql").fill("SELECT nme FROM shop.customers")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_role("alert")).to_contain_text("Line 1, column 8: There is no column nme. Did you mean name?", use_inner_text=True)
    page.screenshot(path=PICTURES / "sql-error-en-dark.png", full_page=True)
    page.close()


def test_a_running_query_is_cancelled(browser: Browser, served: Served) -> None:
    page = opened(browser, served, locale="en")
    page.locator("#sql").fill(SLOW)
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("alert")).to_contain_text("The query was cancelled.", timeout=20_000)
    page.close()


def test_a_page_waits_no_longer_for_a_service_that_keeps_silent(browser: Browser, served: Served) -> None:
    page = opened(browser, served, locale="en")
    page.locator("#sql").fill("SELECT * FROM silent.Rows")
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("alert")).to_contain_text("The query was cancelled.", timeout=5_000)
    expect(page.locator("#running")).to_be_hidden()
    page.close()


def test_it_works_without_javascript(browser: Browser, served: Served, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en", viewport={"width": 390, "height": 800})
    page = context.new_page()
    sign_in(page, served)
    page.goto(f"{served.base}/console/sql/")
    page.locator("#sql").fill(JOIN)
    page.get_by_role("button", name="Run").click()

    expect(page.locator("#rows")).to_have_text("4 rows")
    page.screenshot(path=PICTURES / "sql-narrow-plain.png", full_page=True)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    assert download.value.path().read_text().startswith("name,orders,total\n")
    context.close()
