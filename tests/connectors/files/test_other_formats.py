"""JSON, NDJSON, Parquet and Excel as tables."""

from __future__ import annotations

import datetime as dt
import json
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connections.connectors.files import excel, json_rows, json_text
from connections.contract.errors import BadAnswer, BadValue
from connections.contract.scan import Compare, Grade
from tests.connectors.files.folder import offer, read, rows, session, table

ROWS = [
    {"id": 1, "address": {"city": "Köln", "zip": "050"}, "tags": ["a", {"b": 1.10}], "price": 1.5, "on": "2026-01-02", "big": 2**70},
    {"id": 2, "address": {"city": None}, "price": 2, "more": {}, "mixed": "x"},
    {"id": 3, "address": None, "mixed": 7},
]


def text(kind: str) -> str:
    if kind == "ndjson":
        return "\n".join(json.dumps(row) for row in ROWS)
    return json.dumps(ROWS if kind == "json" else {"total": 3, "none": [], "numbers": [1], "data": {"items": ROWS}, "end": "x"})


@pytest.mark.parametrize(("name", "path"), [("t.json", ""), ("t.ndjson", ""), ("t.named.json", "$.data.items")])
def test_objects_become_flat_typed_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, path: str) -> None:
    monkeypatch.setattr(json_text, "PIECE", 7)
    (tmp_path / name).write_text(text("named" if path else name.partition(".")[2]), encoding="utf-8")

    found, values = read(tmp_path, name, JSONPath=path)

    assert found == {
        "id": "Int64",
        "address.city": "String",
        "address.zip": "String",
        "tags": "String",
        "price": "Decimal",
        "on": "Date",
        "big": "Decimal",
        "more": "String",
        "mixed": "String",
    }
    assert values == [
        (1, "Köln", "050", '["a", {"b": 1.1}]', Decimal("1.5"), dt.date(2026, 1, 2), Decimal(2**70), None, None),
        (2, None, None, None, Decimal(2), None, None, "{}", "x"),
        (3, None, None, None, None, None, None, None, "7"),
    ]


def test_the_one_array_of_objects_is_found(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('{"a": [1, 2], "rows": [{"x": 1}, {"x": 2}], "z": {}}')

    assert read(tmp_path, "t.json") == ({"x": "Int64"}, [(1,), (2,)])


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ('{"a": [{"x": 1}], "b": [{"y": 1}]}', "several arrays of objects, a and b"),
        ('{"a": 1}', "no array of objects"),
        ('[{"x": 1}, 2]', "row 2, something that is no object"),
        ('[{"x": 1}', "misses ','"),
        ('[{"x": NaN}]', "is no JSON"),
        ('[{"x": 1}] [', "goes on behind its end"),
        ('[{"x": ' + "[" * 200_000 + "]" * 200_000 + "}]", "nested too deep"),
        ("[" + json.dumps({f"c{n}": n for n in range(3000)}) + "]", "more than 2000 columns"),
        ("", "misses '{'"),
    ],
)
def test_broken_json_is_named(tmp_path: Path, content: str, match: str) -> None:
    (tmp_path / "t.json").write_text(content)

    with pytest.raises(BadAnswer, match=match):
        read(tmp_path, "t.json")


def test_half_a_character_is_refused_not_sent(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('[{"x": "\\ud800"}]')

    with pytest.raises(BadValue, match="row 1, a value of x"):
        read(tmp_path, "t.json")


def test_lines_of_json_are_read_from_any_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "MARK_ROWS", 7)
    (tmp_path / "t.ndjson").write_text("".join(f'{{"n": {n}}}\n\n' for n in range(1, 101)))
    opened = session(tmp_path)
    found = table(opened, "t.ndjson")

    for start in (0, 6, 7, 8, 99, 100):
        assert rows(opened, found, "n", where=(Compare("RowNumber", "gt", start),), limit=3) == [(n,) for n in range(start + 1, 101)][:3]


def parquet(folder: Path) -> dict[str, list[Any]]:
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    columns = {
        "id": pa.array(range(3000), pa.int32()),
        "unsigned": pa.array([2**64 - 1] * 3000, pa.uint64()),
        "price": pa.array([Decimal("1.10")] * 3000, pa.decimal128(10, 2)),
        "at": pa.array([moment] * 3000, pa.timestamp("ns", tz="Asia/Tokyo")),
        "local": pa.array([moment.replace(tzinfo=None)] * 3000, pa.timestamp("us")),
        "day": pa.array([dt.date(2026, 1, 1) + dt.timedelta(n // 1000) for n in range(3000)]),
        "kind": pa.array(["a", None, "c"] * 1000).dictionary_encode(),
        "list": pa.array([[1, 2]] * 3000),
        "raw": pa.array([b"\0\1"] * 3000),
    }
    pq.write_table(pa.table(columns), folder / "t.parquet", row_group_size=1000)
    return {name: values.to_pylist() for name, values in columns.items()}


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    parquet(tmp_path)
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC)

    found, values = read(tmp_path, "t.parquet")

    assert list(found.values()) == ["Int32", "Decimal", "Decimal", "DateTimeOffset", "DateTimeOffset", "Date", "String", "String", "Binary"]
    assert values[1] == (1, Decimal(2**64 - 1), Decimal("1.10"), moment, moment, dt.date(2026, 1, 1), None, "[1, 2]", b"\0\1")
    assert len(values) == 3000


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        (Compare("id", "eq", 1500), range(1000, 2000)),
        (Compare("id", "lt", 1000), range(1000)),
        (Compare("id", "ge", 2000), range(2000, 3000)),
        (Compare("id", "in", (5, 2500)), [*range(1000), *range(2000, 3000)]),
        (Compare("day", "gt", dt.date(2026, 1, 2)), range(2000, 3000)),
        (Compare("kind", "eq", "a"), range(3000)),
    ],
)
def test_row_groups_without_the_value_are_passed_over_and_numbers_stay(tmp_path: Path, where: Compare, kept: Any) -> None:
    parquet(tmp_path)
    opened = session(tmp_path)
    found = table(opened, "t.parquet")
    offered = offer(opened, found, "RowNumber", "id", where=(where,))

    assert [row for batch in opened.read(offered) for row in batch.rows] == [(n + 1, n) for n in kept]
    assert offered.grades == (Grade.NO if where.column == "kind" else Grade.SUPERSET,)
    assert (offered.takes_limit, offered.takes_count) == (False, False)


def test_finer_times_than_microseconds_are_refused_not_cut(tmp_path: Path) -> None:
    pq.write_table(pa.table({"at": pa.array([1], pa.timestamp("ns")), "n": [1]}), tmp_path / "t.parquet")
    opened = session(tmp_path)
    found = table(opened, "t.parquet")

    with pytest.raises(BadValue, match="a value of at"):
        rows(opened, found)
    assert rows(opened, found, "n") == [(1,)]
    assert rows(opened, found, "RowNumber") == [(1,)]


def test_sheets_are_tables_of_their_workbook(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.title = "Sales"
    first.append(["Id", "Price", "Day", "At", "Text", "Flag", "Sum", "Time"])
    first.append([1, 1.5, dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, 3, 4), "007", True, "=1+1", dt.time(9, 30)])
    first.append([2, 2, None, None, 5, None, None, None])
    book.create_sheet("Empty")
    book.save(tmp_path / "b.xlsx")
    opened = session(tmp_path)

    assert [str(item.ref) for item in opened.list_tables()] == ["b.xlsx.Empty", "b.xlsx.Sales"]
    assert read(tmp_path, "Sales") == (
        {
            "Id": "Int64",
            "Price": "Double",
            "Day": "Date",
            "At": "DateTimeOffset",
            "Text": "String",
            "Flag": "Boolean",
            "Sum": "String",
            "Time": "TimeOfDay",
        },
        [
            (1, 1.5, dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC), "007", True, None, dt.time(9, 30)),
            (2, 2.0, None, None, "5", None, None, None),
        ],
    )
    assert [str(item.ref) for item in session(tmp_path, URI="b.xlsx", Sheet="Sales").list_tables()] == ["Sales"]
    assert read(tmp_path, "Empty") == ({}, [])


def test_rows_of_a_long_sheet_are_packed_and_keep_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "CHUNK", 7)
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Long"
    sheet["B3"] = "Id"
    for number in range(1, 31):
        sheet.cell(number + 3 + number // 10, 2, number)  # an empty row after each ten
    book.save(tmp_path / "long.xlsx")

    opened = session(tmp_path)
    found = table(opened, "Long")
    asked = [offer(opened, found, "Id", "RowNumber", where=(Compare("RowNumber", "eq", row),)) for row in (1, 6, 7, 8, 14, 30)]

    assert read(tmp_path, "Long") == ({"Id": "Int64"}, [(number,) for number in range(1, 31)])
    assert [row for one in asked for batch in opened.read(one) for row in batch.rows] == [(n, n) for n in (1, 6, 7, 8, 14, 30)]


def test_packed_rows_take_a_fraction_of_their_memory() -> None:
    def made() -> Iterator[list[Any]]:
        return ([number, number * 1.5, f"name {number}", dt.datetime(2026, 1, 1), "said often"] for number in range(20_000))

    tracemalloc.start()
    plain = list(made())
    held = tracemalloc.get_traced_memory()[0]
    sheet = excel.Sheet(made())
    packed = tracemalloc.get_traced_memory()[0] - held
    tracemalloc.stop()

    assert packed < held / 10
    assert list(sheet.rows(0, sheet.length)) == plain
