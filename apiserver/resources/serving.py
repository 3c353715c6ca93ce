"""How a resource is served: live, from answers kept for some minutes, or from a replica. `live`, `cached 15`, `replicated` in the file."""

from __future__ import annotations

import re

LIVE, REPLICATED = "live", "replicated"
MINUTES = 5  # of `cached` alone
MOST_MINUTES = 1440
WORDS = re.compile(r"(?:live|replicated|cached(?: ([1-9][0-9]{0,3}))?)")


def seconds_of(serve: str) -> int | None:
    """Return for how long answers are kept, 0 = not at all; None for words that say neither."""
    found = WORDS.fullmatch(serve)
    if found is None:
        return None
    minutes = int(found[1] or MINUTES) if serve not in (LIVE, REPLICATED) else 0
    return minutes * 60 if minutes <= MOST_MINUTES else None
