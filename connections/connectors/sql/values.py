"""Conversions that several dialects need."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from connections.contract.errors import BadValue

LARGEST_SINGLE = 3.4028234663852886e38


def nearest_single(value: float) -> float:
    """Return the double that equals the nearest 32-bit float: what a column of that type holds of the value."""
    if not math.isfinite(value):
        return value
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def shortest_single(value: float) -> float:
    """Return the double with the fewest digits that rounds to the same 32-bit float: 1.1 for 1.100000023841858."""
    for digits in (6, 7, 8):
        short = float(f"{value:.{digits}g}")
        if abs(short) <= LARGEST_SINGLE and nearest_single(short) == value:
            return short
    return float(f"{value:.9g}")


def instant_reader(zone: tzinfo) -> Callable[[datetime], datetime]:
    """Return the function that gives the instant (UTC) of a date-time without zone."""
    if zone is UTC:
        return lambda value: value.replace(tzinfo=UTC)

    def read(value: datetime) -> datetime:
        try:
            return value.replace(tzinfo=zone).astimezone(UTC)
        except OverflowError as error:
            raise BadValue("The date-time lies outside the years 1 to 9999 in UTC.") from error

    return read


def instant_writer(zone: tzinfo) -> Callable[[datetime], datetime]:
    """Return the function that gives the date-time without zone of an instant."""

    def write(value: datetime) -> datetime:
        try:
            return value.astimezone(zone).replace(tzinfo=None)
        except OverflowError as error:
            raise BadValue("The date-time lies outside the years 1 to 9999 in the connection's TimeZone.") from error

    return write


def zone_of(name: str) -> tzinfo:
    """Return the zone; UTC is always the same object."""
    return UTC if name == "UTC" else ZoneInfo(name)


def quoted(mark: str, name: str) -> str:
    """Return an identifier between quotation marks, doubled inside."""
    if "\0" in name:
        raise BadValue("A name holds a NUL character.")
    return mark + name.replace(mark, mark * 2) + mark
