"""The first minutes with the product in a real browser: one-time link, sign-in, Status. Screenshots are kept as artefacts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import PASSWORD, PICTURES
from tests.served import Served, serve


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = serve("--demo")
    yield server
    server.dismiss()


def test_first_administrator_comes_in_by_a_link_that_works_once(served: Served, browser: Browser) -> None:
    problems: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: problems.append(request.url) if not request.url.startswith(served.base) else None)

    page.goto(served.ready["setup_url"])
    page.screenshot(path=PICTURES / "setup.png")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=again]", "something else")
    page.click("main button")
    expect(page.locator("main")).to_contain_text("differ")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=again]", PASSWORD)
    page.click("main button")

    expect(page.locator("h1")).to_have_text("Status")
    assert page.url == f"{served.base}/console/"
    page.screenshot(path=PICTURES / "status.png")
    page.goto(served.ready["setup_url"])
    assert "no longer works" in page.inner_text("main")
    assert [text for text in problems if "410" not in text] == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sign_in_refuses_and_lets_in(served: Served, browser: Browser, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 800})
    page = context.new_page()

    page.goto(f"{served.base}/console/")
    page.fill("[name=name]", "admin")
    page.fill("[name=password]", "wrong")
    page.click("main button")
    expect(page.locator("main")).to_contain_text("may sign in")
    page.fill("[name=name]", "admin")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")

    expect(page.locator("h1")).to_have_text("Status")
    page.screenshot(path=PICTURES / f"status-{scheme}.png")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("Sign in")
    context.close()
