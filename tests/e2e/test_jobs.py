"""The published walkthrough of replication in a real browser: Bitbucket's issues into PostgreSQL, whole, then by a query, on a schedule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.databases import Database, make
from tests.e2e.conftest import PASSWORD
from tests.e2e.maker import WORDS, Maker
from tests.e2e.test_accessibility import FAULTS, sign_in
from tests.fakes.bitbucket import Bitbucket
from tests.served import Served, publish

CUSTOMIZED = "REPLICATE [Issues] SELECT [Title], [ContentRaw] FROM [Issues] WHERE [Id] = 1"


@pytest.fixture
def fake() -> Iterator[Bitbucket]:
    with Bitbucket() as running:
        yield running


@pytest.fixture
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return make("postgresql", "e2e_warehouse", request, tmp_path)


@pytest.fixture
def served(fake: Bitbucket, warehouse: Database, tmp_path: Path) -> Iterator[Served]:
    """A server with both connections, and one that can't be reached."""
    signed = {"AuthScheme": "Basic", "User": "aoi@example.com", "APIToken": "api-token-1", "Workspace": "acme", "Schema": "shop"}
    bitbucket = {"connector": "bitbucket", "properties": {**signed, "URL": f"{fake.url}/2.0"}}
    configuration: dict[str, Any] = {"connections": {"bitbucket": bitbucket, "heroku": warehouse.connection}}
    configuration["server"] = {"outgoing": {"allow": [fake.address]}}
    admin = {"APISERVER_ADMIN_USER": "admin", "APISERVER_ADMIN_PASSWORD": PASSWORD}
    server = publish(configuration, tmp_path / "data", extra=admin)
    yield server
    server.dismiss()


class Replicator(Maker):
    """Who keeps a copy of issues."""

    faults: dict[str, list[str]]

    def see(self, name: str) -> None:
        """Keep a picture, and what a screen reader would miss."""
        super().see(name)
        self.faults[name] = self.page.evaluate(FAULTS)

    def add_job(self) -> None:
        self.follow("Jobs", "nav")
        self.see("1-jobs")
        self.follow("Add Job")
        self.page.locator("main").get_by_label("Name", exact=True).fill("issues_to_pg")
        self.page.locator("main").get_by_label("Source", exact=True).select_option("bitbucket")
        self.page.locator("main").get_by_label("Destination", exact=True).select_option("heroku")
        self.see("2-add")
        self.button("Add Job").click()

    def button(self, name: str) -> Any:
        return self.page.locator("main").get_by_role("button", name=name, exact=True)

    def add_tasks(self) -> None:
        self.follow("Add Tasks")
        self.page.get_by_label("Search tables").fill("issu")
        self.page.get_by_role("checkbox", name="Issues", exact=True).check()
        self.see("3-tables")
        self.button("Add Tasks").last.click()
        expect(self.page.locator("main")).to_contain_text("1 task was added.")

    def schedule(self) -> None:
        self.follow("Overview")
        self.button("Configure").click()
        self.page.get_by_label("Runs", exact=True).select_option("Every 10 minutes")
        expect(self.page.locator("#times li")).to_have_count(5)
        self.see("4-schedule")
        self.button("Save Changes").last.click()
        expect(self.page.locator("#schedule")).to_contain_text("Every 10 minutes")

    def run(self) -> str:
        """Tick the table and click Run; return what is said at the end."""
        self.follow("Task")
        self.page.get_by_role("checkbox", name="Issues", exact=True).check()
        self.button("Run").click()
        self.page.locator(".toast").wait_for(timeout=60_000)
        self.see("5-ended")
        return self.page.locator(".toast").inner_text()

    def customize(self) -> str:
        """Untick all columns but two, then add a filter to the query; return the statement."""
        self.follow("Issues")
        for tick in (True, False):  # it is not ticked at first: some columns take further calls a row and are left out
            self.page.get_by_role("checkbox", name="Select all").set_checked(tick)
        for name in ("Title", "ContentRaw"):
            self.page.get_by_role("checkbox", name=re.compile(rf"^{name} ")).check()
        expect(self.page.locator("#statement")).to_contain_text("SELECT [Title], [ContentRaw] FROM [Issues]")
        self.see("6-columns")
        self.button("Save Changes").last.click()
        expect(self.page.locator("main")).to_contain_text("Saved.")
        self.follow("Query")
        field = self.page.get_by_label("REPLICATE statement")
        field.fill(field.input_value() + " WHERE [Idd] = 1")
        self.button("Save Changes").last.click()
        expect(self.page.locator("main")).to_contain_text("There is no column Idd.")
        expect(self.page.locator("mark")).to_have_text("[Idd]")
        self.see("7-wrong")
        field.fill(field.input_value().replace("[Idd]", "[Id]"))
        self.button("Save Changes").last.click()
        expect(self.page.locator("main")).to_contain_text("Saved.")
        return str(self.page.get_by_label("REPLICATE statement").input_value())


def visitor(browser: Browser, served: Served, problems: list[str]) -> Page:
    page = browser.new_context(locale="en", viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(30_000)
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: None if request.url.startswith(served.base) else problems.append(request.url))
    return page


def test_walkthrough_of_replication(served: Served, fake: Bitbucket, warehouse: Database, browser: Browser) -> None:
    problems: list[str] = []
    page = visitor(browser, served, problems)
    sign_in(page, served)
    maker = Replicator(page, served, WORDS["en"], "jobs")
    maker.faults = {}

    maker.add_job()
    maker.add_tasks()
    maker.schedule()
    first = maker.run()
    whole = warehouse.run('SELECT "Id", "ContentRaw" FROM "Issues" ORDER BY 1')
    statement = maker.customize()
    page.get_by_role("link", name="issues_to_pg", exact=True).click()
    second = maker.run()
    print("SECOND", second, page.locator("#tasks").inner_text())
    chosen = warehouse.run('SELECT * FROM "Issues"')
    problems += list(page.context.pages[0].locator(".note.error").all_inner_texts())
    page.context.close()

    (issues,) = [rows for path, rows in fake.rows.items() if path.endswith("/acme/shop/issues")]
    assert statement == CUSTOMIZED
    assert [row[0] for row in whole] == sorted(issue["id"] for issue in issues)
    assert chosen == [("Issue number 1", "Steps to reproduce number 1")] or chosen[0][1] == "Steps to reproduce number 1"
    assert re.search(rf"after [\d.]+ s: {len(whole)} rows were replicated", first), first
    assert re.search(r"after [\d.]+ s: \d+ rows? (was|were) replicated", second), second
    assert ({name: found for name, found in maker.faults.items() if found}, [p for p in problems if "422" not in p]) == ({}, [])
