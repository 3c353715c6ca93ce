"""Every page of the console: one heading, a name for each field, no text that is cut; and the main form by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PASSWORD, PICTURES
from tests.served import Served, serve

PATHS = (
    "/console/",
    "/console/account",
    "/console/search?q=orders",
    "/console/settings/",
    "/console/logs/",
)
# What a screen reader would miss, and what would not fit.
FAULTS = """() => {
  const faults = [];
  if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
  if (!document.querySelector('h1')?.textContent.trim()) faults.push('empty h1');
  for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea'))
    if (!field.labels?.length && !field.getAttribute('aria-label') && !field.getAttribute('aria-labelledby'))
      faults.push('no label: ' + field.outerHTML);
  for (const image of document.querySelectorAll('img:not([alt])')) faults.push('no alt: ' + image.outerHTML);
  for (const button of document.querySelectorAll('button, a'))
    if (!(button.textContent.trim() || button.getAttribute('aria-label'))) faults.push('no words: ' + button.outerHTML);
  for (const cell of document.querySelectorAll('thead th')) if (!cell.textContent.trim()) faults.push('empty th');
  const ids = [...document.querySelectorAll('[id]')].map(item => item.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push('twice: #' + id);
  for (const part of document.querySelectorAll('.scroll:not(:has(.preview))'))
    if (innerWidth >= 1280 && part.scrollWidth > part.clientWidth + 1) faults.push('wider than its card: ' + part.textContent);
  for (const part of document.querySelectorAll('.scroll:has(.preview):not([tabindex])')) faults.push('not scrolled by keyboard');
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) faults.push('wider than the window');
  return [...new Set(faults)];
}"""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = serve("--demo", extra={"APISERVER_ADMIN_USER": "admin", "APISERVER_ADMIN_PASSWORD": PASSWORD})
    yield server
    server.dismiss()


def focused(page: Page) -> str:
    """Return the words of what has the focus; check that the focus can be seen."""
    found: dict[str, str] | None = page.evaluate("""() => {
      const it = document.activeElement, style = getComputedStyle(it);
      if (it === document.body) return null;
      return {words: (it.labels?.[0]?.textContent || it.textContent).trim(), outline: style.outlineStyle, width: style.outlineWidth};
    }""")
    if found is None:  # past the last field: the browser's own bar
        return ""
    assert (found["outline"], found["width"]) == ("solid", "3px"), found
    return found["words"]


def tab_to(page: Page, words: str) -> None:
    """Press Tab until something with these words has the focus."""
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(focused(page))
        if seen[-1] == words:
            return
    raise AssertionError(f"{words} is not reached by Tab: {seen}")


def sign_in(page: Page, served: Served) -> None:
    page.goto(f"{served.base}/console/")
    page.locator("main input:not([type=hidden])").first.fill("admin")
    page.locator("main input[type=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("nav")).to_be_visible()


def linked(page: Page, served: Served) -> list[str]:
    """Return the console's pages that can be reached by two links from the navigation, one of each kind."""
    kinds: dict[str, str] = {}
    waiting = [served.base + path for path in PATHS]
    waiting += page.locator("nav a").evaluate_all("links => links.map(link => link.href)")
    for depth in range(2):
        found: list[str] = []
        for address in waiting:
            page.goto(address)
            kinds.setdefault(kind_of(address), address)
            found += page.locator("main a:not([download])").evaluate_all("links => links.map(link => link.href)")
        waiting = [address for address in dict.fromkeys(found) if is_new(address, served, kinds)]
        if depth:
            kinds.update({kind_of(address): address for address in waiting})
    return list(kinds.values())


def kind_of(address: str) -> str:
    """Return the address without what names one object."""
    return "".join("#" if part.isdigit() else part for part in address.split("?")[0].rsplit("/", 4)[-4:])


def is_new(address: str, served: Served, kinds: dict[str, str]) -> bool:
    """Claim that the address is a page of a kind that was not seen; downloads and the API are no pages."""
    is_page = address.startswith(served.base) and "/api.rsc" not in address and "format=" not in address and "#" not in address
    return is_page and kind_of(address) not in kinds


@pytest.mark.parametrize(("language", "scheme", "width"), [("en", "light", 1280), ("ja", "dark", 1280), ("ja", "light", 390)])
def test_every_page_can_be_read_and_used(served: Served, browser: Browser, language: str, scheme: Any, width: int) -> None:
    context = browser.new_context(color_scheme=scheme, locale=language, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(f"{served.base}/console/")
    faults: dict[str, list[str]] = {page.url: page.evaluate(FAULTS)}
    sign_in(page, served)

    for number, address in enumerate(linked(page, served)):
        page.goto(address)
        faults[address] = page.evaluate(FAULTS)
        if page.locator("html").get_attribute("lang") != language:
            faults[address].append("lang")
        page.screenshot(path=PICTURES / f"page-{language}-{scheme}-{width}-{number:02}.png", full_page=True)

    context.close()
    assert {address: found for address, found in faults.items() if found} == {}
    assert len(faults) > 15


def test_settings_are_changed_by_keyboard_alone(served: Served, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{served.base}/console/")

    tab_to(page, "User name")
    page.keyboard.type("admin")
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Status")
    tab_to(page, "Settings")
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/")
    tab_to(page, "Public URL")
    page.keyboard.type("https://api.example.com")
    tab_to(page, "Save")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    context.close()


HIDDEN = """() => {
  const it = document.activeElement, bar = document.querySelector('.actions.bar').getBoundingClientRect();
  const place = it.getBoundingClientRect(), is_below = place.bottom > bar.top && place.top < bar.bottom;
  return place.bottom > 0 && is_below && !it.closest('.bar') ? (it.name || it.textContent.trim()) : '';
}"""


def test_bar_of_a_form_hides_nothing_that_has_the_focus(served: Served, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 700})
    page = context.new_page()
    sign_in(page, served)
    page.goto(f"{served.base}/console/connections/add/bitbucket")

    hidden = []
    while focused(page) != "Cancel":
        page.keyboard.press("Tab")
        hidden.append(page.evaluate(HIDDEN))

    assert (len(hidden) > 30, [name for name in hidden if name]) == (True, [])
    context.close()
