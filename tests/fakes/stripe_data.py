"""What the Stripe stand-in holds at first: one account's customers, catalogue, payments and invoices; lists are newest first."""

from __future__ import annotations

import random
from typing import Any

Row = dict[str, Any]
START = 1_700_000_000
HOUR = 3600
CUSTOMERS = 250
DELINQUENT = (3, 41, 77, 120, 199, 230, 250)  # numbers of the customers that owe
NAMES = ("Aoi Tanaka", "Bob Miller", "Chloé Durand", "Dmitri Ivanov", "葵 田中")
EMPTY = (
    "accounts application_fees apple_pay/domains billing_portal/configurations checkout/sessions country_specs credit_notes "
    "disputes exchange_rates file_links files identity/verification_reports identity/verification_sessions "
    "issuing/authorizations issuing/cardholders issuing/cards issuing/disputes issuing/settlements issuing/transactions "
    "payment_links payment_methods payouts plans promotion_codes quotes radar/early_fraud_warnings radar/value_lists "
    "reporting/report_runs reporting/report_types reviews setup_intents shipping_rates sigma/scheduled_query_runs "
    "subscription_schedules tax_codes terminal/configurations terminal/locations terminal/readers test_helpers/test_clocks "
    "topups transfers treasury/financial_accounts webhook_endpoints billing/alerts billing/credit_grants billing/meters "
    "payment_method_configurations crypto/onramp_sessions "
)


def base(kind: str, prefix: str, number: int, /, **more: Any) -> Row:
    """Return what every object has; the higher the number, the newer."""
    created = START + number * HOUR
    return {"id": f"{prefix}_{number:05d}", "object": kind, "created": created, "livemode": True, "metadata": {}, **more}


def unmarked(kind: str, prefix: str, number: int, /, **more: Any) -> Row:
    """Return an object that doesn't tell its mode."""
    found = base(kind, prefix, number, **more)
    del found["livemode"]
    return found


def customer(number: int) -> Row:
    """Return a customer."""
    name = NAMES[number % len(NAMES)]
    address = {"line1": f"{number} Main St", "line2": None, "city": "Sendai", "state": None, "postal_code": "980-0001", "country": "JP"}
    return base(
        "customer",
        "cus",
        number,
        address=address if number % 2 else None,
        balance=-500 if number % 9 == 0 else 0,
        currency=("usd", "jpy", "eur")[number % 3],
        default_source=f"card_{number:05d}",
        delinquent=number in DELINQUENT,
        description=None if number % 4 else "Imported",
        discount=None,
        email=f"person{number}@example.com",
        invoice_prefix=f"P{number:05d}",
        invoice_settings={"custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None},
        name=name,
        next_invoice_sequence=1,
        phone=None,
        preferred_locales=["ja"] if number % 5 == 4 else [],
        shipping=None,
        tax_exempt="none",
        test_clock=None,
        metadata={"number": str(number)},
    )


def charge(number: int) -> Row:
    """Return a charge, in currencies with two, no and three minor digits."""
    currency, amount = (("usd", 1999), ("jpy", 1999), ("kwd", 19990))[number % 3]
    return base(
        "charge",
        "ch",
        number,
        amount=amount + number,
        amount_captured=amount,
        amount_refunded=0,
        balance_transaction=f"txn_{number:05d}",
        captured=True,
        currency=currency,
        customer=f"cus_{1 + number % CUSTOMERS:05d}",
        disputed=False,
        invoice=None,
        paid=number % 10 != 0,
        payment_intent=f"pi_{number:05d}",
        refunded=False,
        status="failed" if number % 10 == 0 else "succeeded",
        transfer_group=None,
    )


def invoice(number: int) -> Row:
    """Return an invoice; the published document lets answers leave discounts out, and older versions say null."""
    discounts: Row = ({"discounts": [f"di_{number:05d}"]}, {"discounts": []}, {"discounts": None}, {})[number % 4]
    return base(
        "invoice",
        "in",
        number,
        amount_due=1000 + number,
        amount_paid=0 if number % 5 == 0 else 1000 + number,
        amount_remaining=1000 + number if number % 5 == 0 else 0,
        collection_method=("charge_automatically", "send_invoice")[number % 2],
        currency="usd",
        customer=f"cus_{number:05d}",
        customer_email=f"person{number}@example.com",
        due_date=START + (number + 100) * HOUR if number % 2 else None,
        number=f"P{number:05d}-0001",
        paid=number % 5 != 0,
        status="open" if number % 5 == 0 else "paid",
        subscription=f"sub_{number:05d}" if number % 2 else None,
        subtotal=1000 + number,
        tax=None,
        total=1000 + number,
        **discounts,
    )


def discount(key: str) -> Row:
    """Return a discount of a tenth for as long as the invoice is there."""
    number = int(key.rpartition("_")[2])
    coupon = base("coupon", "co", 1, name="Ten off", percent_off=10, duration="once", valid=True, amount_off=None, currency=None)
    found = {"id": key, "object": "discount", "checkout_session": None, "coupon": coupon, "customer": f"cus_{number:05d}", "end": None}
    return found | {"invoice": f"in_{number:05d}", "promotion_code": None, "start": START + number * HOUR, "subscription": None}


def subscription(number: int) -> Row:
    """Return a subscription; some are canceled."""
    status = ("active", "canceled", "past_due", "trialing")[number % 4]
    return base(
        "subscription",
        "sub",
        number,
        cancel_at_period_end=False,
        canceled_at=START + number * HOUR + 60 if status == "canceled" else None,
        collection_method="charge_automatically",
        currency="usd",
        current_period_start=START + number * HOUR,
        current_period_end=START + (number + 720) * HOUR,
        customer=f"cus_{number:05d}",
        items={"object": "list", "data": [item(number)], "has_more": False, "url": f"/v1/subscription_items?subscription=sub_{number:05d}"},
        status=status,
        test_clock=None,
    )


def item(number: int) -> Row:
    """Return a subscription's item."""
    return unmarked(
        "subscription_item", "si", number, subscription=f"sub_{number:05d}", quantity=1, price=price(1), billing_thresholds=None
    )


def price(number: int) -> Row:
    """Return a price."""
    return base(
        "price",
        "price",
        number,
        active=number % 3 != 0,
        billing_scheme="per_unit",
        currency="usd",
        lookup_key=f"plan-{number}",
        nickname=None,
        product=f"prod_{1 + number % 5:05d}",
        recurring={"interval": "month", "interval_count": 1, "usage_type": "licensed", "aggregate_usage": None, "trial_period_days": None},
        tax_behavior="unspecified",
        type="recurring",
        unit_amount=500 * number,
        unit_amount_decimal=str(500 * number),
    )


def product(number: int) -> Row:
    """Return a product."""
    return base("product", "prod", number, active=True, description=None, name=f"Product {number}", shippable=None, url=None, images=[])


def balance_transaction(number: int) -> Row:
    """Return a movement of the balance."""
    found = base(
        "balance_transaction",
        "txn",
        number,
        amount=1999,
        currency="usd",
        fee=88,
        net=1911,
        source=f"ch_{number:05d}",
        status="available",
        type="charge",
        description=None,
        available_on=START + (number + 48) * HOUR,
        fee_details=[],
        exchange_rate=None,
        reporting_category="charge",
    )
    return {name: value for name, value in found.items() if name not in ("livemode", "metadata")}


def event(number: int) -> Row:
    """Return an event."""
    kind = ("customer.created", "invoice.paid", "charge.succeeded")[number % 3]
    data = {"object": {"id": f"cus_{number:05d}", "object": kind.split(".")[0]}}
    found = base(
        "event", "evt", number, api_version="2022-11-15", data=data, pending_webhooks=0, request={"id": None, "idempotency_key": None}
    )
    return {name: value for name, value in found.items() if name != "metadata"} | {"type": kind, "delivered": number % 4 != 0}


def line(invoice_number: int, place: int) -> Row:
    """Return a line of an invoice."""
    found = base("line_item", "il", invoice_number * 100 + place, amount=500, currency="usd", description=f"Line {place}", quantity=1)
    return {name: value for name, value in found.items() if name != "created"} | {"period": {"start": START, "end": START + HOUR}}


def card(number: int) -> Row:
    """Return a customer's card."""
    return {
        "id": f"card_{number:05d}",
        "object": "card",
        "brand": "Visa",
        "country": "JP",
        "customer": f"cus_{number:05d}",
        "exp_month": 8,
        "exp_year": 2030,
        "funding": "credit",
        "last4": "4242",
        "metadata": {},
        "name": None,
    }


def rows() -> dict[str, list[Row]]:
    """Return every list by its path below /v1, newest first."""
    shuffled = random.Random(5).sample(range(1, 41), 40)
    found: dict[str, list[Row]] = {path: [] for path in EMPTY.split()}
    found |= {
        "customers": [customer(number) for number in range(CUSTOMERS, 0, -1)],
        "charges": [charge(number) for number in range(130, 0, -1)],
        "payment_intents": [
            base("payment_intent", "pi", number, amount=1999, currency="usd", customer=f"cus_{number:05d}", status="succeeded")
            for number in range(30, 0, -1)
        ],
        "invoices": [invoice(number) for number in range(40, 0, -1)],
        "invoiceitems": [],
        "subscriptions": [subscription(number) for number in range(40, 0, -1)],
        "subscription_items": [item(number) for number in range(40, 0, -1)],
        "prices": [price(number) for number in range(12, 0, -1)],
        "products": [product(number) for number in range(6, 0, -1)],
        "coupons": [base("coupon", "co", 1, name="Ten off", percent_off=10, duration="once", valid=True, amount_off=None, currency=None)],
        "tax_rates": [base("tax_rate", "txr", 1, active=True, percentage=10, inclusive=False, display_name="VAT", country="JP")],
        "refunds": [
            unmarked(
                "refund",
                "re",
                number,
                amount=100,
                currency="usd",
                charge=f"ch_{place:05d}",
                payment_intent=f"pi_{place:05d}",
                status="succeeded",
            )
            for number, place in reversed(list(enumerate(shuffled[:8], 1)))
        ],
        "balance_transactions": [balance_transaction(number) for number in range(130, 0, -1)],
        "events": [event(number) for number in range(60, 0, -1)],
    }
    found |= {f"invoices/in_{number:05d}/lines": [line(number, place) for place in range(1, 3)] for number in range(1, 41)}
    found |= {f"customers/cus_{number:05d}/cards": [card(number)] for number in range(1, CUSTOMERS + 1)}
    found |= {f"subscription_items/si_{number:05d}/usage_record_summaries": [] for number in range(1, 41)}
    for child in ("bank_accounts", "tax_ids", "balance_transactions", "cash_balance_transactions", "subscriptions", "payment_methods"):
        found |= {f"customers/cus_{number:05d}/{child}": [] for number in range(1, CUSTOMERS + 1)}
    return found
