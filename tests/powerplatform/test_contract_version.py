"""info.version: it rises when the contract changes, by as much as the change matters, and never else."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from apiserver.powerplatform import contract_store, contract_work
from apiserver.powerplatform.models import Contract, ContractChange
from apiserver.resources import services
from apiserver.resources.models import Resource
from apiserver.server import configuration, options, stamp
from apiserver.server.configuration_protocol import ConfigurationError
from connections.contract.table import TableRef
from connections.services import SESSIONS, save_connection
from tests import databases
from users.models import User
from users.tokens import generate


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return databases.shop(tmp_path / "shop.db")


@pytest.fixture
def orders(db: None, shop: Path) -> Resource:
    """The published table, its contract settled as 1.0."""
    SESSIONS.close()
    stamp.forget()
    connection = save_connection(name="shop", connector="sqlite", values={"Database": str(shop)})
    (resource,) = services.publish_tables(connection, [TableRef("", "Orders")], now=timezone.now())
    settle()
    return resource


def settle() -> ContractChange | None:
    stamp.forget()
    found = contract_store.settle(now=timezone.now())
    stamp.forget()
    return found


def version(client: Client) -> str:
    return str(client.get("/api.rsc/$oas").json()["info"]["version"])


@pytest.fixture
def reader(db: None) -> Client:
    user = User.objects.create_user("flow", privileges=["GET", "POST", "PATCH", "DELETE"])
    return Client(headers={"x-cdata-authtoken": generate(user, now=timezone.now()), "host": "testserver"})


def alter(shop: Path, resource: Resource, sql: str) -> None:
    """Change the table and take the change over."""
    with sqlite3.connect(shop) as made:
        made.execute(sql)
    services.refresh_resource(resource)


def test_nothing_published_is_no_contract(db: None) -> None:
    assert (settle(), Contract.objects.count()) == (None, 0)


def test_the_first_contract_has_the_first_version(orders: Resource, reader: Client) -> None:
    assert (version(reader), ContractChange.objects.get().version, settle()) == ("1.0", "1.0", None)


def test_a_new_column_raises_the_minor_version_of_every_document(orders: Resource, reader: Client, shop: Path) -> None:
    alter(shop, orders, "ALTER TABLE Orders ADD COLUMN Total INTEGER")

    change = settle()

    assert change is not None
    assert (version(reader), change.before, change.level, change.resources) == ("1.1", "1.0", "safe", [orders.public_id])
    assert reader.get("/api.rsc/$openapi").json()["info"]["version"] == "1.1"


def test_a_dropped_column_raises_the_major_version(orders: Resource, reader: Client, shop: Path) -> None:
    alter(shop, orders, "ALTER TABLE Orders ADD COLUMN Total INTEGER")
    settle()
    alter(shop, orders, "ALTER TABLE Orders DROP COLUMN Total")

    change = settle()

    assert change is not None and version(reader) == "2.0"
    assert {item["code"] for item in change.findings} == {"FieldRemoved", "InputRemoved"}


@pytest.mark.parametrize(
    "settings", [{"title": "Purchases"}, {"description": "What was bought."}, {"columns": {"Id": {}, "Buyer": {"label": "Who"}}}]
)
def test_texts_change_no_version(orders: Resource, reader: Client, settings: dict[str, Any]) -> None:
    if "columns" in settings:
        names = [column["name"] for column in orders.snapshot["columns"]]
        settings = {"columns": {name: {"label": f"The {name}"} for name in names}}
    services.update(orders, **settings)

    assert (settle(), version(reader), settle()) == (None, "1.0", None)


def test_a_method_taken_back_is_breaking_and_a_second_table_is_not(orders: Resource, reader: Client) -> None:
    services.duplicate_resource(orders)
    settle()
    first = version(reader)
    services.update(orders, methods=["GET"])
    settle()

    assert (first, version(reader)) == ("1.1", "2.0")


def test_a_rename_changes_the_address_and_breaks(orders: Resource, reader: Client) -> None:
    services.rename(orders, "Purchases")

    change = settle()

    assert change is not None and {item["code"] for item in change.findings} >= {"PathChanged"} and version(reader) == "2.0"


def test_equal_bytes_before_and_after_a_settlement_that_finds_nothing(orders: Resource, reader: Client) -> None:
    before = reader.get("/api.rsc/$oas").content
    stamp.changed()
    settle()

    assert reader.get("/api.rsc/$oas").content == before


def test_two_workers_raise_the_version_once(orders: Resource, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alter(shop, orders, "ALTER TABLE Orders ADD COLUMN Total INTEGER")
    compare = contract_store.differences

    def overtaken(old: Any, new: Any) -> Any:
        monkeypatch.setattr(contract_store, "differences", compare)
        contract_store.settle(now=timezone.now())
        return compare(old, new)

    monkeypatch.setattr(contract_store, "differences", overtaken)

    assert (settle(), options.contract_version(), ContractChange.objects.count()) == (None, "1.1", 2)


def test_a_document_too_large_for_a_connector_is_compared_as_it_is_given(orders: Resource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract_store, "MOST_OPERATIONS", 1)
    settle()
    services.duplicate_resource(orders)

    change = settle()

    assert change is not None and change.level == "safe"


def test_the_tick_settles_once_a_change(orders: Resource, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract_work, "PAUSE_SECONDS", 0.0)
    alter(shop, orders, "ALTER TABLE Orders ADD COLUMN Total INTEGER")
    stamp.forget()
    for _ in range(3):
        contract_work.tick()
        stamp.forget()
    asked: list[int] = []
    monkeypatch.setattr(contract_store, "settle", lambda now: asked.append(1))

    contract_work.tick()

    assert (options.contract_version(), asked) == ("1.1", [])


# ---- the file ----


def test_an_export_carries_the_version_and_gives_the_same_document(orders: Resource, reader: Client, shop: Path) -> None:
    alter(shop, orders, "ALTER TABLE Orders ADD COLUMN Total INTEGER")
    settle()
    before, data = reader.get("/api.rsc/$oas").content, configuration.exported()
    Resource.objects.all().delete()
    Contract.objects.all().delete()
    options.set_contract_version("1.0")

    data.pop("users")
    configuration.apply(data, now=timezone.now())
    settle()

    assert (data["server"]["api"]["version"], reader.get("/api.rsc/$oas").content == before) == ("1.1", True)


def test_a_version_in_the_file_raises_and_never_lowers(orders: Resource) -> None:
    def applied(text: str, *, prune: bool = False) -> tuple[list[str], str]:
        change = configuration.apply({"server": yaml.safe_load(text)}, now=timezone.now(), prune=prune)
        return change.updated, options.contract_version()

    assert applied('{api: {version: "2.3"}}') == (["server"], "2.3")
    assert applied('{api: {version: "2.3"}}') == ([], "2.3")
    assert applied('{api: {version: "1.9"}}') == ([], "2.3")
    assert applied("{api: {version: 2.4}}") == (["server"], "2.4")


@pytest.mark.parametrize("text", ["two", "1", "1.0.0", "-1.0", "", "1.x"])
def test_what_is_no_version_is_refused(db: None, text: str) -> None:
    with pytest.raises(ConfigurationError, match="must be a version"):
        configuration.apply({"server": {"api": {"version": text}}}, now=timezone.now())


def test_the_whole_comes_back_from_storage(orders: Resource) -> None:
    stored = contract_store.definitions_now()

    assert json.loads(json.dumps(stored))[0]["info"]["version"] == "1.0" and stored[0]["paths"]
