"""python-odata (PyPI) reads, pages, filters, creates, updates and deletes through the server."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import requests
from odata import ODataService

from tests.clients.conftest import TOKEN
from tests.served import Served


@pytest.fixture
def client(service: Served) -> ODataService:
    session = requests.Session()
    session.headers["x-cdata-authtoken"] = TOKEN
    return ODataService(f"{service.base}/api.rsc/", session=session, reflect_entities=True, quiet_progress=True)


def product_class(client: ODataService) -> Any:
    return client.entities["products"]


def test_python_odata_pages_through_all_rows(client: ODataService) -> None:
    product = product_class(client)

    found = list(client.query(product))

    assert [entity.id for entity in found] == list(range(1, 26))
    assert found[6].name == "O'Neil 注文 100%"


def test_python_odata_filters_and_orders(client: ODataService) -> None:
    product = product_class(client)

    found = list(client.query(product).filter(product.price > Decimal("27.50")).order_by(product.id.desc()))

    assert [entity.id for entity in found] == [25, 24, 23]


def test_python_odata_creates_updates_and_deletes(client: ODataService) -> None:
    product = product_class(client)
    new = product()
    new.id, new.name, new.price, new.active = 100, "新しい", Decimal("9.99"), True

    client.save(new)
    again = client.query(product).get(100)
    again.price = Decimal("10.01")
    client.save(again)

    assert client.query(product).get(100).price == Decimal("10.01")
    client.delete(again)
    assert list(client.query(product).filter(product.id == 100)) == []
