"""Texts of others in Markdown that we write: shown as they are, never as marks or HTML."""

from __future__ import annotations

SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>|#~"})


def escaped(text: str) -> str:
    """Return a text on one line that Markdown shows as it is."""
    return " ".join(text.split()).translate(SPECIAL)
