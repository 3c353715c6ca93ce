"""`make bench`: requests a second and milliseconds of our server beside the bare driver, over the same PostgreSQL rows in one run.

W1 one entity by key, W2 100 rows filtered and ordered, W3 1,000 rows with all columns. The limit runs the same SQL through psycopg and
json.dumps in this process: what no server could beat by much.
"""

from __future__ import annotations

import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path

import psycopg

from tests import servers
from tests.served import publish

ROUNDS, SECONDS, ROWS = 5, 2.0, 100_000
TOKEN = "benchmark-token-0123456789abcdef"
FILL = f"""
CREATE TABLE orders AS SELECT n AS id, n % 1000 AS customer_id, (n * 1.37)::numeric(12,2) AS total,
  timestamptz '2024-01-01' + n * interval '1 min' AS placed,
  'note ' || n AS note, n % 7 = 0 AS paid, (n * 0.5)::float8 AS weight,
  date '2024-01-01' + n % 365 AS day, md5(n::text) AS hash, n::bigint * 1000 AS big,
  CASE WHEN n % 3 = 0 THEN NULL ELSE 'x' END AS maybe, n % 100 AS small
  FROM generate_series(1, {ROWS}) n;
ALTER TABLE orders ADD PRIMARY KEY (id); CREATE INDEX ON orders (customer_id, id); ANALYZE orders;"""
WORK = {
    "W1 one by key": ("/api.rsc/orders({n})", "SELECT * FROM orders WHERE id = %s", lambda n: (n,)),
    "W2 100 filtered": (
        "/api.rsc/orders?$filter=customer_id%20eq%20{m}&$orderby=id&$top=100",
        "SELECT * FROM orders WHERE customer_id = %s ORDER BY id LIMIT 100",
        lambda n: (n % 1000,),
    ),
    "W3 1,000 rows": (
        "/api.rsc/orders?$top=1000&$filter=id%20gt%20{n}",
        "SELECT * FROM orders WHERE id > %s ORDER BY id LIMIT 1000",
        lambda n: (n % 90000,),
    ),
}


def repeat(call: Callable[[int], None]) -> float:
    """Return calls a second."""
    count, end = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        count += 1
        call(count * 37 % 90_000 + 1)
    return count / SECONDS


def main() -> None:
    """Print the table."""
    server = servers.postgres()
    address = {"host": server.host, "port": server.port, "user": server.user}
    with psycopg.connect(**address, dbname="postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bench")
        connection.execute("CREATE DATABASE bench")
    limit = psycopg.connect(**address, dbname="bench", autocommit=True)
    limit.execute(FILL)
    properties = {"Server": server.host, "Port": server.port, "User": server.user, "Database": "bench"}
    configuration = {
        "connections": {"bench": {"connector": "postgresql", "properties": properties}},
        "resources": {"orders": {"connection": "bench", "table": "orders"}},
        "users": {"bench": {"role": "query", "privileges": ["GET"], "authtoken": TOKEN}},
    }
    served = publish(configuration, Path(tempfile.mkdtemp()) / "data")
    client = http.client.HTTPConnection(served.base.removeprefix("http://"))

    def ask(path: str, number: int) -> None:
        client.request("GET", path.format(n=number, m=number % 1000), headers={"x-cdata-authtoken": TOKEN})
        answer = client.getresponse()
        body = answer.read()
        assert answer.status == 200, body

    def run(sql: str, values: Callable[[int], tuple[int, ...]], number: int) -> None:
        json.dumps(limit.execute(sql, values(number)).fetchall(), default=lambda v: str(v) if isinstance(v, Decimal) else v.isoformat())

    print(f"{'one client':18}{'ours req/s':>12}{'ours ms':>10}{'limit req/s':>13}{'ours / limit':>14}")
    for name, (path, sql, values) in WORK.items():
        pairs = [(repeat(partial(ask, path)), repeat(partial(run, sql, values))) for _ in range(ROUNDS)]
        ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{name:18}{ours:>12.0f}{1000 / ours:>10.2f}{bare:>13.0f}{ours / bare:>14.2f}", flush=True)
    served.stop()
    limit.close()
    if server.is_ours:
        server.remove()


if __name__ == "__main__":
    main()
