"""Columns and Query are two views of one statement: each edit writes the other."""

from __future__ import annotations

import pytest

from apiserver.jobs.replicate import replicate, written
from apiserver.jobs.replicate_columns import Line, lines_of, with_lines
from connections.contract.errors import SourceRejected
from connections.contract.table import Column, Type


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("", [Line("*", "")]),
        ("SELECT * FROM t", [Line("*", "")]),
        ("SELECT [Title], t.[Id] FROM t", [Line("[Title]", "Title"), Line("t.[Id]", "Id")]),
        ("SELECT DISTINCT TOP 5 a AS b, c d FROM t", [Line("a", "b"), Line("c", "d")]),
        ("SELECT TOP (5) CONCAT(a, ', ', b) AS [Full Name] FROM t", [Line("CONCAT(a, ', ', b)", "Full Name")]),
        (
            "SELECT CASE WHEN a = 1 THEN 'x' ELSE 'y' END kind, COUNT(*) FROM t",
            [Line("CASE WHEN a = 1 THEN 'x' ELSE 'y' END", "kind"), Line("COUNT(*)", "")],
        ),
        ("SELECT (SELECT MAX(x) FROM u) AS most, a + 1 FROM t", [Line("(SELECT MAX(x) FROM u)", "most"), Line("a + 1", "")]),
        ("SELECT EXTRACT(YEAR FROM a) AS y FROM t", [Line("EXTRACT(YEAR FROM a)", "y")]),
        ("SELECT 1 AS one", [Line("1", "one")]),
    ],
)
def test_the_columns_of_a_query(query: str, lines: list[Line]) -> None:
    statement = replicate(f"REPLICATE [d] {query or '[t]'}")

    assert list(lines_of(statement)) == lines
    assert lines_of(with_lines(statement, lines)) == tuple(lines)


def test_an_edit_of_the_columns_leaves_the_rest_of_the_query_as_it_was_typed() -> None:
    statement = replicate("REPLICATE [Issues] SELECT [Title],  [ContentRaw]\nFROM [Issues] -- all\nWHERE [Id] = 1\nGROUP BY [Title]")
    found = with_lines(statement, [Line("[Title]", "Title"), Line("UPPER([Kind])", "K]ind")])

    assert found.query == "SELECT [Title], UPPER([Kind]) AS [K]]ind]\nFROM [Issues] -- all\nWHERE [Id] = 1\nGROUP BY [Title]"


def test_from_a_whole_table_to_a_query_and_back() -> None:
    whole = replicate("REPLICATE [Issues]")
    chosen = with_lines(whole, [Line("[Title]", "Subject", "VARCHAR(50)")], [Column("Subject", max_length=50)])

    assert written(chosen) == "REPLICATE [Issues] ([Subject] VARCHAR(50)) SELECT [Title] AS [Subject] FROM [Issues]"
    assert lines_of(chosen) == (Line("[Title]", "Subject", "VARCHAR(50)"),)
    assert written(with_lines(whole, [Line("*", "")])) == "REPLICATE [Issues]"


def test_types_are_those_of_the_columns_at_the_destination() -> None:
    statement = replicate("REPLICATE x (B BIGINT, PRIMARY KEY (B)) SELECT a AS [b], c FROM y")

    assert [line.type for line in lines_of(statement)] == ["BIGINT", ""]
    assert with_lines(statement, lines_of(statement), [Column("B", Type.INT64)]) == statement


@pytest.mark.parametrize(
    "query", ["SELECT a FROM t UNION SELECT b FROM u", "WITH c AS (SELECT 1 AS a) SELECT a FROM c", "(SELECT a FROM t)"]
)
def test_what_is_no_list_is_changed_as_text(query: str) -> None:
    with pytest.raises(SourceRejected, match="can't be shown as a list"):
        lines_of(replicate(f"REPLICATE x {query}"))


def test_a_task_without_columns_is_refused() -> None:
    with pytest.raises(SourceRejected, match="needs a column"):
        with_lines(replicate("REPLICATE x"), [])
