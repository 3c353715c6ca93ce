"""`python -m benchmarks.serve`: our server beside PostgREST, a hand-written FastAPI service and the bare database, interleaved.

Prints requests a second and CPU milliseconds a request (server + database), the median of the rounds. Every target is first shown
to give the same number of rows. `--only W1,W3`, `--rounds 5`, `--seconds 3`, `--targets ours,PostgREST`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import cpu, load, peers, work
from benchmarks.data import DATABASE, build
from benchmarks.load import Slot
from benchmarks.peers import Peer
from benchmarks.work import Work
from tests import servers

LIMIT = "limit (SQL alone)"
LONG = 10_000  # rows of an answer that needs a longer slot
# The bars: no more than this many times the peer's CPU milliseconds a request.
BARS = {"PostgREST": {"W1": 1.6, "W2": 1.25, "W3": 1.25, "W4": 1.25, "W6": 1.25}, "FastAPI": {"W2": 0.8, "W3": 0.8}}


def check(peer: Peer, item: Work) -> None:
    """Raise unless the target gives the rows that the workload means."""
    path = getattr(item, peer.addresses)[0].replace("{n}", "1")
    body, headers = peers.fetch(peer, path, peer.extra if item.rows == 0 else {})
    if item.rows == 0:
        found = int(headers.get("Content-Range", f"/{body.decode()}").rpartition("/")[2])
        wanted = 966_667
    else:
        read: Any = json.loads(body)
        rows = read.get("value", [read]) if isinstance(read, dict) else read
        found, wanted = len(rows), max(item.rows, 1)
    if found != wanted:
        raise RuntimeError(f"{peer.name} gives {found} rows for {item.name}, not {wanted}")


def measure(
    targets: Sequence[Peer], items: Sequence[Work], address: dict[str, Any], options: argparse.Namespace
) -> dict[str, dict[str, list[Slot]]]:
    """Return every slot by workload and target; targets take turns."""
    with psycopg.connect(**address, dbname=DATABASE) as connection:
        database = int(connection.execute("SELECT pg_backend_pid()").fetchone()[0])  # type: ignore[index]
        postmaster = int(cpu.stat(database)[1])  # type: ignore[index]
    pgbench = Path(servers.program("pgbench", "/usr/lib/postgresql/*/bin/pgbench"))
    found: dict[str, dict[str, list[Slot]]] = {item.name: {} for item in items}
    for number in range(options.rounds):
        for item in items:
            seconds = options.seconds * (3 if item.rows >= LONG else 1)
            for peer in targets:
                headers = {**peer.headers, **(peer.extra if item.rows == 0 else {})}
                slot = load.web(
                    peer.base, getattr(item, peer.addresses), headers, most=item.most, connections=item.connections,
                    seconds=seconds, pid=peer.pid, database=postmaster,
                )  # fmt: skip
                found[item.name].setdefault(peer.name, []).append(slot)
            slot = load.bare(pgbench, address, item.sql, most=item.most, connections=item.connections, seconds=seconds, database=postmaster)
            found[item.name].setdefault(LIMIT, []).append(slot)
        print(f"round {number + 1} of {options.rounds} done", flush=True)
    return found


def median(slots: Sequence[Slot], name: str) -> float:
    """Return the median of one figure."""
    return statistics.median(getattr(slot, name) for slot in slots)


def show(found: dict[str, dict[str, list[Slot]]], items: Sequence[Work]) -> None:
    """Print the table."""
    for item in items:
        print(f"\n{item.name} {item.label}")
        print(f"  {'':22}{'req/s':>10}{'server ms':>12}{'database ms':>13}{'CPU ms':>9}{'p95 ms':>9}")
        for name, slots in found[item.name].items():
            figures = [median(slots, figure) for figure in ("per_second", "server_ms", "database_ms", "cpu_ms", "p95_ms")]
            print(f"  {name:22}{figures[0]:>10.1f}{figures[1]:>12.3f}{figures[2]:>13.3f}{figures[3]:>9.3f}{figures[4]:>9.1f}")
        for peer, bars in BARS.items():
            if item.name in bars and peer in found[item.name]:
                verdict(item.name, peer, bars[item.name], found[item.name])


def verdict(name: str, peer: str, bar: float, slots: dict[str, list[Slot]]) -> None:
    """Say whether a bar holds. Rounds are compared with each other: a neighbour on the machine slows both sides of one alike."""
    if "ours" in slots:
        ratio = statistics.median(a.cpu_ms / b.cpu_ms for a, b in zip(slots["ours"], slots[peer], strict=True))
        print(f"  ours: {ratio:.2f} x {peer}'s CPU ms (bar {bar}): {'holds' if ratio <= bar else 'MISSED'}")


def growth(peer: Peer) -> None:
    """Print how much memory one export costs."""
    path = work.W4.ours[0]
    peers.fetch(peer, "/api.rsc/customers(1)")
    before = cpu.peaks(peer.pid)
    for _ in range(3):
        peers.fetch(peer, path)
    print(
        f"{peer.name}: peak memory of a worker grew by {cpu.growth(before, cpu.peaks(peer.pid)) / 2**20:.1f} MB over three exports (bar 10)"
    )


def main() -> None:
    """Build the data, start the targets, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--only", default=",".join(item.name for item in work.ALL))
    parser.add_argument("--targets", default="ours,PostgREST,FastAPI")
    options = parser.parse_args()
    server = servers.postgres()
    address: dict[str, Any] = {"host": server.host, "port": server.port, "user": server.user}
    build(address)
    wanted = options.targets.split(",")
    makers = {"ours": peers.ours, "PostgREST": peers.postgrest, "FastAPI": peers.fastapi}
    targets: list[Peer] = []
    items = [item for item in work.ALL if item.name in options.only.split(",")]
    try:
        targets += (make(address) for name, make in makers.items() if name in wanted)
        for peer in targets:
            started = time.perf_counter()
            for item in items:
                check(peer, item)
            print(f"{peer.name}: rows checked in {time.perf_counter() - started:.1f} s; {cpu.memory(peer.pid) / 2**20:.0f} MB", flush=True)
        for peer in targets:
            if peer.addresses == "ours":
                growth(peer)
        show(measure(targets, items, address, options), items)
    finally:
        for peer in targets:
            peer.stop()
        if server.is_ours:
            server.remove()


if __name__ == "__main__":
    main()
