"""What follows from frozen objects that come again and again, found out once: options of a query that is remembered, resources, catalogs.

Known by identity: comparing them would cost more than it saves. What is remembered keeps them alive, so that no other object can
take their place in memory; all of it goes when a configuration changes, for then catalogs are made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

MOST = 500  # answers of one function
Found = TypeVar("Found")
KNOWN: list[dict[tuple[int, ...], tuple[Any, Any]]] = []


def remembered(find: Callable[..., Found]) -> Callable[..., Found]:
    """Return the function with its answers remembered by the identity of its arguments; nobody may change any of them."""
    known: dict[tuple[int, ...], tuple[Any, Found]] = {}
    KNOWN.append(known)

    @wraps(find)
    def answer(*things: Any) -> Found:
        key = tuple(map(id, things))
        found = known.get(key)
        if found is None:
            if len(known) >= MOST:
                known.clear()
            found = known[key] = (things, find(*things))
        return found[1]

    return answer


def forget() -> None:
    """Forget everything: what it followed from is no longer used."""
    for known in KNOWN:
        known.clear()
