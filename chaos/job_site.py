"""What checks of jobs stand on: a server with two databases and jobs between them, runs begun and awaited by the management API."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from chaos.promises import Broken, require
from chaos.site import EVERY, HEADERS, TOKEN, Fixtures, processes
from tests import databases, servers
from tests.databases import Database
from tests.served import Served, publish

OVER = ("done", "failed", "cancelled", "skipped")
WAIT_SECONDS = 240
KINDS = ("postgresql", "mysql", "sqlite")  # of destinations


@dataclass(frozen=True)
class Ended:
    """A run that is over, and its log."""

    number: int
    state: str
    cause: str
    hint: str
    task: Mapping[str, Any]  # of its first table
    lines: Sequence[str]

    @property
    def why(self) -> str:
        """Return what people read of a run that failed."""
        return f"{self.cause} | {self.hint}"


class Jobs:
    """A server's jobs, as clients of the management API see them."""

    def __init__(self, served: Served) -> None:
        self.served = served

    def asked(self, path: str, method: str = "GET", body: Any = None) -> tuple[int, dict[str, Any]]:
        """Return status and body of one call."""
        import json

        status, _, text = self.served.get(f"/manage/api/{path}", HEADERS, method, body)
        return status, json.loads(text) if text else {}

    def start(self, job: str) -> int:
        """Start a job; return its run."""
        status, body = self.asked(f"jobs/{job}/runs/", "POST")
        require(status in (200, 202), f"the job did not start: {status} {body}")
        return int(body["run"])

    def ended(self, run: int, seconds: float = WAIT_SECONDS) -> Ended:
        """Return a run once it is over."""
        deadline = time.monotonic() + seconds
        while True:
            status, body = self.asked(f"runs/{run}/?wait=5")
            if status == 200 and body["state"] in OVER:
                task = body["tasks"][0] if body["tasks"] else {}
                return Ended(run, body["state"], body["cause"], body["hint"], task, self.lines(run))
            require(time.monotonic() < deadline, f"run {run} is {body.get('state', status)} after {seconds:.0f} s: {self.lines(run)[-3:]}")
            time.sleep(0.1)

    def lines(self, run: int) -> list[str]:
        """Return the log of a run."""
        _, body = self.asked(f"runs/{run}/log/?limit=1000")
        return [f"{item['level']}: {item['text']}" for item in body["results"]]

    def run(self, job: str, seconds: float = WAIT_SECONDS) -> Ended:
        """Run a job to its end."""
        return self.ended(self.start(job), seconds)

    def done(self, job: str) -> Ended:
        """Run a job to its good end."""
        found = self.run(job)
        require(found.state == "done", f"{job} ended {found.state}: {found.why} {found.lines[-3:]}")
        return found

    def progress(self, run: int) -> dict[str, Any]:
        """Return how far the first table of a run is; {} before it begins."""
        _, body = self.asked(f"runs/{run}/")
        return body["tasks"][0] if body.get("tasks") else {}

    def until_written(self, run: int, rows: int) -> None:
        """Wait until a run has committed so many rows."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            _, body = self.asked(f"runs/{run}/")
            if body["rows"] >= rows:
                return
            require(body["state"] not in OVER, f"run {run} was over before it could be disturbed: {body['state']} {body['cause']}")
            require(time.monotonic() < deadline, f"run {run} wrote {body['rows']} rows in {WAIT_SECONDS} s")
            time.sleep(0.02)


def file_of(source: Database, copies: Mapping[str, Database], jobs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the configuration of a source, destinations and jobs that read the one and write to `destination`."""
    return {
        "connections": {"source": source.connection, **{name: copy.connection for name, copy in copies.items()}},
        "users": {"flow": {"role": "admin", "privileges": EVERY, "authtoken": TOKEN}},
        "jobs": {name: {"source": "source", **job} for name, job in jobs.items()},
    }


@contextmanager
def jobs_of(file: Mapping[str, Any], where: Path, extra: Mapping[str, str] | None = None) -> Iterator[Jobs]:
    """Serve a configuration with jobs; stopped afterwards."""
    served = publish(file, where / "data", extra=extra)
    try:
        yield Jobs(served)
    finally:
        served.stop()


def worker_of(served: Served) -> int:
    """Return the worker of a server without a broker: the child that is neither web nor its handler."""
    found = [pid for pid in processes(served.process.pid)[1:] if is_worker(pid)]
    if not found:
        raise Broken("the server has no worker")
    return found[0]


def is_worker(pid: int) -> bool:
    """Claim that a process works on jobs."""
    try:
        name = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it ended meanwhile
        return False
    return b"celeryd" in name or b"background\0worker" in name


def next_worker(served: Served, before: int) -> int:
    """Return the worker that took the place of one that ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for pid in processes(served.process.pid)[1:]:
            if pid != before and is_worker(pid):
                return pid
        time.sleep(0.05)
    raise Broken("no worker took the place of the one before")


def end_of(pid: int, most: float = 60) -> float:
    """Return the seconds until a process is gone."""
    begun = time.monotonic()
    while True:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return time.monotonic() - begun
        except OSError:
            return time.monotonic() - begun
        require(time.monotonic() - begun < most, f"process {pid} has not ended after {most:.0f} s")
        time.sleep(0.01)


# ---- databases ----


class Own(Fixtures):
    """Servers of this check alone, which it may stop: made at their first use."""

    def __init__(self) -> None:
        self.servers: dict[str, servers.Server] = {}

    def getfixturevalue(self, name: str) -> servers.Server:
        """Return a running server."""
        if name not in self.servers:
            variable, make = {
                "postgres_server": ("APISERVER_TEST_POSTGRES", servers.postgres),
                "mariadb_server": ("APISERVER_TEST_MARIADB", servers.mariadb),
            }[name]
            kept = os.environ.pop(variable, None)
            try:
                self.servers[name] = make()
            finally:
                if kept is not None:
                    os.environ[variable] = kept
        return self.servers[name]

    def of(self, database: Database) -> servers.Server:
        """Return the server of a database."""
        return self.servers["mariadb_server" if database.kind == "mysql" else "postgres_server"]

    def database(self, kind: str, name: str, where: Path) -> Database:
        """Return a fresh database on these servers."""
        return databases.make(kind, f"chaos_{name}", self, where)  # type: ignore[arg-type]


@contextmanager
def own_servers() -> Iterator[Own]:
    """Give servers that may be stopped; removed afterwards."""
    found = Own()
    try:
        yield found
    finally:
        for server in found.servers.values():
            server.remove()


def put(database: Database, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert many rows in one transaction, quickly."""
    with closing(database.connect()) as connection:
        cursor = connection.cursor()
        if database.kind == "postgresql":
            with cursor.copy(f"COPY {database.quote(table)} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join([database.mark] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {database.quote(table)} VALUES ({marks})", [tuple(row) for row in rows])
        connection.commit()


def differing(source: Database, copy: Database, table: str, columns: str, where: str = "") -> str:
    """Return what of a table differs at the two ends, row by row; '' where nothing does."""
    sql = f"SELECT {columns} FROM {table}"
    here, there = source.run(f"{sql} {where}"), copy.run(f"{sql} {where}")
    lost, phantom = sorted(set(here) - set(there), key=repr), sorted(set(there) - set(here), key=repr)
    doubled = len(there) - len(set(there)) - (len(here) - len(set(here)))
    if not lost and not phantom and not doubled:
        return ""
    return f"{len(lost)} lost or stale {lost[:2]}, {len(phantom)} that the source has not {phantom[:2]}, {doubled} doubled"


def plain(value: Any) -> str:
    """Return a value without what a wider column adds: zeros, another type."""
    text = value.decode() if isinstance(value, bytes) else str(value)
    return text.rstrip("0").rstrip(".") if "." in text and text.lstrip("-x")[:1].isdigit() else text


def tables_of(copy: Database) -> set[str]:
    """Return the tables that a destination shows, without the product's own."""
    if copy.kind == "sqlite":
        found = copy.run("SELECT name FROM sqlite_master WHERE type = 'table'")
    elif copy.kind == "duckdb":
        found = copy.run("SELECT table_name FROM duckdb_tables()")
    else:
        here = "current_schema()" if copy.kind == "postgresql" else "database()"
        found = copy.run(f"SELECT table_name FROM information_schema.tables WHERE table_schema = {here}")
    return {row[0] for row in found if not row[0].startswith("_apiserver") and not row[0].endswith("_apiserver_new")}


def admin(server: servers.Server) -> psycopg.Connection[Any]:
    """Return a connection to a PostgreSQL as its owner."""
    return psycopg.connect(host=server.host, port=server.port, user=server.user, dbname="postgres", autocommit=True)
