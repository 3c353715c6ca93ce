"""The processes below the supervisor. On Linux they are forked: they share the memory of the application, which is loaded once.

Elsewhere each is a program of its own. Both kinds are told alike: pid, poll, wait, terminate.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol

from apiserver import handover
from apiserver.server import lifeline

BASE_DIR = Path(__file__).resolve().parent.parent.parent
SHARES_MEMORY = sys.platform == "linux"
SHARED = ("apiserver.celery", "apiserver.background", "apiserver.server.web", "apiserver.wsgi")


class Process(Protocol):
    """A running child."""

    @property
    def pid(self) -> int | None: ...

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""

    def wait(self, timeout: float) -> int | None:
        """Return its exit code; raise TimeoutExpired while it runs."""

    def terminate(self) -> None:
        """Ask it to stop."""


class Forked:
    """A child that runs `main(arguments)` of a module in a copy of this process; `lock` is a descriptor that is not for it."""

    def __init__(self, module: str, arguments: Sequence[str], lock: int) -> None:
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=live, args=(module, list(arguments), lock), name=module)
        self._process.start()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float) -> int | None:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout)
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()


def live(module: str, arguments: list[str], lock: int) -> None:
    """In the child: be the program."""
    lifeline.die_with_parent()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    # The terminal's Ctrl+C goes to the whole group: a session of its own leaves stopping to the supervisor.
    os.setsid()
    os.close(lock)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    name_process(" ".join([module, *arguments]))
    sys.exit(import_module(module).main(arguments))


def name_process(title: str) -> None:
    """Let `ps` show a process by this name."""
    os.environ["SPT_NOENV"] = "1"  # the variables that the kernel shows of the process stay as they are
    from setproctitle import setproctitle

    setproctitle(title)


def share(environment: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Load what children share, in the order that memory is frozen after all of it."""
    os.environ.update(environment)
    handover.receive(secrets)
    for module in SHARED:
        import_module(module)


def spawned(module: str, arguments: Sequence[str], environment: Mapping[str, str], secrets: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a child as a program of its own."""
    descriptor = handover.hand_over(secrets)
    path = os.pathsep.join([str(BASE_DIR), *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        return subprocess.Popen(  # noqa: S603 - our own command lines
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **environment, "PYTHONPATH": path, handover.VARIABLE: str(descriptor)},
            stdin=subprocess.DEVNULL,
            pass_fds=[descriptor],
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
