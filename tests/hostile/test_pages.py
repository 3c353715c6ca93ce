"""Names and values of tables that are scripts, in every page of the console, in a real browser: nothing runs, nothing complains.

Rows come from people outside (a customer's name, an issue's title), names of tables from databases of others.
"""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from apiserver.console.log_pages import as_csv
from tests.hostile.payloads import FORMULA, encoded
from tests.hostile.wire import Sent, Wires
from tests.served import Served, manage, serve
from tests.servers import program

PASSWORD = "correct horse battery staple"
TOKEN = "pages-token-of-boss-0123456789"
PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "'><svg onload=alert(3)>",
    "</title><script>alert(4)</script>",
    "</textarea><script>alert(5)</script>",
    "javascript:alert(6)",
    "<a href=javascript:alert(7) autofocus onfocus=alert(7)>x</a>",
    "{{constructor.constructor('alert(8)')()}}",
    "<iframe srcdoc='<script>alert(9)</script>'>",
    "<!--><script>alert(10)</script>-->",
    '" hx-get=/console/ hx-trigger=load x="',
    "<style>*{display:none}</style>",
)
# Every page that shows names or values, by what leads there; each kind of address is opened once for each object.
STARTS = (
    "/console/",
    "/console/search?q={0}",
    "/console/logs/?text={0}",
    "/console/logs/audit?q={0}",
    "/console/settings/",
    "/console/account",
)
PER_KIND = 3


def planted(folder: Path) -> dict[str, Any]:
    """Make tables whose names, columns and values are payloads, and the file that publishes them under resources named alike."""
    path = folder / "planted.db"
    with closing(sqlite3.connect(path)) as database, database:
        for number, text in enumerate(PAYLOADS):
            name, default = '"' + text.replace('"', '""') + '"', "'" + text.replace("'", "''") + "'"
            database.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, {name} TEXT, other TEXT DEFAULT {default})")
            database.execute(f"INSERT INTO {name} VALUES (?, ?, ?)", (number, text, text))
    return {
        "server": {"api": {"title": PAYLOADS[0], "description": PAYLOADS[1]}},
        "connections": {"planted": {"connector": "sqlite", "labels": ["x"], "properties": {"Database": str(path)}}},
        "resources": {f"R{number}": {"connection": "planted", "table": text} for number, text in enumerate(PAYLOADS)},
        "users": {"boss": {"role": "admin", "privileges": ["GET"], "authtoken": TOKEN}},
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("pages")
    data = folder / "data"
    data.mkdir()
    file = folder / "server.json"
    file.write_text(json.dumps(planted(folder)), encoding="utf-8")
    done = manage(data, "apply", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    server = serve(data_dir=data, extra={"APISERVER_ADMIN_USER": "admin", "APISERVER_ADMIN_PASSWORD": PASSWORD})
    yield server
    server.dismiss()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Watch:
    """Notes what a page runs or complains of."""

    def __init__(self, page: Page) -> None:
        self.page, self.heard, self.opened, self.shown = page, [], 0, 0
        page.on("dialog", self.dialog)
        page.on("pageerror", lambda error: self.heard.append(f"{page.url}: error {error}"))
        page.on("console", lambda said: self.heard.append(f"{page.url}: {said.text}") if said.type == "error" else None)

    def dialog(self, dialog: Any) -> None:
        self.heard.append(f"{self.page.url}: dialog {dialog.message}")
        dialog.dismiss()

    def open(self, address: str) -> list[str]:
        """Open a page; return where it leads."""
        answer = self.page.goto(address)
        self.opened += 1
        if answer is not None and answer.status >= 500:
            self.heard.append(f"{address}: {answer.status}")
        self.shown += "alert(" in self.page.locator("html").inner_text()
        links: list[str] = self.page.locator("a:not([download])").evaluate_all("links => links.map(link => link.href)")
        self.heard += [
            f"{self.page.url}: leads to {link[:80]}" for link in links if link.lower().startswith(("javascript:", "data:", "vbscript:"))
        ]
        return links


def kind_of(address: str) -> str:
    """Return the address without numbers and texts of one object."""
    path, _, query = address.partition("?")
    names = ",".join(sorted(piece.partition("=")[0] for piece in query.split("&")))
    return "/".join("#" if part.isdigit() or "%" in part else part for part in path.split("/")) + "?" + names


def is_page(address: str, base: str) -> bool:
    """Claim that the address is one of the console's pages; downloads and the API are none."""
    return address.startswith(f"{base}/console") or (
        address.startswith(base) and not any(word in address for word in ("/api.rsc", "/manage/api", "download=", "/static/", "#"))
    )


def crawl(watch: Watch, base: str) -> None:
    """Open every page, some of each kind."""
    waiting = [base + start.format(encoded(text)) for start in STARTS for text in PAYLOADS[: 4 if "{0}" in start else 1]]
    seen, kinds = set(waiting), dict.fromkeys(map(kind_of, waiting), 0)
    while waiting:
        for link in watch.open(waiting.pop(0)):
            if link in seen or not is_page(link, base) or "download=" in link or "sign-out" in link or "#" in link:
                continue
            kind = kind_of(link)
            kinds[kind] = kinds.get(kind, 0) + 1
            if kinds[kind] <= PER_KIND:
                seen.add(link)
                waiting.append(link)


def test_nothing_runs_in_any_page(served: Served, browser: Browser) -> None:
    wires = Wires(served.base)
    for text in (*PAYLOADS, *FORMULA):
        wires.exchange(Sent(f"/api.rsc/{encoded(text)}?$filter={encoded(text)}".encode(), headers=(("x-cdata-authtoken", TOKEN),)))
    wires.close()
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    watch = Watch(page)
    page.goto(f"{served.base}/console/")
    page.locator("main input:not([type=hidden])").first.fill("admin")
    page.locator("main input[type=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("nav")

    crawl(watch, served.base)

    assert watch.heard == []
    assert watch.opened >= 60 and watch.shown >= 25, (watch.opened, watch.shown)
    print(f"{len(PAYLOADS)} planted payloads x {watch.opened} pages ({watch.shown} show some): 0 executed")


def test_watch_hears_what_runs(browser: Browser, served: Served) -> None:
    watch = Watch(browser.new_context().new_page())
    watch.page.set_content(PAYLOADS[0] + PAYLOADS[1] + "<a href='javascript:alert(1)'>x</a>")
    watch.page.wait_for_timeout(200)
    watch.page.goto(f"{served.base}/readyz")
    watch.page.evaluate("() => { const it = document.createElement('script'); it.textContent = '1'; document.documentElement.append(it) }")

    assert [word for word in ("dialog 1", "dialog 2", "Content Security Policy") if not any(word in heard for heard in watch.heard)] == []


@pytest.mark.parametrize("text", [*FORMULA, "\n=1", " =1", "＝1", "＋1", "－1", "＠x", "\u00a0=1", '"=1', ";=1"])
def test_downloads_defuse_formulas(text: str) -> None:
    names = ("time", "user", "method", "path", "query", "status", "ms", "rows", "resource", "address", "sql", "error")
    entry = dict.fromkeys(names, text)

    cells = [cell for row in list(csv.reader(io.StringIO("".join(as_csv(iter([entry]))), newline="")))[1:] for cell in row]

    assert len(cells) == len(names)
    assert [cell for cell in cells if cell.lstrip(" \t\r\n\u00a0")[:1] in tuple("=+-@＝＋－＠")] == []
