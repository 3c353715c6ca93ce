"""Text can be read on every ground, in light and dark: WCAG 2.2, 1.4.3 asks for a contrast of 4.5 to 1."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

TOKENS = Path(__file__).resolve().parents[2] / "apiserver" / "ui" / "static" / "ui" / "tokens.css"
COLOURS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", TOKENS.read_text(encoding="utf-8"))
}
PAIRS = [
    *product(("text", "muted", "accent", "good", "warn", "bad"), ("ground", "surface")),
    ("text", "tint"),
    ("on-accent", "accent"),
    ("ground", "bad"),
]


def luminance(colour: str) -> float:
    """Return the relative luminance (WCAG 2.2, terms)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_contrast_is_enough(front: str, back: str, theme: str) -> None:
    darker, lighter = sorted((luminance(COLOURS[front][theme]), luminance(COLOURS[back][theme])))

    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
