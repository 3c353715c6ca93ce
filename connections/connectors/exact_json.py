"""JSON text with numbers in the digits that they have: decimals are never doubles on the way."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def no_number(word: str) -> float:
    """Refuse NaN and Infinity, which JSON has not."""
    raise ValueError(word)


DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=no_number)


def json_text(value: Any) -> str:
    """Return a value as JSON text."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{ENCODER.encode(name)}: {json_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(json_text(item) for item in value) + "]"
    return ENCODER.encode(value)
