"""Moves that only say what they did: what a run does around them is what the tests look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from apiserver.jobs.moving_order import Moved, Order, Watch
from connections.contract.errors import ConnectionFailed
from connections.contract.loading import Merged

PAGES, ROWS = 3, 10


@dataclass
class Moves:
    """What was moved, and what happens at each page."""

    keys: list[str] = field(default_factory=list)
    at_page: Callable[[Order, int], None] = lambda order, page: None
    failing: tuple[str, ...] = ()  # tables whose source is away

    def move(self, order: Order, watch: Watch) -> Moved:
        """Bring three pages of ten rows."""
        self.keys.append(order.key)
        watch.total(PAGES * ROWS)
        for page in range(PAGES):
            watch.stop_if_asked()
            if order.statement.target[-1] in self.failing:
                raise ConnectionFailed("The source is away.", hint="Start it.")
            watch.read(ROWS, 1, 100)
            watch.wrote(Merged(inserted=7, updated=2, unchanged=1))
            self.at_page(order, page)
        return Moved(mode="incremental", note="Why not.")
