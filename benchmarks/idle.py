"""`python -m benchmarks.idle`: seconds from the start of the server to its first answer, and the memory that it holds with nothing to do.

A fresh installation makes its database first; both starts end with a row of a published table. Memory is PSS of all processes.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks import cpu
from tests.databases import shop
from tests.served import Served, publish, serve

TOKEN = "benchmark-token-0123456789abcdef"
MOST_SECONDS, MOST_MEGABYTES = 5.0, 250
REST = 10  # seconds of nothing to do before the memory is read


def answered(served: Served, began: float) -> float:
    """Return the seconds to the first row."""
    status, _, body = served.get("/api.rsc/Orders?$top=1", {"x-cdata-authtoken": TOKEN})
    if status != 200:
        raise RuntimeError(f"{status} {body[:300]!r}")
    return time.perf_counter() - began


def verdict(*, holds: bool) -> str:
    """Return how a bar is kept."""
    return "holds" if holds else "MISSED"


def main() -> None:
    """Start a server twice and print both figures."""
    folder = Path(tempfile.mkdtemp(prefix="apiserver-idle-"))
    configuration = {
        "connections": {"shop": {"connector": "sqlite", "properties": {"Database": str(shop(folder / "shop.db"))}}},
        "resources": {"Orders": {"connection": "shop", "table": "Orders"}},
        "users": {"bench": {"role": "query", "privileges": ["GET"], "authtoken": TOKEN}},
    }
    began = time.perf_counter()
    first = publish(configuration, folder / "data")
    try:
        print(f"fresh installation: configuration applied, served and first row read in {answered(first, began):.1f} s")
    finally:
        first.stop()
    began = time.perf_counter()
    second = serve(data_dir=folder / "data")
    try:
        seconds = answered(second, began)
        time.sleep(REST)
        held = cpu.memory(second.process.pid) / 2**20
    finally:
        second.stop()
    print(f"start to first row: {seconds:.1f} s (bar {MOST_SECONDS:.0f}): {verdict(holds=seconds <= MOST_SECONDS)}")
    print(f"memory with nothing to do: {held:.0f} MB (bar {MOST_MEGABYTES}): {verdict(holds=held <= MOST_MEGABYTES)}")


if __name__ == "__main__":
    main()
