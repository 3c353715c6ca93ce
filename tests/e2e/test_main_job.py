"""The main job as a new user does it, in a real browser over a real PostgreSQL: sign-in page to a working $oas address.

Fields and buttons are found by the words on the page alone, in English and in Japanese. Screenshots are kept as artefacts.
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.databases import Database, make
from tests.e2e.conftest import PASSWORD, PICTURES
from tests.served import Served, serve

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "Create administrator": "Create administrator",
        "Connections": "Connections",
        "Add Connection": "Add Connection",
        "Name": "Name",
        "Server": "Server",
        "Port": "Port",
        "Database": "Database",
        "User": "User",
        "Create & Test": "Create & Test",
        "works": "The connection works.",
        "API": "API",
        "Add Table": "Add Table",
        "Connection": "Connection",
        "Next": "Next",
        "Confirm": "Confirm",
        "Users": "Users",
        "Add User": "Add User",
        "User name": "User name",
        "Role": "Role",
        "Authtoken": "Authtoken",
        "Settings": "Settings",
        "Allow authtoken in URL": "Allow authtoken in URL",
        "Save": "Save",
        "Password": "Password",
        "Password again": "Password again",
    },
    "ja": {
        "Create administrator": "管理者を作成",
        "Connections": "接続",
        "Add Connection": "接続を追加",
        "Name": "名前",
        "Server": "サーバー",
        "Port": "ポート",
        "Database": "データベース",
        "User": "ユーザー",
        "Create & Test": "作成およびテスト",
        "works": "接続に成功しました。",
        "API": "API",
        "Add Table": "テーブルを追加",
        "Connection": "接続",
        "Next": "次へ",
        "Confirm": "確認",
        "Users": "ユーザー",
        "Add User": "ユーザーを追加",
        "User name": "ユーザー名",
        "Role": "ロール",
        "Authtoken": "認証トークン",
        "Settings": "設定",
        "Allow authtoken in URL": "URL での認証トークンを許可",
        "Save": "保存",
        "Password": "パスワード",
        "Password again": "パスワード (確認)",
    },
}


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
    server.stop()


class Maker:
    """A person in front of the console, who knows only the words on the page."""

    def __init__(self, page: Page, served: Served, words: dict[str, str], pictures: str) -> None:
        self.page = page
        self.served = served
        self.words = words
        self.pictures = pictures
        self.clicks = 0

    def field(self, label: str) -> Any:
        return self.page.locator("main").get_by_label(self.words[label], exact=True)

    def fill(self, label: str, value: str) -> None:
        self.field(label).fill(value)

    def press(self, label: str) -> None:
        self.clicks += 1
        self.page.locator("main").get_by_role("button", name=self.words[label], exact=True).click()

    def follow(self, label: str, inside: str = "main") -> None:
        self.clicks += 1
        self.page.locator(inside).get_by_role("link", name=self.words.get(label, label), exact=True).first.click()

    def see(self, name: str) -> None:
        self.page.screenshot(path=PICTURES / f"{self.pictures}-{name}.png", full_page=True)

    def set_up(self) -> None:
        self.page.goto(self.served.ready["setup_url"])
        self.fill("Password", PASSWORD)
        self.fill("Password again", PASSWORD)
        self.see("1-setup")
        self.press("Create administrator")

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

    def add_user(self) -> str:
        self.follow("Users", "nav")
        self.follow("Add User")
        self.fill("User name", "flow")
        self.field("Role").select_option("query")
        for method in ("GET", "POST"):
            self.clicks += 1
            self.page.get_by_role("checkbox", name=method, exact=True).check()
        self.see("8-user")
        self.press("Add User")
        token = str(self.field("Authtoken").input_value())
        self.see("9-authtoken")
        return token

    def allow_url(self) -> None:
        self.follow("Settings", "nav")
        self.clicks += 1
        self.field("Allow authtoken in URL").check()
        self.press("Save")
        self.clicks += 1
        self.page.get_by_role("button", name="Power Automate").click()
        self.see("10-settings")


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
    maker = Maker(page, served, WORDS[language], f"main-{language}-{scheme}{'' if has_script else '-plain'}")
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


def read(served: Served, path: str, token: str) -> list[dict[str, Any]]:
    """Return the rows as a REST client reads them."""
    request = urllib.request.Request(served.base + path, headers={"x-cdata-authtoken": token})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return list(json.load(answer)["value"])
