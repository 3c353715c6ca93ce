"""Given values become those of a connector's properties: typed, with defaults, within bounds. Each connector's `clean` begins here."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connections.contract.errors import InvalidProperties
from connections.contract.property import Property


def clean(properties: Sequence[Property], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return typed values with defaults; raise InvalidProperties that names every wrong one."""
    by_name = {item.name: item for item in properties}
    errors: dict[str, str] = {}
    for name in values:
        if name not in by_name:
            nearest = difflib.get_close_matches(name, by_name, 1)
            errors[name] = "no such property" + (f": did you mean {nearest[0]}?" if nearest else f": known are {', '.join(by_name)}")
    found: dict[str, Any] = {}
    for item in properties:
        try:
            found[item.name] = typed(item, values.get(item.name))
        except ValueError as error:
            errors[item.name] = str(error)
    if errors:
        raise InvalidProperties(errors)
    return found


def typed(item: Property, value: Any) -> Any:
    """Return one value in the property's type; raise ValueError with a sentence."""
    if value is None or value == "":
        if item.default is None and item.is_required:
            raise ValueError("a value is required")
        return value if value == "" and item.kind in ("string", "text") and item.default is None else item.default
    if item.kind == "boolean":
        return boolean(value)
    if item.kind == "integer":
        return integer(item, value)
    if not isinstance(value, str | int | float) or isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("must be text")
    text = str(value)
    if "\0" in text:
        raise ValueError("must not hold a NUL character")
    if item.kind == "choice" and text not in item.choices:
        same = [choice for choice in item.choices if choice.lower() == text.lower()]
        if not same:
            raise ValueError(f"must be one of {', '.join(item.choices)}")
        return same[0]
    return text


def boolean(value: Any) -> bool:
    """Return a switch given as boolean or as a word."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ValueError("must be true or false")


def integer(item: Property, value: Any) -> int:
    """Return a whole number within the property's bounds."""
    try:
        number = int(str(value).strip())
    except ValueError:
        raise ValueError("must be a whole number") from None
    if (item.minimum is not None and number < item.minimum) or (item.maximum is not None and number > item.maximum):
        raise ValueError(f"must be between {item.minimum} and {item.maximum}")
    return number


def wrong_zone(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with TimeZone, by its name; nothing where there is none."""
    try:
        ZoneInfo(values.get("TimeZone") or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return {"TimeZone": f"{values['TimeZone']!r} is no known time zone, such as Asia/Tokyo"}
    return {}
