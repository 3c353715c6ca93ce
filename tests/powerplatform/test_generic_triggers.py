"""Polling triggers of the generic connector: those of `$poll`, at addresses that its definition knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from apiserver.server import stamp
from tests import databases
from tests.triggers.conftest import Poller, Shop, publish


@pytest.fixture
def shop(db: None, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    yield publish(databases.make("sqlite", "generic_triggers", request, tmp_path))
    stamp.forget()


@pytest.mark.parametrize("event", ["created", "modified"])
def test_each_new_row_is_told_once_at_the_connectors_own_address(shop: Shop, event: str) -> None:
    address = f"/api.rsc/$dynamic/tables/orders/{event}"
    poller = Poller(shop.user("flow"), f"{address}?$select=id,name&$filter=name%20ne%20'b'")
    shop.add("old")
    first = poller()

    shop.add("a", "10:00:01")
    shop.add("b", "10:00:02")

    assert first.status_code == 202 and poller.names() == ["a"] and poller.names() == []
    assert poller.address.startswith(f"{address}?$select=id,name&$filter=name%20ne%20'b'&triggerState=")


def test_tables_are_offered_for_the_events_that_they_show(shop: Shop) -> None:
    client = shop.user("flow")

    offered = client.get("/api.rsc/$dynamic/tables?for=modified").json()["value"]
    schema = client.get("/api.rsc/$dynamic/tables/orders/schema?for=modified").json()["schema"]
    shop.resource.snapshot["columns"] = [{"name": "id", "type": "Int32"}, {"name": "name", "type": "String"}]
    shop.resource.save()
    stamp.changed()

    assert [item["name"] for item in offered] == ["orders"]
    assert schema["type"] == "array" and {"id", "name", "created"} <= set(schema["items"]["properties"])
    assert client.get("/api.rsc/$dynamic/tables?for=modified").json() == {"value": []}
    assert client.get("/api.rsc/$dynamic/tables/orders/modified").status_code == 404


def test_the_definition_has_both_triggers_for_who_may_read(shop: Shop) -> None:
    paths = shop.user("flow").get("/api.rsc/$dynamic/$oas").json()["paths"]
    none = shop.user("nobody", resources={"orders": {"methods": []}}).get("/api.rsc/$dynamic/$oas").json()["paths"]

    created = paths["/tables/{table}/created"]["get"]
    assert (created["x-ms-trigger"], created["operationId"], set(created["responses"])) == (
        "batch",
        "OnRowCreated",
        {"200", "202", "default"},
    )
    assert created["responses"]["200"]["schema"]["x-ms-dynamic-properties"]["parameters"]["for"] == {"value": "created"}
    assert "/tables/{table}/modified" in paths and list(none) == ["/tables", "/tables/{table}/schema"]


@pytest.mark.parametrize(("path", "status"), [("nothing/created", 404), ("orders/deleted", 404), ("orders/created?$top=1", 400)])
def test_what_is_no_trigger_is_refused(shop: Shop, path: str, status: int) -> None:
    assert shop.user("flow").get(f"/api.rsc/$dynamic/tables/{path}").status_code == status


@pytest.mark.parametrize("base", ["$dynamic", "$tabular"])
def test_definitions_name_only_operations_and_kinds_of_sight_that_there_are(shop: Shop, base: str) -> None:
    text = shop.user("flow").get(f"/api.rsc/{base}/$oas").content.decode()

    assert set(re.findall(r'"x-ms-visibility":"(\w*)"', text)) <= {"important", "advanced", "internal"}
    operations = re.findall(r'"operationId":"(\w+)"', text)
    assert all(f'"operationId":"{name}","summary"' in text for name in operations)
