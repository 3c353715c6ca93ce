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
            "generations": generation_texts(window, mark.generations),
            "ahead": [[position_texts(window, item.position), told([item.id])] for item in mark.ahead],
            "behind": generation_texts(window, mark.behind),
            "back": position_texts(window, mark.back),
        },
        separators=(",", ":"),
    )
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 1)


def unpacked(stored: bytes, window: Window) -> Mark:
    """Return the mark that was stored."""
    found: dict[str, Any] = json.loads(zlib.decompress(stored).decode("utf-8", "surrogatepass"))
    floor = position_of(window, found["floor"])
    ahead = [Told(position_of(window, place) or (), next(iter(ids(known)))) for place, known in found["ahead"]]
    back = position_of(window, found["back"]) if "back" in found else floor  # marks of earlier versions know nothing there
    behind = generations_of(window, found.get("behind", ()))
    return Mark.of(floor, generations_of(window, found["generations"]), ahead, behind, back)


def generation_texts(window: Window, generations: Iterable[Generation]) -> list[Any]:
    """Return generations as JSON values."""
    return [[item.at, item.next, position_texts(window, item.position), told(item.ids)] for item in generations]


def generations_of(window: Window, found: Iterable[Any]) -> list[Generation]:
    """Return what `generation_texts` wrote."""
    return [Generation(at, coming, position_of(window, place) or (), ids(known)) for at, coming, place, known in found]


def told(found: Iterable[bytes]) -> str:
    """Return identities as text."""
    return base64.b64encode(b"".join(sorted(found))).decode()


def ids(text: str) -> frozenset[bytes]:
    """Return the identities of a text."""
    return split(base64.b64decode(text))


def split(raw: bytes) -> frozenset[bytes]:
    """Return the identities that stand one behind the other."""
    return frozenset(raw[start : start + ID_BYTES] for start in range(0, len(raw), ID_BYTES))
