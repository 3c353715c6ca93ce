"""One reading of a source by one query: the scan it is asked for, page by page, and what is checked again of its rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from connections.contract.errors import BadValue, Incomplete, TableGone
from connections.contract.scan import AnyOf, Compare, Grade, Predicate, RowSession, Scan
from connections.contract.table import Table, TableRef
from connections.contract.unsayable import OTHER_TYPE
from connections.engine.budget import Budget
from connections.engine.predicates import Asker, columns_of
from connections.engine.readings import READINGS, Readings
from connections.engine.residual import Cell, Row, Run
from connections.engine.rows_plan import Level
from connections.engine.scans import Step, is_pinned


@dataclass(slots=True)
class Source:
    """One session in use by one query. Without `pushdown` the source is asked for nothing but what it demands."""

    session: RowSession
    table_of: Callable[[TableRef, Sequence[str]], Table]
    budget: Budget
    pushdown: bool = True
    readings: Readings = READINGS
    explain: list[str] = field(default_factory=list)


class Reading:
    """One execution of one level: its scan, and what is left to do here."""

    def __init__(self, source: Source, level: Level, run: Run, more: Sequence[Predicate] = ()) -> None:
        self.source = source
        self.level = level
        self.run = run
        self.table = source.table_of(level.ref, level.columns)
        missing = next((name for name in level.columns if name not in self.table.by_name), None)
        if missing is not None:
            raise TableGone(f"{level.ref} has no column {missing} any more.", hint="Refresh the resource on the API page.")
        asker = Asker(self.table.by_name, level.alias, run.values)
        asked = [asker.predicate(item.tree) for item in level.conditions]
        self.where = (*asked, *more)

    def scan(self, **more: Any) -> Scan:
        """Return the scan; columns of what is asked besides the level's conditions are read too."""
        columns = self.level.columns or (self.table.primary_key or tuple(c.name for c in self.table.columns))[:1]
        where = self.where if self.source.pushdown else tuple(item for item in self.where if is_demanded(self.table, item))
        return Scan(self.table, columns, where, **more)

    def conditions_left(self, step: Step) -> list[Cell]:
        """Return the closures of what the source does not do exactly."""
        if not self.source.pushdown:
            return [item.cell for item in self.level.conditions]
        grades = step.offer.grades[: len(self.level.conditions)]
        return [item.cell for item, grade in zip(self.level.conditions, grades, strict=True) if grade is not Grade.EXACT]

    def batches(self, step: Step, mark: Mark | None = None) -> Iterator[list[Row]]:
        """Give the rows of one step that meet every condition; with a mark, each with its position behind it."""
        cells, columns = self.conditions_left(step), step.offer.scan.columns
        parts = [(columns.index(name), values) for name, values in step.parts() if name in columns]
        self.source.explain += [line for line in step.offer.explain if line not in self.source.explain]
        found = self.source.session.read(step.offer, resume=mark.token if mark else None)
        try:
            for batch in found:
                self.source.budget.spend(len(batch.rows))
                rows: Sequence[Row] = batch.rows if mark is None else mark.marked(batch.rows)
                for place, values in parts:
                    rows = [row for row in rows if row[place] in values]
                yield self.kept(rows, cells)
                if mark is not None:
                    mark.go_on(batch.resume, len(batch.rows))
        finally:
            close = getattr(found, "close", None)
            if close is not None:  # reading stops at the source too
                close()

    def refuse_part(self, step: Step, found: int) -> None:
        """Refuse what would pass for the whole: the source ended, and may have more."""
        if step.offer.is_partial and not (is_pinned(step.offer.scan) and found):
            raise Incomplete(
                f"{self.level.ref} can't be read to its end: {step.offer.is_partial.rstrip('.')}.",
                hint="Ask for one row by its key, or for fewer rows by $top.",
            )

    def kept(self, rows: Iterable[Row], cells: Sequence[Cell]) -> list[Row]:
        """Return the rows for which every condition is true."""
        run = self.run
        with reading_values():
            for cell in cells:
                rows = [row for row in rows if cell(row, run)]
        return rows if isinstance(rows, list) else list(rows)


@dataclass(slots=True)
class Mark:
    """Where reading stands in the source's own order: what the source goes on behind, and rows since then."""

    step: int = 0
    token: str | None = None
    passed: int = 0  # rows behind the token that come no more
    seen: int = 0  # rows behind the token so far

    @classmethod
    def of(cls, text: str | None) -> Mark:
        """Return the mark of a position."""
        if text is None:
            return cls()
        step, token, passed = json.loads(text)
        return cls(step, token, passed)

    def marked(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows not passed yet, each with its position at the end."""
        first = max(0, self.passed - self.seen)
        return [(*row, json.dumps([self.step, self.token, self.seen + place + 1])) for place, row in enumerate(rows) if place >= first]

    def go_on(self, resume: str | None, count: int) -> None:
        """Take note of a batch that is through."""
        if resume is None:
            self.seen += count
        else:
            self.token, self.passed, self.seen = resume, 0, 0


@contextmanager
def reading_values() -> Iterator[None]:
    """Name what closures can't compute: values of another type than the column had, numbers beyond their type."""
    try:
        yield
    except (TypeError, AttributeError) as error:
        raise TableGone(OTHER_TYPE, hint="Refresh the resource on the API page.") from error
    except (ArithmeticError, ValueError) as error:
        raise BadValue("A value can't be computed: a number is outside of the range of its type.") from error


def is_demanded(table: Table, item: Predicate) -> bool:
    """Claim that the conjunct may give a demanded column its value."""
    can_give = isinstance(item, AnyOf) or (isinstance(item, Compare) and item.operator in ("eq", "in"))
    return can_give and any(table.by_name[name].is_demanded for name in columns_of(item))
