"""Honest users: ask for a page again and again in a process of their own; how long they wait is the figure of most attacks."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
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
    """Some that ask in the background until they are told to stop."""

    def __init__(self, address: str, token: str, users: int = 1, pause: float = PAUSE_SECONDS) -> None:
        command = [sys.executable, "-m", "chaos.honest", address, token, str(users), str(pause)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop(self) -> Times:
        """Return what they saw."""
        out, _ = self._process.communicate("stop\n", timeout=60)
        return Times(**json.loads(out))


def measured(address: str, token: str, seconds: float, users: int = 1, pause: float = PAUSE_SECONDS) -> Times:
    """Return what honest users see for so long."""
    honest = Honest(address, token, users, pause)
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


def main(address: str, token: str, users: int, pause: float) -> None:
    """Ask until a line comes in."""
    ended, times, answered = threading.Event(), list[float](), list[bool]()

    def go_on(turn: float) -> None:
        ended.wait(turn)  # not all in step
        while not ended.wait(pause):
            started = time.perf_counter()
            answered.append(ask(address, token))
            times.append((time.perf_counter() - started) * 1000)

    threads = [threading.Thread(target=go_on, args=(pause * number / users,)) for number in range(users)]
    for thread in threads:
        thread.start()
    sys.stdin.readline()
    ended.set()
    for thread in threads:
        thread.join()
    times.sort()
    place = max(0, -(-len(times) * 95 // 100) - 1)
    seen = Times(len(times), answered.count(False), times[len(times) // 2], times[place], times[-1])
    print(json.dumps(asdict(seen)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
