"""The oracle over statement logs: what a client sent may stand in a literal, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.hostile.payloads import MARK

# What each server writes in front of a statement; other entries (errors, connections) are no statements.
POSTGRES = re.compile(
    r"^\d{4}-\d\d-\d\d \S+ \S+ \[\d+\] (?:LOG:  (?:statement|execute [^:\n]*): |STATEMENT:  )(.*?)(?=^\d{4}-\d\d-\d\d \S+ \S+ \[\d+\] |\Z)",
    re.DOTALL | re.MULTILINE,
)
MARIADB = re.compile(
    r"^(?:\d{6} [ \d]\d:\d\d:\d\d)?\t+ *\d+ (?:Query|Execute|Prepare)\t(.*?)(?=^(?:\d{6} [ \d]\d:\d\d:\d\d)?\t+ *\d+ [A-Z][A-Za-z ]+\t|\Z)",
    re.DOTALL | re.MULTILINE,
)
# Literals as each server reads them (MariaDB's sessions run with NO_BACKSLASH_ESCAPES); names in quotes and comments are kept,
# for nothing of a request belongs there.
POSTGRES_TEXT = re.compile(r"(\"(?:[^\"]|\"\")*\")|\bE'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'", re.DOTALL)
MARIADB_TEXT = re.compile(r"(`(?:[^`]|``)*`)|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", re.DOTALL)


@dataclass
class Verdict:
    """How many statements a log holds, and those with text of a request outside of a literal."""

    statements: int = 0
    offenders: list[str] = field(default_factory=list)


def without_literals(sql: str, literals: re.Pattern[str]) -> str:
    """Return a statement with its literals emptied."""
    return literals.sub(lambda match: match[1] or "''", sql)


def judge(log: str, entries: re.Pattern[str], literals: re.Pattern[str]) -> Verdict:
    """Read a log."""
    verdict = Verdict()
    for sql in statements(log, entries):
        verdict.statements += 1
        if MARK in sql.lower() and MARK in without_literals(sql, literals).lower():
            verdict.offenders.append(sql[:400])
    return verdict


def statements(log: str, entries: re.Pattern[str]) -> Iterator[str]:
    """Give the statements of a log."""
    yield from (match[1] for match in entries.finditer(log))


def postgres(log: str) -> Verdict:
    """Judge PostgreSQL's log."""
    return judge(log, POSTGRES, POSTGRES_TEXT)


def mariadb(log: str) -> Verdict:
    """Judge MariaDB's general log."""
    return judge(log, MARIADB, MARIADB_TEXT)
