"""`{Name}` in the texts of a manifest: the only thing that is filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

NAME = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")

Lookup = Callable[[str], str | None]


class Missing(Exception):
    """A name has no value."""


def names_in(text: str) -> tuple[str, ...]:
    """Return the names that a text asks for, each once."""
    return tuple(dict.fromkeys(NAME.findall(text)))


def fill(text: str, lookup: Lookup) -> str:
    """Return the text with its names filled in; raise Missing for one without a value."""

    def value(found: re.Match[str]) -> str:
        given = lookup(found[1])
        if given is None or given == "":
            raise Missing(found[1])
        return given

    return NAME.sub(value, text) if "{" in text else text


def fill_path(text: str, lookup: Lookup) -> str:
    """Return a path whose values stay one segment each: slashes, dots alone and all else are percent-encoded."""

    def encoded(name: str) -> str | None:
        value = lookup(name)
        return value if value is None else segment(value)

    return fill(text, encoded)


def segment(value: str) -> str:
    """Return a value as one path segment: `.` and `..` would climb."""
    return value.replace(".", "%2E") if value in (".", "..") else quote(value, safe="")


def fill_values(values: Mapping[str, Any], lookup: Lookup) -> dict[str, list[str]]:
    """Return parameters or headers with their names filled in; those whose name has no value are left out."""
    found: dict[str, list[str]] = {}
    for name, value in values.items():
        items = value if isinstance(value, list) else [value]
        try:
            texts = [fill(scalar(item), lookup) for item in items if item is not None]
        except Missing:
            continue
        if texts:
            found[name] = texts
    return found


def fill_tree(node: Any, lookup: Lookup, typed: Mapping[str, Any]) -> Any:
    """Return a JSON tree with its names filled in; a member whose name has no value is left out.

    What is nothing but a name of `typed` becomes its value, not the text of it.
    """
    if isinstance(node, str):
        whole = NAME.fullmatch(node)
        return typed[whole[1]] if whole and whole[1] in typed else fill(node, lookup)
    if isinstance(node, list):
        return [fill_tree(item, lookup, typed) for item in node]
    if not isinstance(node, Mapping):
        return node
    found = {}
    for name, item in node.items():
        try:
            found[name] = fill_tree(item, lookup, typed)
        except Missing:
            continue
    return found


def scalar(value: Any) -> str:
    """Return a constant of the manifest as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
