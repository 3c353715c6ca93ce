"""The six workloads: what each asks of every target, and the same question as SQL."""

from __future__ import annotations

from dataclasses import dataclass

COLUMNS = "id, customer_id, status, total, tax, quantity, placed, shipped, priority, channel, reference, comment"


@dataclass(frozen=True, slots=True)
class Work:
    """One workload. In addresses and SQL `{n}` is a random number from 1 to `most`."""

    name: str
    label: str
    connections: int
    most: int
    ours: tuple[str, ...]
    postgrest: tuple[str, ...]
    fastapi: tuple[str, ...]
    sql: tuple[str, ...]
    rows: int  # of one answer, checked before the clock runs; 0 = a count


W1 = Work(
    "W1",
    "one entity by key",
    16,
    100_000,
    ("/api.rsc/customers({n})",),
    ("/customers?id=eq.{n}",),
    ("/customers/{n}",),
    ("SELECT * FROM customers WHERE id = :n",),
    1,
)
W2 = Work(
    "W2",
    "100 rows filtered and ordered",
    16,
    9,
    ("/api.rsc/orders?$filter=status%20eq%20'shipped'%20and%20total%20gt%20{n}00&$orderby=placed%20desc&$top=100",),
    ("/orders?status=eq.shipped&total=gt.{n}00&order=placed.desc&limit=100",),
    ("/orders?status=shipped&total={n}00&top=100",),
    (f"SELECT {COLUMNS} FROM orders WHERE status = 'shipped' AND total > :n * 100 ORDER BY placed DESC, id LIMIT 100",),
    100,
)
W3 = Work(
    "W3",
    "1,000 rows, all columns",
    8,
    900_000,
    ("/api.rsc/orders?$filter=id%20gt%20{n}&$top=1000",),
    ("/orders?id=gt.{n}&order=id&limit=1000",),
    ("/orders/after/{n}?top=1000",),
    (f"SELECT {COLUMNS} FROM orders WHERE id > :n ORDER BY id LIMIT 1000",),
    1000,
)
W4 = Work(
    "W4",
    "100,000 rows exported",
    1,
    1,
    ("/api.rsc/customers",),
    ("/customers?order=id",),
    ("/customers",),
    ("SELECT * FROM customers ORDER BY id",),
    100_000,
)
W5 = Work(
    "W5",
    "filtered count",
    8,
    9,
    ("/api.rsc/orders/$count?$filter=quantity%20gt%20{n}",),
    ("/orders?quantity=gt.{n}&limit=1",),  # with Prefer: count=exact
    ("/orders/count?quantity={n}",),
    ("SELECT count(*) FROM orders WHERE quantity > :n",),
    0,
)
# Nine small reads for one page of a hundred rows, by fifty clients.
W6 = Work(
    "W6",
    "50 connections, mixed",
    50,
    9,
    W1.ours * 9 + W2.ours,
    W1.postgrest * 9 + W2.postgrest,
    W1.fastapi * 9 + W2.fastapi,
    W1.sql * 9 + W2.sql,
    -1,
)
ALL = (W1, W2, W3, W4, W5, W6)
