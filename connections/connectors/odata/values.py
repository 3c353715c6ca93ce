"""Values of rows between OData's JSON and the contract (OData JSON Format 4.01, 7.1 Primitive Value)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from connections.connectors.exact_json import DECODER, bounded, json_text
from connections.connectors.odata.model import EntitySet, Field
from connections.connectors.odata.printing import duration_text, stamp_text
from connections.contract.errors import BadAnswer, SourceRejected
from connections.contract.table import FLOATS, INTEGER_RANGE, INTEGERS, Type

FRACTION = re.compile(r"(?<=\.)(\d{6})\d+")  # what is finer than a microsecond is cut
SHORT_FRACTION = re.compile(r"\.(\d{1,5})(?=\D|$)")
DURATION = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?")
SPECIAL = {"INF": float("inf"), "-INF": float("-inf"), "NaN": float("nan")}


def moment_text(text: str) -> str:
    """Return a time with six digits behind the point, as Python reads it."""
    return SHORT_FRACTION.sub(lambda found: "." + found[1].ljust(6, "0"), FRACTION.sub(r"\1", text))


def read_stamp(value: Any) -> datetime:
    """Return an instant."""
    found = datetime.fromisoformat(moment_text(value))
    if found.tzinfo is None:
        raise ValueError(value)
    return found.astimezone(UTC)


def read_duration(value: Any) -> timedelta:
    """Return a duration of days and time."""
    found = DURATION.fullmatch(value)
    if not found or not any(found.groups()[1:]):
        raise ValueError(value)
    sign, days, hours, minutes, seconds, fraction = found.groups()
    micro = int((fraction or "").ljust(6, "0")[:6])
    length = timedelta(int(days or 0), int(seconds or 0), micro, minutes=int(minutes or 0), hours=int(hours or 0))
    return -length if sign else length


def read_binary(value: Any) -> bytes:
    """Return bytes of base64url, padded or not."""
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def read_float(value: Any) -> float:
    """Return a double."""
    if isinstance(value, str) and value in SPECIAL:
        return SPECIAL[value]
    if isinstance(value, bool):
        raise TypeError(value)
    return float(value)


def read_decimal(value: Any) -> Decimal:
    """Return a decimal, given as number or (IEEE754Compatible) as text."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise TypeError(value)
    return bounded(Decimal(value))


def read_boolean(value: Any) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def read_text(value: Any) -> str:
    """Return text."""
    if not isinstance(value, str):
        raise TypeError(value)
    value.encode()
    return value


def integer_reader(type_: Type) -> Callable[[Any], int]:
    """Return the reader of whole numbers in the type's range."""
    least, most = INTEGER_RANGE[type_]

    def read(value: Any) -> int:
        found = int(bounded(value) if isinstance(value, Decimal) else value)
        if isinstance(value, bool) or not least <= found <= most or (isinstance(value, Decimal) and value != found):
            raise TypeError(value)
        return found

    return read


def read_json(value: Any) -> str:
    """Return a node as JSON text."""
    return str(read_text(json_text(value)))


READERS: dict[Type, Callable[[Any], Any]] = {
    **{type_: integer_reader(type_) for type_ in INTEGERS},
    **dict.fromkeys(FLOATS, read_float),
    Type.BOOLEAN: read_boolean,
    Type.DECIMAL: read_decimal,
    Type.STRING: read_text,
    Type.GUID: UUID,
    Type.DATE: date.fromisoformat,
    Type.TIME: lambda value: time.fromisoformat(moment_text(value)),
    Type.TIMESTAMP: read_stamp,
    Type.DURATION: read_duration,
    Type.BINARY: read_binary,
}


def reader_of(field: Field) -> Callable[[Mapping[str, Any]], Any]:
    """Return the function that takes the field's value out of a row."""
    read = read_json if field.column.is_json else READERS[field.column.type]
    path, name = field.path, field.column.name

    def take(row: Mapping[str, Any]) -> Any:
        value: Any = row
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        try:
            return None if value is None else read(value)
        except (ValueError, TypeError, ArithmeticError, AttributeError, RecursionError) as error:
            raise BadAnswer(
                f"The service's value of {name} is not of the type that its $metadata tells.", hint="Refresh the resource."
            ) from error

    return take


def body_of(entity_set: EntitySet, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON of columns, complex values put together again."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        field = entity_set.fields[name]
        into = found
        for part in field.path[:-1]:
            into = into.setdefault(part, {})
        into[field.path[-1]] = written(field, value)
    return found


def written(field: Field, value: Any) -> Any:
    """Return a contract value as JSON has it."""
    if value is None:
        return None
    if field.column.is_json:
        try:
            return DECODER.decode(value)
        except (ValueError, RecursionError) as error:
            raise SourceRejected(f"{field.column.name} must be a JSON text.", hint="Send JSON that is not nested deeply.") from error
    for kind, write in WRITERS:
        if isinstance(value, kind):
            return write(value)
    return value


def write_float(value: float) -> Any:
    """Return a double, or the word of what is no number."""
    return next((word for word, item in SPECIAL.items() if item == value), "NaN") if value != value or abs(value) == float("inf") else value


WRITERS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (float, write_float),
    (UUID, str),
    (datetime, stamp_text),
    (date, date.isoformat),
    (time, time.isoformat),
    (timedelta, lambda value: duration_text(value).removeprefix("duration'").removesuffix("'")),
    (bytes, lambda value: base64.urlsafe_b64encode(value).decode()),
)
