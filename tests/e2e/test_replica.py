"""How a resource is served, switched in a real browser: live, from the replica of a job, from answers that are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.databases import Database, make
from tests.e2e.conftest import PASSWORD, PICTURES
from tests.e2e.test_accessibility import FAULTS, sign_in
from tests.served import Served, publish

TOKEN = "replica-reader-authtoken-0123456789"
SIGNED = {"x-cdata-authtoken": TOKEN}


@pytest.fixture
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Database, Database]:
    shop, copy = (make("postgresql", name, request, tmp_path) for name in ("e2e_shop", "e2e_copy"))
    shop.run("CREATE TABLE orders (id integer PRIMARY KEY, note text)")
    shop.run("INSERT INTO orders VALUES (1, 'first'), (2, 'second')")
    return shop, copy


@pytest.fixture
def served(ends: tuple[Database, Database], tmp_path: Path) -> Iterator[Served]:
    told: dict[str, Any] = {
        "connections": {"shop": ends[0].connection, "copy": ends[1].connection},
        "resources": {"orders": {"connection": "shop", "table": "orders"}},
        "users": {"reader": {"role": "query", "privileges": ["GET", "PATCH"], "authtoken": TOKEN}},
        "jobs": {"nightly": {"source": "shop", "destination": "copy", "tasks": ["REPLICATE [orders]"]}},
    }
    server = publish(told, tmp_path / "data", extra={"APISERVER_ADMIN_USER": "admin", "APISERVER_ADMIN_PASSWORD": PASSWORD})
    yield server
    server.dismiss()


class Reader:
    """A client of the service, which notices nothing but the headers."""

    def __init__(self, served: Served) -> None:
        self.served = served

    def note(self, number: int) -> tuple[str, str]:
        """Return what an order says, and where it was read."""
        status, headers, body = self.served.get(f"/api.rsc/orders({number})", SIGNED)
        assert status == 200, body
        return json.loads(body)["note"], headers.get("served-from", "")


def switch(page: Page, served: Served, card: str, choices: dict[str, str]) -> None:
    """Choose in a card of the resource's page, and save."""
    page.goto(f"{served.base}/console/api/1")
    place = page.locator(card)
    for part in place.locator("summary").all():
        part.click()
    for label, choice in choices.items():
        place.get_by_label(label, exact=True).select_option(choice)
    place.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.locator("main")).to_contain_text("Saved.")


def test_a_resource_is_switched_to_its_replica_to_kept_answers_and_back(
    served: Served, ends: tuple[Database, Database], browser: Browser
) -> None:
    shop, _ = ends
    page = browser.new_context(locale="en", viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, served)
    reader = Reader(served)
    page.goto(f"{served.base}/console/jobs/1/tasks")
    page.get_by_role("button", name="Run all").click()
    expect(page.locator("main")).to_contain_text("2 rows", timeout=60_000)
    assert reader.note(1) == ("first", "")

    switch(page, served, "#replica", {"Reads are answered": "from the replica", "Job": "nightly"})
    expect(page.locator("#replica")).to_contain_text("Reads are answered from public.orders of copy")
    page.screenshot(path=PICTURES / "replica-1-replicated.png", full_page=True)
    faults = page.evaluate(FAULTS)
    shop.run("UPDATE orders SET note = 'changed' WHERE id = 1")
    assert reader.note(1) == ("first", "replica")
    assert served.get("/api.rsc/orders(2)", SIGNED, "PATCH", {"note": "written"})[0] in (200, 204)
    assert reader.note(2) == ("written", "live")

    switch(page, served, "main", {"Served": "kept for 5 minutes"})
    assert reader.note(1)[0] == "changed"
    shop.run("UPDATE orders SET note = 'once more' WHERE id = 1")
    assert reader.note(1) == ("changed", "cache")
    page.screenshot(path=PICTURES / "replica-2-kept.png", full_page=True)

    switch(page, served, "main", {"Served": "live: each request asks the source"})
    assert reader.note(1) == ("once more", "")
    assert faults == []
    page.context.close()
