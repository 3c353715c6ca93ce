"""Documents that others published: the folder that APISERVER_TEST_DOCUMENTS names may hold Stripe's."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest

from connections.connectors.openapi.derive import Derived
from connections.connectors.openapi.names import vocabulary
from connections.connectors.openapi.overlay import SCHEMA
from tests.connectors.openapi.published import counted, imported

FOLDER = Path(os.environ.get("APISERVER_TEST_DOCUMENTS", ""))
STRIPE = FOLDER / "stripe.openapi.json.gz"
# Tables that users of other products know, called alike here; then those that the document calls otherwise (docs/connectors/openapi.md).
ALIKE = vocabulary(
    "Accounts BankAccounts Charges Coupons CreditNotes Customers Disputes InvoiceItems Invoices PaymentLinks PaymentMethods "
    "Payouts Persons Plans Prices Products PromotionCodes Quotes Refunds ShippingRates SubscriptionItems Subscriptions TaxIds "
    "TaxRates TestClocks TopUps Transfers ValueListItems ValueLists ApplicationFees ApplicationFeeRefunds Authorizations "
    "BalanceTransactions Cardholders CashBalance CashBalanceTransactions CountrySpecs CustomerBalanceTransactions "
    "CustomerSubscriptions Events FileLinks Files PaymentLinkLineItems "
)
OTHERWISE = {
    "Cards": "CustomerCards",
    "CheckoutSession": "CheckoutSessions",
    "PaymentIntent": "PaymentIntents",
    "TransferReversals": "Reversals",
    "UsageRecords": "UsageRecordSummaries",
    "AvailableBalance": "Balance",
    "CheckoutSessionLineItems": "SessionLineItems",
    "CreditNoteLineItems": "CreditNoteLines",
    "EarlyFraudWarning": "EarlyFraudWarnings",
    "InvoiceLineItems": "InvoiceLines",
    "Reports": "ReportRuns",
}


@pytest.fixture(scope="module")
def stripe() -> Derived:
    if not STRIPE.is_file():
        pytest.skip("APISERVER_TEST_DOCUMENTS names no folder with stripe.openapi.json.gz")
    return imported(STRIPE)


def test_stripe_gives_the_tables_that_users_know(stripe: Derived) -> None:
    assert [name for name in (*ALIKE, *OTHERWISE.values()) if name not in stripe.manifest["tables"]] == []


def test_stripe_gives_a_valid_manifest_with_keys_and_pages(stripe: Derived) -> None:
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(stripe.manifest)
    _, lists, with_key, partial = counted(stripe)

    assert lists >= 100
    assert with_key == lists
    assert partial <= 2


def test_stripe_customers_are_as_users_know_them(stripe: Derived) -> None:
    customers = stripe.manifest["tables"]["Customers"]

    assert customers["read"][0]["paging"] == {
        "type": "last_id",
        "param": "starting_after",
        "id": ["id"],
        "more": ["has_more"],
        "size": {"param": "limit", "max": 100},
    }
    assert customers["columns"]["Delinquent"]["type"] == "boolean"
    assert customers["columns"]["Created"]["filter"]["ge"] == {"param": "created[gte]", "grade": "superset", "format": "unix"}
    assert customers["columns"]["Email"]["filter"]["eq"]["param"] == "email"
    assert sorted(customers["write"]) == ["delete", "insert", "update"]
    assert customers["write"]["insert"]["encoding"] == "form"
