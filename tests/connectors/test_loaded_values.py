"""Values on their way into a destination: text that is exact, arrays as PostgreSQL writes them, what does not fit is named."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connections.connectors.loaded_values import Driven, written
from connections.contract.errors import BadValue
from connections.contract.exact_types import marked, wished
from connections.contract.loading import Unfit
from connections.contract.table import Column, Type
from connections.contract.unsayable import Unsayable


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("a", "a"),
        (True, "true"),
        (0.1, "0.1"),
        (float("-inf"), "-Infinity"),
        (Decimal("1E+3"), "1000"),
        (Decimal("NaN"), "NaN"),
        (datetime(2024, 1, 2, 3, 4, 5, 6, UTC), "2024-01-02 03:04:05.000006+00:00"),
        (date(1, 2, 3), "0001-02-03"),
        (time(1, 2), "01:02:00"),
        (timedelta(days=-1, seconds=-2, microseconds=-500_000), "P-1DT-2.5S"),
        (timedelta(days=3), "P3DT0S"),
        (b"\x00a", "\\x0061"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ([1, None, Decimal("2.50"), "é", float("nan"), [True]], '[1, null, 2.50, "é", "NaN", [true]]'),
        ({"a": {"b": 1}}, '{"a": {"b": 1}}'),
        (Unsayable("infinity", BadValue("")), "infinity"),
    ],
)
def test_a_value_is_written_exactly(value: Any, text: str | None) -> None:
    assert written(value) == text


def driven(column: Column, values: list[Any], *, encode: Any = None, repairs: bool = False) -> tuple[list[Any], int]:
    found = Driven([[(value,) for value in values], []], [column], lambda _: encode, lambda _: repairs)
    return [row[0] for batch in found for row in batch], found.repaired


def test_nul_characters_are_taken_out_of_texts_and_documents_alone() -> None:
    assert driven(Column("a"), ["x\0y\0", None, "z"], repairs=True) == (["xy", None, "z"], 1)
    document = '{"a": "\\\\u0000 \\u0000", "b": "\\\\\\u0000"}'
    assert driven(Column("a", is_json=True), [document], repairs=True) == (['{"a": "\\\\u0000 ", "b": "\\\\"}'], 1)
    assert driven(Column("a"), ["x\0"]) == (["x\0"], 0)


def test_arrays_become_what_postgresql_writes() -> None:
    column = Column("a", Type.INT32, is_collection=True, native_type="int4[]")
    assert driven(column, ["[1, null, 2.50]", "[[1], [2]]", "[]", [1], None, "{1}"])[0] == (
        ['{"1",NULL,"2.50"}', '{{"1"},{"2"}}', "{}", [1], None, "{1}"]
    )
    documents = Column("a", is_json=True, native_type="jsonb[]")
    assert driven(documents, ['[{"a": [1.50]}, "b\\"c", [2]]'])[0] == ['{"{\\"a\\": [1.50]}","\\"b\\\\\\"c\\"","[2]"}']


def test_a_value_without_a_form_in_its_column_is_named() -> None:
    def encode(value: Any) -> Any:
        if isinstance(value, Unsayable):
            raise BadValue("none")
        return value

    assert driven(Column("a", Type.DATE), ["infinity", date(2024, 1, 1)], encode=encode)[0] == ["infinity", date(2024, 1, 1)]
    with pytest.raises(Unfit, match="a") as raised:
        driven(Column("a", Type.DATE), [Unsayable("infinity", BadValue(""))], encode=encode)
    assert raised.value.column == "a"


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (Column("a", native_type="interval"), "interval"),
        (
            Column("a", Type.TIMESTAMP, native_type="timestamp(3) with time zone", comment="When. {postgresql: date}"),
            "timestamp(3) with time zone",
        ),
        (Column("a", Type.DECIMAL, precision=5, scale=1, is_collection=True, native_type="numeric[]"), "numeric(5,1)[]"),
        (Column("a", max_length=7, is_collection=True, native_type="varchar[]"), "character varying(7)[]"),
        (Column("a", native_type="interval day to second(3)"), "interval day to second(3)"),
        (Column("a", native_type='"char"'), '"char"'),
        (Column("a", Type.INT32, native_type="integer"), ""),
        (Column("a", native_type="mood"), ""),
        (Column("a", native_type="text); DROP TABLE x; --"), ""),
    ],
)
def test_the_type_of_a_column_stands_in_its_comment(column: Column, kind: str) -> None:
    found = marked(column)

    assert wished(found) == kind
    assert (found.type, found.is_collection) == (Type.STRING if column.is_collection else column.type, False)
    assert found.comment.startswith("When. {") == bool(column.comment)


def test_a_comment_can_wish_only_for_a_type() -> None:
    assert wished(Column("a", comment="{postgresql: integer; DROP TABLE x}")) == ""
