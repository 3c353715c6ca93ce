"""Stripe's manifest over its stand-in: sign-in, filters, money, cursors, writes that repeat, and rows that pushdown never changes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connections.connectors.registry import get_connector
from connections.contract.context import Context
from connections.contract.errors import BadAnswer, InvalidProperties, SourceRejected
from connections.contract.scan import Compare, Grade, Order, Predicate, RowSession, Scan
from connections.contract.table import Table, TableRef
from tests.connectors.reference import ordered, truth
from tests.fakes.stripe import Stripe
from tests.fakes.stripe_data import DELINQUENT, START

Open = Callable[..., RowSession]
VENDORS = """Accounts BankAccounts BankAccountTokens BillingAlerts Cards CardTokens Charges CheckoutSession Coupons CreditGrants CreditNotes
CryptoOnrampSessions Customers Disputes InvoiceItems Invoices Meters PaymentIntent PaymentLinks PaymentMethodConfigurations PaymentMethods
Payouts Persons Plans Prices Products PromotionCodes Quotes Refunds ShippingRates SubscriptionItems Subscriptions TaxIds TaxRates TestClocks
TopUps TransferReversals Transfers UsageRecords ValueListItems ValueLists ApplicationFees ApplicationFeeRefunds Authorizations
AvailableBalance PendingBalance BalanceTransactions Cardholders CashBalance CashBalanceTransactions CheckoutSessionLineItems CountrySpecs
CreditNoteLineItems CustomerBalanceTransactions CustomerSubscriptions EarlyFraudWarning Events FileLinks Files InvoiceLineItems
PaymentLinkLineItems Reports"""


@pytest.fixture
def fake() -> Iterator[Stripe]:
    with Stripe() as running:
        yield running


@pytest.fixture
def opened(fake: Stripe) -> Iterator[Open]:
    """Give what opens a session with a live key."""
    sessions = []

    def make(**more: Any) -> RowSession:
        connector = get_connector("stripe")
        values = connector.clean({"LiveAPIKey": "sk_live_abc123", "URL": fake.url, **more})
        session: Any = connector.open(values, context=Context(outgoing=(fake.address,)))
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        session.close()


def table(session: RowSession, name: str, schema: str = "Stripe") -> Table:
    return session.describe([TableRef(schema, name)])[0]


def rows(session: RowSession, of: Table, columns: str, *where: Predicate, **more: Any) -> list[tuple[Any, ...]]:
    offer = session.offer(Scan(of, tuple(columns.split()), where, **more))
    return [row for batch in session.read(offer) for row in batch.rows]


def test_tables_have_the_names_that_users_know(opened: Open) -> None:
    first = {info.ref for info in opened().list_tables()}
    second = {info.ref for info in opened(Schema="StripeV2", LiveAPIKey="sk_sandbox_abc123").list_tables()}

    assert set(VENDORS.split()) <= {ref.name for ref in first} and len(first) >= 80
    assert ({ref.schema for ref in first}, {ref.schema for ref in second}) == ({"Stripe"}, {"StripeV2"})
    assert {ref.name for ref in second} - {ref.name for ref in first} == {"EventDestinations"}


@pytest.mark.parametrize(("key", "reason"), [("sk_test_abc", "test mode"), ("rk_live_abc", "restricted key")])
def test_second_version_refuses_keys_with_the_reason(key: str, reason: str) -> None:
    connector = get_connector("stripe")

    with pytest.raises(InvalidProperties) as refused:
        connector.clean({"LiveAPIKey": key, "Schema": "StripeV2"})
    assert reason in refused.value.errors["LiveAPIKey"]
    assert connector.clean({"LiveAPIKey": key, "Schema": "Stripe"})["LiveAPIKey"] == key


def test_wrong_key_fails_at_the_sign_in(fake: Stripe) -> None:
    connector = get_connector("stripe")

    steps = connector.test(connector.clean({"LiveAPIKey": "sk_live_wrong", "URL": fake.url}), context=Context(outgoing=(fake.address,)))

    assert (steps[-1].name, steps[-1].ok, "refused the sign-in" in steps[-1].message) == ("sign_in", False, True)


def test_version_account_and_key_are_sent(fake: Stripe, opened: Open) -> None:
    session = opened(AccountId="acct_1connected")
    rows(session, table(session, "Prices"), "Id", limit=1)

    assert fake.asked()[-1]["headers"] | {"idempotency-key": "", "content-type": ""} == {
        "stripe-version": "2022-11-15",
        "stripe-account": "acct_1connected",
        "idempotency-key": "",
        "content-type": "",
    }


@pytest.mark.parametrize(
    ("name", "where", "query", "count"),
    [
        ("Customers", Compare("Email", "eq", "person7@example.com"), ["email", "person7@example.com"], 1),
        ("Charges", Compare("CustomerId", "eq", "cus_00005"), ["customer", "cus_00005"], 1),
        ("Subscriptions", Compare("Status", "eq", "canceled"), ["status", "canceled"], 10),
        ("Prices", Compare("Active", "eq", False), ["active", "false"], 4),
        ("Prices", Compare("LookupKey", "in", ("plan-2",)), ["lookup_keys[]", "plan-2"], 1),
        (
            "Invoices",
            Compare("DueDate", "lt", datetime.fromtimestamp(START + 104 * 3600, UTC)),
            ["due_date[lt]", str(START + 104 * 3600)],
            2,
        ),
        ("Events", Compare("Type", "eq", "invoice.paid"), ["type", "invoice.paid"], 20),
        ("BalanceTransactions", Compare("SourceId", "eq", "ch_00009"), ["source", "ch_00009"], 1),
    ],
)
def test_filters_of_the_lists_are_sent(fake: Stripe, opened: Open, name: str, where: Compare, query: list[str], count: int) -> None:
    session = opened()
    of = table(session, name)
    fake.forget()

    found = rows(session, of, "Id", where)

    assert (query in fake.asked()[0]["query"], len(found), len(fake.asked())) == (True, count, 1)


def test_one_object_is_one_call(fake: Stripe, opened: Open) -> None:
    session = opened()
    customers = table(session, "Customers")
    fake.forget()

    assert rows(session, customers, "Id Name", Compare("Id", "eq", "cus_00004")) == [("cus_00004", "葵 田中")]
    assert rows(session, customers, "Id", Compare("Id", "eq", "cus_none")) == []
    assert [entry["path"] for entry in fake.asked()] == ["/v1/customers/cus_00004", "/v1/customers/cus_none"]


def test_status_of_another_spelling_is_not_sent(fake: Stripe, opened: Open) -> None:
    session = opened()

    offer = session.offer(Scan(table(session, "Invoices"), ("Id",), (Compare("Status", "eq", "PAID"),)))

    assert offer.grades == (Grade.NO,)


def test_subscriptions_of_every_status_are_read(opened: Open) -> None:
    session = opened()

    assert len(rows(session, table(session, "Subscriptions"), "Id")) == 40


def test_money_is_in_its_currency(opened: Open) -> None:
    session = opened()

    found = rows(session, table(session, "Charges"), "Amount Currency AmountInCurrency", limit=3)

    assert found == [(2129, "jpy", Decimal(2129)), (2128, "usd", Decimal("21.28")), (20118, "kwd", Decimal("20.118"))]


def test_pages_follow_the_last_id(fake: Stripe, opened: Open) -> None:
    session = opened()
    customers = table(session, "Customers")
    fake.forget()

    found = rows(session, customers, "Id Delinquent")

    assert [dict(entry["query"]).get("starting_after") for entry in fake.asked()] == [None, "cus_00151", "cus_00051"]
    assert sum(owes for _, owes in found) == len(DELINQUENT) and len(found) == 250


def test_children_are_read_below_their_parent(fake: Stripe, opened: Open) -> None:
    session = opened()
    cards = table(session, "Cards")
    fake.forget()

    assert rows(session, cards, "CustomerId Id", Compare("CustomerId", "eq", "cus_00009")) == [("cus_00009", "card_00009")]
    assert len(fake.asked()) == 1
    with pytest.raises(SourceRejected, match="more than 200 rows of Customers"):
        rows(session, cards, "Id")


def test_invoices_without_discounts_have_none(fake: Stripe, opened: Open) -> None:
    session = opened()
    of = table(session, "InvoiceDiscounts")

    found = rows(session, of, "InvoiceId Id CouponName CustomerId")

    having = [number for number in range(40, 0, -1) if number % 4 == 0]  # the others: none, null, left out
    assert found == [(f"in_{number:05d}", f"di_{number:05d}", "Ten off", f"cus_{number:05d}") for number in having]
    assert rows(session, of, "Id", Compare("InvoiceId", "in", ("in_00002", "in_00003"))) == []


def test_lost_answers_never_make_two_customers(fake: Stripe, opened: Open) -> None:
    session = opened()
    customers = table(session, "Customers")
    fake.control["lost"] = 1

    made = session.insert(customers, {"Email": "once@example.com", "AddressCity": "Kyoto"}, idempotency="k")
    again = session.insert(customers, {"Email": "once@example.com", "AddressCity": "Kyoto"}, idempotency="k")

    assert (made["Id"], made["AddressCity"], made["BalanceInCurrency"]) == (again["Id"], "Kyoto", None)
    assert len(rows(session, customers, "Id", Compare("Email", "eq", "once@example.com"))) == 1


def test_nulls_of_a_new_row_are_not_sent(fake: Stripe, opened: Open) -> None:
    session = opened()
    given = {"Email": "null@example.com", "Name": None, "AddressCity": None, "DefaultSourceId": None, "AccountId": None}

    made = session.insert(table(session, "Customers"), given, idempotency="k")

    stored = next(row for row in fake.rows["customers"] if row["id"] == made["Id"])
    assert (stored["email"], "name" in stored) == ("null@example.com", False)


def test_objects_are_changed_and_removed(opened: Open) -> None:
    session = opened()
    customers = table(session, "Customers")
    key = {"Id": "cus_00002"}

    changed = session.update(customers, key, {"Name": "New", "MetadataAggregate": '{"tier": "gold"}'}, idempotency="a")
    removed = [session.delete(customers, key, idempotency=one) for one in "bc"]

    assert changed and (changed["Name"], changed["MetadataAggregate"]) == ("New", '{"number":"2","tier":"gold"}')
    assert (removed, rows(session, customers, "Id", Compare("Id", "eq", "cus_00002"))) == ([True, False], [])
    assert session.update(customers, {"Id": "cus_none"}, {"Name": "x"}, idempotency="d") is None


def test_declined_card_is_told_in_stripes_words(opened: Open) -> None:
    session = opened()

    with pytest.raises(SourceRejected) as refused:
        session.insert(table(session, "Customers"), {"Email": "declined@example.com"}, idempotency="k")
    assert refused.value.message.startswith("Stripe refused the payment: Your card was declined")


@pytest.mark.parametrize(
    ("code", "status", "param"),
    [("resource_missing", 400, "coupon"), ("resource_missing", 404, "customer"), ("parameter_unknown", 400, "x")],
)
def test_new_row_that_names_what_isnt_there_is_refused_in_stripes_words(
    fake: Stripe, opened: Open, code: str, status: int, param: str
) -> None:
    session = opened()
    fake.control["refuse"] = (status, "No such thing: 'x'", code, param)

    with pytest.raises(SourceRejected) as refused:
        session.insert(table(session, "Customers"), {"Email": "a@example.com"}, idempotency="k")
    assert "No such thing: 'x'" in refused.value.message


def test_change_that_names_what_isnt_there_is_no_missing_row(fake: Stripe, opened: Open) -> None:
    session = opened()
    customers = table(session, "Customers")
    fake.control["refuse"] = (400, "No such coupon: 'x'", "resource_missing", "coupon")

    with pytest.raises(SourceRejected, match="No such coupon: 'x'"):
        session.update(customers, {"Id": "cus_00002"}, {"DiscountCouponId": "x"}, idempotency="k")


def test_account_of_a_query_is_that_of_the_calls(fake: Stripe, opened: Open) -> None:
    session = opened()
    lines = table(session, "InvoiceLineItems")
    fake.forget()

    where = (Compare("InvoiceId", "in", ("in_00009", "in_00008")), Compare("AccountId", "eq", "acct_1connected"))
    found = rows(session, lines, "AccountId InvoiceId", *where)

    assert found == [("acct_1connected", "in_00009")] * 2 + [("acct_1connected", "in_00008")] * 2
    assert {entry["headers"].get("stripe-account") for entry in fake.asked()} == {"acct_1connected"}
    assert rows(session, table(session, "Customers"), "AccountId", limit=1) == [(None,)]


def test_parents_are_read_in_the_account_of_the_query(fake: Stripe, opened: Open) -> None:
    session = opened()
    fake.rows["invoices"] = fake.rows["invoices"][:3]
    fake.forget()

    rows(session, table(session, "InvoiceLineItems"), "Id", Compare("AccountId", "eq", "acct_1connected"))

    assert len(fake.asked()) == 4
    assert {entry["headers"].get("stripe-account") for entry in fake.asked()} == {"acct_1connected"}


def test_account_of_the_connection_cannot_be_left(fake: Stripe, opened: Open) -> None:
    session = opened(AccountId="acct_1connected")
    customers = table(session, "Customers")
    fake.forget()

    offer = session.offer(Scan(customers, ("AccountId", "Id"), (Compare("AccountId", "eq", "acct_other"),)))
    found = [row for batch in session.read(offer) for row in batch.rows]
    session.insert(customers, {"Email": "a@example.com", "AccountId": "acct_other"}, idempotency="k")

    assert (offer.grades, {row[0] for row in found}) == ((Grade.NO,), {"acct_1connected"})
    assert {entry["headers"].get("stripe-account") for entry in fake.asked()} == {"acct_1connected"}


def test_account_in_a_path_is_no_account_of_a_call(fake: Stripe, opened: Open) -> None:
    session = opened()
    fake.forget()

    with pytest.raises(SourceRejected):
        rows(session, table(session, "Persons"), "Id", Compare("AccountId", "eq", "acct_1connected"))
    assert [(entry["path"], entry["headers"].get("stripe-account")) for entry in fake.asked()] == [
        ("/v1/accounts/acct_1connected/persons", "")
    ]


def test_search_asks_in_stripes_own_language(fake: Stripe, opened: Open) -> None:
    session = opened()
    found = table(session, "CustomersSearch")
    fake.forget()
    query = "email:'person7@example.com'"

    assert rows(session, found, "Email Query", Compare("Query", "eq", query)) == [("person7@example.com", query)]
    assert [(entry["path"], dict(entry["query"])["query"]) for entry in fake.asked()] == [("/v1/customers/search", query)]
    with pytest.raises(SourceRejected, match="a value for Query"):
        rows(session, found, "Email")


def test_page_behind_a_deleted_object_is_an_error_and_not_the_end(fake: Stripe, opened: Open) -> None:
    session = opened()
    offer = session.offer(Scan(table(session, "Customers"), ("Id",)))
    pages = session.read(offer)
    next(pages)
    fake.rows["customers"] = [row for row in fake.rows["customers"] if row["id"] != "cus_00151"]

    with pytest.raises(Exception, match="was deleted meanwhile"):
        list(pages)


def test_list_without_end_is_an_error(fake: Stripe, opened: Open) -> None:
    session = opened()
    fake.control["endless"] = True

    with pytest.raises(BadAnswer):
        rows(session, table(session, "Customers"), "Id")


def test_second_version_pages_by_address(opened: Open) -> None:
    session = opened(Schema="StripeV2", LiveAPIKey="sk_sandbox_abc123")

    assert len(rows(session, table(session, "EventDestinations", "StripeV2"), "Id Name Created")) == 5


def test_pushdown_never_changes_the_rows(opened: Open) -> None:
    session = opened()
    invoices = table(session, "Invoices")
    names = ("Id", "Created", "CustomerId", "Status", "CollectionMethod", "DueDate", "Total")
    everything = [dict(zip(names, row, strict=True)) for row in rows(session, invoices, " ".join(names))]
    rng = random.Random(7)
    graded = dict.fromkeys(Grade, 0)

    for _ in range(120):
        where = tuple(comparison(rng, everything) for _ in range(rng.randint(1, 3)))
        offer = session.offer(Scan(invoices, names, where))
        found = [dict(zip(names, row, strict=True)) for batch in session.read(offer) for row in batch.rows]
        for item, grade in zip(where, offer.grades, strict=True):
            graded[grade] += 1
            assert grade is not Grade.EXACT or all(truth(item, row) for row in found), where
        kept = [row for row in found if all(truth(item, row) for item in where)]
        expected = [row for row in everything if all(truth(item, row) for item in where)]
        assert ordered(kept, [Order("Id")]) == ordered(expected, [Order("Id")]), where
    assert graded[Grade.EXACT] > 50 and graded[Grade.NO] > 20


def comparison(rng: random.Random, sample: list[dict[str, Any]]) -> Compare:
    """Return a comparison with a value that some row has, or nearly has."""
    row = rng.choice(sample)
    column = rng.choice(("Id", "Created", "CustomerId", "Status", "CollectionMethod", "DueDate", "Total"))
    value = row[column]
    if value is None:
        return Compare(column, rng.choice(("is_null", "is_not_null")))
    if column in ("Created", "DueDate"):
        return Compare(column, rng.choice(("lt", "le", "gt", "ge")), value + timedelta(seconds=rng.choice((0, 0.5, -0.5))))
    if isinstance(value, str):
        return Compare(column, rng.choice(("eq", "eq", "ne")), rng.choice((value, value, value.upper())))
    return Compare(column, rng.choice(("eq", "lt", "ge")), value)
