"""Long reads on the console and in $oas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.powerplatform.long_read_doing import carry_out, claim
from apiserver.powerplatform.long_read_under_way import Running
from apiserver.server import options, stamp
from apiserver.server.models import Audit
from tests.powerplatform.long_work import asked, only, opened_shop, work
from tests.triggers.conftest import Shop
from users.models import User

PAGE = "/console/powerplatform/long-reads"


@pytest.fixture
def small(db: None, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    with opened_shop("sqlite", request, tmp_path) as found:
        yield found


def person(role: str) -> Client:
    client = Client(headers={"host": "testserver"})
    client.force_login(User.objects.create_user(role, "a long pass phrase", role=role))
    return client


def test_an_empty_list_says_what_it_is_for(small: Shop) -> None:
    assert "Prefer: respond-async" in person("operator").get(PAGE).content.decode()


def test_it_shows_who_asked_for_what_and_how_far_it_is(small: Shop) -> None:
    asked(small.user("flow"), "orders?$filter=name ne '<b>'")
    page = person("operator")

    waiting = page.get(PAGE).content.decode()
    work()
    done = page.get(PAGE).content.decode()

    assert ("Waiting" in waiting, 'hx-trigger="every 3s"' in waiting, "flow" in waiting) == (True, True, True)
    assert ("✓ 200" in done, "hx-trigger" in done, "<b>" in done, "filter" in done) == (True, False, False, True)


def test_it_is_searched_by_user_and_resource(small: Shop) -> None:
    asked(small.user("flow"), "orders")
    page = person("operator")

    assert ["/cancel" in page.get(f"{PAGE}?q={text}").content.decode() for text in ("FLOW", "order", "else")] == [True, True, False]


def test_what_an_administrator_cancels_ends_and_its_client_is_told(small: Shop) -> None:
    client = small.user("flow")
    where = asked(client, "orders")
    claim(only(), now=timezone.now())
    running, page = Running(only()), person("operator")

    page.post(f"{PAGE}/{only().pk}/cancel")
    again = page.post(f"{PAGE}/{only().pk}/cancel", follow=True).content.decode()
    running.beat()
    carry_out(running)
    answer = client.get(where)

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "Abandoned")
    assert "cancelled it" in answer.json()["error"]["message"]
    assert ("ended already" in again, Audit.objects.filter(action="long read cancelled").count()) == (True, 1)


def test_only_people_of_the_console_see_it(small: Shop) -> None:
    asked(small.user("flow"), "orders")
    client = Client(headers={"host": "testserver"})

    assert (client.get(PAGE).status_code, client.post(f"{PAGE}/{only().pk}/cancel").status_code) == (302, 302)
    assert only().state == "waiting"


def test_the_document_tells_it_until_it_is_turned_off(small: Shop) -> None:
    client = small.user("flow")

    told = client.get("/api.rsc/$oas").json()["paths"]["/orders"]["get"]
    options.save({"long_reads": {"per_user": 0}})
    stamp.forget()
    silent = client.get("/api.rsc/$oas").json()["paths"]["/orders"]["get"]

    assert list(told["responses"]) == ["200", "202", "default"]
    assert "schema" not in told["responses"]["202"]
    assert [item["in"] for item in told["parameters"] if item["name"] == "Prefer"] == ["header"]
    assert ("202" in silent["responses"], [item for item in silent["parameters"] if item["name"] == "Prefer"]) == (False, [])
