"""The page Contract, the looks at tables that changed at their source, the warnings elsewhere."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.powerplatform import contract_store, contract_work, source_looks
from apiserver.powerplatform.models import ContractChange, SourceLook
from apiserver.resources import services
from apiserver.resources.models import Resource
from apiserver.server import notification_settings, options, stamp
from apiserver.server.models import Audit, Notice
from connections.contract.table import TableRef
from connections.services import SESSIONS, save_connection
from tests import databases
from users.models import User

PAGE = "/console/powerplatform/contract"
LATER = timedelta(minutes=16)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return databases.shop(tmp_path / "shop.db")


@pytest.fixture
def orders(db: None, shop: Path) -> Resource:
    SESSIONS.close()
    connection = save_connection(name="shop", connector="sqlite", values={"Database": str(shop)})
    with sqlite3.connect(shop) as made:
        made.execute("ALTER TABLE Orders ADD COLUMN Total INTEGER")
    (resource,) = services.publish_tables(connection, [TableRef("", "Orders")], now=timezone.now())
    stamp.forget()
    contract_store.settle(now=timezone.now())
    return resource


@pytest.fixture
def admin(db: None) -> Client:
    client = Client(headers={"host": "testserver"})
    client.force_login(User.objects.create_user("ada", "a long pass phrase", role="admin"))
    return client


def alter(shop: Path, *statements: str) -> None:
    with sqlite3.connect(shop) as made:
        for sql in statements:
            made.execute(sql)


def look(*, after: timedelta = LATER) -> int:
    return source_looks.look_due(now=timezone.now() + after)


DROP = "ALTER TABLE Orders DROP COLUMN Total"
ADD = "ALTER TABLE Orders ADD COLUMN Extra TEXT"
RENAME = "ALTER TABLE Orders RENAME COLUMN Total TO Sum"


# ---- looking ----


def test_a_source_that_changes_alters_nothing_that_is_published(orders: Resource, shop: Path) -> None:
    before = contract_store.definitions_now()
    alter(shop, DROP)
    look()

    assert (contract_store.definitions_now() == before, contract_store.settle(now=timezone.now()), options.contract_version()) == (
        True,
        None,
        "1.0",
    )


@pytest.mark.parametrize(
    ("statements", "level", "columns"),
    [
        ((), "", []),
        ((ADD,), "safe", [["Extra", "", "String (TEXT)"]]),
        ((DROP,), "breaking", [["Total", "Int64 (INTEGER)", ""]]),
        ((RENAME,), "breaking", [["Total", "Int64 (INTEGER)", ""], ["Sum", "", "Int64 (INTEGER)"]]),
        ((DROP, "ALTER TABLE Orders ADD COLUMN Total TEXT"), "breaking", [["Total", "Int64 (INTEGER)", "String (TEXT)"]]),
        ((DROP, "ALTER TABLE Orders ADD COLUMN Total INTEGER NOT NULL DEFAULT 0"), "breaking", []),
    ],
)
def test_a_look_tells_what_taking_it_over_would_do(
    orders: Resource, shop: Path, statements: tuple[str, ...], level: str, columns: list[Any]
) -> None:
    alter(shop, *statements)

    look()

    found = SourceLook.objects.get()
    assert (found.has_changed, found.level, found.columns, found.error) == (bool(statements), level, columns, "")


def test_a_table_is_looked_at_when_its_time_has_come(orders: Resource, shop: Path) -> None:
    counts = [look(after=timedelta(minutes=minutes)) for minutes in (1, 16, 17, 32)]

    assert counts == [0, 1, 0, 1]


@pytest.mark.parametrize(("minutes", "count"), [(0, 0), (10, 1)])
def test_the_pause_is_a_setting(orders: Resource, minutes: int, count: int) -> None:
    options.save({"api": {"look_minutes": minutes}})
    stamp.forget()

    assert look(after=timedelta(minutes=11)) == count


def test_a_look_that_finds_the_same_again_works_nothing_out(orders: Resource, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alter(shop, DROP)
    look()
    asked: list[int] = []
    monkeypatch.setattr(source_looks, "effect", lambda resource, table: asked.append(1) or [])

    look(after=2 * LATER)

    assert (asked, SourceLook.objects.get().level) == ([], "breaking")


def test_a_table_that_is_gone_is_told_and_others_are_looked_at(orders: Resource, shop: Path) -> None:
    alter(shop, "CREATE TABLE Lines (Id INTEGER PRIMARY KEY, Note TEXT)")
    assert orders.connection is not None
    services.publish_tables(orders.connection, [TableRef("", "Lines")], now=timezone.now())
    alter(shop, "DROP TABLE Orders", "ALTER TABLE Lines ADD COLUMN More TEXT")

    look()

    found = {item.resource.name: (item.level, "no table Orders" in item.error) for item in SourceLook.objects.all()}
    assert found == {"Orders": ("", True), "Lines": ("safe", False)}


def test_a_source_that_is_away_is_asked_once_a_round(orders: Resource, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services.duplicate_resource(orders)
    shop.unlink()
    SESSIONS.close()

    look()

    assert SourceLook.objects.exclude(error="").count() >= 1


def test_the_worker_looks_in_a_thread_of_its_own(orders: Resource, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(contract_work.Done, "asked", float("-inf"))
    monkeypatch.setattr(source_looks, "is_any_due", lambda now: True)
    monkeypatch.setattr(contract_work.threading, "Thread", lambda **how: started.append(how["name"]) or Quiet())

    contract_work.look()
    contract_work.look()
    contract_work.look_in_turn()

    assert (started, contract_work.LOOKING.locked()) == (["look"], False)


class Quiet:
    """A thread that is never begun."""

    def start(self) -> None:
        """Do nothing."""


# ---- the pages ----


def test_warnings_say_what_would_break_before_anything_changes(orders: Resource, shop: Path, admin: Client) -> None:
    alter(shop, DROP)
    look()

    pages = {path: admin.get(path).content.decode() for path in ("/console/", "/console/api/", f"/console/api/{orders.pk}", PAGE)}

    assert all("no longer as it was published" in pages[path] for path in ("/console/", "/console/api/", f"/console/api/{orders.pk}"))
    assert "would break: Create in Orders, Return Orders" in pages[f"/console/api/{orders.pk}"]
    assert ("The field Total is gone from the answer." in pages[PAGE], "Take it over" in pages[PAGE]) == (True, True)
    assert ("The field value/Total is gone from the answer." in pages[PAGE], "<code>ReturnOrders</code>" in pages[PAGE]) == (True, True)


def test_nothing_is_warned_of_where_nothing_changed(orders: Resource, admin: Client) -> None:
    look()

    pages = [admin.get(path).content.decode() for path in ("/console/", "/console/api/", f"/console/api/{orders.pk}", PAGE)]

    assert not any("no longer" in page or "Take it over" in page for page in pages)
    assert "Every table that was looked at is as it was published." in pages[-1]


def test_taking_it_over_raises_the_version_tells_and_ends_the_warning(orders: Resource, shop: Path, admin: Client) -> None:
    notification_settings.store(
        {**notification_settings.DEFAULTS, "webhooks": [{"url": "https://example.com/x", "secret": "whsec_" + "A" * 43 + "="}]}
    )
    alter(shop, DROP)
    look()
    look(after=2 * LATER)
    warned = Notice.objects.get()

    page = admin.post(f"{PAGE}/take-over/{orders.pk}", follow=True).content.decode()

    assert ("version is 2.0 now" in page, "Take it over" in page, "1.0 → <strong>2.0</strong>" in page) == (True, False, True)
    assert (warned.event, warned.data["resources"], warned.data["level"]) == ("contract.source_changed", ["Orders"], "breaking")
    assert "Nothing changes for clients until" in warned.text and "Total" in warned.text
    notice = Notice.objects.exclude(pk=warned.pk).get()
    assert (notice.event, notice.data["version"], notice.data["level"], notice.data["resources"]) == (
        "contract.changed",
        "2.0",
        "breaking",
        ["Orders"],
    )
    assert "## Breaking changes" in notice.text and notice.data["markdown"] == notice.text and "Total" in notice.text
    assert Audit.objects.filter(action="resource changed", subject="Orders").exists()


def test_a_change_is_shown_and_given_as_markdown(orders: Resource, shop: Path, admin: Client) -> None:
    alter(shop, DROP)
    admin.post(f"{PAGE}/take-over/{orders.pk}")
    change = ContractChange.objects.first()
    assert change is not None

    page, text = admin.get(f"{PAGE}/{change.pk}"), admin.get(f"{PAGE}/{change.pk}?as=markdown")

    assert "The field value/Total is gone from the answer." in page.content.decode()
    assert (text["Content-Type"], text.content.decode().splitlines()[0]) == ("text/markdown; charset=utf-8", "# Contract 1.0 is now 2.0")


def test_looking_now_finds_a_change_of_one_table(orders: Resource, shop: Path, admin: Client) -> None:
    calm = admin.post(f"{PAGE}/look", {"resource": orders.pk}, follow=True).content.decode()
    alter(shop, ADD)
    found = admin.post(f"{PAGE}/look", {"resource": orders.pk}, follow=True).content.decode()

    assert ("The table has not changed." in calm, "The field value/Extra is new in the answer." in found) == (True, True)


def test_looking_at_all_is_left_to_the_worker(orders: Resource, admin: Client) -> None:
    admin.post(f"{PAGE}/look")

    assert (look(after=timedelta()), look(after=timedelta())) == (1, 0)


def test_the_history_of_one_resource_holds_its_changes_only(orders: Resource, shop: Path, admin: Client) -> None:
    other = services.duplicate_resource(orders)
    contract_store.settle(now=timezone.now())
    alter(shop, DROP)
    services.refresh_resource(orders)
    contract_store.settle(now=timezone.now())

    pages = [admin.get(f"{PAGE}?resource={item.pk}").content.decode() for item in (orders, other)]

    assert ["<strong>2.0</strong>" in page for page in pages] == [True, False]
    assert ["<strong>1.1</strong>" in page for page in pages] == [False, True]


def test_an_empty_page_says_what_to_do(db: None, admin: Client) -> None:
    assert "Publish a table, and its contract begins here." in admin.get(PAGE).content.decode()


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/1", f"{PAGE}/look", f"{PAGE}/take-over/1"])
def test_query_users_see_nothing_of_it(orders: Resource, path: str) -> None:
    client = Client(headers={"host": "testserver"})
    client.force_login(User.objects.create_user("rita", "a long pass phrase", role="query"))

    answers = [client.get(path), client.post(path)]

    assert [answer.status_code in (302, 403, 405) for answer in answers] == [True, True]


@pytest.mark.parametrize("given", ["x", "99999999999999999999", "-1", "1 or 1=1"])
def test_odd_addresses_are_the_whole_contract(orders: Resource, admin: Client, given: str) -> None:
    assert admin.get(PAGE, {"resource": given}).status_code == 200
