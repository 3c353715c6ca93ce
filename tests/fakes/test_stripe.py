"""The Stripe stand-in behaves as Stripe is known to: order, cursors, limits, filters, form bodies, idempotency, versions."""

from __future__ import annotations

import gzip
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.stripe import Stripe
from tests.fakes.stripe_data import START

DOCUMENT = Path(os.environ.get("APISERVER_TEST_DOCUMENTS", "/nowhere"), "stripe.openapi.json.gz")


@pytest.fixture
def fake() -> Iterator[Stripe]:
    with Stripe() as running:
        yield running


def call(
    fake: Stripe, path: str, form: Mapping[str, str] | None = None, method: str = "", key: str = "sk_live_abc123", **headers: str
) -> tuple[int, Any]:
    """Return status and body of one request; headers by their names with underscores."""
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    sent = {"Authorization": f"Bearer {key}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(fake.url + path, data, sent, method=method or ("GET" if data is None else "POST"))
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def ids(fake: Stripe, path: str) -> list[str]:
    return [row["id"] for row in call(fake, path)[1]["data"]]


def test_lists_are_newest_first_and_page_by_the_last_id(fake: Stripe) -> None:
    found: list[str] = []
    more = True
    while more:
        page = call(fake, f"/v1/customers?limit=100&starting_after={found[-1]}" if found else "/v1/customers?limit=100")[1]
        found += [row["id"] for row in page["data"]]
        more = page["has_more"]

    assert found == [f"cus_{number:05d}" for number in range(250, 0, -1)]
    assert ids(fake, "/v1/customers?limit=2&ending_before=cus_00100") == ["cus_00102", "cus_00101"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/customers?limit=101", 400, "parameter_invalid_integer"),
        ("/v1/customers?limit=0", 400, "parameter_invalid_integer"),
        ("/v1/customers?starting_after=cus_none", 400, "resource_missing"),
        ("/v1/customers?delinquent=true", 400, "parameter_unknown"),
        ("/v1/customers/cus_none", 404, "resource_missing"),
        ("/v1/nothing", 404, None),
        ("/v1/invoices?status=PAID", 400, None),
    ],
)
def test_what_is_wrong_is_refused(fake: Stripe, path: str, status: int, code: str | None) -> None:
    found, body = call(fake, path)

    assert (found, body["error"].get("code")) == (status, code)


def test_filters_choose_rows(fake: Stripe) -> None:
    hour = START + 10 * 3600
    asked = {
        f"/v1/customers?created[gte]={hour}&created[lt]={hour + 7200}": ["cus_00011", "cus_00010"],
        "/v1/customers?email=person7@example.com": ["cus_00007"],
        "/v1/prices?active=false&limit=2": ["price_00012", "price_00009"],
        "/v1/prices?lookup_keys[]=plan-2&lookup_keys[]=plan-5": ["price_00005", "price_00002"],
        "/v1/customers/search?" + urllib.parse.urlencode({"query": "email:'person9@example.com' AND name~'taNAKA'"}): [],
        "/v1/customers/search?" + urllib.parse.urlencode({"query": "email:'person5@example.com' AND name~'taNAKA'"}): ["cus_00005"],
    }

    assert {path: ids(fake, path) for path in asked} == asked


def test_canceled_subscriptions_are_hidden_unless_asked_for(fake: Stripe) -> None:
    counts = [len(ids(fake, f"/v1/subscriptions?limit=100{more}")) for more in ("", "&status=all", "&status=canceled")]

    assert counts == [30, 40, 10]


def test_writes_take_forms_and_repeat_by_key(fake: Stripe) -> None:
    form = {"email": "new@example.com", "address[city]": "Kyoto", "metadata[tier]": "1"}
    status, row = call(fake, "/v1/customers", form, Idempotency_Key="k1")
    _, again = call(fake, "/v1/customers", form, Idempotency_Key="k1")
    clash = call(fake, "/v1/customers", {"email": "other@example.com"}, Idempotency_Key="k1")
    _, changed = call(fake, f"/v1/customers/{row['id']}", {"name": "New", "address[city]": ""})

    assert (status, again["id"], clash[0], clash[1]["error"]["type"]) == (200, row["id"], 400, "idempotency_error")
    assert (row["address"], row["metadata"], changed["name"], changed["address"]) == (
        {"city": "Kyoto"},
        {"tier": "1"},
        "New",
        {"city": None},
    )
    assert len(ids(fake, "/v1/customers?email=new@example.com")) == 1


def test_deleted_objects_say_so(fake: Stripe) -> None:
    gone = {"id": "cus_00001", "object": "customer", "deleted": True}

    assert call(fake, "/v1/customers/cus_00001", method="DELETE") == (200, gone)
    assert call(fake, "/v1/customers/cus_00001") == (200, gone)
    assert "cus_00001" not in ids(fake, "/v1/customers?limit=100&starting_after=cus_00050")


def test_keys_versions_and_accounts_are_checked(fake: Stripe) -> None:
    assert call(fake, "/v1/customers", key="sk_live_wrong")[0] == 401
    assert call(fake, "/v1/customers", Stripe_Version="yesterday")[0] == 400
    assert call(fake, "/v1/customers", Stripe_Account="acct_other")[0] == 403
    assert call(fake, "/v1/customers", Stripe_Version="2022-11-15", Stripe_Account="acct_1connected")[0] == 200
    assert fake.asked()[-1]["headers"]["stripe-version"] == "2022-11-15"


def test_lost_answer_did_the_write(fake: Stripe) -> None:
    fake.control["lost"] = 1
    form = {"email": "lost@example.com"}

    told = [call(fake, "/v1/customers", form, Idempotency_Key="k2")[0] for _ in range(2)]
    assert (told, len(ids(fake, "/v1/customers?email=lost@example.com"))) == ([503, 200], 1)


def test_second_version_pages_by_address(fake: Stripe) -> None:
    _, page = call(fake, "/v2/core/event_destinations?limit=3")
    _, last = call(fake, page["next_page_url"])

    assert ([len(item["data"]) for item in (page, last)], last["next_page_url"]) == ([3, 2], None)


@pytest.mark.skipif(not DOCUMENT.exists(), reason="APISERVER_TEST_DOCUMENTS names no folder with stripe.openapi.json.gz")
def test_rows_have_the_shape_of_the_published_document(fake: Stripe) -> None:
    document = json.loads(gzip.decompress(DOCUMENT.read_bytes()))
    schemas = document["components"]["schemas"]

    unknown = {
        (path, name)
        for path, rows in fake.rows.items()
        for row in rows[:1]
        for name in row.keys() - schemas[row["object"]]["properties"].keys()
    }
    assert unknown == {("events", "delivered")}
