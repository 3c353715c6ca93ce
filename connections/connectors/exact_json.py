"""JSON text with numbers in the digits that they have: decimals are never doubles on the way."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

MOST_DIGITS = 1000
ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def no_number(word: str) -> float:
    """Refuse NaN and Infinity, which JSON has not."""
    raise ValueError(word)


DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=no_number)


def bounded(value: Decimal) -> Decimal:
    """Return a decimal that can be written out; raise ValueError for others: a few letters such as 1e999999999 stand for gigabytes."""
    if not value.is_finite() or abs(value.adjusted()) > MOST_DIGITS:
        raise ValueError("no decimal")
    return value


def json_text(value: Any) -> str:
    """Return a value as JSON text."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{ENCODER.encode(name)}: {json_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(json_text(item) for item in value) + "]"
    return ENCODER.encode(value)
