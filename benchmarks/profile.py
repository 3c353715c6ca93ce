"""`python -m benchmarks.profile`: where the time of one request goes, stage by stage, in one process over a real PostgreSQL.

Microseconds of wall time a request, each stage without what it calls among the others; `warm` has the plan cached, `cold` makes it anew
each time. Waiting for the database stands under execute. `--requests 500`.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import data, peers, work
from tests import servers
from tests.served import manage

# Stage -> the functions in which it happens.
STAGES: dict[str, tuple[str, ...]] = {
    "credentials, rights, limits": (
        "apiserver.odata.views.authenticate",
        "apiserver.odata.views.enter",
        "apiserver.odata.views.context_of",
    ),
    "parse": ("apiserver.odata.service.parse_options", "apiserver.odata.service.parse_path", "apiserver.odata.service.resolve"),
    "bind": ("apiserver.odata.reader.set_plan",),
    "plan": ("apiserver.odata.reader.planned",),
    "print": ("connections.engine.prepared.print_statement",),
    "execute": ("connections.connectors.sql.session.execute",),
    "fetch": ("connections.connectors.sql.direct_postgresql.DirectCursor.fetchall",),
    "serialise": ("apiserver.odata.reader.shown", "apiserver.odata.service_read.dumps", "apiserver.odata.payload.dumps"),
    "request log": ("apiserver.server.requestlog.WRITER.put",),
    "service, the rest": ("apiserver.odata.views.run",),
}
REST = "request, middleware, response"


class Clock:
    """Time by stage; a stage that runs within another takes its time from it."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._open: list[tuple[str, float]] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens inside to the stage."""
        now = time.perf_counter()
        if self._open:
            outer, since = self._open[-1]
            self.spent[outer] += now - since
        self._open.append((name, now))
        try:
            yield
        finally:
            now = time.perf_counter()
            _, since = self._open.pop()
            self.spent[name] += now - since
            if self._open:
                self._open[-1] = (self._open[-1][0], now)


def watch(clock: Clock, stage: str, dotted: str) -> None:
    """Let the clock count the calls of a function."""
    parts = dotted.split(".")
    for place in range(len(parts) - 1, 0, -1):
        try:
            owner: Any = import_module(".".join(parts[:place]))
        except ModuleNotFoundError:
            continue
        for part in parts[place:-1]:
            owner = getattr(owner, part)
        break
    called: Callable[..., Any] = getattr(owner, parts[-1])

    def watched(*args: Any, **options: Any) -> Any:
        with clock.stage(stage):
            return called(*args, **options)

    setattr(owner, parts[-1], watched)


def ask(application: Any, item: work.Work) -> None:
    """Send one request of a workload."""
    path, _, query = item.ours[0].replace("{n}", str(random.randint(1, item.most))).partition("?")
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8153",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:8153",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_X_CDATA_AUTHTOKEN": peers.TOKEN,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }
    said: list[str] = []
    body = application(environ, lambda status, headers: said.append(status))
    content = b"".join(body)
    body.close()
    if not said[0].startswith("200"):
        raise RuntimeError(f"{path}: {said[0]} {content[:300]!r}")


def measure(application: Any, clock: Clock, item: work.Work, count: int, *, is_cold: bool) -> dict[str, float]:
    """Return the microseconds of each stage."""
    from apiserver.odata import reader_plan

    for _ in range(20):
        ask(application, item)
    clock.spent.clear()
    for _ in range(count):
        if is_cold:
            reader_plan.PLANS = reader_plan.PlanCache()
        with clock.stage(REST):
            ask(application, item)
    return {name: clock.spent[name] / count * 1e6 for name in (*STAGES, REST)}


def main() -> None:
    """Serve the benchmark's data in this process and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=500)
    options = parser.parse_args()
    server = servers.postgres()
    try:
        address: dict[str, Any] = {"host": server.host, "port": server.port, "user": server.user}
        data.build(address)
        folder = Path(tempfile.mkdtemp(prefix="apiserver-profile-"))
        (folder / "server.json").write_text(peers.configuration(address), encoding="utf-8")
        done = manage(folder, "apply", str(folder / "server.json"))
        if done.returncode:
            raise RuntimeError(done.stderr)
        os.environ |= {"APISERVER_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "apiserver.settings"}
        from apiserver.wsgi import application

        clock = Clock()
        for stage, names in STAGES.items():
            for name in names:
                watch(clock, stage, name)
        columns = [(item, is_cold) for item in (work.W1, work.W2, work.W3) for is_cold in (False, True)]
        found = [measure(application, clock, item, options.requests, is_cold=is_cold) for item, is_cold in columns]
        print(f"{'µs a request':32}" + "".join(f"{item.name + (' cold' if is_cold else ' warm'):>10}" for item, is_cold in columns))
        for name in (*STAGES, REST):
            print(f"{name:32}" + "".join(f"{column[name]:>10.0f}" for column in found))
        print(f"{'all':32}" + "".join(f"{sum(column.values()):>10.0f}" for column in found))
    finally:
        if server.is_ours:
            server.remove()


if __name__ == "__main__":
    main()
