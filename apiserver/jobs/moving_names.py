"""Names at the destination: as in the source where they fit, else cut, with a hash that keeps them apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

HASH = 8  # characters
SHADOW = "_apiserver_new"


def fitting(name: str, longest: int, *, trims: bool = False) -> str:
    """Return a name of at most so many bytes; a cut one ends with a hash of the whole, the same each time.

    `trims`: blanks at its end are cut off, too.
    """
    name = name.replace("\0", "")
    if trims and name != name.rstrip():
        name = f"{name.rstrip()}_{hashed(name)}"
    encoded = name.encode()
    if len(encoded) <= longest:
        return name
    kept = encoded[: longest - HASH - 1].decode(errors="ignore")
    return f"{kept}_{hashed(name)}"


def hashed(name: str) -> str:
    """Return what tells a name from others."""
    return hashlib.blake2b(name.encode(), digest_size=HASH // 2).hexdigest()


def distinct(names: Iterable[str], longest: int, *, trims: bool = False) -> list[str]:
    """Return the names as columns of one table, whatever case a database tells apart; the later of two that are alike gets a hash."""
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        made = fitting(name or "column", longest, trims=trims)
        if made.lower() in taken:
            made = fitting(f"{made[: longest - HASH - 1]}_{hashed(name + str(len(found)))}", longest)
        taken.add(made.lower())
        found.append(made)
    return found


def shadow_of(name: str, longest: int) -> str:
    """Return the name of the table that a full refresh fills."""
    return fitting(name + SHADOW, longest)
