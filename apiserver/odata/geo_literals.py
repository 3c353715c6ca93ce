"""Checks the well-known text inside geography'...' and geometry'...' literals (ABNF Construction Rules 4.01, section 7)."""

from __future__ import annotations

import re

_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_POSITION = rf"{_NUMBER} {_NUMBER}(?: {_NUMBER}(?: {_NUMBER})?)?"
_POINT = rf"\({_POSITION}\)"
_LINE = rf"\({_POSITION}(?:,{_POSITION})+\)"
_RING = rf"\({_POSITION}(?:,{_POSITION})*\)"
_POLYGON = rf"\({_RING}(?:,{_RING})*\)"


def _list_of(shape: str) -> str:
    return rf"\((?:{shape}(?:,{shape})*)?\)"


_SHAPES = {
    "point": _POINT,
    "linestring": _LINE,
    "polygon": _POLYGON,
    "multipoint": _list_of(_POINT),
    "multilinestring": _list_of(_LINE),
    "multipolygon": _list_of(_POLYGON),
}
_SIMPLE = "|".join(rf"{name}{shape}" for name, shape in _SHAPES.items())
_COLLECTION = rf"(?:geometry)?collection\((?:{_SIMPLE})(?:,(?:{_SIMPLE}))*\)"
_LITERAL = re.compile(rf"SRID=[0-9]{{1,5}};(?:{_SIMPLE}|{_COLLECTION})", re.IGNORECASE)


def check_geo(text: str) -> None:
    """Raise ValueError when `text` (the part between the quotes) is not well-known text with its SRID."""
    if not _LITERAL.fullmatch(text):
        raise ValueError("The geo literal is not of the form SRID=4326;Point(1 2).")
