"""Rows of contract values as Arrow tables, and values of DuckDB as the contract's."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from connections.contract.errors import BadValue
from connections.contract.table import FLOATS, INTEGERS, Column, Type
from connections.contract.unsayable import sayable

MOST_DIGITS = 38  # of a decimal


def table_of(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> Any:
    """Return the rows as an Arrow table; a value of another type than its column's is named."""
    import pyarrow as pa  # on first use: an idle server needs none of its memory

    found = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrays = []
    for column, values in zip(columns, found, strict=True):
        given = [None if value is None else sayable(value) for value in values]
        try:
            arrays.append(pa.array([written(column, value) for value in given], type=kind_of(column, given)))
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise BadValue(f"The column {column.name} holds a value that is no {column.type}.", hint="Refresh the resource.") from error
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def kind_of(column: Column, values: Sequence[Any]) -> Any:
    """Return the Arrow type of a column; decimals are as wide as their values need."""
    import pyarrow as pa

    kinds: dict[Type, Any] = {
        **dict.fromkeys(INTEGERS, pa.int64()),
        **dict.fromkeys(FLOATS, pa.float64()),
        Type.BOOLEAN: pa.bool_(),
        Type.STRING: pa.large_string(),
        Type.GUID: pa.string(),
        Type.DATE: pa.date32(),
        Type.TIME: pa.time64("us"),
        Type.TIMESTAMP: pa.timestamp("us", tz="UTC"),
        Type.DURATION: pa.duration("us"),
        Type.BINARY: pa.large_binary(),
    }
    one = kinds[column.type] if column.type in kinds else decimal_kind(column, values)
    return pa.list_(one) if column.is_collection else one


def decimal_kind(column: Column, values: Sequence[Any]) -> Any:
    """Return the type that holds all these decimals exactly."""
    import pyarrow as pa

    items = [item for value in values if value is not None for item in (value if column.is_collection else (value,)) if item is not None]
    if any(not Decimal(item).is_finite() for item in items):
        raise BadValue(f"The column {column.name} holds NaN or infinity, which can't be joined or computed with.")
    parts = [Decimal(item).as_tuple() for item in items]
    scale = max([column.scale or 0, *(-int(part.exponent) for part in parts)])
    whole = max([1, *(len(part.digits) + int(part.exponent) for part in parts)])
    if whole + scale > MOST_DIGITS:
        raise BadValue(f"The column {column.name} holds numbers of more than {MOST_DIGITS} digits, which can't be joined or computed with.")
    return pa.decimal128(min(MOST_DIGITS, max(18, whole + scale + 2)), scale)


def written(column: Column, value: Any) -> Any:
    """Return a value as Arrow takes it."""
    if value is None:
        return None
    if column.is_collection:
        return [None if item is None else one(column.type, item) for item in value]
    return one(column.type, value)


def one(kind: Type, value: Any) -> Any:
    """Return one value as Arrow takes it."""
    return str(value) if kind is Type.GUID else value


def instant(value: dt.datetime) -> dt.datetime:
    """Return a moment in UTC."""
    return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


READERS: dict[Type, Callable[[Any], Any]] = {
    **dict.fromkeys(FLOATS, float),
    Type.BOOLEAN: bool,
    Type.GUID: lambda value: value if isinstance(value, uuid.UUID) else uuid.UUID(str(value)),
    Type.TIMESTAMP: instant,
    Type.BINARY: bytes,
    Type.DURATION: lambda value: dt.timedelta(days=value.days, microseconds=value.nanoseconds // 1000),
}
