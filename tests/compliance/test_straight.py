"""Pages that go straight from the driver into JSON show the very values, and ETags, that rows read one by one show."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.compliance.conftest import Client


def exact(body: bytes) -> list[dict[str, Any]]:
    """Return the rows with numbers as they are written, without links and types."""
    rows = json.loads(body, parse_float=Decimal)["value"]
    return [{name: value for name, value in row.items() if "@odata." not in name or name == "@odata.etag"} for row in rows]


@pytest.mark.parametrize("path", ["customers", "customers?$select=name,credit", "items", "orders?$orderby=id desc&$top=3"])
def test_straight_rows_are_those_of_full_metadata(odata: Client, path: str) -> None:
    straight = odata.get(path)
    one_by_one = odata.get(path, Accept="application/json;odata.metadata=full")

    assert (straight.status, one_by_one.status) == (200, 200)
    assert exact(straight.body) == exact(one_by_one.body)


def test_straight_etag_is_that_of_the_entity(odata: Client) -> None:
    listed = {row["id"]: row["@odata.etag"] for row in odata.get("customers").json["value"]}

    assert listed == {key: odata.get(f"customers({key})").headers["etag"] for key in listed}


def test_no_metadata_has_no_etags(odata: Client) -> None:
    rows = odata.get("customers?$select=id", Accept="application/json;odata.metadata=none").json["value"]

    assert {name for row in rows for name in row} == {"id"}


def test_select_of_relations_alone_gives_one_object_a_row(odata: Client) -> None:
    rows = odata.get("orders?$select=customer&$top=2", Accept="application/json;odata.metadata=none").json["value"]

    assert len(rows) == 2
