"""Warnings on pages of other rooms: tables that are no longer what is published."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import ngettext

from apiserver.powerplatform import source_looks
from apiserver.powerplatform.contract_findings import BREAKING

register = template.Library()


@register.inclusion_tag("powerplatform/_changed_tables.html")
def changed_tables() -> dict[str, Any]:
    """Say how many tables have changed, and how many of them would break clients."""
    count, breaking = source_looks.count_open()
    return {"count": count, "breaking": breaking, "text": sentence(count)}


def sentence(count: int) -> str:
    """Return how many tables have changed."""
    return ngettext(
        "The table of %(count)s resource is no longer as it was published.",
        "The tables of %(count)s resources are no longer as they were published.",
        count,
    ) % {"count": count}


@register.inclusion_tag("powerplatform/_changed_table.html")
def changed_table(resource_id: int) -> dict[str, Any]:
    """Say what has changed in the table of one resource, and what taking it over would break."""
    found = source_looks.warnings(resource_id)
    look = found[0].look if found else None
    operations = sorted({item.title or item.operation for item in found[0].findings if item.level == BREAKING}) if found else []
    return {"look": look, "operations": operations[:10], "more": max(0, len(operations) - 10), "resource_id": resource_id}
