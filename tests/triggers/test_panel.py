"""The panel of triggers on a resource's page: what works, at which addresses, and why something doesn't."""

from __future__ import annotations

from apiserver.server import stamp
from apiserver.triggers.models import Watch
from tests.triggers.conftest import Shop
from tests.triggers.test_pages import person
from tests.triggers.test_webhooks import receiver, subscribe  # noqa: F401 - a fixture


def page(shop: Shop) -> str:
    return person("operator").get(f"/console/api/{shop.resource.pk}").content.decode()


def test_triggers_that_work_are_shown_with_their_addresses(small: Shop) -> None:
    shown = page(small)

    root = "http://testserver/api.rsc"
    for event in ("created", "modified", "deleted"):
        assert f'value="{root}/$subscriptions/orders/{event}"' in shown
    assert f'value="{root}/$poll/orders/created"' in shown and f"{root}/$poll/orders/deleted" not in shown
    assert "By the column created." in shown and "By comparing keys." in shown


def test_what_was_looked_at_in_vain_is_named(small: Shop) -> None:
    for column in small.resource.snapshot["columns"]:
        column.pop("is_nullable", None)
        column.pop("has_default", None)
        column.pop("is_generated", None)
    small.resource.save()
    stamp.changed()

    shown = page(small)

    assert "updated was looked at: it may be null." in shown
    assert "Does not work" in shown


def test_a_table_without_a_key_says_so(small: Shop) -> None:
    small.resource.snapshot["primary_key"] = []
    small.resource.snapshot["unique_keys"] = []
    small.resource.save()
    stamp.changed()

    assert "The table has no key" in page(small)


def test_why_a_trigger_stands_still_is_shown(small: Shop, receiver: object) -> None:  # noqa: F811
    subscribe(small.user("flow"), receiver)  # type: ignore[arg-type]
    Watch.objects.update(error="The table is gone.")

    assert "The table is gone." in page(small)
