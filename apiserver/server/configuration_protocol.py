"""What a section of the configuration file is: every room brings its own, apply, diff and export go through them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import yaml


class ConfigurationError(Exception):
    """The file can't be applied; the text names the place and the nearest valid word."""


@dataclass(slots=True)
class Change:
    """What applying did."""

    now: datetime
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    authtokens: dict[str, str] = field(default_factory=dict)  # generated ones only
    made: dict[str, Any] = field(default_factory=dict)  # what was made for an entry besides, and is told once
    last: list[Callable[[], None]] = field(default_factory=list)  # what is done once all sections are applied

    @property
    def is_any(self) -> bool:
        """Claim that something really changed."""
        return bool(self.created or self.updated or self.deleted)


class SecretWriter(Protocol):
    """How secrets leave in an export."""

    is_sealing: bool  # values leave themselves, not their names: also what nobody could give again by hand

    def write(self, room: str, name: str, prop: str, value: str) -> Any:
        """Return what stands in the file for a secret."""


class Section(Protocol):
    """One top-level key of the file."""

    def apply(self, data: Any, change: Change, *, prune: bool) -> None:
        """Make the room as the data say, inside the caller's transaction; raise ConfigurationError."""

    def export(self, secrets: SecretWriter) -> Any:
        """Return the room's data; None when there are none."""


def check_keys(data: Any, allowed: Collection[str], place: str) -> Mapping[str, Any]:
    """Return the mapping; raise for what is none and for unknown keys, naming the nearest."""
    if not isinstance(data, Mapping):
        raise ConfigurationError(f"{place or 'The file'} must be a mapping of names to values.")
    for key in data:
        if key not in allowed:
            name = f"{place}.{key}" if place else str(key)
            raise ConfigurationError(f"{name} is not known{nearest(str(key), allowed)}.")
    return data


def nearest(word: str, allowed: Collection[str]) -> str:
    """Return a sentence part that names the nearest valid word, or all of them."""
    close = difflib.get_close_matches(word, [str(item) for item in allowed], 1, 0.5)
    if close:
        return f"; the nearest is {close[0]}"
    return f"; known are {', '.join(sorted(map(str, allowed))[:30])}" if allowed else ""


def reference(name: str, allowed: Collection[str], place: str) -> str:
    """Return a name that must exist; raise with the nearest otherwise."""
    if name not in allowed:
        raise ConfigurationError(f"{place}: there is no {name!r}{nearest(name, allowed)}.")
    return name


class Given(str):
    """Text from a variable or a file: where a number, a switch or a list is wanted, it may spell one."""

    __slots__ = ()


def typed(value: Any, kind: type, place: str) -> Any:
    """Return a value of the kind; booleans are no numbers."""
    if isinstance(value, Given) and kind is not str:
        value = spelled(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigurationError(f"{place} must be {NAMES[kind]}, not {value!r}.")
    return value


def spelled(text: Given) -> Any:
    """Return what a text spells as YAML; the text itself where that is nothing."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return str(text)


NAMES = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "a mapping"}
