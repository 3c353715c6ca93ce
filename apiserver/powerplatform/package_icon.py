"""icon.png: the initials of the connector's name on the brand colour (a square of 100 to 230 pixels, nothing transparent)."""

from __future__ import annotations

import io
import re
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

SIDE = 200
MOST_LETTERS = 2
DARK, LIGHT = "#1b1b1b", "#ffffff"
WORD = re.compile(r"[A-Za-z0-9]+")


def initials(name: str) -> str:
    """Return the first letters of the first words; "" for a name without Latin letters."""
    return "".join(word[0] for word in WORD.findall(name)[:MOST_LETTERS]).upper()


@lru_cache(maxsize=32)
def icon(name: str, color: str) -> bytes:
    """Return the PNG; equal arguments give equal bytes."""
    image = Image.new("RGB", (SIDE, SIDE), color)
    draw = ImageDraw.Draw(image)
    ink = DARK if brightness(color) > 160 else LIGHT
    letters = initials(name)
    if letters:
        font = ImageFont.load_default(112 if len(letters) == 1 else 92)
        draw.text((SIDE / 2, SIDE / 2), letters, fill=ink, font=font, anchor="mm", stroke_width=2, stroke_fill=ink)
    else:
        draw_table(draw, ink)
    found = io.BytesIO()
    image.save(found, "PNG", optimize=True)
    return found.getvalue()


def brightness(color: str) -> float:
    """Return how bright #rrggbb looks, 0 to 255 (ITU-R BT.601)."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def draw_table(draw: ImageDraw.ImageDraw, ink: str) -> None:
    """Draw a table of three rows, for names whose letters the font lacks."""
    draw.rounded_rectangle((45, 50, 155, 150), radius=8, outline=ink, width=7)
    draw.rectangle((45, 50, 155, 78), fill=ink)
    for y in (102, 126):
        draw.line((45, y, 155, y), fill=ink, width=5)
    draw.line((88, 78, 88, 150), fill=ink, width=5)
