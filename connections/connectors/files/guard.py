"""Opens files below the folders that the operator allowed, and nothing else: no link, device or pipe, none of the product's own.

Every part of a path is opened below the one before it without following links, so that nobody can exchange a folder in between.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from connections.contract.errors import ConnectionFailed, InvalidProperties, SourceRejected

HAS_DIR_FD = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
OUTSIDE = "must stay below a folder that this server allows: APISERVER_ALLOWED_FOLDERS"
NO_ADDRESS = "must be a path on the server, not an address"
# Folders below the one of the URI, and entries of all of them, that are looked at.
MOST_LEVELS = 8
MOST_ENTRIES = 20_000

Version = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """A file below an allowed folder: where, and which version of it."""

    root: Path
    parts: tuple[str, ...]  # below the root
    version: Version
    modified: float

    @property
    def size(self) -> int:
        """Return the number of bytes."""
        return self.version[2]

    @property
    def name(self) -> str:
        """Return the file's name, as messages show it."""
        return self.parts[-1]


class Guard:
    """The allowed folders of one connection."""

    def __init__(self, roots: Sequence[Path], own: Sequence[str] = ()) -> None:
        self.roots = tuple(Path(root).absolute() for root in roots)
        self._own = [Path(place) for kind, _, place in (item.partition(":") for item in own) if kind == "sqlite"]
        self._own_folders = {identity(path.parent) for path in self._own}

    def locate(self, text: str) -> tuple[Path, tuple[str, ...]]:
        """Return the allowed folder of a path, absolute or below one, and the rest of it; raise InvalidProperties for one outside."""
        check(text)
        path = Path(text)
        if not path.is_absolute():
            return next(((root, path.parts) for root in self.roots if (root / path).exists()), (self.first(), path.parts))
        for root in self.roots:
            if path.is_relative_to(root):
                return root, path.relative_to(root).parts
        raise InvalidProperties({"URI": OUTSIDE})

    def first(self) -> Path:
        """Return the folder that relative paths are below."""
        if not self.roots:
            raise InvalidProperties({"URI": "this server allows no folder: set APISERVER_ALLOWED_FOLDERS"})
        return self.roots[0]

    def open(self, root: Path, parts: Sequence[str]) -> IO[bytes]:
        """Return the open file; raise for whatever is no ordinary file of its own below the root."""
        number = self._open_number(root, parts)
        try:
            self._check(os.fstat(number), parts[-1])
        except BaseException:
            os.close(number)
            raise
        return os.fdopen(number, "rb")

    def find(self, root: Path, parts: Sequence[str]) -> Found:
        """Return the version of a file."""
        with self.open(root, parts) as file:
            return Found(root, tuple(parts), *version_of(file))

    def walk(self, root: Path, parts: Sequence[str], levels: int) -> Iterator[tuple[str, ...]]:
        """Give the ordinary files below a folder, as many levels down, sorted; links and other things are passed over."""
        folders, seen = [(tuple(parts), 0)], 0
        while folders:
            below, level = folders.pop(0)
            for name, is_file, is_folder in self._entries(root, below):
                seen += 1
                if seen > MOST_ENTRIES:
                    raise SourceRejected(f"The folder holds more than {MOST_ENTRIES} entries.", hint="Narrow URI down to fewer files.")
                if is_file:
                    yield (*below, name)
                elif is_folder and level < levels:
                    folders.append(((*below, name), level + 1))

    def is_folder(self, root: Path, parts: Sequence[str]) -> bool:
        """Claim that a path is a folder."""
        number = self._open_number(root, parts)
        try:
            return stat.S_ISDIR(os.fstat(number).st_mode)
        finally:
            os.close(number)

    def writable(self, root: Path, parts: Sequence[str]) -> Path:
        """Return the folder of a path, there or not, to write in; raise for one that links lead to, or that is the product's own."""
        folder = plain(root, parts)
        if any(identity(root.joinpath(*parts[:count])) in self._own_folders for count in range(len(parts) + 1)):
            raise refused(folder.name)
        if folder.exists() and not folder.is_dir():
            raise SourceRejected(f"{folder.name} is no folder.", hint="Name a folder in URI.")
        return folder

    def _entries(self, root: Path, parts: Sequence[str]) -> list[tuple[str, bool, bool]]:
        """Return name, file, folder of what a folder holds; nothing of the product's own folder."""
        number = self._open_number(root, parts)
        try:
            if identity_of(os.fstat(number)) in self._own_folders:
                return []
            with os.scandir(number if HAS_DIR_FD else plain(root, parts)) as entries:
                return sorted((e.name, e.is_file(follow_symlinks=False), e.is_dir(follow_symlinks=False)) for e in entries)
        except NotADirectoryError as error:
            raise unreadable(parts, error) from error
        finally:
            os.close(number)

    def _open_number(self, root: Path, parts: Sequence[str]) -> int:
        """Return the descriptor of a file or folder, reached part by part."""
        try:
            if not HAS_DIR_FD:
                return os.open(plain(root, parts), FLAGS)
            number = os.open(root, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
            for part in parts:
                if identity_of(os.fstat(number)) in self._own_folders:
                    os.close(number)
                    raise refused(part)
                number = step(number, part)
            return number
        except (OSError, ValueError) as error:
            raise unreadable(parts, error) from error

    def _check(self, status: os.stat_result, name: str) -> None:
        """Raise for what is no ordinary file, has a second name, or is the product's own."""
        if not stat.S_ISREG(status.st_mode):
            raise SourceRejected(f"{name} is no ordinary file.", hint="Folders, links, devices and pipes are not read.")
        refuse_second_name(status, name)
        if any(path.exists() and identity(path) == identity_of(status) for path in self._own):
            raise refused(name)


def check(text: str) -> None:
    """Raise InvalidProperties for a path that no folder can hold."""
    if "\0" in text:
        raise InvalidProperties({"URI": "must not hold a NUL character"})
    if "://" in text or text.lower().startswith("file:"):
        raise InvalidProperties({"URI": NO_ADDRESS})
    if ".." in re.split(r"[/\\]", text) or text.startswith("~"):
        raise InvalidProperties({"URI": "must be a path without .. and ~"})


def refuse_second_name(status: os.stat_result, name: str) -> None:
    """Raise for a file that has another name as well, which may lie anywhere."""
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        raise SourceRejected(f"{name} has a second name (a hard link).", hint="Put a copy of the file into the folder instead.")


def step(number: int, part: str) -> int:
    """Return the descriptor of an entry of the open folder, which is closed."""
    try:
        if part in ("", ".", "..") or "/" in part or "\0" in part:
            raise refused(part)
        # Before it is opened: were it a database that this process uses, closing it again would end the locks on it.
        refuse_second_name(os.stat(part, dir_fd=number, follow_symlinks=False), part)
        return os.open(part, FLAGS, dir_fd=number)
    finally:
        os.close(number)


def plain(root: Path, parts: Sequence[str]) -> Path:
    """Return the path where folders can't be opened step by step; links on the way are refused."""
    path = root.joinpath(*parts)
    if path.resolve() != root.resolve().joinpath(*parts):
        raise refused(path.name)
    return path


def refused(name: str) -> SourceRejected:
    """Return why a path is not read."""
    return SourceRejected(f"{name!r} is not read: it lies outside of the allowed folders or is the product's own.")


def unreadable(parts: Sequence[str], error: Exception) -> ConnectionFailed | SourceRejected:
    """Return what the system's refusal means."""
    name = parts[-1] if parts else "The folder"
    if isinstance(error, FileNotFoundError):
        gone = f"There is no file {name}." if parts else "The folder is not there."
        return ConnectionFailed(gone, hint="Look for it in the folder, or correct URI." if parts else "Mount or create it, or correct URI.")
    return SourceRejected(
        f"{name} can't be opened.", hint="Links are not followed; the server's own user must have the right to read the file."
    )


def identity(path: Path) -> tuple[int, int]:
    """Return which file a path names; nothing's for one that is not there."""
    try:
        return identity_of(path.stat())
    except OSError:
        return (-1, -1)


def identity_of(status: os.stat_result) -> tuple[int, int]:
    """Return device and number of a file."""
    return status.st_dev, status.st_ino


def version_of(file: IO[bytes]) -> tuple[Version, float]:
    """Return what changes when the open file does, and when that was last."""
    status = os.fstat(file.fileno())
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns), status.st_mtime
