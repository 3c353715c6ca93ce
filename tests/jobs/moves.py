"""What tests of moving share: two databases with connections in the product, a watch that counts, and tables compared row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from apiserver.jobs.moving import Moved, Order, Settings, move
from apiserver.jobs.moving_order import Cancelled
from apiserver.jobs.replicate import replicate
from connections.contract.loading import Merged
from connections.models import Connection
from connections.services import save_connection
from tests.databases import Database, make


@dataclass
class Counting:
    """A watch: what it was told, and after how many pages it asks the move to stop."""

    stops_after: int | None = None
    pages: int = 0
    merged: list[Merged] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)
    counts: list[dict[str, int]] = field(default_factory=list)

    def read(self, rows: int, pages: int, size: int) -> None:
        self.pages += pages

    def wrote(self, merged: Merged, *, deleted: int = 0, repaired: int = 0) -> None:
        self.merged.append(merged)

    def total(self, rows: int) -> None:
        self.totals.append(rows)

    def counted(self, counts: Mapping[str, int]) -> None:
        self.counts.append(dict(counts))

    def says(self, level: str, text: str) -> None:
        self.lines.append(f"{level}: {text}")

    def stop_if_asked(self) -> None:
        if self.stops_after is not None and self.pages >= self.stops_after:
            raise Cancelled


def connected(database: Database, name: str) -> Connection:
    return save_connection(name=name, connector=database.connection["connector"], values=database.connection["properties"])


@dataclass
class Pair:
    """A source and a destination, and what moves tasks between them."""

    source: Database
    destination: Database
    ids: tuple[int, int]
    keys: dict[str, str] = field(default_factory=dict)

    def order(self, statement: str, *, into: str = "", table_prefix: str = "", **settings: Any) -> Order:
        key = self.keys.setdefault(statement, f"key{len(self.keys)}")
        given = Settings.of(settings)
        return Order(key, replicate(statement), self.ids[0], self.ids[1], into, table_prefix, given)

    def move(self, statement: str, watch: Counting | None = None, **settings: Any) -> Moved:
        return move(self.order(statement, **settings), watch or Counting())

    def rows(self, database: Database, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
        return sorted(database.run(f"SELECT {columns} FROM {database.quote(table)}"), key=repr)

    def same(self, table: str, other: str = "", columns: Sequence[str] = ()) -> None:
        """Assert that both ends hold the same rows."""
        listed = [", ".join(end.quote(name) for name in columns) or "*" for end in (self.source, self.destination)]
        assert self.rows(self.destination, other or table, listed[1]) == self.rows(self.source, table, listed[0])


def pair(request: pytest.FixtureRequest, folder: Path, source: str, destination: str, name: str = "moving") -> Pair:
    ends = (make(source, f"{name}_source", request, folder), make(destination, f"{name}_destination", request, folder))
    return Pair(*ends, ids=(connected(ends[0], "shop").pk, connected(ends[1], "warehouse").pk))


Make = Callable[[str, str], Pair]
