"""Stripe's tables over localstripe, which others wrote: a subscription sold, invoiced, paid and refunded through OData."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.fakes.installed import localstripe
from tests.served import Served, publish

KEY = "sk_test_12345"
HEADERS = {"x-cdata-authtoken": "localstripe-token-0123456789"}
METHODS = ["GET", "POST", "PATCH", "DELETE"]
TABLES = (
    "Customers",
    "Plans",
    "Subscriptions",
    "Invoices",
    "InvoiceItems",
    "InvoiceLineItems",
    "Charges",
    "Refunds",
    "CardTokens",
    "Coupons",
)
PEOPLE = 260


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with localstripe(tmp_path_factory.mktemp("localstripe")) as url:
        yield url


@pytest.fixture(scope="module")
def served(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    told = {
        "server": {"outgoing": {"allow": [address.removeprefix("http://")]}, "page_size": 100},
        "connections": {"stripe": {"connector": "stripe", "properties": {"LiveAPIKey": KEY, "URL": address}}},
        "resources": {name: {"connection": "stripe", "schema": "Stripe", "table": name, "methods": METHODS} for name in TABLES},
        "users": {"shop": {"role": "query", "privileges": METHODS, "authtoken": HEADERS["x-cdata-authtoken"]}},
    }
    server = publish(told, Path(tmp_path_factory.mktemp("served")))
    yield server
    assert server.stop() == 0


def at_stripe(address: str, path: str, form: dict[str, str]) -> dict[str, Any]:
    """Do what no table does, at the service itself."""
    signed = {"Authorization": "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()}
    with urllib.request.urlopen(urllib.request.Request(address + path, urlencode(form).encode(), signed), timeout=20) as answer:
        return dict(json.load(answer))


def ask(served: Served, path: str, method: str = "GET", **values: Any) -> Any:
    """Return what a request answers."""
    status, _, body = served.get(f"/api.rsc/{quote(path, safe='=&$,?/()')}", HEADERS, method, values or None)
    assert status < 300, (path, body)
    return json.loads(body) if body else None


def rows(served: Served, path: str) -> list[dict[str, Any]]:
    """Return the rows of all pages."""
    page = ask(served, path)
    found: list[dict[str, Any]] = page["value"]
    while link := page.get("@odata.nextLink"):
        status, _, body = served.get(link.removeprefix(served.base), HEADERS)
        assert status == 200, body
        page = json.loads(body)
        found += page["value"]
    return found


def without_etags(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.startswith("@")}


@pytest.fixture(scope="module")
def sold(address: str, served: Served) -> dict[str, Any]:
    """Two times gold for a customer with a card, all but the product made through OData."""
    product = at_stripe(address, "/v1/products", {"name": "Gold", "type": "service"})
    ask(served, "Plans", "POST", Id="gold", Amount=1999, Currency="usd", Interval="month", ProductId=product["id"], Nickname="Gold")
    token = ask(served, "CardTokens", "POST", Number="4242424242424242", ExpMonth=12, ExpYear=2030, Cvc="123")
    customer = ask(
        served, "Customers", "POST", Email="a@example.com", AddressCity="Kyoto", Source=token["Id"], MetadataAggregate='{"tier":"gold"}'
    )
    items = '[{"plan":"gold","quantity":2}]'
    subscription: dict[str, Any] = ask(served, "Subscriptions", "POST", CustomerId=customer["Id"], ItemsAggregate=items)
    return subscription


def test_nested_values_come_back_as_they_were_sent(served: Served, sold: dict[str, Any]) -> None:
    customer = ask(served, f"Customers('{sold['CustomerId']}')?$select=Email,AddressCity,MetadataAggregate")

    assert without_etags(customer) == {"Email": "a@example.com", "AddressCity": "Kyoto", "MetadataAggregate": '{"tier":"gold"}'}


def test_the_subscription_is_invoiced_in_dollars(served: Served, sold: dict[str, Any]) -> None:
    (invoice,) = rows(served, f"Invoices?$filter=CustomerId eq '{sold['CustomerId']}'&$select=Id,Status,Total,TotalInCurrency")
    lines = rows(served, f"InvoiceLineItems?$filter=InvoiceId eq '{invoice['Id']}'&$select=InvoiceId,AmountInCurrency,Currency")

    assert (sold["Status"], invoice["Status"], invoice["Total"], invoice["TotalInCurrency"]) == ("active", "paid", 3998, 39.98)
    assert [without_etags(line) for line in lines] == [{"InvoiceId": invoice["Id"], "AmountInCurrency": 39.98, "Currency": "usd"}]


def test_a_payment_is_refunded_in_part(served: Served, sold: dict[str, Any]) -> None:
    (charge,) = rows(served, f"Charges?$filter=CustomerId eq '{sold['CustomerId']}'&$select=Id,AmountInCurrency")

    ask(served, "Refunds", "POST", ChargeId=charge["Id"], Amount=500)

    (refund,) = rows(served, f"Refunds?$filter=ChargeId eq '{charge['Id']}'&$select=AmountInCurrency,Status")
    assert (charge["AmountInCurrency"], without_etags(refund)) == (39.98, {"AmountInCurrency": 5.0, "Status": "succeeded"})
    assert ask(served, f"Charges('{charge['Id']}')?$select=AmountRefundedInCurrency")["AmountRefundedInCurrency"] == 5.0


def test_yen_have_no_decimals(served: Served, sold: dict[str, Any]) -> None:
    item = ask(served, "InvoiceItems", "POST", CustomerId=sold["CustomerId"], Amount=1234, Currency="jpy", Description="注文")

    assert (item["Amount"], item["AmountInCurrency"], item["Description"]) == (1234, 1234, "注文")


def test_related_rows_come_with_expand(served: Served, sold: dict[str, Any]) -> None:
    (invoice,) = rows(served, f"Invoices?$filter=CustomerId eq '{sold['CustomerId']}'&$select=Id&$expand=Customer($select=Email)")
    customer = ask(served, f"Customers('{sold['CustomerId']}')?$select=Id&$expand=Subscriptions($select=Id,Status)")

    assert without_etags(invoice["Customer"]) == {"Email": "a@example.com"}
    assert [row["Id"] for row in customer["Subscriptions"]] == [sold["Id"]]


def test_a_row_is_changed_and_removed(served: Served) -> None:
    made = ask(served, "Coupons", "POST", Id="half", PercentOff=50.0, Duration="once")

    ask(served, "Coupons('half')", "PATCH", MetadataAggregate='{"for":"spring"}')

    assert (made["PercentOff"], ask(served, "Coupons('half')?$select=MetadataAggregate")["MetadataAggregate"]) == (50.0, '{"for":"spring"}')
    ask(served, "Coupons('half')", "DELETE")
    assert served.get("/api.rsc/Coupons('half')", HEADERS)[0] == 404


def test_pages_follow_the_last_id_to_the_end(address: str, served: Served, sold: dict[str, Any]) -> None:
    for number in range(PEOPLE):
        at_stripe(address, "/v1/customers", {"email": f"p{number}@example.com"})

    found = [row["Id"] for row in rows(served, "Customers?$select=Id")]

    assert (len(found), len(set(found))) == (PEOPLE + 1, PEOPLE + 1)
    assert len(rows(served, "Customers?$filter=Delinquent eq 'False'&$select=Id")) == PEOPLE + 1


def test_what_the_service_refuses_is_told_in_its_words(served: Served) -> None:
    status, _, body = served.get("/api.rsc/Charges", HEADERS, "POST", {"CustomerId": "cus_none", "Amount": 5, "Currency": "usd"})

    message = json.loads(body)["error"]["message"]
    assert (status, message.partition(".")[0]) == (400, "Stripe refused the call for Charges with status 404 (Not Found)")
