"""Relations of one name: those of two resources lead to the same rows by other columns, and neither may take the other's statement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.odata.service_harness import Service, open_service


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Service:
    """Orders of buyers and of sellers: both call them `orders`."""
    database = databases.make("sqlite", "names", request, tmp_path)
    for parent in ("buyers", "sellers"):
        database.create(parent, {"id": "integer PRIMARY KEY"})
        database.insert(parent, [[1], [2]])
    parents = (f"FOREIGN KEY ({name}_id) REFERENCES {name}s (id)" for name in ("buyer", "seller"))
    database.create("orders", {"id": "integer PRIMARY KEY", "buyer_id": "integer", "seller_id": "integer"}, *parents)
    database.insert("orders", [[10, 1, 2], [11, 1, 2], [12, 2, 1]])
    return open_service(database, ("buyers", "sellers", "orders"))


def related(service: Service, parent: str, options: str) -> dict[int, Any]:
    rows = service.get(f"{parent}?$expand=orders({options})").json["value"]
    return {row["id"]: [order["id"] for order in row["orders"]] for row in rows}


@pytest.mark.parametrize("options", ["$select=id", "$filter=id gt 0;$select=id", "$orderby=id;$top=5;$select=id"])
def test_each_relation_gives_its_own_rows(shop: Service, options: str) -> None:
    assert related(shop, "buyers", options) == {1: [10, 11], 2: [12]}
    assert related(shop, "sellers", options) == {1: [12], 2: [10, 11]}


def test_each_relation_counts_its_own_rows(shop: Service) -> None:
    for parent, count in (("buyers", 2), ("sellers", 1)):
        assert shop.get(f"{parent}(1)?$expand=orders($count=true;$top=0)").json["orders@odata.count"] == count
        assert shop.get(f"{parent}(1)?$expand=orders/$count").json["orders@odata.count"] == count


def test_each_relation_gives_its_own_addresses(shop: Service) -> None:
    found = [shop.get(f"{parent}(2)?$expand=orders/$ref").json["orders"] for parent in ("buyers", "sellers")]

    assert [len(addresses) for addresses in found] == [1, 2]
