"""`manage.py serve`: web workers, Celery worker and beat as children of one process that restarts the dead and stops them gracefully.

The command that prepared everything becomes this process (`become`), which loads the application anew, uses it for nothing and
opens nothing: it is what children are forked from.
"""

from __future__ import annotations

import http.client
import logging
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn
from urllib.parse import urlsplit

from apiserver import handover
from apiserver.server import children, lifeline

logger = logging.getLogger(__name__)

GRACE_SECONDS = 30
# A child that dies again within this time waits before its next start, longer each time.
STEADY_SECONDS = 10


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What `serve` was asked for; plain values, which JSON can carry."""

    host: str
    port: int
    data_dir: str
    workers: int
    certificate: str = ""
    key: str = ""
    redis_url: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)  # handed over to each child

    @property
    def scheme(self) -> str:
        return "https" if self.certificate else "http"

    @property
    def local_url(self) -> str:
        """The address by which this machine reaches the server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(slots=True)
class Child:
    """One child process and when to start it again."""

    module: str
    arguments: list[str]
    process: children.Process | None = None
    started: float = 0.0
    failures: int = 0
    not_before: float = 0.0


class Supervisor:
    """Runs the children until a signal, or until one of them can't be kept alive before the server was ever ready."""

    def __init__(self, options: ServeOptions, lock: int) -> None:
        self.options = options
        self.lock = lock
        self.children = commands(options)
        self.stopping = False

    def run(self, welcome: str) -> int:
        """Start everything, print `welcome` once /readyz answers 200, then watch. Return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        is_told = False
        try:
            while not self.stopping:
                self._keep_alive()
                if not is_told and is_ready(self.options):
                    sys.stdout.write(f"{welcome}\n")
                    sys.stdout.flush()
                    is_told = True
                if not is_told and any(child.failures >= 3 for child in self.children):
                    return 1
                time.sleep(0.5 if is_told else 0.1)
        finally:
            self._stop_all()
        return 0

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _keep_alive(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.process and child.process.poll() is not None:
                child.failures = child.failures + 1 if now - child.started < STEADY_SECONDS else 1
                child.not_before = now + min(30.0, 0.5 * 2 ** (child.failures - 1))
                logger.error("%s ended with code %s; it starts again", child.module, child.process.poll())
                child.process = None
            if child.process is None and now >= child.not_before:
                self._start(child)

    def _start(self, child: Child) -> None:
        if children.SHARES_MEMORY:
            child.process = children.Forked(child.module, child.arguments, self.lock)
        else:
            child.process = children.spawned(child.module, child.arguments, environment(self.options), self.options.secrets)
        child.started = time.monotonic()

    def _stop_all(self) -> None:
        for child in self.children:
            if child.process and child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for child in self.children:
            if child.process:
                try:
                    child.process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    logger.error("%s did not stop within %s s and is killed", child.module, GRACE_SECONDS)
                    if child.process.pid:
                        os.killpg(child.process.pid, signal.SIGKILL)


def commands(options: ServeOptions) -> list[Child]:
    """Return the children that are wanted."""
    found = [Child("apiserver.server.web", web_arguments(options)), Child("apiserver.background", ["worker"])]
    if options.redis_url:  # without a broker the worker rings its own bell: an in-process queue can't be shared with beat
        found.append(Child("apiserver.background", ["beat", "--schedule", str(Path(options.data_dir, "celerybeat-schedule"))]))
    return found


def web_arguments(options: ServeOptions) -> list[str]:
    """Return what the web server is asked for."""
    found = ["--host", options.host, "--port", str(options.port)]
    found += ["--workers", str(options.workers), "--kill-timeout", str(GRACE_SECONDS - 5)]
    if options.certificate and options.key:
        found += ["--certificate", options.certificate, "--key", options.key]
    return found


def environment(options: ServeOptions) -> dict[str, str]:
    """Return a child's variables: what was checked by `serve` itself, and whom to follow."""
    return {"CELERY_SKIP_CHECKS": "1", lifeline.ENVIRONMENT_NAME: str(Path(options.data_dir, "serve.lock"))}


def is_ready(options: ServeOptions) -> bool:
    """Claim that /readyz answers 200."""
    parts = urlsplit(options.local_url)
    try:
        if options.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False  # our own loopback socket; the certificate names the public host
            context.verify_mode = ssl.CERT_NONE
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(parts.netloc, timeout=2, context=context)
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=2)
        with closing(connection):
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


def become(options: ServeOptions, welcome: str, lock: int) -> NoReturn:
    """Run this process anew as a supervisor, same process id, which keeps the lock; stay as it is where that can't be done."""
    if sys.platform != "linux":
        sys.exit(Supervisor(options, lock).run(welcome))
    descriptor = handover.hand_over({"options": asdict(options), "welcome": welcome, "lock": lock})
    for number in (descriptor, lock):
        os.set_inheritable(number, True)
    sys.stdout.flush()
    path = os.pathsep.join([str(children.BASE_DIR), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", __spec__.name, *sys.argv[1:]]
    os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": path, handover.VARIABLE: str(descriptor)})  # noqa: S606 - ourselves


def main() -> int:
    """Supervise what the process was told that it became this."""
    told: dict[str, Any] = handover.received()
    options = ServeOptions(**told["options"])
    children.share(environment(options), options.secrets)
    return Supervisor(options, told["lock"]).run(told["welcome"])


if __name__ == "__main__":
    sys.exit(main())
