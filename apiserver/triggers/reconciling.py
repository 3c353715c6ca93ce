"""Rows that were committed so late that readers had gone past them: found by comparing what lies before the floor with what was told of it.

Only where rows do not tell in which transaction they came; keys and check column are read, whole rows only where one is missing.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import datetime

from apiserver.triggers.marks import Mark, Told
from apiserver.triggers.window import Found, Window, rows_beyond

SLACK = 100  # rows that may come between the two readings


def is_due(mark: Mark, swept: datetime | None, *, seconds: float, now: datetime) -> bool:
    """Claim that it is time to compare."""
    return bool(mark.behind) and (swept is None or not 0 <= (now - swept).total_seconds() < seconds)


def late_rows(window: Window, mark: Mark, most: int) -> tuple[list[Found], bool]:
    """Return the oldest rows before the floor that were not told, and whether there are more of them."""
    known = mark.known.union(*(item.ids for item in mark.behind))
    missing, before, span, has_more = missing_of(window, mark, known, most)
    if not missing:
        return [], False
    with closing(rows_beyond(window, before, span + SLACK)) as rows:
        return [item for item in rows if item.told.id in missing], has_more


def missing_of(window: Window, mark: Mark, known: frozenset[bytes], most: int) -> tuple[set[bytes], tuple[object, ...] | None, int, bool]:
    """Return which rows were not told, the position before the first of them, how many rows they span, and whether there are more."""
    missing: set[bytes] = set()
    before, first, span = mark.back, 0, 0
    with closing(rows_beyond(replace(window, items=()), mark.back, len(known) + most + 1)) as rows:
        for number, item in enumerate(rows):
            if is_beyond(item.told, mark):
                break
            if item.told.id in known:
                before = before if missing else item.told.position
                continue
            if len(missing) == most:
                return missing, before, span, True
            first = number if not missing else first
            missing.add(item.told.id)
            span = number - first + 1
    return missing, before, span, False


def is_beyond(told: Told, mark: Mark) -> bool:
    """Claim that a row lies where every look finds it."""
    return mark.floor is not None and bool(told.position[0] > mark.floor[0])
