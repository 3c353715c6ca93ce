"""Functions that every SQLite connection gets: SQLite has no exact decimals, no dates and no Unicode case of its own.

All are deterministic. They return None for None, and for stored values that can't be read as the type (dynamic typing).
"""

from __future__ import annotations

import datetime as dt
import decimal
import functools
import math
import operator
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connections.contract import text as unicode

# Julian day of 1970-01-01T00:00Z, SQLite's form of date-times as REAL (sqlite.org/lang_datefunc.html).
JULIAN_EPOCH = 2440587.5
# Whole numbers above this are milliseconds since 1970, below seconds.
MILLISECONDS_FROM = 10**11
EXACT = decimal.Context(prec=60)


def number(value: Any) -> Decimal | None:
    """Return the decimal that a stored number means: the shortest one that gives this double."""
    if value is None or isinstance(value, bytes):
        return None
    try:
        return Decimal(repr(value) if isinstance(value, float) else value)
    except (decimal.InvalidOperation, ValueError, TypeError):
        return None


def stored(value: Decimal | None) -> int | float | None:
    """Return what SQLite keeps of a decimal: the nearest double, or the integer."""
    if value is None or not value.is_finite():
        return None
    if value == value.to_integral_value() and abs(value) < 2**63:
        return int(value)
    return float(value)


def arithmetic(operation: Callable[[Decimal, Decimal], Decimal]) -> Callable[[Any, Any], int | float | None]:
    """Return an operation done in decimals on stored numbers."""

    def run(left: Any, right: Any) -> int | float | None:
        first, second = number(left), number(right)
        if first is None or second is None:
            return None
        try:
            return stored(operation(first, second))
        except decimal.DivisionByZero as error:
            raise ZeroDivisionError from error
        except decimal.InvalidOperation as error:
            raise ZeroDivisionError from error

    return run


def of_doubles(operation: Callable[[float, float], float]) -> Callable[[Any, Any], float | None]:
    """Return an operation on doubles; a division by zero and a result beyond doubles raise, as every other database has it."""

    def run(left: Any, right: Any) -> float | None:
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            return None
        if right == 0 and operation in (operator.truediv, math.fmod):
            raise ZeroDivisionError
        found = operation(left, right)
        if math.isinf(found) and math.isfinite(left) and math.isfinite(right):
            raise OverflowError
        return found

    return run


def rounded(mode: str) -> Callable[[Any], int | float | None]:
    """Return rounding to whole numbers in decimals."""

    def run(value: Any) -> int | float | None:
        if isinstance(value, float) and not math.isfinite(value):
            return value
        found = number(value)
        return stored(found.to_integral_value(rounding=mode)) if found is not None else None

    return run


def timestamp(value: Any, zone: dt.tzinfo = dt.UTC) -> str | None:
    """Return a stored date-time as text that sorts, by the wall clock of `zone`: 2024-03-10 12:34:56.789."""
    moment = read_timestamp(value, zone)
    return None if moment is None else write_timestamp(moment)


def read_timestamp(value: Any, zone: dt.tzinfo = dt.UTC) -> dt.datetime | None:
    """Return a stored date-time by the wall clock of `zone`: ISO text, seconds or milliseconds since 1970, or a Julian day."""
    try:
        if isinstance(value, str):
            found = dt.datetime.fromisoformat(value.strip())
            return found if found.tzinfo is None else found.astimezone(zone).replace(tzinfo=None)
        if isinstance(value, int):
            return epoch(value / 1000 if abs(value) >= MILLISECONDS_FROM else value, zone)
        if isinstance(value, float):
            return epoch((value - JULIAN_EPOCH) * 86400, zone)
    except (ValueError, OverflowError):
        return None
    return None


def instant(value: Any, zone: dt.tzinfo = dt.UTC) -> str | None:
    """Return the wall clock of UTC when a date-time as `timestamp` writes it shows on the clocks of `zone`."""
    if value is None:
        return None
    try:
        return write_timestamp(dt.datetime.fromisoformat(value).replace(tzinfo=zone).astimezone(dt.UTC).replace(tzinfo=None))
    except OverflowError:
        return None


def epoch(seconds: float, zone: dt.tzinfo) -> dt.datetime:
    """Return the wall clock `seconds` after 1970, to the millisecond: doubles hold no more of a Julian day."""
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=round(seconds * 1000))
    return moment.astimezone(zone).replace(tzinfo=None)


def write_timestamp(moment: dt.datetime) -> str:
    """Return a date-time as SQLite's own functions write it, fraction only where there is one."""
    text = moment.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0")
    return f"{text}.{moment.microsecond:06d}".rstrip("0") if moment.microsecond else text


def date(value: Any, zone: dt.tzinfo = dt.UTC) -> str | None:
    """Return a stored date as YYYY-MM-DD."""
    moment = read_timestamp(value, zone)
    return None if moment is None else moment.date().isoformat()


def time_of_day(value: Any, zone: dt.tzinfo = dt.UTC) -> str | None:
    """Return a stored time as text that sorts: 06:30:00.5."""
    if not isinstance(value, str):
        return None
    try:
        found = dt.time.fromisoformat(value.strip())
    except ValueError:
        moment = read_timestamp(value, zone)
        if moment is None:
            return None
        found = moment.time()
    return write_time(found)


def write_time(value: dt.time) -> str:
    """Return a time as text, fraction only where there is one."""
    text = value.strftime("%H:%M:%S")
    return f"{text}.{value.microsecond:06d}".rstrip("0") if value.microsecond else text


def boolean(value: Any) -> int | None:
    """Return a stored truth value as 0 or 1."""
    if isinstance(value, str):
        return {"true": 1, "t": 1, "yes": 1, "1": 1, "false": 0, "f": 0, "no": 0, "0": 0}.get(value.strip().lower())
    return None if value is None or isinstance(value, bytes) else int(value != 0)


def guid(value: Any) -> str | None:
    """Return a stored GUID (text or 16 bytes) in lower case."""
    try:
        if isinstance(value, bytes):
            return str(uuid.UUID(bytes=value))
        return str(uuid.UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def text(function: Callable[[str], Any]) -> Callable[[Any], Any]:
    """Return a function over text that passes null through."""
    return lambda value: None if value is None else function(value if isinstance(value, str) else str(value))


def index_of(value: Any, part: Any) -> int | None:
    """Return the position of a part, -1 when absent."""
    return None if value is None or part is None else str(value).find(str(part))


def substring(value: Any, start: Any, count: Any) -> str | None:
    """Return OData's substring, null of null."""
    if value is None or start is None or count is None:
        return None
    return unicode.substring(str(value), start, count)


def cast_text(value: Any) -> str | None:
    """Return a number as OData writes it."""
    found = number(value)
    if found is None:
        return None if value is None else str(value)
    return format(found, "f")


def exact(value: Any) -> Any:
    """Return a bound decimal; one that arrives as text has more digits than SQLite can hold (it would keep the nearest double)."""
    if isinstance(value, str):
        raise ValueError
    return value


def registered(zone: dt.tzinfo) -> dict[str, tuple[int, Callable[..., Any]]]:
    """Return every function, those of dates and times for a connection with this TimeZone."""
    zoned = {"api_ts": timestamp, "api_date": date, "api_time": time_of_day, "api_instant": instant}
    return {**REGISTERED, **{name: (1, functools.partial(function, zone=zone)) for name, function in zoned.items()}}


# name -> (number of arguments, function)
REGISTERED: dict[str, tuple[int, Callable[..., Any]]] = {
    "api_add": (2, arithmetic(EXACT.add)),
    "api_sub": (2, arithmetic(EXACT.subtract)),
    "api_mul": (2, arithmetic(EXACT.multiply)),
    "api_div": (2, arithmetic(EXACT.divide)),
    "api_mod": (2, arithmetic(EXACT.remainder)),
    "api_div_integer": (2, arithmetic(EXACT.divide_int)),
    "api_add_float": (2, of_doubles(operator.add)),
    "api_sub_float": (2, of_doubles(operator.sub)),
    "api_mul_float": (2, of_doubles(operator.mul)),
    "api_div_float": (2, of_doubles(operator.truediv)),
    "api_mod_float": (2, of_doubles(math.fmod)),
    "api_round": (1, rounded(decimal.ROUND_HALF_UP)),
    "api_floor": (1, rounded(decimal.ROUND_FLOOR)),
    "api_ceiling": (1, rounded(decimal.ROUND_CEILING)),
    "api_ts": (1, timestamp),
    "api_instant": (1, instant),
    "api_date": (1, date),
    "api_time": (1, time_of_day),
    "api_bool": (1, boolean),
    "api_guid": (1, guid),
    "api_lower": (1, text(unicode.lower)),
    "api_upper": (1, text(unicode.upper)),
    "api_trim": (1, text(str.strip)),
    "api_indexof": (2, index_of),
    "api_substring": (3, substring),
    "api_text": (1, cast_text),
    "api_exact": (1, exact),
}
