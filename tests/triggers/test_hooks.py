"""Webhooks of services: signed messages let tables be looked at; what is told comes from the service."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import stripe as stripe_library
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from apiserver.resources.services import publish_tables
from apiserver.server import options, stamp
from apiserver.triggers import incoming, ringing
from apiserver.triggers.models import Gone, Hook, Watch
from connections.contract.table import TableRef
from connections.models import Connection
from connections.services import SESSIONS, save_connection
from tests.fakes.stripe import Stripe
from tests.triggers.conftest import look_at_all
from tests.triggers.receiver import Receiver, receiving
from tests.triggers.test_pages import person
from tests.triggers.test_webhooks import work
from users.models import User
from users.tokens import generate

SECRET = "whsec_of_the_service"


@pytest.fixture
def stripe(db: None) -> Iterator[Stripe]:
    SESSIONS.close()
    with Stripe() as fake, receiving() as receiver:
        options.save({"outgoing": {"allow": [fake.url.removeprefix("http://"), f"http://127.0.0.1:{receiver.port}"]}})
        stamp.forget()
        fake.receiver = receiver  # type: ignore[attr-defined]
        yield fake
    SESSIONS.close()


@pytest.fixture
def receiver(stripe: Stripe) -> Receiver:
    found: Receiver = stripe.receiver  # type: ignore[attr-defined]
    return found


@pytest.fixture
def hook(stripe: Stripe) -> Hook:
    """Publish customers, subscribe to two events of them and set the webhook up."""
    values = {"AuthScheme": "APIKey", "LiveAPIKey": "sk_live_abc123", "URL": stripe.url}
    connection = save_connection(name="stripe", connector="stripe", values=values)
    publish_tables(connection, [TableRef("Stripe", "Customers")], now=timezone.now())
    return ringing.hook_of(connection, SECRET, now=timezone.now())


@pytest.fixture
def subscribed(hook: Hook, receiver: Receiver) -> Hook:
    user = User.objects.create_user("flow", privileges=["GET"])
    client = Client(headers={"x-cdata-authtoken": generate(user, now=timezone.now()), "host": "testserver"})
    stamp.changed()
    for event in ("created", "deleted"):
        body = {"callbackUrl": receiver.url(f"/{event}")}
        answer = client.post(f"/api.rsc/$subscriptions/Customers/{event}", json.dumps(body), content_type="application/json")
        assert answer.status_code == 201, answer.content
    return hook


def event(name: str, number: str = "cus_1", kind: str = "customer") -> bytes:
    return json.dumps({"id": "evt_1", "type": name, "data": {"object": {"id": number, "object": kind}}}).encode()


def signed(body: bytes, secret: str = SECRET, at: float | None = None) -> str:
    """Sign as Stripe says: HMAC-SHA256 over moment, a dot and the body; Stripe's own library must agree."""
    moment = int(time.time() if at is None else at)
    right = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    header = f"t={moment},v1={right},v0=old"
    if body.isascii():
        assert stripe_library.WebhookSignature.verify_header(body.decode(), header, secret)
    return header


def send(hook: Hook, body: bytes, signature: str, header: str = "Stripe-Signature", **more: str) -> HttpResponse:
    client = Client(headers={"host": "testserver"}, enforce_csrf_checks=True)
    answer: HttpResponse = client.post(
        f"/hooks/{hook.public_id}", body, content_type="application/json", headers={header: signature, **more}
    )
    return answer


def later() -> None:
    """Let no table be due by itself."""
    Watch.objects.update(next_at=timezone.now() + timedelta(hours=1))


def test_a_signed_event_lets_its_table_be_looked_at(subscribed: Hook, stripe: Stripe, receiver: Receiver) -> None:
    later()
    row = dict(stripe.rows["customers"][0]) | {"id": "cus_new", "created": int(time.time()), "email": "new@example.com"}
    stripe.rows["customers"].append(row)
    body = event("customer.created", "cus_forged")

    answer = send(subscribed, body, signed(body))
    deliver()

    assert (answer.status_code, [(call.path, call.data["Email"]) for call in receiver.calls]) == (200, [("/created", "new@example.com")])
    assert Hook.objects.get().last_event == "customer.created"


def deliver() -> None:
    """Look at what rang and send what waits, leaving the time of the next look."""
    due = dict(Watch.objects.values_list("pk", "next_at"))
    look_at_all()
    for pk, at in due.items():
        Watch.objects.filter(pk=pk).update(next_at=at)
    send_waiting()


def send_waiting() -> None:
    from apiserver.triggers import delivering
    from apiserver.triggers.leases import take
    from apiserver.triggers.models import Subscription

    for found in Subscription.objects.filter(state="active", next_at__lte=timezone.now()):
        assert take(found, now=timezone.now())
        delivering.deliver_turn(found)


def test_a_deletion_is_told_when_the_service_confirms_it(subscribed: Hook, stripe: Stripe, receiver: Receiver) -> None:
    later()
    gone, stays = stripe.rows["customers"][0]["id"], stripe.rows["customers"][1]["id"]
    del stripe.rows["customers"][0]
    for number in (gone, stays, "cus_never", gone):
        body = event("customer.deleted", number)
        assert send(subscribed, body, signed(body)).status_code == 200

    deliver()
    body = event("customer.deleted", gone)
    send(subscribed, body, signed(body))
    deliver()
    work()

    assert [call.data for call in receiver.calls if call.path == "/deleted"] == [{"Id": gone}]
    assert Gone.objects.count() == 0


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "t=,v1=",
        "v1=abc",
        "t=1,t=2,v1=abc",
        "t=99999999999999999999,v1=abc",
        "t=\u0661,v1=\u00e9",
        "nonsense",
    ],
)
def test_what_is_not_signed_is_refused(hook: Hook, signature: str) -> None:
    answer = send(hook, event("customer.created"), signature)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadSignature")


@pytest.mark.parametrize(("secret", "seconds"), [("another", 0), (SECRET, -301), (SECRET, 302)])
def test_another_secret_or_time_is_refused(hook: Hook, secret: str, seconds: int) -> None:
    body = event("customer.created")

    assert send(hook, body, signed(body, secret, time.time() + seconds)).status_code == 400
    assert send(hook, body + b" ", signed(body)).status_code == 400


def test_one_good_signature_among_several_is_enough(hook: Hook) -> None:
    body = event("customer.created")

    assert send(hook, body, signed(body) + ",v1=" + "0" * 64).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_signed_nonsense_is_refused(hook: Hook, body: bytes) -> None:
    assert send(hook, body, signed(body)).status_code == 400


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"type": 5}', b'{"type": "x", "data": []}', b'{"data": {"object": {"object": {}}}}'])
def test_events_that_mean_nothing_here_are_taken(hook: Hook, body: bytes) -> None:
    assert send(hook, body, signed(body)).status_code == 200


def test_large_messages_are_refused(hook: Hook) -> None:
    body = b'{"type": "' + b"x" * 2**20 + b'"}'

    assert send(hook, body, signed(body)).status_code == 413


def test_unknown_addresses_and_other_methods(hook: Hook) -> None:
    client = Client(headers={"host": "testserver"})

    assert client.post("/hooks/unknown", b"{}", content_type="application/json").status_code == 404
    assert client.get("/hooks/unknown").status_code == 404
    assert client.get(f"/hooks/{hook.public_id}").status_code == 405


def test_addresses_that_are_not_trusted_are_refused(hook: Hook) -> None:
    client = Client(headers={"host": "testserver"}, REMOTE_ADDR="203.0.113.9")

    assert client.post(f"/hooks/{hook.public_id}", b"{}", content_type="application/json").status_code == 403


def test_bitbuckets_signature_and_events(db: None) -> None:
    body = json.dumps({"push": {}}).encode()
    right = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    kind = incoming.KINDS["bitbucket"]

    kind.verify(SECRET, {"X-Hub-Signature": right}, body, 0)
    for wrong in ("", right[:-1], "sha1=" + right[7:], right.upper()):
        with pytest.raises(incoming.Unsigned):
            kind.verify(SECRET, {"X-Hub-Signature": wrong}, body, 0)
    assert "commit" in kind.event({"X-Event-Key": "repo:push"}, {}).tables
    assert "pullrequest" in kind.event({"X-Event-Key": "pullrequest:fulfilled"}, {}).tables
    assert kind.event({"X-Event-Key": "unknown:thing"}, {}).tables == frozenset()


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("payment_intent", "PaymentIntents"),
        ("invoiceitem", "InvoiceItems"),
        ("topup", "TopUps"),
        ("capability", "Capabilities"),
        ("checkout.session", "CheckoutSession"),
        ("balance_transaction", "BalanceTransactions"),
    ],
)
def test_objects_and_tables_meet(name: str, table: str) -> None:
    assert incoming.squeezed(name) == incoming.squeezed(table)


def test_the_page_makes_an_address_and_takes_the_secret(stripe: Stripe) -> None:
    values = {"AuthScheme": "APIKey", "LiveAPIKey": "sk_live_abc123", "URL": stripe.url}
    connection = save_connection(name="stripe", connector="stripe", values=values)
    client, page = person("admin"), f"/console/triggers/hooks/{connection.pk}"

    client.post(page)
    made = Hook.objects.get()
    refused = client.post(page, {"secret": "x"})
    client.post(page, {"secret": "whsec_0123456789"})
    shown = client.get(page).content.decode()
    body = event("customer.created")

    assert (refused.status_code, f"http://testserver/hooks/{made.public_id}" in shown, "whsec_0123" in shown) == (422, True, False)
    assert Hook.objects.get().public_id == made.public_id
    assert send(made, body, signed(body, "whsec_0123456789")).status_code == 200
    assert "stripe" in client.get("/console/triggers/").content.decode()
    client.post(page + "/delete")
    assert send(made, body, signed(body, "whsec_0123456789")).status_code == 404


def test_bitbuckets_secret_is_ours_and_shown_once(db: Any) -> None:
    connection = Connection.objects.create(name="bb", connector="bitbucket")
    client, page = person("admin"), f"/console/triggers/hooks/{connection.pk}"

    first, again = client.post(page).content.decode(), client.get(page).content.decode()

    assert ("whsec_" in first, "whsec_" in again) == (True, False)


def test_operators_may_not_set_secrets(db: Any) -> None:
    connection = Connection.objects.create(name="bb", connector="bitbucket")

    assert person("operator").get(f"/console/triggers/hooks/{connection.pk}").status_code == 403
