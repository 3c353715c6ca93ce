"""The conformance run finds what a source does wrong: ill-described tables, failing reads, pushdown that changes the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from connections import services
from connections.conformance import Finding, conformance
from connections.contract.errors import ConnectionFailed
from connections.contract.scan import Batch, Grade, Offer
from connections.contract.table import Column, Table, TableRef, Type
from connections.engine.session import EngineSession
from connections.models import Connection
from tests.connectors.memory import EVERYTHING, MemorySession, Skill

NOTES = Table(
    TableRef("", "Notes"),
    columns=(Column("Id", Type.INT64, is_nullable=False), Column("Title")),
    primary_key=("Id",),
)
ROWS = [{"Id": number, "Title": f"note {number}"} for number in range(1, 31)]

Run = Callable[[MemorySession], list[Finding]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give what runs over a session as if it were a stored connection's."""

    def found(session: MemorySession) -> list[Finding]:
        monkeypatch.setattr(services, "session_for", lambda _: EngineSession(session))  # type: ignore[arg-type]
        return list(conformance(Connection(pk=1, name="notes"), most=10))

    return found


def test_good_source_passes(run: Run) -> None:
    findings = run(MemorySession([(NOTES, ROWS)], EVERYTHING))

    assert {finding.step for finding in findings} == {"read", "pushdown"} and all(finding.ok for finding in findings)


def test_source_without_pushdown_has_nothing_to_compare(run: Run) -> None:
    assert [finding.step for finding in run(MemorySession([(NOTES, ROWS)], Skill()))] == ["read"]


def test_pushdown_that_loses_rows_is_found(run: Run) -> None:
    class Forgetful(MemorySession):
        def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
            for batch in super().read(offer, resume=resume):
                yield replace(batch, rows=batch.rows[1:]) if Grade.EXACT in offer.grades else batch

    failed = [finding for finding in run(Forgetful([(NOTES, ROWS)], EVERYTHING)) if not finding.ok]

    assert failed and all(finding.step == "pushdown" and "without" in finding.message for finding in failed)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"columns": ()}, "no columns"),
        ({"primary_key": ("Nothing",)}, "missing: Nothing"),
        ({"check_column": "Nothing"}, "missing: Nothing"),
        ({"primary_key": ("Title",)}, "may be null: Title"),
        ({"columns": (*NOTES.columns, NOTES.columns[0])}, "twice: Id"),
    ],
)
def test_ill_described_table_is_found(run: Run, change: dict[str, Any], words: str) -> None:
    findings = run(MemorySession([(replace(NOTES, **change), ROWS)], Skill()))

    assert [(finding.step, finding.ok) for finding in findings] == [("describe", False)]
    assert words in findings[0].message


def test_table_that_demands_a_value_is_not_read(run: Run) -> None:
    columns = (replace(NOTES.columns[0], is_demanded=True), NOTES.columns[1])

    findings = run(MemorySession([(replace(NOTES, columns=columns), ROWS)], Skill()))

    assert [(finding.ok, finding.message) for finding in findings] == [(True, "not read: asks for a value of Id")]


def test_failing_read_tells_message_and_hint(run: Run) -> None:
    class Broken(MemorySession):
        def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
            raise ConnectionFailed("The source is away.", hint="Wait.")

    findings = run(Broken([(NOTES, ROWS)], Skill()))

    assert [(finding.step, finding.ok, finding.message, finding.hint) for finding in findings] == [
        ("read", False, "The source is away.", "Wait.")
    ]


def test_tables_beyond_the_most_are_told(run: Run) -> None:
    tables = [(replace(NOTES, ref=TableRef("", f"Notes{number}")), ROWS) for number in range(12)]

    assert run(MemorySession(tables, Skill()))[-1].message == "2 more tables were not looked at"
