"""Which files a connection reads: its URI (a file, a folder or a pattern), the kinds of file that it includes, and the schema of each."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from connections.connectors.files.guard import MOST_LEVELS, Guard
from connections.contract.errors import ConnectionFailed

PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for below the allowed folders."""

    uri: str
    endings: frozenset[str]
    has_subfolders: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is, and the schema of its tables: the folders between the URI's and the file."""

    root: Path
    parts: tuple[str, ...]
    schema: str = ""
    is_alone: bool = False  # the URI names this very file


def files_of(guard: Guard, wanted: Wanted) -> Iterator[Place]:
    """Give each file; one that the URI names itself needs no ending of IncludeFiles."""
    if not wanted.uri and not any(root.is_dir() for root in guard.roots):  # the first upload makes it, later than the session
        return
    root, parts = guard.locate(wanted.uri)
    index = next((number for number, part in enumerate(parts) if PATTERN.search(part)), len(parts))
    base, rest = parts[:index], parts[index:]
    if not rest and not guard.is_folder(root, base):
        yield Place(root, base, is_alone=True)
        return
    levels = MOST_LEVELS if "**" in rest or (wanted.has_subfolders and not rest) else max(len(rest) - 1, 0)
    for found in guard.walk(root, base, levels):
        below = found[len(base) :]
        if ending(found[-1]) in wanted.endings and (not rest or matches(below, rest)):
            yield Place(root, found, "/".join(below[:-1]))


def ending(name: str) -> str:
    """Return a name's ending in capitals, as IncludeFiles lists them."""
    return name.rpartition(".")[2].upper() if "." in name else ""


def matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Claim that a path below the folder fits the pattern; `**` stands for any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(matches(parts[skipped:], pattern[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and matches(parts[1:], pattern[1:])


def nothing(uri: str) -> ConnectionFailed:
    """Return why there is no table."""
    return ConnectionFailed(
        f"No file was found for URI {uri!r}." if uri else "No file was uploaded yet.", hint="Upload a file, or correct URI."
    )
