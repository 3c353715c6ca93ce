"""Pages of rows that are sorted here: the table is read once, and the pages that follow come from what was read."""

from __future__ import annotations

from collections.abc import Hashable
from operator import itemgetter
from typing import TYPE_CHECKING

from connections.engine.reading import Reading
from connections.engine.readings import Kept, weight_of
from connections.engine.residual import Row
from connections.engine.rows_plan import Paging
from connections.engine.scans import steps_of

if TYPE_CHECKING:
    from connections.engine.rows import Execution

SHARE = 2**19  # bytes for each megabyte that a query may hold: half of it


class Paged:
    """One page of a question whose source does not sort."""

    def __init__(self, execution: Execution, paging: Paging) -> None:
        self.execution, self.paging = execution, paging
        self.source, self.run = execution.source, execution.run
        self.most = self.source.budget.limits.source_memory * SHARE
        self.key = self.key_of()

    def key_of(self) -> Hashable:
        """Return all that the rows of the pages depend on."""
        values = [self.run.values[slot] for slot in self.paging.slots]
        told = tuple((type(value).__name__, repr(value)) for value in values)  # 1, 1.0 and True are not the same
        whole = self.paging.whole
        return (id(self.source.session), self.source.pushdown, whole.ref, frozenset(whole.columns), self.paging.question, told)

    def rows(self, most: int | None) -> list[Row] | None:
        """Return the rows of the page and some behind it; None where the rows were found too large to be kept."""
        if self.paging.beyond:
            found = self.source.readings.get(self.key)
            if found is not None:
                return None if found.rows is None else self.behind(self.arranged(found))
        return self.read(most)

    def arranged(self, found: Kept) -> list[Row]:
        """Return kept rows with their columns in the order of this page's."""
        columns = self.paging.whole.columns
        if found.columns == columns:
            return list(found.rows or ())
        return list(map(itemgetter(*map(found.columns.index, columns)), found.rows or ()))

    def behind(self, rows: list[Row]) -> list[Row]:
        """Return the rows behind the page before."""
        return self.execution.reading.kept(rows, self.paging.beyond)

    def read(self, most: int | None) -> list[Row]:
        """Return all rows behind the page before, at least `most` of them, and keep the whole where it is not too large."""
        execution, source, held, size, is_kept = self.execution, self.source, list[Row](), 0, True
        at = source.readings.now()
        reading = execution.reading = Reading(source, self.paging.whole, self.run)
        steps = steps_of(source.session, reading.scan())
        source.budget.foresee(len(steps) if len(steps) > 1 else 0)
        for rows in execution.through(steps, None):
            held += rows if is_kept else self.behind(rows)
            size += weight_of(rows)
            if is_kept and size > self.most:
                held, is_kept = self.behind(held), False
            if not is_kept:
                execution.trim(held, most)
        execution.sort(held)
        columns = self.paging.whole.columns
        kept = Kept(held, columns, source.session, at, size) if is_kept else Kept(None, columns, source.session, at, 0)
        source.readings.put(self.key, kept, most=self.most)
        return self.behind(held) if is_kept else held
