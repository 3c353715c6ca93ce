"""What the loads of the benchmark move: a million orders of twelve columns, in PostgreSQL and in a SQLite file, and a slow API."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg

SOURCE, DESTINATION = "bench_replicate_source", "bench_replicate_destination"
CHANGED = 10_000
COLUMNS = (
    "id bigint PRIMARY KEY, customer_id integer NOT NULL, status varchar(20) NOT NULL, total numeric(12,2) NOT NULL,"
    " weight double precision, quantity integer NOT NULL, is_gift boolean NOT NULL, placed timestamp NOT NULL, shipped date,"
    " channel text NOT NULL, comment text, changed timestamp NOT NULL"
)
NAMES = "id, customer_id, status, total, weight, quantity, is_gift, placed, shipped, channel, comment, changed"
ROWS = """SELECT n, 1 + n::bigint * 7919 % 100000, (ARRAY['open','shipped','paid','returned'])[1 + n % 4], n % 100000 / 8.0,
  CASE WHEN n % 5 = 0 THEN NULL ELSE n / 7.0 END, 1 + n % 30, n % 6 = 0, timestamp '2021-01-01' + n * interval '2 min',
  CASE WHEN n % 4 = 1 THEN date '2021-01-01' + n % 1500 END, (ARRAY['web','shop','phone'])[1 + n % 3],
  CASE WHEN n % 6 = 0 THEN 'left at the door ' || n || ', 東京' END, timestamp '2024-01-01' + n * interval '1 sec'
  FROM generate_series(1, {}) n"""
SUMS = """SELECT count(*), sum(id), sum(customer_id), sum(total), round(sum(weight::float8)::numeric, 3), sum(quantity),
  count(*) FILTER (WHERE is_gift::text IN ('true', '1')), max(placed::timestamp), count(shipped), min(channel), sum(length(comment)),
  max(changed::timestamp) FROM {}"""
PAGES, PAGE_ROWS, PAGE_SECONDS = 120, 100, 0.05


@dataclass(frozen=True)
class Ends:
    """Where the data is: `folder` for the SQLite file and the product's own data, `address` of the PostgreSQL server."""

    folder: Path
    address: dict[str, Any]
    rows: int

    @property
    def file(self) -> Path:
        """Return the SQLite file."""
        return self.folder / "orders.db"

    def url(self, database: str) -> str:
        """Return a database as an address."""
        return f"postgresql://{self.address['user']}@{self.address['host']}:{self.address['port']}/{database}"

    def connect(self, database: str) -> psycopg.Connection[Any]:
        """Return a connection that commits each statement."""
        return psycopg.connect(**self.address, dbname=database, autocommit=True)


@dataclass(frozen=True)
class Load:
    """One load of one tool."""

    case: str  # table | sqlite | upsert
    tool: str
    source: str
    table: str
    check: str  # the check column of an upsert
    number: int

    @classmethod
    def of(cls, case: str, tool: str, number: int) -> Load:
        """Return a tool's load of a round; upserts go into a table of each tool."""
        is_upsert = case == "upsert"
        source = "sqlite" if case == "sqlite" else "postgresql"
        return cls(case, tool, source, f"{tool}_{'kept' if is_upsert else case}", "changed" if is_upsert else "", number)


def build(ends: Ends) -> None:
    """Make both databases and the file."""
    remove(ends)
    with ends.connect("postgres") as connection:
        for name in (SOURCE, DESTINATION):
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    with ends.connect(SOURCE) as connection:
        connection.execute(f"CREATE TABLE orders ({COLUMNS})")  # type: ignore[call-overload]
        connection.execute(f"INSERT INTO orders {ROWS.format(ends.rows)}")  # type: ignore[call-overload]
        connection.execute("CREATE INDEX ON orders (changed)")
        connection.execute("VACUUM ANALYZE orders")
        with closing(sqlite3.connect(ends.file)) as file, connection.cursor() as cursor:
            file.execute(f"CREATE TABLE orders ({COLUMNS.replace('double precision', 'double').replace(' text', ' varchar')})")
            cursor.execute(f"SELECT {NAMES.replace('total', 'total::float8')} FROM orders")  # type: ignore[call-overload]
            while rows := cursor.fetchmany(20_000):
                file.executemany(f"INSERT INTO orders VALUES ({', '.join('?' * 12)})", [tuple(map(kept, row)) for row in rows])
            file.commit()


def kept(value: Any) -> Any:
    """Return a value as SQLite keeps it."""
    return str(value) if hasattr(value, "isoformat") else value


def remove(ends: Ends) -> None:
    """Drop both databases."""
    with ends.connect("postgres") as connection:
        for name in (SOURCE, DESTINATION):
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # type: ignore[call-overload]


def drop(ends: Ends, table: str) -> None:
    """Drop a table of the destination."""
    with ends.connect(DESTINATION) as connection:
        connection.execute(f'DROP TABLE IF EXISTS "{table}"')  # type: ignore[call-overload]


def before_upserts(ends: Ends, tools: dict[str, Callable[[Load], float]]) -> None:
    """Let each tool bring all rows into the table that it will keep up to date."""
    for name, tool in tools.items():
        tool(Load.of("upsert", name, -1))


def change(ends: Ends, number: int) -> None:
    """Change as many rows at the source, elsewhere in each round."""
    step = max(1, ends.rows // CHANGED)
    with ends.connect(SOURCE) as connection:
        connection.execute(
            f"UPDATE orders SET total = total + 1, changed = (SELECT max(changed) FROM orders) + interval '1 hour' WHERE id %% {step} = %s",  # type: ignore[arg-type]
            (number % step,),
        )
        connection.execute("VACUUM ANALYZE orders")


def check(ends: Ends, load: Load) -> None:
    """Raise unless the table has the source's rows."""
    if load.number < 0:
        return
    with ends.connect(DESTINATION) as connection:
        found = connection.execute(SUMS.format(f'"{load.table}"')).fetchone()  # type: ignore[call-overload]
    with ends.connect(SOURCE) as connection:
        wanted = connection.execute(SUMS.format("orders")).fetchone()  # type: ignore[call-overload]
    # The file is not changed by upserts.
    same = [place for place in range(len(wanted)) if load.case != "sqlite" or place not in (3, 11)]
    if [found[place] for place in same] != [wanted[place] for place in same]:
        raise RuntimeError(f"{load.tool} loaded {found} into {load.table}, not {wanted}")


@dataclass
class Fake:
    """A slow API: how often it was called, and the seconds that its answers took."""

    address: str = ""
    calls: int = 0
    seconds: float = 0.0


@contextmanager
def fake_api() -> Iterator[Fake]:
    """Serve pages of an API that takes its time for each."""
    fake = Fake()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body at once
        disable_nagle_algorithm = True  # as servers do: else a page that is longer than the buffer waits 40 ms on its way

        def do_GET(self) -> None:
            begun = time.perf_counter()
            page = int(self.path.rpartition("page=")[2] or 1) if "page=" in self.path else 1
            rows = [
                {"id": page * PAGE_ROWS + n, "title": f"Issue {n}", "total": n / 8, "at": "2024-01-01T00:00:00Z"} for n in range(PAGE_ROWS)
            ]
            following = f"{fake.address}/issues?page={page + 1}" if page < PAGES else None
            body = json.dumps({"values": rows, "next": following}).encode()
            time.sleep(PAGE_SECONDS)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            fake.calls += 1
            fake.seconds += time.perf_counter() - begun

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield fake
    finally:
        server.shutdown()
