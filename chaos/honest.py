"""The honest user: asks for a page again and again in a process of its own; how long it waits is the figure of most attacks."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from tests.served import ROOT

PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Times:
    """What the honest user saw, in ms."""

    asked: int
    failed: int
    p50: float
    p95: float
    most: float

    def __str__(self) -> str:
        return f"p95 {self.p95:.0f} ms, most {self.most:.0f} ms, {self.failed} of {self.asked} failed"


class Honest:
    """One that asks in the background until it is told to stop."""

    def __init__(self, address: str, token: str) -> None:
        command = [sys.executable, "-m", "chaos.honest", address, token]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop(self) -> Times:
        """Return what it saw."""
        out, _ = self._process.communicate("stop\n", timeout=60)
        return Times(**json.loads(out))


def measured(address: str, token: str, seconds: float) -> Times:
    """Return what an honest user sees for so long."""
    honest = Honest(address, token)
    time.sleep(seconds)
    return honest.stop()


def ask(address: str, token: str) -> bool:
    """Claim that the page came."""
    parts = urlsplit(address)
    connection = HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers={"x-cdata-authtoken": token})
        answer = connection.getresponse()
        answer.read()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return answer.status == 200


def main(address: str, token: str) -> None:
    """Ask until a line comes in."""
    from select import select

    times: list[float] = []
    failed = 0
    while not select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
        started = time.perf_counter()
        failed += not ask(address, token)
        times.append((time.perf_counter() - started) * 1000)
    times.sort()
    place = max(0, -(-len(times) * 95 // 100) - 1)
    print(json.dumps({"asked": len(times), "failed": failed, "p50": times[len(times) // 2], "p95": times[place], "most": times[-1]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
