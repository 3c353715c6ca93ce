"""The tab Columns: a statement as rows and back, so that what was not touched stays as it was typed."""

from __future__ import annotations

import pytest

from apiserver.jobs.column_rows import Row, WrongRows, rows_of, statement_of, takes_all
from apiserver.jobs.replicate import replicate, written
from connections.contract.table import Column, Table, TableRef, Type

COLUMNS = (Column("Id", Type.INT64), Column("Title"), Column("ContentRaw"), Column("Votes", Type.INT32, is_costly=True))
ISSUES = Table(TableRef("", "Issues"), columns=COLUMNS, primary_key=("Id",))


def shown(rows: list[Row]) -> list[str]:
    """Return the rows as the page shows them: [ticked] expression AS name type, key."""
    return [
        f"{'x' if row.is_chosen else '-'} {row.expression} {row.name} {row.type}{' key' if row.is_key else ''}".replace("  ", " ").rstrip()
        for row in rows
    ]


def saved(text: str, rows: list[Row], *, is_all: bool = True) -> str:
    return written(statement_of(replicate(text), rows, ISSUES, is_all=is_all))


def test_a_whole_table_shows_its_columns_and_its_key() -> None:
    rows = rows_of(replicate("REPLICATE [Issues]"), ISSUES)

    assert shown(rows) == ["x [Id] Id key", "x [Title] Title", "x [ContentRaw] ContentRaw", "- [Votes] Votes"]


@pytest.mark.parametrize(
    "text",
    [
        "REPLICATE [Issues]",
        "REPLICATE [Copy] [Issues]",
        "REPLICATE [Issues] ([Title] VARCHAR(50)) [Issues]",
        "REPLICATE [Issues] ([Id] BIGINT, PRIMARY KEY ([Title])) SELECT [Id], [Title] FROM [Issues]",
        "REPLICATE [Issues] SELECT t.[Title], [ContentRaw] FROM [Issues] t WHERE [Id] = 1",
        "REPLICATE [Issues] SELECT *, UPPER([Title]) AS [Loud] FROM [Issues] ORDER BY 1",
        "REPLICATE [Issues] SELECT *, [Votes] FROM [Issues]",
        "REPLICATE [n] SELECT [Title], COUNT(*) AS [N] FROM [Issues] GROUP BY [Title]",
    ],
)
def test_what_nobody_touched_is_written_as_it_was(text: str) -> None:
    statement = replicate(text)

    rows = rows_of(statement, ISSUES)

    assert replicate(saved(text, rows, is_all=takes_all(statement))) == statement


def test_the_walkthrough_unticks_columns() -> None:
    text = "REPLICATE [Issues]"
    rows = rows_of(replicate(text), ISSUES)
    rows[0].is_chosen = False

    assert saved(text, rows) == "REPLICATE [Issues] SELECT [Title], [ContentRaw] FROM [Issues]"


def test_rename_type_compute_and_key() -> None:
    text = "REPLICATE [Issues]"
    rows = rows_of(replicate(text), ISSUES)
    rows[1].name, rows[1].type = "Subject", "VARCHAR(50)"
    rows[2].expression = "LEFT([ContentRaw], 10)"
    rows.append(Row("CONCAT([Id], '-', [Title])", "Code", is_key=True))

    found = saved(text, rows)

    wanted = (
        "([Subject] VARCHAR(50), PRIMARY KEY ([Id], [Code])) SELECT [Id], [Title] AS [Subject], LEFT([ContentRaw], 10) AS [ContentRaw],"
    )
    assert found == f"REPLICATE [Issues] {wanted} CONCAT([Id], '-', [Title]) AS [Code] FROM [Issues]"


def test_all_columns_are_named_where_later_ones_shall_not_join() -> None:
    rows = rows_of(replicate("REPLICATE [Issues]"), ISSUES)

    found = saved("REPLICATE [Issues]", rows, is_all=False)

    assert found == "REPLICATE [Issues] SELECT [Id], [Title], [ContentRaw] FROM [Issues]"


def test_the_key_of_the_table_is_none_of_its_groups() -> None:
    rows = rows_of(replicate("REPLICATE [n] SELECT [Id], COUNT(*) AS [N] FROM [Issues] GROUP BY [Id]"), ISSUES)

    assert [row.is_key for row in rows] == [False] * 5


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (Row("", "x"), "An expression is missing."),
        (Row("1 + 1"), "A column that is computed needs a name."),
        (Row("1 + 1", "title"), "Another column has this name."),
        (Row("1 + 1", "Two", "NUMBERS"), "This is no type."),
    ],
)
def test_wrong_rows_say_why(row: Row, problem: str) -> None:
    rows = [*rows_of(replicate("REPLICATE [Issues]"), ISSUES), row]

    with pytest.raises(WrongRows):
        saved("REPLICATE [Issues]", rows)
    assert row.problem == problem
