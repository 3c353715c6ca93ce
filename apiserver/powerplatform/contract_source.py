"""Where definitions come from: a file, a package as folder or zip, standard input, an address."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apiserver.powerplatform.contract_reading import mapping
from connections.contract.errors import ConnectorError
from connections.outgoing import Outgoing, Settings, listed_host

DEFINITION, PROPERTIES = "apidefinition.swagger.json", "apiproperties.json"
MOST_BYTES = 16 * 2**20  # sixteen times what the platform takes
ADDRESSES = ("https://", "http://")


class NotReadable(Exception):
    """What was given is no definition; the text names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Package:
    """A definition and, of a package, how connections are made."""

    definition: Mapping[str, Any]
    properties: Mapping[str, Any] | None = None


def read(source: str) -> Package:
    """Return what a path, `-` or an address holds; raise NotReadable."""
    if source == "-":
        return of_bytes(sys.stdin.buffer.read(MOST_BYTES + 1), "The standard input")
    if source.lower().startswith(ADDRESSES):
        return of_bytes(fetched(source), "The address")
    path = Path(source)
    try:
        return of_folder(path) if path.is_dir() else of_bytes(bounded(path), str(path))
    except OSError as error:
        raise NotReadable(f"{path} can't be read: {error.strerror}.") from error


def bounded(path: Path) -> bytes:
    """Return a file's content, no more than can be a package."""
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def fetched(url: str) -> bytes:
    """Return what an address answers: whoever runs the command named it, so that its host may be a private one too."""
    try:
        # Its own host only; the address may hold an authtoken, which no message repeats.
        reply = Outgoing(Settings(allow=(listed_host(url),), max_bytes=MOST_BYTES)).send("GET", url, headers={"Accept": "application/json"})
    except ConnectorError as error:
        raise NotReadable(f"{error.message} {error.hint}".strip()) from error
    if reply.status != 200:
        raise NotReadable(f"{listed_host(url)} answered {reply.status}: the address must give a definition without more credentials.")
    return reply.body


def of_folder(folder: Path) -> Package:
    """Return the package in a folder."""
    return of_files({path.name.lower(): path for path in folder.iterdir()}, bounded, str(folder))


def of_bytes(content: bytes, title: str) -> Package:
    """Return the package of a zip, or the definition of a JSON text."""
    if len(content) > MOST_BYTES:
        raise NotReadable(f"{title} has more than {MOST_BYTES:,} bytes: that is no connector.")
    if not content.startswith(b"PK"):
        return Package(definition_of(content, title))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = {Path(item.filename).name.lower(): item for item in archive.infolist() if not item.is_dir()}
            if any(item.file_size > MOST_BYTES for item in files.values()):
                raise NotReadable(f"{title} holds a file of more than {MOST_BYTES:,} bytes: that is no connector.")
            return of_files(files, archive.read, title)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise NotReadable(f"{title} is a damaged or encrypted zip.") from error


def of_files(files: Mapping[str, Any], content: Callable[[Any], bytes], title: str) -> Package:
    """Return the package of files by name."""
    if DEFINITION not in files:
        raise NotReadable(f"{title} holds no apiDefinition.swagger.json.")
    properties = json_of(content(files[PROPERTIES]), f"apiProperties.json of {title}") if PROPERTIES in files else None
    return Package(definition_of(content(files[DEFINITION]), title), properties)


def definition_of(content: bytes, title: str) -> Mapping[str, Any]:
    """Return a Swagger 2.0 document."""
    found = json_of(content, title)
    if found.get("swagger") != "2.0" or not isinstance(found.get("paths"), Mapping):
        raise NotReadable(f"{title} is no Swagger 2.0 document: give an address of $oas, or a package.")
    return found


def json_of(content: bytes, title: str) -> Mapping[str, Any]:
    """Return a JSON object."""
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise NotReadable(f"{title} is no JSON.") from error
    if not isinstance(found, Mapping):
        raise NotReadable(f"{title} is no JSON object.")
    return mapping(found)
