"""The demo: a small sales database that we generate, published, with one API user. `manage.py serve --demo` loads it."""

from __future__ import annotations

import datetime as dt
import random
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from apiserver.resources.models import Resource
from apiserver.resources.services import publish_tables
from apiserver.server import options
from connections.models import Connection
from connections.services import list_tables, save_connection
from users import tokens
from users.models import PRIVILEGES, User

NAME = "demo"
SCHEMA = """
CREATE TABLE Customers (
  Id INTEGER PRIMARY KEY, Name VARCHAR(80) NOT NULL, Country CHAR(2) NOT NULL, Email VARCHAR(120), Credit DECIMAL(12,2),
  Delinquent BOOLEAN NOT NULL DEFAULT 0, Since DATE, LastSeen TIMESTAMP);
CREATE TABLE Products (
  Id INTEGER PRIMARY KEY, Name VARCHAR(80) NOT NULL, Price DECIMAL(10,2) NOT NULL, Weight DOUBLE, Discontinued BOOLEAN NOT NULL DEFAULT 0);
CREATE TABLE Orders (
  Id INTEGER PRIMARY KEY, CustomerId INTEGER NOT NULL REFERENCES Customers (Id), Placed TIMESTAMP NOT NULL, Shipped DATE,
  Total DECIMAL(12,2) NOT NULL, Note TEXT);
CREATE INDEX OrdersByCustomer ON Orders (CustomerId);
CREATE TABLE OrderItems (
  OrderId INTEGER NOT NULL REFERENCES Orders (Id), Line SMALLINT NOT NULL, ProductId INTEGER NOT NULL REFERENCES Products (Id),
  Quantity SMALLINT NOT NULL, Price DECIMAL(10,2) NOT NULL, PRIMARY KEY (OrderId, Line));
CREATE TABLE Issues (
  Id INTEGER PRIMARY KEY, CustomerId INTEGER REFERENCES Customers (Id), Title VARCHAR(120) NOT NULL, State VARCHAR(12) NOT NULL,
  CreatedOn TIMESTAMP NOT NULL, UpdatedOn TIMESTAMP);
"""
FIRST = ("Aoi", "Ben", "Carla", "Dimitri", "Emma", "Farid", "Greta", "春子", "Ines", "João", "健太", "Lena", "Milan", "Nora", "Óscar")
LAST = ("Andersen", "Bauer", "Costa", "田中", "Dubois", "García", "Haddad", "鈴木", "Jansen", "Kowalski", "Moreau", "O'Neil", "佐藤")
COUNTRIES = ("JP", "DE", "US", "FR", "BR", "GB", "PL", "ES")
GOODS = ("Notebook", "Fountain pen", "Desk lamp", "抹茶茶碗", "Backpack", "Headphones", "Water bottle", "風呂敷", "Keyboard", "Monitor arm")
NOTES = (None, None, "gift", "請求書を同封", "deliver after 18:00", 'call "first"', "50% deposit paid")
TROUBLES = ("Parcel damaged", "Invoice missing", "Wrong colour", "返品の依頼", "Login does not work", "Late delivery")
CUSTOMERS, ORDERS, ISSUES = 60, 240, 40
EPOCH = dt.datetime(2026, 1, 1, 8, 0, tzinfo=dt.UTC)


def load_demo(*, now: dt.datetime) -> dict[str, Any]:
    """Generate, connect and publish the demo once; return what `serve` prints."""
    path = Path(settings.DATA_DIR) / "files" / "demo.db"
    if not path.exists():
        generate(path)
    with transaction.atomic():
        connection = Connection.objects.filter(name=NAME).first()
        if connection is None:
            connection = save_connection(name=NAME, connector="sqlite", values={"Database": str(path)}, labels=["demo"])
            options.save({"allow_authtoken_in_url": True, "api": {"title": "Demo sales data"}})
        if not Resource.objects.filter(connection=connection).exists():
            publish_tables(connection, [item.ref for item in list_tables(connection, now=now, refresh=True)], now=now)
        user = User.objects.filter(name=NAME).first()
        if user is None:
            user = User.objects.create_user(NAME, privileges=list(PRIVILEGES))
        alive = tokens.live(user, now=now)
        text = tokens.reveal(alive[0]) if alive else tokens.generate(user, now=now)
    return {"authtoken": text, "user": NAME}


def generate(path: Path) -> None:
    """Write the database: the same rows every time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dice = random.Random(2026)  # noqa: S311 - sample data, no secret
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as database:
        database.executescript(SCHEMA)
        products = [
            (n, name, str(Decimal(dice.randrange(500, 20000)) / 100), dice.choice([None, 0.25, 1.5, 2.75]), n == 9)
            for n, name in enumerate(GOODS, 1)
        ]
        database.executemany("INSERT INTO Products VALUES (?, ?, ?, ?, ?)", products)
        database.executemany("INSERT INTO Customers VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [customer(n, dice) for n in range(1, CUSTOMERS + 1)])
        for number in range(1, ORDERS + 1):
            order(database, number, products, dice)
        database.executemany("INSERT INTO Issues VALUES (?, ?, ?, ?, ?, ?)", [issue(n, dice) for n in range(1, ISSUES + 1)])
        database.commit()
    part.replace(path)


def moment(dice: random.Random, day: int) -> str:
    """Return a date-time on a day of the demo's year."""
    return (EPOCH + dt.timedelta(days=day, minutes=dice.randrange(600))).strftime("%Y-%m-%d %H:%M:%S")


def customer(number: int, dice: random.Random) -> tuple[Any, ...]:
    """Return one customer."""
    name = f"{dice.choice(FIRST)} {dice.choice(LAST)}"
    email = None if dice.random() < 0.2 else f"customer{number}@example.com"
    credit = None if dice.random() < 0.2 else str(Decimal(dice.randrange(-50000, 500000)) / 100)
    since = (EPOCH - dt.timedelta(days=dice.randrange(2000))).date().isoformat()
    seen = None if dice.random() < 0.3 else moment(dice, dice.randrange(300))
    return (number, name, dice.choice(COUNTRIES), email, credit, dice.random() < 0.15, since, seen)


def order(database: sqlite3.Connection, number: int, products: list[tuple[Any, ...]], dice: random.Random) -> None:
    """Write one order with its items; its total is their sum."""
    day = dice.randrange(300)
    items = []
    for line in range(1, dice.randrange(1, 5) + 1):
        product = dice.choice(products)
        items.append((number, line, product[0], dice.randrange(1, 6), product[2]))
    total = sum((Decimal(item[4]) * item[3] for item in items), Decimal(0))
    shipped = None if dice.random() < 0.25 else (EPOCH + dt.timedelta(days=day + dice.randrange(1, 6))).date().isoformat()
    row = (number, dice.randrange(1, CUSTOMERS + 1), moment(dice, day), shipped, str(total), dice.choice(NOTES))
    database.execute("INSERT INTO Orders VALUES (?, ?, ?, ?, ?, ?)", row)
    database.executemany("INSERT INTO OrderItems VALUES (?, ?, ?, ?, ?)", items)


def issue(number: int, dice: random.Random) -> tuple[Any, ...]:
    """Return one issue."""
    day = dice.randrange(300)
    owner = None if dice.random() < 0.1 else dice.randrange(1, CUSTOMERS + 1)
    updated = None if dice.random() < 0.3 else moment(dice, day + 3)
    return (number, owner, dice.choice(TROUBLES), dice.choice(("new", "open", "resolved")), moment(dice, day), updated)
