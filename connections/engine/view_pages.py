"""Rows of tables that were read for one page of a view, kept for the pages that follow: they read a service once, not once a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from connections.contract.scan import Predicate
from connections.contract.table import Table
from connections.engine.readings import READINGS, Kept, Readings, weight_of

SHARE = 2**19  # bytes for each megabyte that a query may hold: half of it
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Pages:
    """How a page stands among others: `pushing` is its statement without what passes over the pages before."""

    pushing: exp.Expression
    is_following: bool
    memory: int  # MB
    readings: Readings = READINGS

    def get(self, session: Any, table: Table, columns: Sequence[str], where: Sequence[Predicate]) -> list[Row] | None:
        """Return the rows of a table that a page before read; None on a first page, or where they are gone."""
        found = self.readings.get(key_of(session, table, columns, where)) if self.is_following else None
        return None if found is None or found.rows is None else [tuple(row) for row in found.rows]

    def put(self, session: Any, table: Table, columns: Sequence[str], where: Sequence[Predicate], rows: list[Row], at: float) -> None:
        """Keep the rows of a table, dated with the beginning of their reading; too many are not kept."""
        most, size = self.memory * SHARE, weight_of(rows)
        if size <= most:
            key = key_of(session, table, columns, where)
            self.readings.put(key, Kept(rows, tuple(columns), session, at, size), most=most)


def key_of(session: Any, table: Table, columns: Sequence[str], where: Sequence[Predicate]) -> tuple[Any, ...]:
    """Return all that the rows of a table depend on: values by their words, since 1, 1.0 and True are not the same."""
    return ("view", id(session), table.ref, tuple(columns), repr(tuple(where)))
