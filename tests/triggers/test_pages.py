"""The pages of Triggers: who sees them, what they show and do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from apiserver.server import options, stamp
from apiserver.server.models import Audit
from apiserver.triggers.models import Delivery, Subscription
from tests.triggers.conftest import Shop
from tests.triggers.receiver import Receiver, receiving
from tests.triggers.test_webhooks import subscribe, work
from users.models import User


@pytest.fixture
def receiver(db: None) -> Iterator[Receiver]:
    with receiving() as found:
        options.save({"outgoing": {"allow": [f"http://127.0.0.1:{found.port}"]}})
        stamp.forget()
        yield found


def person(role: str) -> Client:
    client = Client(headers={"host": "testserver"})
    client.force_login(User.objects.create_user(role, "a long pass phrase", role=role))
    return client


def test_an_empty_list_says_what_to_do(small: Shop) -> None:
    page = person("operator").get("/console/triggers/").content.decode()

    assert "Nobody has subscribed yet" in page


def test_a_subscription_is_shown_without_its_address_or_secret(small: Shop, receiver: Receiver) -> None:
    made = subscribe(small.user("flow"), receiver, filter="name ne '<b>'")
    small.add("a")
    work()
    found, client = Subscription.objects.get(), person("operator")

    listed, shown = (client.get(path).content.decode() for path in ("/console/triggers/", f"/console/triggers/{found.pk}"))

    assert (str(receiver.port) in listed, "sig=" in listed + shown, made.json()["secret"] in shown) == (True, False, False)
    assert ("Taken" in shown, "name ne &#x27;&lt;b&gt;&#x27;" in shown) == (True, True)


def test_what_is_done_takes_effect_and_is_recorded(small: Shop, receiver: Receiver) -> None:
    subscribe(small.user("flow"), receiver)
    found, client = Subscription.objects.get(), person("admin")

    client.post(f"/console/triggers/{found.pk}/test")
    work()
    client.post(f"/console/triggers/deliveries/{Delivery.objects.get().pk}/replay")
    work()
    secret = client.post(f"/console/triggers/{found.pk}/rotate")
    client.post(f"/console/triggers/{found.pk}/delete")

    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1
    assert (len(receiver.calls), "whsec_" in secret.content.decode(), Subscription.objects.count()) == (2, True, 0)
    done = ["subscription tested", "delivery replayed", "subscription secret rotated", "subscription deleted"]
    assert list(Audit.objects.order_by("pk").values_list("action", flat=True))[-4:] == done


@pytest.mark.parametrize(("role", "path", "status"), [("operator", "rotate", 403), ("operator", "delete", 403), ("query", "test", 302)])
def test_who_may_not_is_refused(small: Shop, receiver: Receiver, role: str, path: str, status: int) -> None:
    subscribe(small.user("flow"), receiver)

    answer: Any = person(role).post(f"/console/triggers/{Subscription.objects.get().pk}/{path}")

    assert (answer.status_code, Subscription.objects.count()) == (status, 1)
