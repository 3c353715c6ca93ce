"""Bitbucket's published walkthrough in a real browser: OAuth consumer, the queries that find Workspace and Schema, "Return Issues"."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.maker import WORDS, Maker, call
from tests.fakes.bitbucket import PUBLIC, Bitbucket
from tests.served import Served, publish


@pytest.fixture
def fake() -> Iterator[Bitbucket]:
    with Bitbucket() as running:
        yield running


@pytest.fixture
def served(fake: Bitbucket, tmp_path: Path) -> Iterator[Served]:
    """A fresh server that may call the stand-in."""
    server = publish({"server": {"outgoing": {"allow": [fake.address]}}}, tmp_path / "data")
    yield server
    server.dismiss()


class Maintainer(Maker):
    """Who publishes the issues of a repository."""

    def connect(self, fake: Bitbucket) -> None:
        self.follow("Connections", "nav")
        self.follow("Add Connection")
        self.follow("Bitbucket")
        consumer = {"Schema": "Information", "OAuth Client Id": PUBLIC.key, "OAuth Client Secret": PUBLIC.secret}
        away = {"URL": f"{fake.url}/2.0", "OAuth Authorization URL": f"{fake.url}/site/oauth2/authorize"}
        away["OAuth Access Token URL"] = f"{fake.url}/site/oauth2/access_token"
        for group in ("OAuth", "Advanced"):
            self.page.locator("main summary").get_by_text(group, exact=True).click()
        for label, value in {"Name": "bitbucket", **consumer, **away}.items():
            self.page.locator("main").get_by_label(label, exact=True).fill(value)
        self.see("1-connection")
        self.page.get_by_role("button", name="Connect to Bitbucket", exact=True).click()
        expect(self.page.locator("h1")).to_have_text("Confirm access to your account")
        self.page.get_by_role("button", name="Grant access").click()
        expect(self.page.locator("main")).to_contain_text("Connected")
        self.see("2-connected")
        self.press("Create & Test")
        expect(self.page.locator("main")).to_contain_text(self.words["works"])
        self.see("3-tested")

    def query(self, sql: str) -> str:
        """Run a SELECT on the page SQL, where the connection is the only one; return what it answers."""
        self.follow("SQL", "nav")
        self.page.get_by_label("Connection", exact=True).select_option("bitbucket")
        self.page.locator("#sql").fill(sql)
        self.page.get_by_role("button", name="Run", exact=True).click()
        expect(self.page.locator("#rows")).to_contain_text("row")
        return self.page.locator("#answer").inner_text()

    def correct(self, **values: str) -> None:
        """Fill in more of the connection, and test it again."""
        self.follow("Connections", "nav")
        self.follow("bitbucket")
        for label, value in values.items():
            self.page.locator("main").get_by_label(label, exact=True).fill(value)
        with self.page.expect_response(lambda answer: answer.request.method == "POST"):
            self.page.locator("main").get_by_role("button", name="Save & Test", exact=True).click()
        self.see("3-corrected")
        expect(self.page.locator("main")).to_contain_text(self.words["works"])

    def publish(self, table: str) -> None:
        self.follow("API", "nav")
        self.follow("Add Table")
        self.field("Connection").select_option("bitbucket")
        self.press("Next")
        self.page.get_by_role("checkbox", name=re.compile(rf"\b{table}\b")).first.check()
        self.press("Next")
        self.press("Confirm")
        expect(self.page.locator("main")).to_contain_text(table)
        self.see("4-published")


def visitor(browser: Browser, served: Served, fake: Bitbucket, problems: list[str]) -> Page:
    """Return a page that keeps what goes wrong, and calls to anybody else."""
    page = browser.new_context(locale="en", viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(20_000)
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: None if request.url.startswith((served.base, fake.url)) else problems.append(request.url))
    return page


def test_walkthrough_of_bitbucket(served: Served, fake: Bitbucket, browser: Browser) -> None:
    problems: list[str] = []
    page = visitor(browser, served, fake, problems)
    maker = Maintainer(page, served, WORDS["en"], "bitbucket")

    maker.set_up()
    maker.connect(fake)
    workspaces = maker.query("SELECT * FROM Workspaces>")
    maker.see("3-workspaces")
    maker.correct(Workspace="acme")
    schemas = maker.query("SELECT * FROM sys_schemas")
    maker.correct(Schema="shop")
    maker.publish("Issues")
    token = maker.add_user()
    maker.allow_url()
    page.goto(f"{served.base}/api.rsc/@{token}/$oas")
    document: dict[str, Any] = json.loads(page.inner_text("body"))
    fake.forget()
    rows = call(document, "Return Issues", filter="Id eq '1'")
    page.context.close()

    assert problems == []
    assert "A stray > at the end was dropped." in workspaces and "acme" in workspaces
    assert [name for name in ("Information", "shop", "warehouse", "OPS") if name not in schemas] == []
    assert [(row["Id"], row["ContentRaw"]) for row in rows] == [(1, "Steps to reproduce number 1")]
    (asked,) = fake.asked("issues")
    # A web worker looks once an hour which schemas there are; this one may be new.
    assert {entry["path"] for entry in fake.asked()} <= {asked["path"], "/2.0/repositories/acme", "/2.0/workspaces/acme/projects"}
    assert (asked["path"], dict(asked["query"])["q"]) == ("/2.0/repositories/acme/shop/issues", "id = 1")
