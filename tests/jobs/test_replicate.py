"""REPLICATE statements: read, written back as they mean, and refused at the place of what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiserver.jobs.replicate import Replicate, replicate, tree_of, written
from apiserver.jobs.replicate_options import OPTIONS
from apiserver.jobs.replicate_types import column_of, type_text
from connections.contract.table import Column, Type
from connections.engine.sql_reader import SqlProblem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("REPLICATE [Issues]", Replicate(("Issues",), source=("Issues",))),
        ("replicate Table ;", Replicate(("Table",), source=("Table",))),
        ("REPLICATE [Account.csv]", Replicate(("Account.csv",), source=("Account.csv",))),
        ("REPLICATE [copy] [dbo].[Issues]", Replicate(("copy",), source=("dbo", "Issues"))),
        ("REPLICATE [dbo].[copy]", Replicate(("dbo", "copy"), source=("copy",))),
        (
            "REPLICATE [Issues] SELECT [Title], [ContentRaw] FROM [Issues] WHERE [Id] = 1",
            Replicate(("Issues",), query="SELECT [Title], [ContentRaw] FROM [Issues] WHERE [Id] = 1"),
        ),
        ("REPLICATE x WITH DropTable [y]", Replicate(("x",), options={"DropTable": True}, source=("y",))),
        (
            "REPLICATE x (a INT, PRIMARY KEY (a)) WITH truncatetable=false, IncrementalCheckColumn='b', BatchSize=500 SELECT a, b FROM y",
            Replicate(
                ("x",),
                (Column("a", Type.INT32),),
                ("a",),
                {"TruncateTable": False, "IncrementalCheckColumns": "b", "BatchSize": 500},
                "SELECT a, b FROM y",
            ),
        ),
        (
            "REPLICATE x WITH late AS (SELECT * FROM y) SELECT * FROM late",
            Replicate(("x",), query="WITH late AS (SELECT * FROM y) SELECT * FROM late"),
        ),
    ],
)
def test_what_it_says(text: str, expected: Replicate) -> None:
    found = replicate(text)

    assert found == expected
    assert replicate(written(found)) == found
    assert tree_of(found) is not None


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("", (1, 1), "no REPLICATE"),
        ("SELECT 1", (1, 1), "no REPLICATE"),
        ("[REPLICATE] x", (1, 1), "no REPLICATE"),
        ("REPLICATE", (1, 10), "destination's table is missing"),
        ("REPLICATE [a", (0, 0), "never closed"),
        ("REPLICATE a.b.c", (1, 15), "too many parts"),
        ("REPLICATE x\nWITH DropTabel", (2, 6), "nearest is DropTable"),
        ("REPLICATE x WITH BatchSize=0 y", (1, 28), "whole number"),
        ("REPLICATE x WITH BatchSize y", (1, 18), "whole number"),
        ("REPLICATE x WITH DropTable=maybe", (1, 28), "TRUE or FALSE"),
        ("REPLICATE x WITH DropTable, DropTable", (1, 29), "given twice"),
        ("REPLICATE x WITH IncrementalCheckColumns y", (1, 18), "needs a value"),
        ("REPLICATE x WITH ReplicateIntervalUnit='moons'", (1, 40), "one of minutes"),
        ("REPLICATE x (a FOO)", (1, 16), "FOO is no type"),
        ("REPLICATE x (a INT, A INT)", (1, 21), "given twice"),
        ("REPLICATE x (a)", (1, 15), "type of the column a is missing"),
        ("REPLICATE [ ]", (1, 11), "destination's table is missing"),
        ("REPLICATE x SELECT", (0, 0), "names no columns"),
        ("REPLICATE x SELECT FROM y", (0, 0), "names no columns"),
        ("REPLICATE x SELECT * FROM y ORDER", (1, 29), "something is missing"),
        ("REPLICATE x SELECT * INTO z FROM y", (0, 0), "INTO is not supported"),
        ("REPLICATE x (a INT", (1, 19), ") is missing"),
        ("REPLICATE x (PRIMARY KEY a)", (1, 26), "( is missing"),
        ("REPLICATE x y WHERE a = 1", (1, 15), "too much"),
        ("REPLICATE x; REPLICATE y", (1, 12), "several statements"),
        ("REPLICATE x\n  SELECT a FROM", (2, 12), "can't be read"),
        ("REPLICATE x SELECT a FRM y WHERE", (0, 0), ""),
        ("REPLICATE x DROP TABLE y", (0, 0), ""),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(text: str, at: tuple[int, int], words: str) -> None:
    with pytest.raises(SqlProblem) as caught:
        replicate(text)

    assert words in str(caught.value)
    assert at in ((0, 0), (caught.value.line, caught.value.column))


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("VARCHAR(50)", Column("a", max_length=50)),
        ("NVARCHAR(MAX)", Column("a")),
        ("TEXT", Column("a")),
        ("JSON", Column("a", is_json=True)),
        ("TINYINT", Column("a", Type.INT16)),
        ("INTEGER", Column("a", Type.INT32)),
        ("BIGINT", Column("a", Type.INT64)),
        ("NUMERIC(10, 2)", Column("a", Type.DECIMAL, precision=10, scale=2)),
        ("DECIMAL", Column("a", Type.DECIMAL)),
        ("FLOAT", Column("a", Type.DOUBLE)),
        ("FLOAT(24)", Column("a", Type.SINGLE)),
        ("REAL", Column("a", Type.SINGLE)),
        ("DOUBLE PRECISION", Column("a", Type.DOUBLE)),
        ("BIT", Column("a", Type.BOOLEAN)),
        ("DATETIME2(3)", Column("a", Type.TIMESTAMP, precision=3)),
        ("TIMESTAMP WITH TIME ZONE", Column("a", Type.TIMESTAMP, has_zone=True)),
        ("TIME(6)", Column("a", Type.TIME, precision=6)),
        ("UNIQUEIDENTIFIER", Column("a", Type.GUID)),
        ("VARBINARY(10)", Column("a", Type.BINARY, max_length=10)),
        ("BLOB", Column("a", Type.BINARY)),
        *[
            (text, None)
            for text in ("", "FOO", "INT[]", "VARCHAR(0)", "DECIMAL(2, 3)", "DECIMAL(2000)", "x'y", "VARCHAR(a)", "STRUCT<a INT>")
        ],
    ],
)
def test_types(text: str, column: Column | None) -> None:
    assert column_of("a", text) == column
    if column is not None:
        assert column_of("a", type_text(column)) == column


NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ue000\ue001"), min_size=1, max_size=20).filter(
    str.strip
)


@given(
    st.lists(NAMES, min_size=1, max_size=2),
    st.lists(NAMES, max_size=3, unique_by=str.lower),
    st.lists(NAMES, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(sorted(OPTIONS)), st.sampled_from([True, False, 7, "x'y", "days"])),
)
def test_whatever_is_written_is_read_again(
    target: list[str], columns: list[str], source: list[str], options: dict[str, bool | int | str]
) -> None:
    valid = {}
    for name, value in options.items():
        try:
            valid[name] = OPTIONS[name].read(value)
        except ValueError:
            continue
    made = Replicate(tuple(target), tuple(Column(name, Type.INT64) for name in columns), tuple(columns[:1]), valid, source=tuple(source))

    assert replicate(written(made)) == made
