"""Marks as bytes and back: compressed JSON, identities as they are."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from typing import Any

from apiserver.triggers.marks import ID_BYTES, Generation, Mark, Told
from apiserver.triggers.window import Window, position_of, position_texts


def packed(mark: Mark, window: Window) -> bytes:
    """Return the mark as it is stored."""
    text = json.dumps(
        {
            "floor": position_texts(window, mark.floor),
            "generations": [[item.at, item.next, position_texts(window, item.position), told(item.ids)] for item in mark.generations],
            "ahead": [[position_texts(window, item.position), told([item.id])] for item in mark.ahead],
        },
        separators=(",", ":"),
    )
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 1)


def unpacked(stored: bytes, window: Window) -> Mark:
    """Return the mark that was stored."""
    found: dict[str, Any] = json.loads(zlib.decompress(stored).decode("utf-8", "surrogatepass"))
    generations = [
        Generation(at, coming, position_of(window, place) or (), ids(known)) for at, coming, place, known in found["generations"]
    ]
    ahead = [Told(position_of(window, place) or (), next(iter(ids(known)))) for place, known in found["ahead"]]
    return Mark.of(position_of(window, found["floor"]), generations, ahead)


def told(found: Iterable[bytes]) -> str:
    """Return identities as text."""
    return base64.b64encode(b"".join(sorted(found))).decode()


def ids(text: str) -> frozenset[bytes]:
    """Return the identities of a text."""
    return split(base64.b64decode(text))


def split(raw: bytes) -> frozenset[bytes]:
    """Return the identities that stand one behind the other."""
    return frozenset(raw[start : start + ID_BYTES] for start in range(0, len(raw), ID_BYTES))
