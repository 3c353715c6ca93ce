"""Stripe's published walkthrough in a real browser, in Japanese: key, customers, `Delinquent eq 'False'` exactly and in fewest calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.maker import WORDS, Maker, call, read
from tests.fakes.stripe import Stripe
from tests.fakes.stripe_data import CUSTOMERS, DELINQUENT
from tests.served import Served, publish


@pytest.fixture
def fake() -> Iterator[Stripe]:
    with Stripe() as running:
        yield running


@pytest.fixture
def served(fake: Stripe, tmp_path: Path) -> Iterator[Served]:
    """A fresh server that may call the stand-in."""
    server = publish({"server": {"outgoing": {"allow": [fake.address]}}}, tmp_path / "data")
    yield server
    server.dismiss()


class Accountant(Maker):
    """Who publishes the customers of a Stripe account."""

    def fill_in(self, fake: Stripe, key: str, schema: str) -> None:
        """Fill in what the article names; the address is the stand-in's."""
        self.page.locator("#id_LiveAPIKey").fill(key)
        self.page.locator("#id_Schema").select_option(schema)
        if not self.page.locator("#id_URL").is_visible():
            self.page.locator("details:has(#id_URL) > summary").click()
        self.page.locator("#id_URL").fill(fake.url)

    def connect(self, fake: Stripe) -> None:
        self.follow("Connections", "nav")
        self.follow("Add Connection")
        self.page.locator("main").get_by_role("link", name="Stripe", exact=True).click()
        self.fill("Name", "stripe")
        self.fill_in(fake, "sk_test_abc123", "StripeV2")
        self.press("Create & Test")
        expect(self.page.locator("main .errorlist").first).to_be_visible()
        self.see("1-refused")
        self.fill_in(fake, "sk_live_abc123", "Stripe")
        self.press("Create & Test")
        expect(self.page.locator("main")).to_contain_text(self.words["works"])
        self.see("2-tested")

    def publish(self, table: str) -> None:
        self.follow("API", "nav")
        self.follow("Add Table")
        self.field("Connection").select_option("stripe")
        self.press("Next")
        self.page.get_by_role("checkbox", name=re.compile(rf"\b{table}\b")).first.check()
        self.press("Next")
        self.press("Confirm")
        expect(self.page.locator("main")).to_contain_text(table)
        self.see("3-published")


def test_walkthrough_of_stripe_in_japanese(served: Served, fake: Stripe, browser: Browser) -> None:
    problems: list[str] = []
    page = browser.new_context(locale="ja", viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(20_000)
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: None if request.url.startswith(served.base) else problems.append(request.url))
    maker = Accountant(page, served, WORDS["ja"], "stripe-ja")

    maker.set_up()
    maker.connect(fake)
    maker.publish("Customers")
    token = maker.add_user()
    maker.allow_url()
    page.goto(f"{served.base}/api.rsc/@{token}/$oas")
    document: dict[str, Any] = json.loads(page.inner_text("body"))
    fake.forget()
    paying = call(document, "Return Customers", filter="Delinquent eq 'False'", select="Id,Delinquent")
    calls = fake.asked()
    owing = read(served, "/api.rsc/Customers?$filter=Delinquent%20eq%20true&$select=Id", token)
    page.context.close()

    assert [text for text in problems if "422" not in text] == []  # the refused key
    assert (len(paying), {row["Delinquent"] for row in paying}) == (CUSTOMERS - len(DELINQUENT), {False})
    assert {row["Id"] for row in owing} == {f"cus_{number:05d}" for number in DELINQUENT}
    assert [(entry["path"], dict(entry["query"])["limit"]) for entry in calls] == [("/v1/customers", "100")] * 3
    assert {name for entry in calls for name, _ in entry["query"]} == {"limit", "starting_after"}
