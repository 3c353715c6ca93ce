"""Several processes of the product over one grant: started, told what to do, killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fakes.oauth_connector import installed
from tests.fakes.oauth_provider import Family, Provider
from tests.served import ROOT, environment, manage


class Worker:
    """One process; what it is told is done when `answer` returns."""

    def __init__(self, data_dir: Path, extra: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "tests.connections.oauth_worker", "1"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment(data_dir, extra), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout and self.process.stdout.readline() == "ready\n"

    def tell(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        """Return what the process answers; None when it is gone."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def ask(self, text: str) -> Any:
        self.tell(text)
        return self.answer()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()


class Crew:
    """The processes of one installation, with one connection that has one rotating grant."""

    def __init__(self, provider: Provider, where: Path, extra: Mapping[str, str]) -> None:
        self.provider, self.data_dir = provider, where / "data"
        self.extra = {**extra, **installed(where / "extension")}
        self.data_dir.mkdir(parents=True)
        self.workers: list[Worker] = []
        self.seed()

    def seed(self) -> None:
        """Store the connection with a new grant."""
        token = self.provider.fresh(Family()).body["refresh_token"]
        connection = {"connector": "probe", "properties": self.provider.properties(OAuthRefreshToken=token)}
        file = self.data_dir / "file.json"
        file.write_text(json.dumps({"server": {"outgoing": {"allow": list(self.provider.allow)}}, "connections": {"cloud": connection}}))
        done = manage(self.data_dir, "apply", str(file), extra=self.extra)
        assert done.returncode == 0, done.stderr

    def start(self, count: int) -> Sequence[Worker]:
        """Start processes; the grant is fresh once the first of them asked."""
        self.workers += [Worker(self.data_dir, self.extra) for _ in range(count)]
        return self.workers[-count:]

    def expire(self, worker: Worker) -> None:
        assert worker.ask("expire") == "expire"


@contextmanager
def crew(provider: Provider, where: Path, extra: Mapping[str, str] | None = None) -> Iterator[Crew]:
    """Give an installation; its processes end with it."""
    found = Crew(provider, where, extra or {})
    try:
        yield found
    finally:
        for worker in found.workers:
            worker.kill()


def rounds(found: Crew, workers: Sequence[Worker], count: int, threads: Sequence[int]) -> list[str]:
    """Let the token end and all ask at once, again and again; return what went wrong."""
    wrong: list[str] = []
    for _ in range(count):
        found.expire(workers[0])
        for worker, number in zip(workers, threads, strict=True):
            worker.tell(f"take {number}")
        answers = [tuple(item) for worker in workers for item in worker.answer()]
        current = {family.access for family in found.provider.families}
        wrong += [error or "an old token" for token, error in answers if error or token not in current]
    return wrong
