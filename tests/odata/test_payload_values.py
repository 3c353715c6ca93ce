"""Values to JSON, text and key literals, and back: exact in both directions."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest

from apiserver.odata.errors import InvalidValue
from apiserver.odata.payload_values import json_encoder, key_literal, plain_text
from apiserver.odata.writer_values import take, take_text
from connections.contract.table import Column, Type

GUID = UUID("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6")
CASES: list[tuple[Type, Any, str]] = [
    (Type.INT64, 2**53 + 1, "9007199254740993"),
    (Type.DECIMAL, Decimal("100.10"), "100.10"),
    (Type.DECIMAL, Decimal("1E+3"), "1000"),
    (Type.DECIMAL, Decimal("123456789012345678901234567890.123456789"), "123456789012345678901234567890.123456789"),
    (Type.DOUBLE, math.inf, '"INF"'),
    (Type.DOUBLE, -math.inf, '"-INF"'),
    (Type.DOUBLE, math.nan, '"NaN"'),
    (Type.DOUBLE, 0.1, "0.1"),
    (Type.SINGLE, 0.10000000149011612, "0.1"),
    (Type.SINGLE, 3.4028234663852886e38, "3.4028235e+38"),
    (Type.BOOLEAN, True, "true"),
    (Type.GUID, GUID, '"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"'),
    (Type.DATE, date(33, 1, 2), '"0033-01-02"'),
    (Type.TIME, time(6, 30), '"06:30:00"'),
    (Type.TIME, time(6, 30, 0, 120000), '"06:30:00.12"'),
    (Type.TIMESTAMP, datetime(2024, 3, 10, 12, 34, 56, 789000, UTC), '"2024-03-10T12:34:56.789Z"'),
    (Type.TIMESTAMP, datetime(2024, 3, 10, 1, 0, tzinfo=timezone(timedelta(hours=9))), '"2024-03-09T16:00:00Z"'),
    (Type.DURATION, timedelta(days=-1, hours=-2), '"-P1DT2H"'),
    (Type.DURATION, timedelta(seconds=1, microseconds=500000), '"PT1.5S"'),
    (Type.DURATION, timedelta(), '"PT0S"'),
    (Type.BINARY, b"\x00\x01\x02\xfb\xff", '"AAEC-_8="'),
    (Type.STRING, "注文 😀\x01", '"注文 😀\\u0001"'),
]


@pytest.mark.parametrize(("type_", "value", "text"), CASES)
def test_value_takes_its_json_form(type_: Type, value: Any, text: str) -> None:
    encode = json_encoder(Column("c", type_), is_ieee754=False)

    assert orjson.dumps(encode(value) if encode else value).decode() == text


@pytest.mark.parametrize(("type_", "value", "text"), [case for case in CASES if case[2].startswith('"')])
def test_json_form_reads_back(type_: Type, value: Any, text: str) -> None:
    found = take(Column("c", type_), orjson.loads(text), name="c")

    assert found == value or (isinstance(found, float) and math.isnan(found) and math.isnan(value))


def test_ieee754_writes_big_numbers_as_text() -> None:
    assert json_encoder(Column("c", Type.INT64), is_ieee754=True)(5) == "5"  # type: ignore[misc]
    assert json_encoder(Column("c", Type.DECIMAL), is_ieee754=True)(Decimal("5.50")) == "5.50"  # type: ignore[misc]
    assert json_encoder(Column("c", Type.INT32), is_ieee754=True) is None


def test_collections_are_encoded_item_by_item() -> None:
    encode = json_encoder(Column("c", Type.DATE, is_collection=True), is_ieee754=False)

    assert encode([date(2020, 1, 1), None]) == ["2020-01-01", None]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        (Type.STRING, "O'Neil/x&y", "'O''Neil%2Fx%26y'".replace("''", "%27%27").replace("'O", "'O")),
        (Type.INT32, -5, "-5"),
        (Type.GUID, GUID, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        (Type.TIMESTAMP, datetime(2020, 1, 1, tzinfo=UTC), "2020-01-01T00:00:00Z"),
        (Type.DURATION, timedelta(hours=1), "duration'PT1H'"),
        (Type.BOOLEAN, True, "true"),
    ],
)
def test_key_literal_is_percent_encoded(type_: Type, value: Any, text: str) -> None:
    assert key_literal(Column("c", type_), value) == text


def test_plain_text_has_no_quotes() -> None:
    assert plain_text(Column("c", Type.BOOLEAN), False) == "false"
    assert plain_text(Column("c", Type.DECIMAL), Decimal("1.50")) == "1.50"
    assert plain_text(Column("c", Type.DOUBLE), math.nan) == "NaN"


@pytest.mark.parametrize(
    ("column", "raw"),
    [
        (Column("c", Type.INT32), 2**31),
        (Column("c", Type.INT32), Decimal("1e999999999")),
        (Column("c", Type.INT32), Decimal("1.5")),
        (Column("c", Type.INT32), True),
        (Column("c", Type.INT32), "abc"),
        (Column("c", Type.INT32), {}),
        (Column("c", Type.DECIMAL, precision=5, scale=2), Decimal("1.234")),
        (Column("c", Type.DECIMAL, precision=5, scale=2), Decimal(1000)),
        (Column("c", Type.DECIMAL, precision=38, scale=2), Decimal("123456789012345678901234567890.123")),
        (Column("c", Type.DECIMAL), "NaN"),
        (Column("c", Type.DOUBLE), Decimal("1e400")),
        (Column("c", Type.SINGLE), Decimal("1e39")),
        (Column("c", Type.STRING, max_length=2), "abc"),
        (Column("c", Type.STRING), "a\x00b"),
        (Column("c", Type.STRING), "\ud800"),
        (Column("c", Type.STRING), 5),
        (Column("c", Type.BOOLEAN), "maybe"),
        (Column("c", Type.GUID), "no guid"),
        (Column("c", Type.DATE), "2023-02-29"),
        (Column("c", Type.TIME), "25:00"),
        (Column("c", Type.TIMESTAMP), "yesterday"),
        (Column("c", Type.TIMESTAMP), "0001-01-01T00:00:00+14:00"),
        (Column("c", Type.DURATION), "P"),
        (Column("c", Type.DURATION), "P999999999DT999999999H"),
        (Column("c", Type.BINARY), "***"),
        (Column("c", Type.STRING, is_nullable=False), None),
        (Column("c", Type.STRING, is_collection=True), "x"),
    ],
)
def test_value_that_does_not_fit_is_refused_by_name(column: Column, raw: Any) -> None:
    with pytest.raises(InvalidValue, match="Price") as caught:
        take(column, raw, name="Price")

    assert caught.value.target == "Price"


@pytest.mark.parametrize(
    ("type_", "raw", "value"),
    [
        (Type.INT32, "1", 1),
        (Type.INT32, Decimal("1.0"), 1),
        (Type.BOOLEAN, "False", False),
        (Type.DECIMAL, "1.50", Decimal("1.50")),
        (Type.DATE, "2024-07-01T00:00:00Z", date(2024, 7, 1)),
        (Type.TIMESTAMP, "2018-02-12", datetime(2018, 2, 12, tzinfo=UTC)),
        (Type.TIMESTAMP, "2018-02-12T10:00:00+09:00", datetime(2018, 2, 12, 1, tzinfo=UTC)),
        (Type.TIME, "06:30", time(6, 30)),
        (Type.BINARY, "AAEC+/8", b"\x00\x01\x02\xfb\xff"),
    ],
)
def test_lenient_forms_are_taken(type_: Type, raw: Any, value: Any) -> None:
    assert take(Column("c", type_), raw, name="c") == value


def test_key_segment_text_must_be_a_whole_number() -> None:
    assert take_text(Column("c", Type.INT32), "7", name="c") == 7
    with pytest.raises(InvalidValue):
        take_text(Column("c", Type.INT32), "7.0", name="c")
