"""What is sent: `{"type", "timestamp", "data"}`, and the sample of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from apiserver.odata.payload import dumps
from apiserver.resources.catalog import PublishedProperty, PublishedResource
from apiserver.triggers.checks import DELETED
from apiserver.triggers.matching import Matcher
from connections.contract.table import FLOATS, INTEGERS, Type

MOMENT = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
VALUES: dict[Type, Any] = {
    **dict.fromkeys(INTEGERS, 1),
    **dict.fromkeys(FLOATS, 1.5),
    Type.DECIMAL: Decimal("1.5"),
    Type.BOOLEAN: True,
    Type.STRING: "text",
    Type.GUID: UUID(int=1),
    Type.DATE: date(2026, 1, 31),
    Type.TIME: time(12, 30),
    Type.TIMESTAMP: MOMENT,
    Type.DURATION: timedelta(hours=1),
    Type.BINARY: b"\x00",
}


def body(resource: str, event: str, data: Any, *, now: datetime) -> bytes:
    """Return the bytes of a message."""
    moment = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return dumps({"type": f"{resource}.{event}", "timestamp": moment, "data": data})


def sample(matcher: Matcher, event: str) -> bytes:
    """Return what a message looks like, made of no real row."""
    resource = matcher.resource
    shown = matcher.data({item.column.name: value_of(item) for item in resource.properties})
    data = {name: shown[name] for name in resource.key} if event == DELETED else shown
    return body(resource.name, event, data, now=MOMENT)


def value_of(item: PublishedProperty) -> Any:
    """Return a value of the property's type."""
    found = item.column.allowed_values[0] if item.column.allowed_values else VALUES[item.column.type]
    return [found] if item.column.is_collection else found


def key_names(resource: PublishedResource) -> list[str]:
    """Return the source columns of the key."""
    return [resource.by_name[name].column.name for name in resource.key]
