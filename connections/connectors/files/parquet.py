"""Parquet by pyarrow: only the wanted columns and row groups, a batch of rows at a time."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connections.connectors.files.formats import BATCH_ROWS, MOST_COLUMNS, Ask, Numbered, Options, Source, positions
from connections.connectors.sql.values import instant_reader
from connections.contract.scan import Compare, Predicate
from connections.contract.table import Column, Type

# Bytes that one column of one row group may take when opened, as the file's own end tells.
MOST_CHUNK_BYTES = 512 * 2**20
EXACT_STATISTICS = frozenset({Type.BYTE, Type.SBYTE, Type.INT16, Type.INT32, Type.INT64, Type.DATE, Type.DECIMAL})
OUTSIDE: dict[str, Callable[[Any, Any, Any], bool]] = {
    "eq": lambda least, most, value: value < least or value > most,
    "in": lambda least, most, value: all(item < least or item > most for item in value),
    "lt": lambda least, _, value: least >= value,
    "le": lambda least, _, value: least > value,
    "gt": lambda _, most, value: most <= value,
    "ge": lambda _, most, value: most < value,
}
SIMPLE = (
    (pa.types.is_boolean, Type.BOOLEAN),
    (pa.types.is_uint8, Type.BYTE),
    (pa.types.is_int8, Type.SBYTE),
    (pa.types.is_int16, Type.INT16),
    (pa.types.is_uint16, Type.INT32),
    (pa.types.is_int32, Type.INT32),
    (pa.types.is_uint32, Type.INT64),
    (pa.types.is_int64, Type.INT64),
    (pa.types.is_float16, Type.SINGLE),
    (pa.types.is_float32, Type.SINGLE),
    (pa.types.is_float64, Type.DOUBLE),
    (pa.types.is_date32, Type.DATE),
    (pa.types.is_date64, Type.DATE),
    (pa.types.is_time, Type.TIME),
    (pa.types.is_duration, Type.DURATION),
    (pa.types.is_binary, Type.BINARY),
    (pa.types.is_large_binary, Type.BINARY),
    (pa.types.is_fixed_size_binary, Type.BINARY),
)


class Parquet:
    """The format of .parquet."""

    def columns(self, source: Source, options: Options) -> list[Column]:
        """Return the file's columns with their types."""
        with opened(source) as file:
            return [column_of(field) for field in schema_of(source, file)]

    def batches(self, source: Source, options: Options, ask: Ask) -> Iterator[Numbered]:
        """Give the rows that are asked for; row groups that hold no row of the conjuncts are passed over."""
        with opened(source) as file:
            schema = schema_of(source, file)
            positions(source, schema.names, ask.columns)
            first = 1
            for group in range(file.num_row_groups):
                behind = first + file.metadata.row_group(group).num_rows
                if behind > ask.start and first <= ask.stop and not is_outside(file, schema, group, ask.where):
                    yield from self._group(source, options, file, group, ask, first)
                first = behind

    def _group(self, source: Source, options: Options, file: pq.ParquetFile, group: int, ask: Ask, first: int) -> Iterator[Numbered]:
        check_size(source, file, group)
        names = [column.name for column in ask.columns]
        for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=names, use_threads=False):
            behind = first + batch.num_rows
            if behind > ask.start and first <= ask.stop:
                skipped = max(ask.start - first, 0)
                part = batch.slice(skipped, min(behind, ask.stop + 1) - first - skipped)
                found = [values_of(source, part.column(column.name), column, options, first) for column in ask.columns]
                yield first + skipped, list(zip(*found, strict=True)) if found else [()] * part.num_rows
            first = behind

    def count(self, source: Source, options: Options) -> int:
        """Return the number of rows."""
        with opened(source) as file:
            return int(file.metadata.num_rows)


@contextlib.contextmanager
def opened(source: Source) -> Iterator[pq.ParquetFile]:
    """Open the file; whatever is wrong with it is told by its name."""
    with source.open() as raw:
        try:
            texts = [field.name for field in pq.read_schema(raw) if is_long(field.type)]
            with pq.ParquetFile(raw, memory_map=False, pre_buffer=False, buffer_size=2**20, read_dictionary=texts) as file:
                yield file
            source.check(raw)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise source.broken("is no readable Parquet file.", hint="It may be cut off, encrypted or of another kind.") from error


def is_long(kind: pa.DataType) -> bool:
    """Claim that one value of the type may be of any length, and that Arrow reads it by dictionary."""
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))


def schema_of(source: Source, file: pq.ParquetFile) -> pa.Schema:
    """Return the schema; raise for columns that can't be told apart, or too many."""
    schema = file.schema_arrow
    if len(schema.names) > MOST_COLUMNS:
        raise source.broken(f"has {len(schema.names)} columns.", hint=f"{MOST_COLUMNS} are the most that are read.")
    if len({name.lower() for name in schema.names}) < len(schema.names):
        raise source.broken("has two columns of the same name.")
    return schema


def check_size(source: Source, file: pq.ParquetFile, group: int) -> None:
    """Raise for a row group that would take too much memory."""
    found = file.metadata.row_group(group)
    largest = max((found.column(index).total_uncompressed_size for index in range(found.num_columns)), default=0)
    if largest > MOST_CHUNK_BYTES:
        raise source.broken(
            f"has a row group with more than {MOST_CHUNK_BYTES // 2**20} MiB in one column.", hint="Write smaller row groups."
        )


def column_of(field: pa.Field) -> Column:
    """Return the column of a field; what has no type here is JSON text."""
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    named = {"name": field.name, "native_type": str(kind)}
    simple = next((type_ for fits, type_ in SIMPLE if fits(kind)), None)
    if simple is not None:
        return Column(type=simple, **named)
    if pa.types.is_decimal(kind):
        return Column(type=Type.DECIMAL, precision=kind.precision, scale=kind.scale, **named)
    if pa.types.is_uint64(kind):
        return Column(type=Type.DECIMAL, precision=20, scale=0, **named)
    if pa.types.is_timestamp(kind):
        return Column(type=Type.TIMESTAMP, has_zone=kind.tz is not None, **named)
    if isinstance(kind, pa.UuidType):
        return Column(type=Type.GUID, **named)
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_null(kind)
    return Column(type=Type.STRING, is_json=not is_text, **named)


def values_of(source: Source, found: pa.Array, column: Column, options: Options, first: int) -> list[Any]:
    """Return the contract's values of an array; finer times than microseconds are refused, not cut."""
    if pa.types.is_dictionary(found.type):  # a long value that many rows share is made once
        known = values_of(source, found.dictionary, column, options, first)
        return [None if place is None else known[place] for place in found.indices.to_pylist()]
    try:
        values = pc.cast(found, finest(found.type)).to_pylist()
    except (pa.ArrowInvalid, ValueError, OverflowError) as error:
        raise source.misfit(column.name, first) from error
    convert = converter(found.type, column, options)
    return values if convert is None else [None if value is None else convert(value) for value in values]


def finest(kind: pa.DataType) -> pa.DataType:
    """Return the type with microseconds in the place of nanoseconds."""
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", tz=kind.tz)
    if pa.types.is_time64(kind):
        return pa.time64("us")
    return pa.duration("us") if pa.types.is_duration(kind) and kind.unit == "ns" else kind


def converter(kind: pa.DataType, column: Column, options: Options) -> Callable[[Any], Any] | None:
    """Return how Python's value of an Arrow type becomes the contract's."""
    if pa.types.is_timestamp(kind):
        return (lambda value: value.astimezone(UTC)) if kind.tz is not None else instant_reader(options.zone)
    if pa.types.is_uint64(kind):
        return Decimal
    if column.is_json and not isinstance(kind, pa.JsonType):
        return lambda value: json.dumps(value, default=str, ensure_ascii=False)
    return None


def is_outside(file: pq.ParquetFile, schema: pa.Schema, group: int, where: Sequence[Predicate]) -> bool:
    """Claim that no row of the group meets one of the conjuncts, as the group's statistics tell."""
    return any(isinstance(item, Compare) and item.operator in OUTSIDE and misses(file, schema, group, item) for item in where)


def misses(file: pq.ParquetFile, schema: pa.Schema, group: int, item: Compare) -> bool:
    """Claim that the column's least and most value of the group rule the comparison out."""
    if item.column not in schema.names or column_of(schema.field(item.column)).type not in EXACT_STATISTICS:
        return False
    found = file.metadata.row_group(group)
    chunk = next((found.column(n) for n in range(found.num_columns) if found.column(n).path_in_schema == item.column), None)
    statistics = chunk.statistics if chunk is not None else None
    if statistics is None or not statistics.has_min_max:
        return False
    try:
        return OUTSIDE[item.operator](statistics.min, statistics.max, item.value)
    except TypeError:  # a stored type that compares with no value of the column
        return False
