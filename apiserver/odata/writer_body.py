"""The body of a write: bytes to values, links and nested entities of one resource (JSON Format 4.01, 5 to 8)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest

from apiserver.odata.errors import BadPayload, TooLarge, Unsupported
from apiserver.odata.nodes import ExpandItem, Options
from apiserver.odata.parser_errors import DEFAULT_LIMITS, Limits, raised_by
from apiserver.odata.writer_values import take
from apiserver.resources.catalog import PublishedProperty, PublishedResource


@dataclass(slots=True)
class Change:
    """What a body asks for."""

    values: dict[str, Any] = field(default_factory=dict)  # property name -> contract value
    links: dict[str, Any] = field(default_factory=dict)  # navigation -> entity id, list of them, or None
    nested: dict[str, Any] = field(default_factory=dict)  # navigation -> object or list of objects


def read_bytes(request: HttpRequest, limits: Limits) -> bytes:
    """Return the body, refusing one that is compressed or beyond the limit before it is read."""
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise Unsupported(f"A body with Content-Encoding {coding[:40]} is not read.", hint="Send it as it is.")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > limits.body_bytes:
        raise _too_large(limits)
    body: bytes = request.read(limits.body_bytes + 1)
    if len(body) > limits.body_bytes:
        raise _too_large(limits)
    return body


def _too_large(limits: Limits) -> TooLarge:
    message = f"The body is larger than the limit of {limits.body_bytes} bytes."
    return TooLarge(message, hint=f"Send less at a time. {raised_by('body_bytes')}")


def read_json(request: HttpRequest, limits: Limits) -> dict[str, Any]:
    """Return the JSON object of the body with numbers exact."""
    media, charset = _media(request)
    if media not in ("", "application/json"):
        raise Unsupported(f"A body of {media[:60]} is not read here.", hint="Send application/json.")
    if charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise Unsupported(f"The charset {charset[:20]} is not read.", hint="Send UTF-8.")
    return parse_object(read_bytes(request, limits), limits.json_depth)


def read_value(request: HttpRequest, item: PublishedProperty, limits: Limits) -> Any:
    """Return the contract value of a raw body (PUT /$value)."""
    body = read_bytes(request, limits)
    if item.column.type == "Binary":
        return body
    try:
        return take(item.column, body.decode(), name=item.name)
    except UnicodeDecodeError:
        raise BadPayload("The body is not UTF-8.", target=item.name, hint="Send UTF-8 text.") from None


def _media(request: HttpRequest) -> tuple[str, str]:
    media, *rest = [part.strip().lower() for part in request.headers.get("Content-Type", "").split(";")]
    charset = next((part.partition("=")[2].strip('"') for part in rest if part.startswith("charset=")), "")
    return media, charset


def parse_object(body: bytes, depth: int = DEFAULT_LIMITS.json_depth) -> dict[str, Any]:
    """Parse one JSON object: decimals exact, names once, depth bounded."""
    if not body.strip():
        raise BadPayload("The body is empty.", hint="Send a JSON object.")
    try:
        found = json.loads(body.decode("utf-8-sig"), parse_float=_decimal, parse_constant=_refuse, object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise BadPayload("The body is not UTF-8.", hint="Send UTF-8.") from None
    except json.JSONDecodeError as error:
        raise BadPayload(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.", hint="Correct it.") from None
    except RecursionError:
        raise _too_deep(depth) from None
    except ValueError:
        raise BadPayload("The body holds a number of too many digits.", hint="Send a shorter one.") from None
    if not isinstance(found, dict):
        raise BadPayload("The body is not a JSON object.", hint="Send one object in braces.")
    _check_depth(found, depth, depth)
    return found


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise BadPayload("The body holds a number whose exponent is out of range.", hint="Send a smaller one.") from None


def _refuse(word: str) -> Any:
    raise BadPayload(f"{word} is not JSON.", hint='Write it as a string: "NaN", "INF" or "-INF".')


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadPayload("A name stands twice in one object.", hint="Remove one of them.")
    return found


def _too_deep(depth: int) -> BadPayload:
    return BadPayload(f"The body is nested deeper than the limit of {depth} levels.", hint=f"Send it flatter. {raised_by('json_depth')}")


def _check_depth(value: Any, left: int, depth: int) -> None:
    if not isinstance(value, dict | list):
        return
    if left == 0:
        raise _too_deep(depth)
    for item in value.values() if isinstance(value, dict) else value:
        _check_depth(item, left - 1, depth)


def change_of(resource: PublishedResource, body: Mapping[str, Any]) -> Change:
    """Return what the body asks for; raise BadPayload naming an unknown property."""
    change = Change()
    for name, value in body.items():
        base, _, annotation = name.partition("@")
        if annotation in ("odata.bind", "bind") and base:
            _take_link(resource, change, base, value)
        elif "@" in name:
            # Control information and annotations of a row that was read before: clients send it back as it came.
            continue
        elif name in resource.by_name:
            change.values[name] = _value(resource.by_name[name], value)
        elif name in resource.navigation_by_name:
            change.nested[name] = value
        else:
            raise BadPayload(f"{resource.name} has no property {name[:80]}.", target=name[:80], hint="$metadata lists the properties.")
    return change


def _value(item: PublishedProperty, value: Any) -> Any:
    if item.column.is_generated and value is None:
        return None
    return take(item.column, value, name=item.name)


def _take_link(resource: PublishedResource, change: Change, name: str, value: Any) -> None:
    navigation = resource.navigation_by_name.get(name)
    if navigation is None:
        raise BadPayload(f"{resource.name} has no navigation property {name[:80]}.", target=name[:80], hint="$metadata lists them.")
    fits = (
        isinstance(value, list) and all(isinstance(item, str) for item in value)
        if navigation.is_collection
        else value is None or isinstance(value, str)
    )
    if not fits:
        wanted = "a list of entity ids" if navigation.is_collection else "one entity id"
        raise BadPayload(f"{name}@odata.bind takes {wanted}.", target=name, hint='For example "Customers(1)".')
    change.links[name] = value


def nested_expand(nested: Mapping[str, Any]) -> tuple[ExpandItem, ...]:
    """Return the $expand that shows the nested entities of a body."""
    found = []
    for name, body in nested.items():
        objects = [item for item in (body if isinstance(body, list) else [body]) if isinstance(item, dict)]
        deeper = {key: value for item in objects for key, value in item.items() if _is_nested(value)}
        found.append(ExpandItem((name,), options=Options(expand=nested_expand(deeper)) if deeper else None))
    return tuple(found)


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


def property_value(item: PublishedProperty, body: Mapping[str, Any]) -> Any:
    """Return the value of `{"value": ...}`, the body of PUT or PATCH on one property."""
    if "value" not in body:
        raise BadPayload("The body has no value.", target=item.name, hint='Send {"value": ...}.')
    return take(item.column, body["value"], name=item.name)


def reference_of(body: Mapping[str, Any]) -> str:
    """Return the entity id of `{"@odata.id": ...}`, the body of a write to /$ref."""
    found = body.get("@odata.id", body.get("@id"))
    if not isinstance(found, str) or not found:
        raise BadPayload("The body names no entity.", target="@odata.id", hint='Send {"@odata.id": "Customers(1)"}.')
    return found
