"""`python -m benchmarks.connectors`: what sources without SQL cost. `--rows N` of the stream, `--only calls,memory`.

Prints the calls that each query makes to the source beside the fewest possible, and the peak of memory over idle while N rows are
streamed through filter and JSON. Ends with 1 where a bar is missed. A measurement is a function of BENCHES: add those of further sources.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apiserver.settings")
os.environ.setdefault("APISERVER_DATA_DIR", tempfile.mkdtemp(prefix="apiserver-bench-"))

MOST_MEGABYTES = 150
PAGE = 1000


def calls(options: argparse.Namespace) -> bool:
    """Count the calls of queries to a source that can do all and to one that can do nothing."""
    from tests.connectors.agreement import service_of
    from tests.connectors.memory import EVERYTHING, Skill
    from tests.connectors.test_pushdown import FACTS, ISSUES, REPOS, session, tracker

    # query -> the fewest calls of a source that can do all of it, and of one that can do nothing (pages of seven rows).
    queries = {
        "facts(3)": (1, 1),
        "facts?$filter=id eq 1": (1, 1),
        "facts?$top=5": (1, 1),
        "facts?$top=5&$orderby=price desc": (1, 6),
        "facts/$count": (1, 6),
        "facts?$filter=id in (1,2,3)": (1, 6),
        "repos?$filter=issues/any(i:i/id gt 2)": (6, 6),
    }
    is_good = True
    print(f"{'query':45} {'all':>8} {'nothing':>8}")
    for query, fewest in queries.items():
        found = []
        for skill in (EVERYTHING, Skill()):
            source = tracker(skill) if query.startswith("repos") else session(skill)
            service_of(source, [REPOS, ISSUES] if query.startswith("repos") else [FACTS]).get(query)
            found.append(len(source.calls))
        is_good &= all(made <= least for made, least in zip(found, fewest, strict=True))
        print(f"{query:45} {found[0]:>8} {found[1]:>8}")
    return is_good


def memory(options: argparse.Namespace) -> bool:
    """Stream rows of a source page by page through a filter that it can't do, and JSON."""
    from django.http import StreamingHttpResponse
    from django.test import RequestFactory

    from apiserver.odata.service import ServiceContext, run
    from tests.connectors.agreement import service_of
    from tests.connectors.test_pushdown import FACTS

    service = service_of(Endless(options.rows), [FACTS], page_size=0)  # type: ignore[arg-type]
    service.get("facts?$top=10")
    idle = current()
    peak = Peak()
    with peak:
        context = ServiceContext(service.catalog, lambda _: service.session, "http://bench/api.rsc")
        request = RequestFactory().get("/api.rsc/facts", {"$filter": "price add 1 gt 0"})
        start = time.monotonic()
        response: Any = run(request, "/facts", lambda _: context)
        assert isinstance(response, StreamingHttpResponse), response
        size = sum(len(chunk) for chunk in response.streaming_content)  # type: ignore[union-attr, misc]
        seconds = time.monotonic() - start
    over = peak.megabytes - idle
    print(f"{options.rows} rows, {size / 2**20:.0f} MB of JSON in {seconds:.1f} s: peak {over:.0f} MB over {idle:.0f} MB idle")
    return over <= MOST_MEGABYTES


class Endless:
    """A table of as many rows as one likes, which are made page by page."""

    dialect = None

    def __init__(self, rows: int) -> None:
        from tests.connectors.test_pushdown import ROWS, session

        self.count_of_rows = rows
        self.kinds = ROWS
        self.inner = session()

    def list_tables(self) -> Any:
        """Return the one table."""
        return self.inner.list_tables()

    def describe(self, refs: Any) -> Any:
        """Return the one table."""
        return self.inner.describe(refs)

    def offer(self, scan: Any) -> Any:
        """Take nothing."""
        return self.inner.offer(scan)

    def read(self, offer: Any, *, resume: str | None = None) -> Iterator[Any]:
        """Make the rows."""
        from connections.contract.scan import Batch

        made = [tuple(row[name] for name in offer.scan.columns) for row in self.kinds]
        for start in range(0, self.count_of_rows, PAGE):
            yield Batch([made[(start + number) % len(made)] for number in range(min(PAGE, self.count_of_rows - start))], str(start))


def current() -> float:
    """Return the memory of this process in megabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


class Peak:
    """Looks at the memory of this process twenty times a second."""

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            self.megabytes = max(self.megabytes, current())

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self.megabytes = max(self.megabytes, current())


def overhead(options: argparse.Namespace) -> bool:
    """Compare a page through a manifest with bare `requests` and `json`."""
    from benchmarks.http_overhead import overhead as measured

    return measured()


BENCHES: dict[str, Callable[[argparse.Namespace], bool]] = {"calls": calls, "memory": memory, "overhead": overhead}


def main() -> int:
    """Run the measurements."""
    import django

    django.setup()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", default=",".join(BENCHES))
    options = parser.parse_args()
    missed = [name for name in options.only.split(",") if not BENCHES[name](options)]
    print(f"bars missed: {', '.join(missed)}" if missed else "all bars hold")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
