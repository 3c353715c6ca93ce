"""Takes the files of forms: to disk as they come, up to the limit, and only from administrators on pages that take files.

Django asks it for every form that holds files, before any page or check of the form's token: whatever else is sent is read and forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadhandler import SkipFile, StopUpload, TemporaryFileUploadHandler

from apiserver.server import options
from apiserver.ui.access import ADMIN

PAGES = ("connections:uploads", "jobs:import")
# Files that a killed server left behind are deleted when they are older.
LEFTOVER_SECONDS = 86_400


class UploadHandler(TemporaryFileUploadHandler):
    """A file on its way to disk."""

    seen = 0
    most = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file; raise SkipFile for one that nobody asked for."""
        request = self.request
        match = request.resolver_match if request else None
        if match is None or match.view_name not in PAGES or getattr(request.user, "role", "") not in ADMIN:  # type: ignore[union-attr] # there is one
            raise SkipFile
        make_room(Path(settings.FILE_UPLOAD_TEMP_DIR), time.time())
        self.seen, self.most = 0, most_bytes()
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a piece; stop at the limit, of which the page then tells."""
        self.seen += len(raw_data)
        if self.seen > self.most:
            self.request.META["apiserver.upload_too_large"] = True  # type: ignore[union-attr] # new_file looked
            raise StopUpload
        super().receive_data_chunk(raw_data, start)


def make_room(folder: Path, now: float) -> None:
    """Make the folder of files on their way, without what was left in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another worker's upload that just ended
            if now - path.stat().st_mtime > LEFTOVER_SECONDS:
                path.unlink()


@contextmanager
def arriving() -> Iterator[IO[bytes]]:
    """Give a file for what comes in one piece; it is deleted afterwards, unless it was moved away."""
    folder = Path(settings.FILE_UPLOAD_TEMP_DIR)
    make_room(folder, time.time())
    with NamedTemporaryFile(dir=folder, suffix=".upload", delete=False) as file:
        try:
            yield file
        finally:
            Path(file.name).unlink(missing_ok=True)


def most_bytes() -> int:
    """Return how large a file may be."""
    return int(options.current().request_limits["upload_megabytes"]) * 2**20
