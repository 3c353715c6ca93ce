"""Stored values that OData can't say (PostgreSQL's infinity, MySQL's times beyond a day): kept until somebody wants to see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connections.contract.errors import BadValue

# What decoding raises for a value that is none of the column's type; all but the first: the column's type changed since it was described.
UNREADABLE = (BadValue, ValueError, TypeError, ArithmeticError, AttributeError)
OTHER_TYPE = "A value is not of the type that the column had when it was published."


@dataclass(frozen=True, slots=True)
class Unsayable:
    """A value as the source writes it, and why it can't be shown. A row that holds one can be read without it, and written."""

    text: str
    reason: BadValue

    def __str__(self) -> str:
        return self.text


def read_value(decode: Callable[[Any], Any] | None, value: Any) -> Any:
    """Return the contract's value of the driver's, or what stands for one that OData can't say."""
    if value is None or decode is None:
        return value
    try:
        return decode(value)
    except UNREADABLE as error:
        return Unsayable(str(value), reason_of(error))


def reason_of(error: Exception) -> BadValue:
    """Return why a value can't be shown."""
    return error if isinstance(error, BadValue) else BadValue(OTHER_TYPE, hint="Refresh the resource on the API page.")


def sayable(value: Any) -> Any:
    """Return the value; raise for one that OData can't say."""
    if isinstance(value, Unsayable):
        raise value.reason
    return value
