"""REPLICATE statements as people write them, from each kind of database: the destination holds the rows that they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connections.contract.errors import ConnectorError
from connections.services import SESSIONS
from tests.jobs.moves import Pair, pair

pytestmark = pytest.mark.django_db
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Issue:
    """A row of the source."""

    id: int
    title: str | None
    state: str
    votes: int | None
    price: Decimal
    made: datetime
    due: date
    ok: bool
    select: str


TITLES = {7: None, 8: "100% sure_1", 9: 'O\'Brien "x" [y] 日本 😀', 10: "", 11: "a_c", 12: "abc"}
ISSUES = [
    Issue(
        number,
        TITLES.get(number, f"{'Alpha' if number % 2 == 0 else 'beta'} {number}"),
        ("new", "open", "closed")[number % 3],
        None if number % 10 == 3 else number % 5,
        Decimal(number * 125) / 1000,
        NEW_YEAR + timedelta(days=number, microseconds=number),
        date(2024, 1, 1) + timedelta(days=number),
        number % 2 == 0,
        f"s{number}",
    )
    for number in range(1, 41)
]
COLUMNS = {
    "id": "integer PRIMARY KEY",
    "title": "varchar(60)",
    "state": "varchar(20) NOT NULL",
    "votes": "integer",
    "price": "numeric(12,3)",
    "made": "timestamp",
    "due": "date",
    "ok": "bool",
    "select": "varchar(20)",
}
NOTES = [(number, number % 20 + 1, f"note {number}") for number in range(1, 31)]
Wanted = Callable[[], Iterable[tuple[Any, ...]]]


def where(test: Callable[[Issue], Any]) -> Wanted:
    """Return the ids of the issues that pass."""
    return lambda: [(issue.id,) for issue in ISSUES if test(issue)]


def of(row: Callable[[Issue], tuple[Any, ...]]) -> Wanted:
    """Return a row of each issue."""
    return lambda: [row(issue) for issue in ISSUES]


def grouped() -> list[tuple[Any, ...]]:
    by_state = {state: [issue for issue in ISSUES if issue.state == state] for state in ("new", "open", "closed")}
    return [
        (state, len(rows), sum(row.votes or 0 for row in rows), min(row.made for row in rows), max(row.due for row in rows))
        for state, rows in by_state.items()
    ]


# What follows FROM-less `REPLICATE [copy] SELECT [id] FROM [issues] WHERE`, and which issues it means.
CONDITIONS: dict[str, Callable[[Issue], Any]] = {
    "[id] = 1": lambda issue: issue.id == 1,
    "[id] = '1'": lambda issue: issue.id == 1,
    "[made] >= '2024-01-10' AND [made] < '2024-01-20T00:00:00Z'": lambda issue: (
        NEW_YEAR + timedelta(days=9) <= issue.made < NEW_YEAR + timedelta(days=19)
    ),
    "[made] > '2024-01-03 00:00:00.000001'": lambda issue: issue.made > NEW_YEAR + timedelta(days=2, microseconds=1),
    "[due] BETWEEN '2024-01-31' AND '2024-02-03'": lambda issue: date(2024, 1, 31) <= issue.due <= date(2024, 2, 3),
    "[title] LIKE 'Alpha%'": lambda issue: (issue.title or "").startswith("Alpha"),
    "[title] LIKE 'alpha%'": lambda issue: False,
    "[title] LIKE 'a_c'": lambda issue: issue.title in ("a_c", "abc"),
    "[title] LIKE 'a!_c' ESCAPE '!'": lambda issue: issue.title == "a_c",
    "[title] LIKE '%!%%' ESCAPE '!'": lambda issue: "%" in (issue.title or ""),
    "[title] NOT LIKE '%a%'": lambda issue: issue.title is not None and "a" not in issue.title,
    "[title] = 'O''Brien \"x\" [y] 日本 😀'": lambda issue: issue.id == 9,
    "[title] = ''": lambda issue: issue.title == "",
    "[title] IS NULL OR [title] = ''": lambda issue: not issue.title,
    "NOT ([votes] > 2)": lambda issue: issue.votes is not None and issue.votes <= 2,
    "[votes] IN (1, 2, 99) AND [state] NOT IN ('new', 'closed')": lambda issue: issue.votes in (1, 2) and issue.state == "open",
    "[votes] NOT IN (1, 2)": lambda issue: issue.votes is not None and issue.votes not in (1, 2),
    "[votes] IS NULL": lambda issue: issue.votes is None,
    "[votes] <> 4": lambda issue: issue.votes is not None and issue.votes != 4,
    "[ok] = TRUE AND [price] >= 1.125": lambda issue: issue.ok and issue.price >= Decimal("1.125"),
    "[ok] = 'False'": lambda issue: not issue.ok,
    "[price] = 0.375": lambda issue: issue.id == 3,
    "[id] % 7 = 3 OR [id] / 10 = 3": lambda issue: issue.id % 7 == 3 or issue.id // 10 == 3,
    "[select] = 's5' -- a comment; with ' and [\n AND 1 = 1 /* ; */": lambda issue: issue.id == 5,
    "1 = 0": lambda issue: False,
    "[id] IN (SELECT [issue] FROM [notes] WHERE [id] < 6)": lambda issue: issue.id in {note[1] for note in NOTES if note[0] < 6},
    "EXISTS (SELECT 1 FROM [notes] AS n WHERE n.[issue] = [issues].[id] AND n.[id] > 25)": lambda issue: (
        issue.id in {note[1] for note in NOTES if note[0] > 25}
    ),
}
# Whole statements, and the rows that the table has then.
STATEMENTS: dict[str, Wanted] = {
    "replicate [copy] select [ID], [Title] from [Issues]": of(lambda issue: (issue.id, issue.title)),
    "REPLICATE copy SELECT id, title FROM issues;": of(lambda issue: (issue.id, issue.title)),
    'REPLICATE "copy" SELECT "id", "select" FROM "issues"': of(lambda issue: (issue.id, issue.select)),
    'REPLICATE [copy] SELECT [id] AS [Issue Id], [title] AS [order], [state] [The "State"] FROM [issues]': of(
        lambda issue: (issue.id, issue.title, issue.state)
    ),
    "REPLICATE [copy] SELECT [id], CONCAT([state], ' - ', [select]) AS a, [id] * 2 + 1 AS b, UPPER([state]) AS c FROM [issues]": of(
        lambda issue: (issue.id, f"{issue.state} - {issue.select}", issue.id * 2 + 1, issue.state.upper())
    ),
    "REPLICATE [copy] SELECT [id], CASE WHEN [votes] > 3 THEN 'hot' ELSE 'cold' END AS a, COALESCE([votes], -1) AS b FROM [issues]": of(
        lambda issue: (issue.id, "hot" if (issue.votes or 0) > 3 else "cold", -1 if issue.votes is None else issue.votes)
    ),
    "REPLICATE [copy] SELECT [id], CAST([id] AS VARCHAR(9)) AS a, LEFT([state], 2) AS b, LENGTH([state]) AS c, YEAR([made]) AS d "
    "FROM [issues]": of(lambda issue: (issue.id, str(issue.id), issue.state[:2], len(issue.state), 2024)),
    "REPLICATE [copy] SELECT [id], 'it''s; \"q\" [b] 😀' AS a, 1.5 AS b, TRUE AS c, NULL AS d FROM [issues] WHERE [id] = 1": lambda: [
        (1, 'it\'s; "q" [b] 😀', 1.5, True, None)
    ],
    "REPLICATE [copy] SELECT [state], COUNT(*) AS n, SUM([votes]) AS s, MIN([made]) AS a, MAX([due]) AS b FROM [issues] GROUP BY [state] "
    "HAVING COUNT(*) > 2 ORDER BY [state]": grouped,
    "REPLICATE [copy] SELECT DISTINCT [state], [ok] FROM [issues]": lambda: {(issue.state, issue.ok) for issue in ISSUES},
    "REPLICATE [copy] SELECT [id] FROM [issues] ORDER BY [id] DESC LIMIT 5": where(lambda issue: issue.id > 35),
    "REPLICATE [copy] SELECT TOP 4 [id] FROM [issues] ORDER BY [made]": where(lambda issue: issue.id < 5),
    "REPLICATE [copy] SELECT [id] FROM [issues] ORDER BY [id] LIMIT 5 OFFSET 10": where(lambda issue: 10 < issue.id < 16),
    "REPLICATE [copy] SELECT n.[id], i.[select] FROM [notes] AS n INNER JOIN [issues] AS i ON i.[id] = n.[issue] "
    "WHERE i.[votes] = 2": lambda: [(note[0], f"s{note[1]}") for note in NOTES if ISSUES[note[1] - 1].votes == 2],
    "REPLICATE [copy] SELECT i.[id], COUNT(n.[id]) AS n FROM [issues] i LEFT JOIN [notes] n ON i.[id] = n.[issue] GROUP BY i.[id]": of(
        lambda issue: (issue.id, sum(note[1] == issue.id for note in NOTES))
    ),
    "REPLICATE [copy] SELECT [id] FROM [issues] WHERE [id] < 3 UNION ALL SELECT [id] FROM [issues] WHERE [id] > 38": where(
        lambda issue: issue.id < 3 or issue.id > 38
    ),
    "REPLICATE [copy] WITH few AS (SELECT [id] FROM [issues]) SELECT [id] FROM few WHERE [id] < 4": where(lambda issue: issue.id < 4),
    "REPLICATE [copy] SELECT [id], ROW_NUMBER() OVER (PARTITION BY [state] ORDER BY [id]) AS n FROM [issues]": of(
        lambda issue: (issue.id, (issue.id + 2) // 3)
    ),
    "REPLICATE [copy] ([Key] BIGINT, [Text] VARCHAR(99), [P] DECIMAL(20, 5), PRIMARY KEY ([Key])) "
    "SELECT [id] AS [Key], [title] AS [Text], [price] AS [P] FROM [issues]": of(lambda issue: (issue.id, issue.title, issue.price)),
    "REPLICATE [copy] ([id] INT, [t] VARCHAR(3), PRIMARY KEY ([id])) WITH AutoTruncateStrings=true "
    "SELECT [id], [select] AS [t] FROM [issues]": of(lambda issue: (issue.id, issue.select[:3])),
    "REPLICATE [copy] WITH IncrementalCheckColumns='made', ReplicateStartValue='2024-01-20', ReplicateInterval=1, "
    "ReplicateIntervalUnit=weeks SELECT [id] FROM [issues]": where(lambda issue: issue.made >= NEW_YEAR + timedelta(days=19)),
    "REPLICATE [copy] WITH IncrementalCheckColumns='id', ReplicateStartValue=30, BatchSize=3 SELECT [id] FROM [issues]": where(
        lambda issue: issue.id >= 30
    ),
    "REPLICATE [copy] WITH TruncateTable [notes]": lambda: NOTES,
    "REPLICATE [copy] WITH DropTable=TRUE, SkipDeleted [notes]": lambda: NOTES,
}
STATEMENTS |= {f"REPLICATE [copy] SELECT [id] FROM [issues] WHERE {text}": where(test) for text, test in CONDITIONS.items()}


@pytest.fixture(params=["postgresql", "mysql", "sqlite"])
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    SESSIONS.close()
    found = pair(request, tmp_path, request.param, "postgresql", "statements")
    found.source.create("issues", COLUMNS)
    form = "%Y-%m-%d %H:%M:%S.%f"
    values = [[*(getattr(issue, name) for name in COLUMNS)] for issue in ISSUES]
    found.source.insert("issues", [[*row[:4], str(row[4]), row[5].strftime(form), str(row[6]), *row[7:]] for row in values])
    found.source.create("notes", {"id": "integer PRIMARY KEY", "issue": "integer", "body": "varchar(40)"})
    found.source.insert("notes", NOTES)
    return found


def shown(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    """Return rows to compare: numbers by their value, whatever their type, and instants in UTC."""
    return sorted(repr([plain(item) for item in row]) for row in rows)


def plain(item: Any) -> Any:
    """Return a value to compare."""
    if isinstance(item, datetime):
        return item.astimezone(UTC).isoformat()
    return float(item) if isinstance(item, Decimal | int | float) else item


def test_the_destination_holds_the_rows_that_a_statement_says(ends: Pair) -> None:
    wrong = {}
    for statement, wanted in STATEMENTS.items():
        ends.destination.run("DROP TABLE IF EXISTS copy")
        try:
            ends.move(statement)
            first = shown(ends.destination.run("SELECT * FROM copy"))
            if ends.source.kind == "postgresql":
                ends.move(statement)
            again = shown(ends.destination.run("SELECT * FROM copy"))
        except (ConnectorError, AssertionError) as error:
            wrong[statement] = repr(error)
            continue
        expected = shown(wanted())
        if first != expected or again != expected:
            wrong[statement] = f"{first} / {again} instead of {expected}"[:900]

    assert wrong == {}
