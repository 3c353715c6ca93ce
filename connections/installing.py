"""Drivers of connectors, installed by pip of the same interpreter where the operator allowed it: what, whether, how it goes.

The work is done by connections.installing_process, which ends with the server and holds a lock; its state lies in the data directory.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import distributions, entry_points
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection as database

from apiserver.server import audit, options
from connections.connectors.registry import CONNECTORS, ENTRY_POINT_GROUP
from connections.contract.connector import Connector
from connections.oauth.lock import try_lock

SWITCH = "install_connectors"
MOST_LOG = 20_000  # characters of the log that a page shows, the last ones
RUNNING, DONE, FAILED, INTERRUPTED = "running", "done", "failed", "interrupted"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\n\t\x20-\x7e\x80-\U0010ffff]")
EXTRA = re.compile(r"^\s*(?P<what>[^;]+?)\s*;\s*extra\s*==\s*['\"](?P<extra>[^'\"]+)['\"]\s*$")


@dataclass(frozen=True, slots=True)
class Progress:
    """How an installation goes or went."""

    status: str
    requirements: tuple[str, ...]
    who: str
    started: datetime
    ended: datetime | None = None
    log: str = ""


def is_allowed() -> bool:
    """Claim that the operator lets administrators install: by the environment, else by settings.cfg, never by what a browser sends."""
    if sys.platform == "win32":  # the lock can't be handed to the process there
        return False
    given: bool | None = settings.INSTALL_CONNECTORS
    return bool(options.from_file().get(SWITCH)) if given is None else given


def requirements_of(key: str, connector: Connector) -> tuple[str, ...]:
    """Return what a connector's extra pins; () where it has none."""
    extra = getattr(connector, "extra", None)
    if not extra:
        return ()
    if key in CONNECTORS:
        project = tomllib.loads(Path(settings.BASE_DIR, "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return tuple(project.get("optional-dependencies", {}).get(extra, ()))
    found = [point.dist for point in entry_points(group=ENTRY_POINT_GROUP, name=key) if point.dist is not None]
    declared = [EXTRA.match(text) for dist in found for text in dist.requires or ()]
    return tuple(match["what"] for match in declared if match and match["extra"] == extra)


def pip(*arguments: str) -> list[str]:
    """Return a command of pip of this interpreter."""
    return [sys.executable, "-m", "pip", "install", *arguments]


def line_of(requirements: tuple[str, ...]) -> str:
    """Return the line that installs them by hand."""
    return shlex.join(pip(*requirements))


def folder() -> Path:
    """Return where locks, states and logs lie, for their owner only."""
    found = Path(settings.DATA_DIR, "installs")
    found.mkdir(mode=0o700, exist_ok=True)
    return found


def begin(key: str, connector: Connector, *, who: str, address: str, now: datetime) -> bool:
    """Begin to install; False while another installation runs. One at a time: two of pip would break each other's work."""
    requirements = requirements_of(key, connector)
    with Path(folder(), "lock").open("a+b") as lock:
        if not try_lock(lock):
            return False
        lock.seek(0)
        lock.truncate()
        lock.write(key.encode())
        lock.flush()
        Path(folder(), f"{key}.log").write_bytes(b"")
        write(key, job_of(requirements, connector, who, now))
        process = started(key, lock.fileno())
    detail = {"requirements": list(requirements)}
    audit.record("connector install begun", who=who, subject=key, address=address, **detail)

    def ended() -> None:
        code = process.wait()
        audit.record("connector installed" if code == 0 else "connector install failed", who=who, subject=key, address=address, **detail)
        database.close()

    threading.Thread(target=ended, daemon=True, name="install").start()
    return True


def job_of(requirements: tuple[str, ...], connector: Connector, who: str, now: datetime) -> dict[str, Any]:
    """Return what the process is to do."""
    constraints = Path(folder(), "constraints.txt")
    constraints.write_text(frozen(), encoding="utf-8")
    missing: Callable[[], str | None] = getattr(connector, "missing_driver", lambda: None)
    return {
        "requirements": list(requirements),
        "command": pip(
            "--no-input", "--disable-pip-version-check", "--progress-bar=off", "--only-binary=:all:", "-c", str(constraints), *requirements
        ),
        "module": missing() or "",
        "who": who,
        "started": now.isoformat(),
    }


def frozen() -> str:
    """Return constraints that leave every installed package as it is: the running server has loaded them."""
    known = {str(item.metadata["Name"]).lower(): item.version for item in distributions() if item.metadata["Name"]}
    return "".join(f"{name}=={version}\n" for name, version in sorted(known.items()) if version)


def started(key: str, lock: int) -> subprocess.Popen[bytes]:
    """Return the process, which holds the lock from now on."""
    command = [sys.executable, "-m", "connections.installing_process", str(folder()), key]
    return subprocess.Popen(  # noqa: S603 - our own command line
        command,
        cwd=settings.BASE_DIR,
        pass_fds=[lock],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def write(key: str, job: Mapping[str, Any]) -> None:
    """Store a state at one stroke."""
    path = Path(folder(), f"{key}.json")
    beside = path.with_suffix(f".{os.getpid()}")
    beside.write_text(json.dumps(job), encoding="utf-8")
    beside.replace(path)


def progress(key: str) -> Progress | None:
    """Return how the last installation of a connector's driver goes or went."""
    try:
        job = json.loads(Path(folder(), f"{key}.json").read_text(encoding="utf-8"))
        log = Path(folder(), f"{key}.log").read_text(encoding="utf-8", errors="replace")[-MOST_LOG:]
    except FileNotFoundError:
        return None
    ended = datetime.fromisoformat(job["ended"]) if "ended" in job else None
    status = (DONE if job["exit"] == 0 else FAILED) if "exit" in job else RUNNING if is_running(key) else INTERRUPTED
    started_at = datetime.fromisoformat(job["started"])
    return Progress(status, tuple(job["requirements"]), job["who"], started_at, ended, CONTROL.sub("", log.replace("\r\n", "\n")))


def is_running(key: str) -> bool:
    """Claim that the lock is held for this connector."""
    with Path(folder(), "lock").open("a+b") as lock:
        if try_lock(lock):
            return False
        lock.seek(0)
        return lock.read().decode() == key
