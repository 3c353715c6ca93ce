"""The main job as a new user does it, in a real browser over a real PostgreSQL: sign-in page to a working $oas address.

Fields and buttons are found by the words on the page alone, in English and in Japanese. Screenshots are kept as artefacts.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.databases import Database, make
from tests.e2e.maker import WORDS, Maker, read
from tests.served import Served, serve


@pytest.fixture
def sales(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A database of two related tables, one of which holds Japanese text."""
    database = make("postgresql", "e2e_sales", request, tmp_path)
    database.create("Customers", {"id": "int PRIMARY KEY", "name": "text NOT NULL", "credit": "numeric(10,2)"})
    database.insert("Customers", [(1, "Aoi 葵", "12.50"), (2, "Bob", None)])
    database.create("Orders", {"id": "int PRIMARY KEY", "customer_id": 'int REFERENCES "Customers"', "total": "numeric(10,2)"})
    return database


@pytest.fixture
def served() -> Iterator[Served]:
    server = serve()
    yield server
    server.dismiss()


class Seller(Maker):
    """Who publishes a database."""

    def connect(self, database: Database) -> None:
        self.follow("Connections", "nav")
        self.follow("Add Connection")
        self.see("2-gallery")
        self.follow("PostgreSQL")
        self.fill("Name", "sales")
        for name in ("Server", "Port", "Database", "User"):
            self.fill(name, str(database.connection["properties"][name]))
        self.see("3-connection")
        self.press("Create & Test")
        expect(self.page.locator("main")).to_contain_text(self.words["works"])
        self.see("4-tested")

    def publish(self) -> None:
        self.follow("API", "nav")
        self.follow("Add Table")
        self.field("Connection").select_option("sales")
        self.see("5-add-table")
        self.press("Next")
        for table in ("Customers", "Orders"):
            self.clicks += 1
            self.page.get_by_role("checkbox", name=re.compile(rf"\b{table}\b")).first.check()
        self.see("6-tables")
        self.press("Next")
        expect(self.page.locator("main input[name^='name:']")).to_have_count(2)
        self.see("6-tables-confirm")
        self.press("Confirm")
        expect(self.page.locator("main")).to_contain_text("Customers")
        self.see("7-api")


@pytest.mark.parametrize(
    ("language", "scheme", "has_script"), [("en", "light", True), ("ja", "dark", True), ("en", "dark", False), ("ja", "light", False)]
)
def test_new_user_reaches_a_working_oas_address(
    served: Served, sales: Database, browser: Browser, language: str, scheme: Any, has_script: bool
) -> None:
    problems: list[str] = []
    context = browser.new_context(
        color_scheme=scheme, locale=language, java_script_enabled=has_script, viewport={"width": 1280, "height": 800}
    )
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: problems.append(request.url) if not request.url.startswith(served.base) else None)
    maker = Seller(page, served, WORDS[language], f"main-{language}-{scheme}{'' if has_script else '-plain'}")
    started = time.monotonic()

    maker.set_up()
    maker.connect(sales)
    maker.publish()
    token = maker.add_user()
    maker.allow_url()
    seconds = time.monotonic() - started
    page.goto(f"{served.base}/api.rsc/@{token}/$oas")
    document = json.loads(page.inner_text("body"))
    rows = read(served, "/api.rsc/Customers?$orderby=id", token)
    context.close()

    print(f"{maker.clicks} clicks, {seconds:.0f} s")
    assert problems == []
    assert document["swagger"] == "2.0"
    assert document["paths"]["/Customers"]["get"]["summary"] == "Return Customers"
    assert [(row["id"], row["name"], row["credit"]) for row in rows] == [(1, "Aoi 葵", 12.5), (2, "Bob", None)]
    assert seconds < 180
