"""Connect to a service in a real browser: the three ways, the page of the service between, in both languages and themes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PASSWORD, PICTURES
from tests.fakes.oauth_connector import installed
from tests.fakes.oauth_provider import CLIENT, SECRET, Provider
from tests.fakes.upstream import Answer, Seen
from tests.served import Served, publish
from tests.servers import free_port


class Asking(Provider):
    """A service that asks its user."""

    def __init__(self) -> None:
        super().__init__()
        self.route("/authorize", self.page, "GET")
        self.route("/favicon.ico", b"")

    def page(self, seen: Seen) -> Answer:
        target = escape(self.authorize(seen).headers["Location"])
        return Answer(f'<h1>Allow API Server?</h1><a id="allow" href="{target}">Allow</a>'.encode(), headers={"Content-Type": "text/html"})


@pytest.fixture(scope="module")
def service() -> Iterator[Asking]:
    with Asking() as running:
        yield running


@pytest.fixture(scope="module")
def served(service: Asking, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    where = tmp_path_factory.mktemp("oauth")
    extra = {"APISERVER_ADMIN_USER": "admin", "APISERVER_ADMIN_PASSWORD": PASSWORD, **installed(where / "extension")}
    server = publish({"server": {"outgoing": {"allow": list(service.allow)}}}, where / "data", extra=extra)
    yield server
    server.dismiss()


def signed_in(browser: Browser, served: Served, problems: list[str], **options: Any) -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(f"{served.base}/console/")
    page.fill("[name=name]", "admin")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    return page


def fill(page: Page, served: Served, service: Asking, **more: str) -> None:
    page.goto(f"{served.base}/console/connections/add/probe")
    given = {"name": "cloud", "URL": service.url, "OAuthClientId": CLIENT, "OAuthClientSecret": SECRET, **more}
    for name, value in given.items():
        page.fill(f"[name={name}]", value)


@pytest.mark.parametrize(("locale", "scheme"), [("en", "light"), ("ja", "dark")])
def test_web_way_from_the_empty_form_to_a_working_connection(
    served: Served, service: Asking, browser: Browser, locale: str, scheme: Any
) -> None:
    problems: list[str] = []
    page = signed_in(browser, served, problems, locale=locale, color_scheme=scheme)
    fill(page, served, service, name=f"cloud_{locale}")
    assert page.input_value("#callback") == f"{served.base}/console/connections/oauth/callback"
    page.screenshot(path=PICTURES / f"oauth-form-{locale}-{scheme}.png", full_page=True)

    page.click("button[name=connect][value=browser]")
    expect(page.locator("h1")).to_have_text("Allow API Server?")
    page.click("#allow")

    expect(page.locator("main")).to_contain_text("Ada <Lovelace>")
    assert page.input_value("[name=name]") == f"cloud_{locale}"
    page.screenshot(path=PICTURES / f"oauth-back-{locale}-{scheme}.png", full_page=True)
    page.click(".bar button[name=save]")
    expect(page).to_have_url(re.compile(r"/console/connections/\d+$"))
    expect(page.locator("h1")).to_have_text(f"cloud_{locale}")
    page.screenshot(path=PICTURES / f"oauth-stored-{locale}-{scheme}.png", full_page=True)
    assert problems == []
    page.context.close()


def test_desktop_way_comes_back_through_the_loopback_port(served: Served, service: Asking, browser: Browser) -> None:
    problems: list[str] = []
    page = signed_in(browser, served, problems)
    fill(page, served, service, name="desk", CallbackURL=f"http://localhost:{free_port()}")

    page.click("button[name=connect][value=browser]")
    page.click("#allow")

    expect(page.locator("main")).to_contain_text("Connected as Ada <Lovelace>.")
    assert page.url.startswith(f"{served.base}/console/connections/add/probe?draft=")
    assert problems == []
    page.context.close()


def test_headless_way_takes_what_is_pasted(served: Served, service: Asking, browser: Browser) -> None:
    page = signed_in(browser, served, [])
    fill(page, served, service, name="far", CallbackURL="http://localhost:33333")

    page.click("button[name=connect][value=code]")
    address = page.input_value("#authorize")
    page.screenshot(path=PICTURES / "oauth-code.png", full_page=True)
    page.fill("#verifier", service.consent(address))
    page.click(".bar button")

    expect(page.locator("main")).to_contain_text("Connected as Ada <Lovelace>.")
    page.context.close()


def test_way_without_script_works(served: Served, service: Asking, browser: Browser) -> None:
    page = signed_in(browser, served, [], java_script_enabled=False)
    fill(page, served, service, name="plain")

    page.click("button[name=connect][value=browser]")
    page.click("#allow")

    expect(page.locator("main")).to_contain_text("Connected as Ada <Lovelace>.")
    page.context.close()


def test_answer_that_nobody_asked_for_is_explained(served: Served, browser: Browser) -> None:
    page = signed_in(browser, served, [])

    page.goto(f"{served.base}/console/connections/oauth/callback?code=x&state=y")

    expect(page.locator("main")).to_contain_text("Nothing was stored.")
    page.screenshot(path=PICTURES / "oauth-failed.png")
    page.context.close()
