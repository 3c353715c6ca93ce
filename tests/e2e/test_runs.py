"""The live page of a run in a real browser, with the real worker: it goes on by itself and says at its end how long it took."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import PASSWORD, PICTURES
from tests.e2e.test_accessibility import FAULTS, sign_in
from tests.served import Served, manage, serve

ADMIN = {"APISERVER_ADMIN_USER": "admin", "APISERVER_ADMIN_PASSWORD": PASSWORD}
MAKE = """
from django.utils import timezone
from apiserver.jobs.services import Given, create_job
from connections.services import save_connection
ends = [save_connection(name=name, connector="sqlite", values={{"Database": "{folder}/" + name + ".db"}}) for name in ("shop", "warehouse")]
events = [{{"when": "before", "sql": "SELECT 1"}}, {{"sql": "SELECT 2", "name": "Afterwards"}}]
values = {{"source": ends[0], "destination": ends[1], "tasks": [Given("REPLICATE [orders]")], "events": events}}
create_job(who="admin", now=timezone.now(), name="nightly", **values)
"""
PAGES = (
    "runs/1",
    "runs",
    "1/history",
    "tasks/1/history",
    "1/dry-run",
    "tasks/1/dry-run",
    "1/events",
    "1/events/add",
    "1/events/1",
    "1/notifications",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with one job over a table that takes a few seconds."""
    folder = tmp_path_factory.mktemp("runs")
    with closing(sqlite3.connect(folder / "shop.db")) as made:
        made.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, note VARCHAR(80))")
        made.executemany("INSERT INTO orders VALUES (?, ?)", ((number, "x" * 60) for number in range(30_000)))
        made.commit()
    sqlite3.connect(folder / "warehouse.db").close()
    data = folder / "data"
    data.mkdir()
    assert manage(data, "migrate", "-v0").returncode == 0
    done = manage(data, "shell", "-v0", "-c", MAKE.format(folder=Path(folder)))
    assert done.returncode == 0, done.stderr
    server = serve(data_dir=data, extra=ADMIN)
    yield server
    server.dismiss()


def test_a_run_is_watched_to_its_end(served: Served, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, served)
    page.goto(f"{served.base}/console/jobs/1/tasks")
    page.get_by_role("button", name="Run all").click()
    page.wait_for_load_state()
    page.goto(f"{served.base}/console/jobs/runs/1")
    page.evaluate("window.stays = true")

    expect(page.locator("#run")).to_contain_text("30,000 rows replicated in", timeout=60_000)

    if page.locator(".toast").count():  # it ended while it was watched
        expect(page.locator(".toast")).to_contain_text(re.compile(r"The run ended after .* 30,000 rows were replicated"))
        expect(page.locator("#said")).to_contain_text(re.compile("30,000 rows"))
        assert page.evaluate("window.stays")
    assert page.locator("[hx-trigger*='every']").count() == 0
    expect(page.locator("#run")).to_contain_text("Afterwards")
    page.screenshot(path=PICTURES / "run-ended.png", full_page=True)
    page.context.close()


def test_buttons_that_can_not_be_pressed_stay_so_and_one_that_was_pressed_works_again(served: Served, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, served)
    page.goto(f"{served.base}/console/jobs/1/tasks")

    expect(page.get_by_role("button", name="Move orders up")).to_be_disabled()
    page.goto(f"{served.base}/console/jobs/1/notifications")
    expect(page.get_by_role("button", name="Send test")).to_be_disabled()

    save = page.get_by_role("button", name="Save", exact=True)
    save.evaluate("it => { it.form.addEventListener('submit', event => event.preventDefault()); }")
    save.click()
    expect(save).to_be_disabled()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow'))")
    expect(save).to_be_enabled()
    expect(page.get_by_role("button", name="Send test")).to_be_disabled()
    page.context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_pages_of_runs_can_be_read_and_used(served: Served, browser: Browser, scheme: str, width: int) -> None:
    page = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}).new_page()  # type: ignore[arg-type]
    sign_in(page, served)

    faults = {}
    for path in PAGES:
        page.goto(f"{served.base}/console/jobs/{path}")
        faults[path] = page.evaluate(FAULTS)
        page.screenshot(path=PICTURES / f"runs-{path.replace('/', '-')}-{scheme}.png", full_page=True)

    assert {path: found for path, found in faults.items() if found} == {}
    page.context.close()
