"""The rows of the compliance fixture, as Python values and as tables."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from tests.databases import Database

CUSTOMER_COLUMNS = {
    "id": "integer PRIMARY KEY",
    "name": "varchar(80) NOT NULL",
    "email": "varchar(80)",
    "country": "varchar(2)",
    "credit": "numeric(12,2)",
    "score": "float",
    "vip": "bool",
    "born": "date",
    "wakes": "time",
    "seen": "timestamp",
    "visits": "bigint",
    "rank": "smallint",
}


def customer(id: int, name: str, **values: Any) -> dict[str, Any]:
    return {**dict.fromkeys(CUSTOMER_COLUMNS), "id": id, "name": name, **values}


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


CUSTOMERS = [
    customer(
        1,
        "Alice",
        email="alice@example.com",
        country="JP",
        credit=Decimal("100.10"),
        score=1.5,
        vip=True,
        born=dt.date(1990, 2, 28),
        wakes=dt.time(6, 30),
        seen=instant("2024-03-10T12:34:56.789"),
        visits=2**53 + 1,
        rank=3,
    ),
    customer(
        2,
        "bob",
        country="US",
        credit=Decimal("-5.50"),
        score=-2.25,
        vip=False,
        born=dt.date(2000, 2, 29),
        wakes=dt.time(23, 59, 59),
        seen=instant("2023-12-31T23:59:59"),
        visits=0,
        rank=-3,
    ),
    customer(3, "O'Neil", email="100%@example.com", country="US", credit=Decimal("0.00"), score=0.0, vip=None, born=None, visits=7, rank=0),
    customer(
        4,
        "注文 太郎",
        email="taro@例え.jp",
        country="JP",
        credit=Decimal("9999999999.99"),
        score=1e10,
        vip=True,
        born=dt.date(1985, 12, 31),
        wakes=dt.time(0, 0),
        seen=instant("2024-01-01T00:00:00"),
        visits=-(2**62),
        rank=32767,
    ),
    customer(5, "under_score\\back", email="", country=None, credit=None, score=None, vip=False, visits=None, rank=None),
    customer(
        6,
        "ALICE",
        email="ALICE@EXAMPLE.COM",
        country="DE",
        credit=Decimal("100.1"),
        score=2.5,
        vip=True,
        born=dt.date(1990, 2, 28),
        wakes=dt.time(6, 30, 15),
        seen=instant("2024-03-10T12:34:56"),
        visits=1,
        rank=-1,
    ),
    customer(
        7,
        "émile ÉCOLE",
        email=None,
        country="FR",
        credit=Decimal("2.50"),
        score=-0.5,
        vip=None,
        born=dt.date(1999, 12, 31),
        seen=instant("1999-12-31T23:00:00"),
        visits=10,
        rank=2,
    ),
    customer(
        8,
        "  spaced  ",
        email="a_b%c@example.com",
        country="FR",
        credit=Decimal("3.50"),
        score=3.5,
        vip=False,
        born=dt.date(2024, 1, 1),
        visits=-7,
        rank=1,
    ),
    customer(9, "😀 smile", email="x", country="JP", credit=Decimal("-2.50"), score=-3.5, vip=True, visits=3, rank=-2),
]

ORDER_COLUMNS = {
    "id": "serial",
    "customer_id": "integer",
    "total": "numeric(14,4)",
    "placed": "datetime",
    "note": "varchar(200)",
}
ORDERS = [
    {"id": n, "customer_id": owner, "total": Decimal(n) * Decimal("10.0001"), "placed": dt.datetime(2024, 1, n, 8, 0, n), "note": note}
    for n, owner, note in [(1, 1, "first"), (2, 1, None), (3, 2, "gift"), (4, 4, "急ぎ"), (5, None, "orphan"), (6, 1, "last one")]
]
ITEM_COLUMNS = {"order_id": "integer NOT NULL", "line": "integer NOT NULL", "product": "varchar(40)", "quantity": "smallint"}
ITEMS = [
    {"order_id": order, "line": line, "product": f"P{order}{line}", "quantity": order * line} for order in (1, 2, 4) for line in (1, 2, 3)
]


def text_of(value: Any) -> Any:
    """Return what every driver takes: dates and times as ISO text, decimals as text."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")
    if isinstance(value, dt.date | dt.time | Decimal):
        return str(value)
    return value


def fill(database: Database) -> None:
    """Create and fill the tables."""
    key = f"FOREIGN KEY (customer_id) REFERENCES customers ({database.quote('id')})"
    database.create("customers", CUSTOMER_COLUMNS)
    database.create("orders", ORDER_COLUMNS, key)
    database.create("items", ITEM_COLUMNS, "PRIMARY KEY (order_id, line)", "FOREIGN KEY (order_id) REFERENCES orders (id)")
    chief = f"FOREIGN KEY (boss_id) REFERENCES staff ({database.quote('id')})"
    database.create("staff", {"id": "integer PRIMARY KEY", "name": "varchar(40) NOT NULL", "boss_id": "integer"}, chief)
    database.insert("staff", [(1, "Root", None), (2, "Anna", 1), (3, "Ben", 1), (4, "Carl", 2), (5, "Dora", 4)])
    database.create("journal", {"text": "varchar(50)", "at": "integer"})
    database.create(
        "things", {"id": "integer PRIMARY KEY", "name": "varchar(40)", "data": "blob", "ref": "guid", "amount": "numeric(20,5)"}
    )
    for table, found in (("customers", CUSTOMERS), ("orders", ORDERS), ("items", ITEMS)):
        database.insert(table, [[seen_in(database, value) for value in row.values()] for row in found])
    database.create("marks", {"id": "integer PRIMARY KEY", "value": "float", "other": "float"})
    fill_odd(database)
    special = [(3, "NaN", 1), (2, "Infinity", "NaN")] if database.kind == "postgresql" else []
    database.insert("marks", [(1, 1.5, 2), *special, (4, None, 1)])
    database.insert("journal", [("started", 1), ("stopped", 2), (None, 3)])
    if database.kind == "postgresql":
        database.run("SELECT setval(pg_get_serial_sequence('orders', 'id'), 100)")


# What OData can't say: the column's type and the value, by database.
ODD = {
    "postgresql": ("timestamp", "infinity"),
    "mysql": ("time", "100:00:00"),
    "sqlite": ("integer", "abc"),
    "duckdb": ("datetime", "infinity"),
}


def fill_odd(database: Database) -> None:
    """Create and fill tables that are odd: values beyond OData, keys that the database fills up."""
    kind, value = ODD[database.kind]
    database.create("strange", {"id": "integer PRIMARY KEY", "note": "varchar(40)", "odd": kind})
    database.insert("strange", [(1, "plain", None), (2, "odd", value), (3, "plain", None)])
    database.create("codes", {"code": "char(5) PRIMARY KEY", "note": "varchar(40)"})
    database.insert("codes", [("ab", "two"), ("abc", "three")])


def seen_in(database: Database, value: Any) -> Any:
    """Return the value for this database: an instant carries its zone where the column keeps one."""
    if database.kind == "postgresql" and isinstance(value, dt.datetime) and value.tzinfo:
        return value.isoformat()
    return text_of(value)
