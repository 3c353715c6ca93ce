"""Query options whose value is one word or number: $top, $skip, $count, $levels, $index, $schemaversion."""

from __future__ import annotations

import re

from apiserver.odata.parser_errors import ODataSyntaxError

MAX_INTEGER_DIGITS = 19

_NATURAL = re.compile(r"[0-9]+")
_INTEGER = re.compile(r"-?[0-9]+")
_LEVELS = re.compile(r"[1-9][0-9]*|max", re.IGNORECASE)
_VERSION = re.compile(r"\*|[A-Za-z0-9._~-]+")


def parse_natural(text: str, option: str, name: str, at: int = 0) -> int:
    """Read a whole number from zero up."""
    if not _NATURAL.fullmatch(text):
        raise ODataSyntaxError(f"{name} takes a whole number that is not negative, not '{text[:40]}'.", option, at)
    return _bounded(text, option, name, at)


def parse_index(text: str, option: str) -> int:
    """Read $index, which may be negative: positions from the end."""
    if not _INTEGER.fullmatch(text):
        raise ODataSyntaxError(f"$index takes a whole number, not '{text[:40]}'.", option)
    return _bounded(text, option, "$index", 0)


def _bounded(text: str, option: str, name: str, at: int) -> int:
    if len(text) > MAX_INTEGER_DIGITS:
        raise ODataSyntaxError(f"The number of {name} has more than the limit of {MAX_INTEGER_DIGITS} digits.", option, at)
    return int(text)


def parse_boolean(text: str, option: str, name: str, at: int = 0) -> bool:
    """Read true or false, in any case of letters."""
    lower = text.lower()
    if lower not in ("true", "false"):
        raise ODataSyntaxError(f"{name} is true or false, not '{text[:40]}'.", option, at)
    return lower == "true"


def parse_levels(text: str, option: str, at: int = 0) -> int | str:
    """Read $levels: a number from one up, or max."""
    if not _LEVELS.fullmatch(text):
        raise ODataSyntaxError(f"$levels is a number from 1 up, or max, not '{text[:40]}'.", option, at)
    return "max" if text.lower() == "max" else _bounded(text, option, "$levels", at)


def parse_version(text: str, option: str) -> str:
    """Read $schemaversion: a version's text, or * for the current one."""
    if not _VERSION.fullmatch(text):
        raise ODataSyntaxError(f"$schemaversion is a version or *, not '{text[:40]}'.", option)
    return text
