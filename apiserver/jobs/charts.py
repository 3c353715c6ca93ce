"""Bars as SVG, drawn here: no script, no library. Colours come from classes, figures stand in a table beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, GAP, LEAST = 720, 120, 2, 2  # units of the drawing
MOST = 60  # bars


@dataclass(frozen=True, slots=True)
class Point:
    """One value to be drawn; `state` is that of the run, `title` what its bar says, `address` where it leads."""

    value: float
    state: str
    title: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A drawn value."""

    x: float
    y: float
    width: float
    height: float
    point: Point


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars from left to right, and what their height means."""

    label: str
    top: str  # the value at the upper edge, in words
    bars: tuple[Bar, ...]
    width: int = WIDTH
    height: int = HEIGHT


def chart(label: str, points: Sequence[Point], words: Callable[[float], str]) -> Chart | None:
    """Return the drawing of values in their order; None where there are too few to compare."""
    drawn = points[-MOST:]
    if len(drawn) < 2:
        return None
    top = ceiling(max(point.value for point in drawn))
    step = WIDTH / max(len(drawn), 10)
    return Chart(label, words(top), tuple(bar(number, point, step, top) for number, point in enumerate(drawn)))


def bar(number: int, point: Point, step: float, top: float) -> Bar:
    """Return one bar; what is not nothing can be seen."""
    height = round(max(LEAST if point.value or point.state != "done" else 0.5, point.value / top * HEIGHT), 1)
    return Bar(round(number * step, 1), round(HEIGHT - height, 1), round(step - GAP, 1), height, point)


def ceiling(value: float) -> float:
    """Return a round number that is no less: 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value)
