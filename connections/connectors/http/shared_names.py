"""The names of schemas that one process asked a service for, in a small file for all others of this machine."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress

from connections.connectors.http.calls import Service
from connections.contract.context import Context


class SharedNames:
    """The file of one connection; without a shared folder nothing is kept."""

    def __init__(self, kind: str, service: Service, context: Context) -> None:
        known = sorted((name, text) for name, text in service.properties.items() if text.strip() not in service.secrets)
        told = json.dumps([context.connection_id, kind, service.base_url, known]).encode()
        name = f"schemas-{hashlib.blake2b(told, digest_size=16).hexdigest()}.json"
        self._path = context.shared / name if context.shared and context.connection_id is not None else None
        self._seen = 0

    def newer(self, seconds: float) -> tuple[dict[str, str], float] | None:
        """Return the names that were written since they were last taken, and their age; None without such, or of more than `seconds`."""
        try:
            stamp = self._path.stat().st_mtime_ns if self._path else 0
            if self._path is None or stamp == self._seen:
                return None
            found = json.loads(self._path.read_bytes())
            names, age = {str(name): str(kind) for name, kind in found["names"].items()}, time.time() - float(found["at"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # nothing there, or what another version wrote: the service is asked
        self._seen = stamp
        return (names, max(0.0, age)) if age <= seconds else None

    def put(self, names: Mapping[str, str]) -> None:
        """Write the names for the other processes; a full disk only costs them a call."""
        if self._path is None:
            return
        part = self._path.with_suffix(f".{os.getpid()}-{time.monotonic_ns()}")
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.touch(mode=0o600)
            part.write_text(json.dumps({"at": time.time(), "names": dict(names)}), encoding="utf-8")
            part.replace(self._path)
            self._seen = self._path.stat().st_mtime_ns
