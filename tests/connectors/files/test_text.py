"""CSV and TSV: types, quoting, encodings, delimiters; nothing is guessed wrong or lost."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connections.connectors.files import csvs
from connections.contract.errors import BadAnswer, BadValue, ConnectionFailed, InvalidProperties, TableGone
from connections.contract.scan import Compare
from tests.connectors.files.folder import offer, read, rows, session, table, types

SHOP = """Id,Zip,Price,Sold,At,Flag,Note,Big,Key
1,00123,1.50,2026-01-02,2026-01-02T03:04:05Z,true,"two
lines",12345678901234567890,6f9619ff-8b86-d011-b42d-00c04fc964ff
2,04567,2,2026/3/4,2026-01-02T12:04:05.250+09:00,FALSE,,1,6F9619FF-8B86-D011-B42D-00C04FC964FF
"""


def test_types_are_the_narrowest_that_hold_every_value(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text(SHOP)
    key = UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")

    found, values = read(tmp_path, "shop.csv")

    assert found == {
        "Id": "Int64",
        "Zip": "String",
        "Price": "Decimal",
        "Sold": "Date",
        "At": "DateTimeOffset",
        "Flag": "Boolean",
        "Note": "String",
        "Big": "Decimal",
        "Key": "Guid",
    }
    first = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert values == [
        (1, "00123", Decimal("1.50"), date(2026, 1, 2), first, True, "two\nlines", Decimal("12345678901234567890"), key),
        (2, "04567", Decimal(2), date(2026, 3, 4), first.replace(microsecond=250_000), False, None, Decimal(1), key),
    ]


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["1", "-2"], "Int64"),
        (["1", "01"], "String"),
        (["+1"], "String"),
        (["1,000"], "String"),
        (["1", "2.5"], "Decimal"),
        (["9223372036854775808"], "Decimal"),
        (["1" * 39], "String"),
        (["1e5", "2.5"], "Double"),
        (["1e5", "0.12345678901234567"], "String"),
        (["1e999"], "String"),
        (["NaN"], "String"),
        (["2026-02-30"], "String"),
        (["31/12/2026"], "String"),
        (["2026-01-01", "2026-01-01 10:00"], "String"),
        (["2026-01-01 10:00", "2026-01-01T10:00Z"], "String"),
        (["2026-01-01 10:00:00.1234567"], "String"),
        (["2026-01-01 10:00:00.1234560"], "DateTimeOffset"),
        (["10:30", "23:59:59.5"], "TimeOfDay"),
        (["yes"], "String"),
        (["１２"], "String"),
        ([], "String"),
    ],
)
def test_doubt_leaves_text(tmp_path: Path, values: list[str], type_: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["x", "y"], *[[value, "a"] for value in values]])
    (tmp_path / "t.csv").write_text(buffer.getvalue())

    assert read(tmp_path, "t.csv")[0]["x"] == type_


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), min_size=3, max_size=3), max_size=20))
@settings(max_examples=60, deadline=None)
def test_text_comes_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, given_rows: list[list[str]]) -> None:
    folder = tmp_path_factory.mktemp("text")
    with (folder / "t.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *given_rows])

    assert read(folder, "t.csv", TypeDetectionScheme="None", Delimiter=",")[1] == [tuple(v or None for v in row) for row in given_rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932", "euc_jp"])
def test_encoding_is_found_out(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes("名前,数\r\n山田,1\r\nスズキ,2\r\n".encode(encoding))

    assert read(tmp_path, "t.csv") == ({"名前": "String", "数": "Int64"}, [("山田", 1), ("スズキ", 2)])


def test_western_text_is_not_taken_for_japanese(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("a,b\nété,Müller\n".encode("cp1252"))

    with pytest.raises(BadAnswer, match="not to be told"):
        read(tmp_path, "t.csv")
    assert read(tmp_path, "t.csv", Encoding="windows-1252")[1] == [("été", "Müller")]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiter_is_found_out(tmp_path: Path, mark: str) -> None:
    (tmp_path / "t.csv").write_text(f'a{mark}b\n1{mark}"x, y; z"\n')

    assert read(tmp_path, "t.csv")[1] == [(1, "x, y; z")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiter_that_the_file_tells_is_no_row(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes("sep=;\r\nid;b\r\n1;x,y\r\n".encode(encoding))

    assert read(tmp_path, "t.csv") == ({"id": "Int64", "b": "String"}, [(1, "x,y")])


def test_properties_override_what_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("1:n/a:5\n2:x:6\n")

    found = read(
        tmp_path, "t.txt", Delimiter=":", HasHeader=False, NullValues="n/a", ColumnTypes="t.txt: Column3 = Decimal\nColumn1 = String"
    )

    assert found == ({"Column1": "String", "Column2": "String", "Column3": "Decimal"}, [("1", None, Decimal(5)), ("2", "x", Decimal(6))])


def test_names_are_made_unique_and_short_rows_filled(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,A,,RowNumber\n1,2,3,4\n\n5,6\n")
    opened = session(tmp_path)
    found = table(opened, "t.csv")

    assert [column.name for column in found.columns] == ["RowNumber_2", "a", "A_2", "Column3", "RowNumber"]
    assert (found.primary_key, found.writes) == (("RowNumber_2",), frozenset())
    assert rows(opened, found, "RowNumber_2", "A_2", "RowNumber") == [(1, 2, 4), (2, 6, None)]


def test_any_row_can_be_read_from_and_up_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvs, "MARK_ROWS", 7)
    (tmp_path / "t.csv").write_text("n,t\n" + "".join(f'{n},"line\n{n}"\n' for n in range(1, 101)))
    opened = session(tmp_path)
    found = table(opened, "t.csv")
    every = [(n, n, f"line\n{n}") for n in range(1, 101)]

    for start in (0, 6, 7, 8, 50, 99, 100):
        offered = offer(opened, found, "RowNumber", "n", "t", where=(Compare("RowNumber", "gt", start),), limit=5, offset=1)
        assert [row for batch in opened.read(offered) for row in batch.rows] == every[start + 1 : start + 6]
    assert opened.count(offer(opened, found, where=(Compare("RowNumber", "le", 30), Compare("RowNumber", "ge", 11)))) == 20


def test_batches_tell_where_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(2500)))
    opened = session(tmp_path)
    offered = offer(opened, table(opened, "t.csv"), "n")

    first = next(iter(opened.read(offered)))
    rest = [row for batch in opened.read(offered, resume=first.resume) for row in batch.rows]

    assert [n for (n,) in first.rows + rest] == list(range(2500))


def test_value_of_another_type_is_refused_by_name_never_null(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,x\n")
    opened = session(tmp_path)
    found = table(opened, "t.csv")
    (tmp_path / "t.csv").write_text("a,b\n1,x\ntwo,y\n")

    with pytest.raises(BadValue, match="row 2, a value of a "):
        rows(opened, found, "a")
    assert rows(opened, found, "b") == [("x",), ("y",)]


def test_changed_file_is_described_anew_and_lost_columns_and_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,x\n")
    opened = session(tmp_path)
    before = table(opened, "t.csv")
    (tmp_path / "t.csv").write_text("a,c\nlong,2026-01-01\n")

    assert types(opened.describe([before.ref])[0]) == {"a": "String", "c": "Date"}
    with pytest.raises(TableGone, match="no column b"):
        rows(opened, before, "b")
    (tmp_path / "t.csv").rename(tmp_path / "u.csv")
    with pytest.raises(TableGone, match=r"no file or sheet t\.csv"):
        rows(opened, before, "a")


def test_file_that_grows_while_it_is_read_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(5000)))
    opened = session(tmp_path)
    reading = iter(opened.read(offer(opened, table(opened, "t.csv"), "n")))
    next(reading)
    with (tmp_path / "t.csv").open("a") as file:
        file.write("9\n")

    with pytest.raises(ConnectionFailed, match="changed while it was read"):
        list(reading)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"a,b\n1,2,3\n", "3 fields in row 1, and 2 columns"),
        (b'a,b\n1,"open\n', "unexpected end of data"),
        (b"a\n" + b"x\0y\n", "is no text"),
        (b"\xff\xfe\x00", "no utf-16 text"),
        (b",".join(b"c%d" % n for n in range(3000)), "has 3000 columns"),
    ],
)
def test_broken_text_is_named(tmp_path: Path, text: bytes, match: str) -> None:
    (tmp_path / "t.csv").write_bytes(text)

    with pytest.raises(BadAnswer, match=match):
        read(tmp_path, "t.csv", Delimiter=",")


@pytest.mark.parametrize(
    "values",
    [
        {"Delimiter": "ab"},
        {"Encoding": "klingon"},
        {"Encoding": "base64"},
        {"IncludeFiles": "EXE"},
        {"ColumnTypes": "a = Money"},
        {"TimeZone": "X/Y"},
    ],
)
def test_properties_that_cannot_work_are_named(tmp_path: Path, values: dict[str, str]) -> None:
    with pytest.raises(InvalidProperties) as told:
        session(tmp_path, **values)
    assert list(told.value.errors) == list(values)


def test_times_without_zone_are_in_the_connections(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("at,time\n2026-01-01 09:00,09:30\n")

    assert read(tmp_path, "t.csv", TimeZone="Asia/Tokyo")[1] == [(datetime(2026, 1, 1, tzinfo=UTC), time(9, 30))]
