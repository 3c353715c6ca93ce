"""About how many bytes rows hold: who has room for so many takes fewer rows where they are wide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LONG = frozenset((str, bytes))
NUMBER = 8  # bytes of a value that is neither text nor binary


def weight(rows: Sequence[Sequence[Any]], *, sampled: int = 1) -> int:
    """Return the bytes of the values, weighing one row of `sampled`."""
    some = rows[::sampled]
    size = sum(len(value) if type(value) in LONG else NUMBER for row in some for value in row)
    return size * len(rows) // len(some) if some else 0
