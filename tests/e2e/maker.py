"""A person in front of the console, who knows only the words on the page: what the journeys in a real browser share."""

from __future__ import annotations

import json
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

from playwright.sync_api import Page

from tests.e2e.conftest import PASSWORD, PICTURES
from tests.served import Served

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


def read(served: Served, path: str, token: str) -> list[dict[str, Any]]:
    """Return the rows as a REST client reads them."""
    request = urllib.request.Request(served.base + path, headers={"x-cdata-authtoken": token})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return list(json.load(answer)["value"])


def call(document: dict[str, Any], operation: str, **options: str) -> list[dict[str, Any]]:
    """Return the rows of the operation with this summary, by what the Swagger document says and nothing else."""
    path, found = next(
        (path, found) for path, item in document["paths"].items() for found in item.values() if found.get("summary") == operation
    )
    given = {name: value for name in found_names(found) if (value := options.get(name.removeprefix("$")))}
    assert len(given) == len(options), found_names(found)
    address = f"{document['schemes'][0]}://{document['host']}{document['basePath']}{path}?{urlencode(given, quote_via=quote)}"
    with urllib.request.urlopen(address, timeout=30) as answer:
        return list(json.load(answer)["value"])


def found_names(operation: dict[str, Any]) -> list[str]:
    """Return the parameters in the query of an operation."""
    return [item["name"] for item in operation["parameters"] if item["in"] == "query"]
