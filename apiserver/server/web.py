"""`python -m apiserver.server.web`: the web server of `manage.py serve`. Secrets go to its workers in memory, respawned ones too."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from granian.constants import Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from apiserver import handover
from apiserver.server import lifeline

if sys.platform == "win32":
    resource = None
else:
    import resource

TARGET = "apiserver.wsgi:application"
NAME = "apiserver.server.web"  # of the processes, for `ps`
# Of one worker; the web server stops accepting beyond it, also when all of them are idle.
MOST_CONNECTIONS = 20_000


def load(secrets: Mapping[str, str]) -> Callable[..., Any]:
    """In a worker: return the application."""
    handover.receive(secrets)
    from apiserver.wsgi import application

    lifeline.follow()
    return application


def share_application() -> None:
    """Load the application here and let workers be forked: they share its memory, and a new one is there at once."""
    if sys.platform == "linux":
        multiprocessing.set_start_method("fork", force=True)
        import_module("apiserver.wsgi")


def parser() -> argparse.ArgumentParser:
    """Return the reader of what the supervisor asks for."""
    found = argparse.ArgumentParser(prog=NAME)
    found.add_argument("--host", required=True)
    found.add_argument("--port", type=int, required=True)
    found.add_argument("--workers", type=int, required=True)
    found.add_argument("--kill-timeout", type=int, required=True)
    found.add_argument("--certificate", type=Path)
    found.add_argument("--key", type=Path)
    return found


def open_files() -> None:
    """Allow as many open files as the system lets us: each connection is one."""
    if resource is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve: threads enough that slow sources and slow bodies do not block quick requests, connections enough for idle ones."""
    asked = parser().parse_args(arguments)
    open_files()
    secrets = handover.received()
    share_application()
    server = Server(
        TARGET,
        address=asked.host,
        port=asked.port,
        interface=Interfaces.WSGI,
        workers=asked.workers,
        blocking_threads=40,
        backpressure=MOST_CONNECTIONS,
        backlog=2048,
        respawn_failed_workers=True,
        workers_kill_timeout=asked.kill_timeout,
        websockets=False,
        log_level=LogLevels.error,
        process_name=NAME,
        http1_settings=HTTP1Settings(header_read_timeout=15000, max_buffer_size=65536),
        ssl_cert=asked.certificate,
        ssl_key=asked.key,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    server.serve(target_loader=partial(load, secrets), wrap_loader=False)


if __name__ == "__main__":
    main()
