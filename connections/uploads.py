"""Files that are uploaded to a connection: a folder of its own in the data directory, which console and management API write to."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from connections.connectors.registry import get_connector
from connections.models import Connection

MOST_FILES = 1000
NAME = re.compile(r"[^\x00-\x1f\x7f/\\:*?\"<>|.][^\x00-\x1f\x7f/\\:*?\"<>|]{0,199}")


@dataclass(frozen=True, slots=True)
class Uploaded:
    """One file of a connection."""

    name: str
    size: int
    modified: datetime


def folder_of(connection: Connection) -> Path:
    """Return the connection's own folder, which may not be there yet."""
    return Path(settings.DATA_DIR) / "uploads" / str(connection.pk)


def endings_of(connection: Connection) -> tuple[str, ...]:
    """Return the endings of files that the connection takes, in capitals; none where it takes no uploads."""
    found: tuple[str, ...] = getattr(get_connector(connection.connector), "takes_uploads", ())
    return found


def listed(connection: Connection) -> list[Uploaded]:
    """Return the files by name."""
    folder = folder_of(connection)
    paths = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    return [Uploaded(path.name, path.stat().st_size, datetime.fromtimestamp(path.stat().st_mtime, UTC)) for path in paths]


def check_name(connection: Connection, name: str) -> None:
    """Raise ValidationError for a name under which the connection keeps no file."""
    if not NAME.fullmatch(name):
        raise ValidationError(_('A file name holds no control characters and none of / \\ : * ? " < > |, and does not begin with a dot.'))
    endings = endings_of(connection)
    if name.rpartition(".")[2].upper() not in endings:
        raise ValidationError(_("Files that end in %(endings)s are read.") % {"endings": ", ".join(endings).lower()})
    if not (folder_of(connection) / name).exists() and len(listed(connection)) >= MOST_FILES:
        raise ValidationError(_("A connection has %(count)s files at most.") % {"count": MOST_FILES})


def store(connection: Connection, name: str, path: Path) -> bool:
    """Keep a file that came, in the place of one of the same name at one stroke; return whether there was none, raise ValidationError."""
    check_name(connection, name)
    kept = folder_of(connection) / name
    kept.parent.mkdir(parents=True, exist_ok=True)
    is_new = not kept.exists()
    path.replace(kept)
    return is_new


def tables_by_file(connection: Connection) -> dict[str, int]:
    """Return how many tables each file gave when the list was read last."""
    count: dict[str, int] = {}
    for schema, name, *_rest in connection.tables:
        count[schema or name] = count.get(schema or name, 0) + 1
    return count


def remove(connection: Connection, name: str) -> bool:
    """Delete a file; return whether it was there."""
    found = next((item.name for item in listed(connection) if item.name == name), None)
    if found is not None:
        (folder_of(connection) / found).unlink(missing_ok=True)
    return found is not None


def remove_all(connection_id: int) -> None:
    """Delete the folder of a connection that is deleted."""
    shutil.rmtree(Path(settings.DATA_DIR) / "uploads" / str(connection_id), ignore_errors=True)
