"""What one query may cost at sources that give rows: calls and rows for which nothing was given yet, and time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connections.contract.errors import TooCostly


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one query; each is a setting of `server.request_limits` of the same name."""

    source_calls: int = 200
    source_rows: int = 200_000
    source_memory: int = 256  # MB


def always() -> None:
    """Let the query go on."""


@dataclass(slots=True)
class Budget:
    """What is spent since the last row that was given: reading on while rows go out costs nothing."""

    limits: Limits
    check_time: Callable[[], None] = always
    calls: int = 0
    rows: int = 0

    def spend(self, rows: int) -> None:
        """Count one call and its rows; raise TooCostly beyond the limits."""
        self.check_time()
        self.calls += 1
        self.rows += rows
        if self.calls > self.limits.source_calls:
            raise refused("calls to the source", "source_calls", self.limits.source_calls)
        if self.rows > self.limits.source_rows:
            raise refused("rows of the source", "source_rows", self.limits.source_rows)

    def foresee(self, calls: int) -> None:
        """Refuse a query that is known to need too many calls before the first is made."""
        if self.calls + calls > self.limits.source_calls:
            raise refused("calls to the source", "source_calls", self.limits.source_calls)

    def given(self) -> None:
        """Begin anew: a row went out."""
        self.calls = self.rows = 0


def refused(what: str, setting: str, most: int) -> TooCostly:
    """Return the refusal that names the limit."""
    hint = f"Add a filter that the source itself can do. An administrator can raise server.request_limits.{setting}."
    return TooCostly(f"The query needs more than {most} {what}.", hint=hint)
