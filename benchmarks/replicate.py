"""`python -m benchmarks.replicate`: a million rows into PostgreSQL by a job, beside ingestr, sling and a bare COPY pipe, in turns.

Every load is checked by count and sums. Prints seconds (median of the rounds), ratios beside their bars, the peak of our memory, and
how much of a job over an API is waiting for it. `--rounds 5`, `--rows 1000000`, `--only table,sqlite,upsert,api`, `--tools ours,pipe`.
Ends with 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import cpu, replicate_data, replicate_peers
from benchmarks.replicate_data import PAGE_ROWS, PAGE_SECONDS, Ends, Load
from tests import servers

CASES = ("table", "sqlite", "upsert")
LABELS = {"table": "PostgreSQL to PostgreSQL", "sqlite": "SQLite to PostgreSQL", "upsert": "10,000 changed rows, PostgreSQL"}
# (case, peer, most of its time that ours may take)
BARS = (
    ("table", "pipe", 1.5),
    ("table", "sling", 1 / 3),
    ("sqlite", "pipe", 1.6),
    ("sqlite", "ingestr", 0.6),
    ("upsert", "pipe", 2.0),
    ("upsert", "ingestr", 1.0),
)
MOST_MEGABYTES, LEAST_WAITING = 200, 0.9


@dataclass
class Ours:
    """The product's worker: a process of its own, started once, that runs one move after the other."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, ends: Ends) -> Ours:
        """Start it; return when it is ready."""
        command = [sys.executable, "-m", "benchmarks.replicate_ours", ends.folder.as_posix(), json.dumps(ends.address)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", "the worker did not start"
        return cls(process)

    def ask(self, **what: Any) -> dict[str, Any]:
        """Return what the worker says of one move."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(what), file=self.process.stdin, flush=True)
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def megabytes(self) -> float:
        """Return the most memory that it has held."""
        return cpu.peaks(self.process.pid)[self.process.pid] / 2**20

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)


def loads(ends: Ends, worker: Ours) -> dict[str, Callable[[Load], float]]:
    """Return each tool by its name: what runs a load and returns the seconds."""

    def ours(load: Load) -> float:
        return float(worker.ask(case=load.case, source=load.source, table=load.table, check=load.check)["seconds"])

    return {
        "pipe": lambda load: replicate_peers.pipe(ends, load),
        "ours": ours,
        "ingestr": lambda load: replicate_peers.ingestr(ends, load),
        "sling": lambda load: replicate_peers.sling(ends, load),
    }


def measure(ends: Ends, tools: dict[str, Callable[[Load], float]], cases: list[str], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return the seconds by case and tool; tools take turns."""
    found: dict[str, dict[str, list[float]]] = {case: {} for case in cases}
    for number in range(rounds):
        for case in cases:
            if case == "upsert":
                replicate_data.change(ends, number)
            for name, tool in tools.items():
                load = Load.of(case, name, number)
                if case != "upsert":
                    replicate_data.drop(ends, load.table)
                seconds = tool(load)
                replicate_data.check(ends, load)
                found[case].setdefault(name, []).append(seconds)
        print(f"round {number + 1} of {rounds} done", flush=True)
    return found


def show(found: dict[str, dict[str, list[float]]]) -> list[str]:
    """Print the table; return the bars that are missed."""
    missed = []
    for case, by_tool in found.items():
        print(f"\n{LABELS[case]}")
        for name, seconds in by_tool.items():
            print(f"  {name:10}{statistics.median(seconds):>8.2f} s   {' '.join(f'{one:.2f}' for one in seconds)}")
        for bar_case, peer, most in BARS:
            if bar_case == case and peer in by_tool and "ours" in by_tool:
                ratio = statistics.median(one / other for one, other in zip(by_tool["ours"], by_tool[peer], strict=True))
                print(f"  ours: {ratio:.2f} x {peer} (bar {most:.2f}): {'holds' if ratio <= most else 'MISSED'}")
                missed += [] if ratio <= most else [f"{case}/{peer}"]
    return missed


def waiting(ends: Ends, worker: Ours) -> list[str]:
    """Move the rows of an API that takes its time for each page; print how much of the time was waiting for it."""
    with replicate_data.fake_api() as fake:
        replicate_data.drop(ends, "api")
        seconds = worker.ask(case="api", source=fake.address, table="api", check="")["seconds"]
        share = fake.seconds / seconds
    pages = f"{fake.calls} pages of {PAGE_ROWS} rows that take {PAGE_SECONDS * 1000:.0f} ms each"
    print(f"\nAPI: {seconds:.1f} s, {share:.0%} of them waiting for {pages} (bar {LEAST_WAITING:.0%})")
    return [] if share >= LEAST_WAITING else ["api"]


def main() -> int:
    """Build the data, run the rounds, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", default=",".join((*CASES, "api")))
    parser.add_argument("--tools", default="pipe,ours,ingestr,sling")
    options = parser.parse_args()
    server, missed = servers.postgres(), []
    with tempfile.TemporaryDirectory(prefix="bench-replicate-") as folder:
        ends = Ends(Path(folder), {"host": server.host, "port": server.port, "user": server.user}, options.rows)
        replicate_data.build(ends)
        worker = Ours.start(ends)
        try:
            wanted = options.tools.split(",")
            tools = {name: tool for name, tool in loads(ends, worker).items() if name in wanted}
            cases = [case for case in CASES if case in options.only.split(",")]
            if "upsert" in cases:
                replicate_data.before_upserts(ends, tools)
            missed += show(measure(ends, tools, cases, options.rounds))
            if "api" in options.only.split(","):
                missed += waiting(ends, worker)
            if "ours" in wanted:
                print(f"peak memory of ours: {worker.megabytes():.0f} MB (bar {MOST_MEGABYTES})")
                missed += ["memory"] if worker.megabytes() > MOST_MEGABYTES else []
        finally:
            worker.stop()
            replicate_data.remove(ends)
            if server.is_ours:
                server.remove()
    print(f"bars missed: {', '.join(missed)}" if missed else "all bars hold")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
