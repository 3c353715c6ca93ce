"""Text as every source must see it: functions whose answer may not depend on where they run."""

from __future__ import annotations

from collections.abc import Callable


def case_of(change: Callable[[str], str]) -> Callable[[str], str]:
    """Return a change of case that keeps lengths, as databases have it: the sharp s stays."""

    def run(value: str) -> str:
        found = change(value)
        if value.isascii():
            return found
        return "".join(new if len(new := change(old)) == 1 else old for old in value)

    return run


lower, upper = case_of(str.lower), case_of(str.upper)


def substring(value: str, start: int, count: int) -> str:
    """Return OData's substring: a start below zero counts from the end (4.01), a count below zero gives ''."""
    first = max(0, start + len(value)) if start < 0 else start
    return value[first : first + max(0, count)]
