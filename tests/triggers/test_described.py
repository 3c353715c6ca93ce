"""Triggers in $oas: only where they work, for who may read."""

from __future__ import annotations

import json
from typing import Any

from apiserver.server import stamp
from tests.triggers.conftest import Shop


def document(shop: Shop, **rights: Any) -> dict[str, Any]:
    answer = shop.user("flow", **rights).get("/api.rsc/$oas", headers={"host": "api.example.com"}, secure=True)
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_polling_triggers_are_named_operations(small: Shop) -> None:
    paths = document(small)["paths"]

    created, modified = paths["/$poll/orders/created"]["get"], paths["/$poll/orders/modified"]["get"]
    assert (created["operationId"], modified["operationId"]) == ("OnCreatedOrders", "OnModifiedOrders")
    assert (created["x-ms-trigger"], created["x-ms-trigger-metadata"]) == ("batch", {"kind": "query", "mode": "polling"})
    assert created["responses"]["200"]["schema"] == {"type": "array", "items": {"$ref": "#/definitions/OrdersRow"}}
    assert "schema" not in created["responses"]["202"]
    assert created["x-ms-trigger-hint"] == "To see it work now, create a row in orders."


def test_webhook_triggers_name_where_to_tell_and_what_comes(small: Shop) -> None:
    paths = document(small)["paths"]

    path = paths["/$subscriptions/orders/created"]
    body = path["post"]["parameters"][0]["schema"]
    assert (path["post"]["operationId"], path["post"]["x-ms-trigger"]) == ("WhenCreatedOrders", "single")
    assert (body["required"], body["properties"]["callbackUrl"]["x-ms-notification-url"]) == (["callbackUrl"], True)
    assert list(path["x-ms-notification-content"]["schema"]["properties"]) == ["type", "timestamp", "data"]
    assert paths["/$subscriptions/orders/created/{subscription}"]["delete"]["x-ms-visibility"] == "internal"
    gone = paths["/$subscriptions/orders/deleted"]["x-ms-notification-content"]["schema"]["properties"]["data"]["properties"]
    assert list(gone) == ["id"]


def test_a_resource_without_check_column_has_no_trigger(small: Shop) -> None:
    small.resource.snapshot["columns"] = [{"name": "id", "type": "Int32"}, {"name": "name", "type": "String"}]
    small.resource.save()
    stamp.changed()

    assert [path for path in document(small)["paths"] if "$" in path and "deleted" not in path] == []


def test_who_may_not_read_sees_no_trigger(small: Shop) -> None:
    assert [path for path in document(small, resources={"orders": {"methods": []}})["paths"] if "$" in path] == []
