"""The real server as a child process, for tests that use it as its users do."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent
DISMISSED: list[Served] = []


@dataclass
class Served:
    """A running server and what it said of itself."""

    process: subprocess.Popen[str]
    data_dir: Path
    ready: dict[str, Any]
    base: str

    @property
    def context(self) -> ssl.SSLContext | None:
        """Trusts the certificate made for trials, and no other."""
        trial = self.data_dir / "self-signed.crt"
        return ssl.create_default_context(cafile=str(trial)) if self.base.startswith("https:") and trial.exists() else None

    def open(self, path: str) -> str:
        """Return the address to which a page leads."""
        with urllib.request.urlopen(self.base + path, timeout=30, context=self.context) as answer:
            return str(answer.url)

    def dismiss(self) -> None:
        """Ask the server to stop and wait for it at the end of all tests: it takes seconds in which nothing else would be done."""
        self.process.send_signal(signal.SIGTERM)
        DISMISSED.append(self)

    def stop(self, how: int = signal.SIGTERM, timeout: float = 40) -> int:
        """Send a signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout)

    def get(
        self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET", body: Any = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers (lower case) and body of one request."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, headers=dict(headers or {}), method=method)
        if data is not None:
            request.headers.setdefault("Content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.context) as answer:
                return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()


def environment(data_dir: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a fresh installation."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("APISERVER_", "DATABASE_URL", "PORT"))}
    return {**kept, "APISERVER_DATA_DIR": str(data_dir), **(extra or {})}


def manage(
    data_dir: Path, *arguments: str, extra: Mapping[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a management command to its end."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment(data_dir, extra), capture_output=True, text=True, timeout=timeout)


def serve(*arguments: str, data_dir: Path | None = None, extra: Mapping[str, str] | None = None) -> Served:
    """Start `manage.py serve --json` and wait for its ready line."""
    data_dir = data_dir or Path(tempfile.mkdtemp(prefix="apiserver-served-"))
    port = free_port()
    command = [sys.executable, "manage.py", "serve", "--json", "--port", str(port), *arguments]
    errors = (data_dir / "stderr.log").open("a+")
    process = subprocess.Popen(command, cwd=ROOT, env=environment(data_dir, extra), stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout
    for line in process.stdout:
        if line.startswith('{"event"'):
            ready = json.loads(line)
            scheme = "https" if "--tls-self-signed" in arguments or "--tls-cert" in arguments else "http"
            return Served(process, data_dir, ready, f"{scheme}://127.0.0.1:{port}")
    errors.seek(0)
    raise RuntimeError(f"serve ended with {process.wait()} before it was ready:\n{errors.read()[-4000:]}")


def publish(configuration: Mapping[str, Any], data_dir: Path, *arguments: str, extra: Mapping[str, str] | None = None) -> Served:
    """Apply a configuration file to a fresh data directory and serve it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    file = data_dir / "server.json"
    file.write_text(json.dumps(configuration), encoding="utf-8")
    done = manage(data_dir, "apply", str(file), extra=extra)
    assert done.returncode == 0, done.stdout + done.stderr
    return serve(*arguments, data_dir=data_dir, extra=extra)
