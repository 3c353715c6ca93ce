"""R10: a source that hangs, or a user who asks too much at once, does not slow the tables of others."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

from chaos.honest import measured
from chaos.promises import promise, require
from chaos.site import EVERY, HEADERS, TOKEN, configuration, database, entry, folder, serving
from tests.fakes.upstream import Answer, Upstream
from tests.served import Served

CLIENTS = 40
SECONDS = 10
AT_ONCE = 5
HEAVY = "heavy-token-0123456789abcdef"


@contextmanager
def asking(served: Served, path: str, token: str, count: int) -> Iterator[Counter[int]]:
    """Have clients ask without pause; give the statuses they get."""
    ended, statuses = threading.Event(), Counter[int]()

    def ask() -> None:
        while not ended.is_set():
            try:
                connection = HTTPConnection(urlsplit(served.base).netloc, timeout=60)
                connection.request("GET", path, headers={"x-cdata-authtoken": token})
                answer = connection.getresponse()
                answer.read()
                statuses[answer.status] += 1
            except OSError:
                statuses[0] += 1

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)


@promise("R10")
def others_do_not_wait() -> str:
    with folder() as where:
        quick, stuck = database("postgresql", "quick", where), database("postgresql", "stuck", where)
        quick.run("CREATE TABLE items (id integer PRIMARY KEY)")
        quick.run("INSERT INTO items SELECT generate_series(1, 1000)")
        stuck.run("CREATE FUNCTION hang() RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 1 FROM pg_sleep(60)'")
        stuck.run("CREATE VIEW hanging AS SELECT id, hang() AS hung FROM generate_series(1, 3) id")
        file = configuration(quick, ("items",))
        file["connections"]["stuck"] = entry(stuck.connection, Timeout=8)
        file["resources"]["hanging"] = {"connection": "stuck", "table": "hanging"}
        file["users"]["heavy"] = {"role": "query", "privileges": EVERY, "authtoken": HEAVY, "concurrent_requests": AT_ONCE}
        with serving(file, where) as served:
            return figure(served)


@promise("R10-http")
def hanging_service_slows_nobody() -> str:
    with folder() as where, Upstream() as upstream:
        quick = database("postgresql", "quick", where)
        quick.run("CREATE TABLE items (id integer PRIMARY KEY)")
        quick.run("INSERT INTO items SELECT generate_series(1, 1000)")
        upstream.route("/rows", [{"id": 1}])
        file = configuration(quick, ("items",), outgoing={"allow": list(upstream.allow)})
        properties = {"URL": f"{upstream.url}/rows", "Timeout": 4, "MaxRetries": 0, "Paging": "None"}
        file["connections"]["service"] = {"connector": "rest", "properties": properties}
        file["resources"]["hanging"] = {"connection": "service", "table": "Rows"}
        with serving(file, where) as served:
            status, _, text = served.get("/api.rsc/hanging", HEADERS)
            require(status == 200, f"the service can't be read while it is well: {status} {text[:300]!r}")
            upstream.route("/rows", lambda seen: late(upstream))
            return beside_a_service(served)


def late(upstream: Upstream) -> Answer:
    """Answer after everybody has given up."""
    upstream.stopped.wait(30)
    return Answer([])


def beside_a_service(served: Served) -> str:
    """Measure the quick table: alone, beside an HTTP service that hangs."""
    address = f"{served.base}/api.rsc/items?$top=5"
    before = measured(address, TOKEN, SECONDS)
    with asking(served, "/api.rsc/hanging", TOKEN, CLIENTS) as hung:
        time.sleep(1)
        beside = measured(address, TOKEN, SECONDS)
    require(set(hung) <= {503, 504}, hung)
    require(beside.failed == 0, f"{beside}; hanging: {hung}")
    require(beside.p95 <= 2 * max(before.p95, 20), f"before {before}; during {beside}; hanging: {hung}")
    return (
        f"{CLIENTS} clients on a hanging HTTP service ({hung[504]} times 504, {hung[503]} times 503): "
        f"the other table's p95 {before.p95:.0f} ms before, {beside.p95:.0f} ms during, 0 failed"
    )


def figure(served: Served) -> str:
    """Measure the quick table: alone, beside a hanging one, beside a heavy user."""
    address = f"{served.base}/api.rsc/items?$top=5"
    before = measured(address, TOKEN, SECONDS)
    with asking(served, "/api.rsc/hanging", TOKEN, CLIENTS) as hung:
        time.sleep(1)
        beside = measured(address, TOKEN, SECONDS)
    alone = measured(address, TOKEN, SECONDS)
    with asking(served, "/api.rsc/items?$top=1000", HEAVY, 20) as asked:
        time.sleep(1)
        crowded = measured(address, TOKEN, SECONDS)
    require(set(hung) <= {503, 504}, hung)
    require(set(asked) == {200, 429}, asked)
    require(beside.failed == crowded.failed == 0, f"{beside}; {crowded}")
    require(beside.p95 <= 2 * max(before.p95, 20), f"before {before}; during {beside}")
    return (
        f"{CLIENTS} clients on a hanging source: the other table's p95 {before.p95:.0f} ms before, {beside.p95:.0f} ms during, 0 failed; "
        f"a user with {AT_ONCE} requests at once and 20 clients: {asked[429]} times 429, "
        f"others' p95 {alone.p95:.0f} ms before, {crowded.p95:.0f} ms during, 0 failed"
    )
