"""Literals of URLs: exact values, and clear refusals of what has no value."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from apiserver.odata.literals import value_of
from apiserver.odata.nodes import Literal
from apiserver.odata.parser import ODataSyntaxError, parse_expression
from connections.contract.table import Type


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("null", None, None),
        ("NULL", None, None),
        ("true", Type.BOOLEAN, True),
        ("False", Type.BOOLEAN, False),
        ("0", Type.INT32, 0),
        ("-2147483648", Type.INT32, -(2**31)),
        ("2147483648", Type.INT64, 2**31),
        ("9223372036854775807", Type.INT64, 2**63 - 1),
        ("9223372036854775808", Type.DECIMAL, Decimal(2**63)),
        ("1.50", Type.DECIMAL, Decimal("1.50")),
        ("0.1", Type.DECIMAL, Decimal("0.1")),
        ("1e3", Type.DOUBLE, 1000.0),
        ("-1.5E-2", Type.DOUBLE, -0.015),
        ("INF", Type.DOUBLE, math.inf),
        ("-INF", Type.DOUBLE, -math.inf),
        ("'it''s'", Type.STRING, "it's"),
        ("''", Type.STRING, ""),
        ("2020-02-29", Type.DATE, date(2020, 2, 29)),
        ("23:59", Type.TIME, time(23, 59)),
        ("23:59:59.123456789", Type.TIME, time(23, 59, 59, 123456)),
        ("2020-01-31T12:30Z", Type.TIMESTAMP, datetime(2020, 1, 31, 12, 30, tzinfo=UTC)),
        ("2020-01-31T12:30:00+02:00", Type.TIMESTAMP, datetime(2020, 1, 31, 10, 30, tzinfo=UTC)),
        ("2020-01-31T12:30:00 02:00", Type.TIMESTAMP, datetime(2020, 1, 31, 10, 30, tzinfo=UTC)),
        ("2020-01-31T23:30:00.5-01:30", Type.TIMESTAMP, datetime(2020, 2, 1, 1, 0, 0, 500000, tzinfo=UTC)),
        ("duration'P1DT2H3M4.5S'", Type.DURATION, timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("duration'-PT1M'", Type.DURATION, -timedelta(minutes=1)),
        ("binary'Zm9v'", Type.BINARY, b"foo"),
        ("binary'_-8='", Type.BINARY, b"\xff\xef"),
        ("binary''", Type.BINARY, b""),
        ("ABCDEF01-89ab-cdef-0123-456789abcdef", Type.GUID, UUID("abcdef01-89ab-cdef-0123-456789abcdef")),
    ],
)
def test_literal_has_its_exact_value(text: str, type_: Type | None, value: Any) -> None:
    literal = parse_expression(text)

    assert literal == Literal(type_, value, text)
    assert type(literal.value) is type(value)


def test_nan_is_a_double() -> None:
    literal = parse_expression("NaN")

    assert isinstance(literal, Literal)
    assert literal.type is Type.DOUBLE
    assert math.isnan(literal.value)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Sales.Color'Red,Blue'", "enum", "Red,Blue"),
        ("geography'SRID=4326;Point(1 2)'", "geography", "SRID=4326;Point(1 2)"),
        ("geometry'SRID=0;Polygon((1 1,2 2,3 3,1 1))'", "geometry", "SRID=0;Polygon((1 1,2 2,3 3,1 1))"),
    ],
)
def test_other_literals_keep_their_text(text: str, kind: str, value: str) -> None:
    assert parse_expression(text) == Literal(Type.STRING, value, text, kind)


@pytest.mark.parametrize(
    "text",
    [
        "2020-02-30",
        "2021-02-29",
        "2020-13-01",
        "0000-01-01",
        "-0044-03-15",
        "12020-01-01",
        "24:00",
        "12:60",
        "2020-01-31T24:00Z",
        "2020-01-31T23:59:60Z",
        "2020-01-31T12:00:00+15:00",
        "0001-01-01T00:00:00+01:00",
        "2020-01-31T12:30:00",
        "1" * 41,
        "0." + "1" * 40,
        "1e999",
        "42.",
        ".5",
        "duration'P1Y'",
        "duration'P'",
        "duration'P1DT'",
        "duration'P" + "9" * 18 + "D'",
        "binary'a'",
        "binary'+/=='",
        "datetime'2020-01-31T00:00:00'",
        "guid'01234567-89ab-cdef-0123-456789abcdef'",
        "Sales.Color''",
        "geography'Point(1 2)'",
        "geometry'SRID=0;Point(1)'",
        "'open",
        "'O'Neil'",
        '"double"',
    ],
)
def test_literal_without_a_value_is_refused(text: str) -> None:
    with pytest.raises(ODataSyntaxError) as caught:
        parse_expression(text)

    assert caught.value.message


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (Type.INT16, "-7", -7),
        (Type.BYTE, "255", 255),
        (Type.DECIMAL, "1.10", Decimal("1.10")),
        (Type.DOUBLE, "INF", math.inf),
        (Type.BOOLEAN, "True", True),
        (Type.STRING, "a'b", "a'b"),
        (Type.TIMESTAMP, "2020-01-31T00:00:00Z", datetime(2020, 1, 31, tzinfo=UTC)),
        (Type.DURATION, "PT1S", timedelta(seconds=1)),
    ],
)
def test_value_of_reads_unquoted_text(type_: Type, text: str, value: Any) -> None:
    assert value_of(type_, text) == value


@pytest.mark.parametrize(
    ("type_", "text"),
    [(Type.BYTE, "256"), (Type.INT32, "1.0"), (Type.INT64, "abc"), (Type.DECIMAL, "NaN"), (Type.DATE, "2020-1-1"), (Type.GUID, "x")],
)
def test_value_of_refuses_other_text(type_: Type, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        value_of(type_, text)
