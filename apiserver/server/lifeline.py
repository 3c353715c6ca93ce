"""No child outlives the supervisor: the lock that it holds for life, and the thread by which children notice its death."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl

ENVIRONMENT_NAME = "APISERVER_LIFELINE"


class AlreadyRunning(Exception):
    """Another server holds the data directory."""

    def __init__(self, path: Path, pid: str) -> None:
        super().__init__(f"Another server (process {pid or 'unknown'}) already runs on {path.parent}. Stop it, or set APISERVER_DATA_DIR.")


def hold(path: Path) -> IO[str]:
    """Take the exclusive lock of a data directory; the kernel releases it however the process ends."""
    file = path.open("a+", encoding="utf-8")
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            pid = file.read().strip()
            file.close()
            raise AlreadyRunning(path, pid) from error
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()
    return file


def follow() -> None:
    """In a child: end this process as soon as the supervisor's lock is free. Does nothing outside `manage.py serve`."""
    path = os.environ.get(ENVIRONMENT_NAME)
    if path and sys.platform != "win32":
        threading.Thread(target=_wait_for_death, args=(Path(path),), daemon=True, name="lifeline").start()


def _wait_for_death(path: Path) -> None:
    with path.open("r", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # blocks without the GIL until the supervisor is gone
        os.kill(os.getpid(), signal.SIGKILL)


def die_with_parent() -> None:
    """Between fork and exec of a child (Linux): the kernel kills it when its parent dies."""
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
