"""The oracle of people's SQL: random statements over a table give the same rows run whole by its database, with pushdown,

without any, and by DuckDB itself, which reads the text that people wrote over all rows of the table.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import duckdb

from connections.contract.connector import Session
from connections.contract.errors import ConnectorError
from connections.contract.scan import Batch, Grade, Offer, Scan
from connections.contract.table import FLOATS, INTEGERS, NUMBERS, Column, Table, Type
from connections.engine import arrow
from connections.engine.budget import Budget, Limits
from connections.engine.sql_collect import Collector, rows_of
from connections.engine.sql_nodes import Found
from connections.engine.sql_plan import Plan
from connections.engine.sql_queries import bind
from tests.connectors.sources import Opened

NOW = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
EXAMPLES = int(os.environ.get("APISERVER_PROPERTY_EXAMPLES", "0"))
ASKED = frozenset({*NUMBERS, Type.STRING, Type.BOOLEAN, Type.DATE, Type.TIMESTAMP})
Row = tuple[Any, ...]


class Silent:
    """A session that takes nothing: every row is read, all else is done here."""

    dialect = None

    def __init__(self, session: Any) -> None:
        self._session = session

    def offer(self, scan: Scan) -> Offer:
        offer: Offer = self._session.offer(replace(scan, where=(), order=(), limit=None, offset=0, wants_count=False))
        return replace(offer, scan=scan, grades=(Grade.NO,) * len(scan.where), path=offer)

    def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
        yield from self._session.read(offer.path, resume=resume)


@dataclass(frozen=True)
class OneTable:
    """A catalog of one table, called t."""

    session: Session
    table: Table

    def find(self, parts: Sequence[str]) -> Found | None:
        return Found("c", self.session, self.table) if parts[-1].lower() == "t" else None

    def known(self, parts: Sequence[str]) -> list[str]:
        return ["t"]


def written(value: Any) -> str:
    """Return a value as people write it, for DuckDB too."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, dt.datetime):
        return f"TIMESTAMP '{value.astimezone(dt.UTC).isoformat(sep=' ')}'"
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value) if isinstance(value, float) else str(value)


class Writer:
    """Writes random statements over a table, of what DuckDB reads as we do."""

    def __init__(self, table: Table, rows: Sequence[dict[str, Any]], seed: int) -> None:
        self.rng = random.Random(seed)
        self.rows = rows
        self.columns = [c for c in table.columns if c.type in ASKED and not c.is_costly and not c.is_demanded and not c.is_collection]
        # DuckDB takes what is no number for the greatest one; here it compares with nothing.
        odd = {name for row in rows for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)}
        self.columns = [column for column in self.columns if column.name not in odd]

    def column(self, *kinds: Type) -> Column | None:
        found = [column for column in self.columns if not kinds or column.type in kinds]
        return self.rng.choice(found) if found else None

    def value(self, column: Column) -> str:
        known = [row[column.name] for row in self.rows if row[column.name] is not None]
        known = [item for item in known if not isinstance(item, float) or math.isfinite(item)]
        return written(self.rng.choice(known)) if known else "NULL"

    def condition(self, depth: int = 2) -> str:
        if depth and self.rng.random() < 0.5:
            word = self.rng.choice(["AND", "AND", "OR"])
            return f"({self.condition(depth - 1)} {word} {self.condition(depth - 1)})"
        if self.rng.random() < 0.15:
            return f"NOT ({self.condition(0)})"
        column = self.column()
        assert column is not None
        name, pick = f'"{column.name}"', self.rng.random()
        if pick < 0.15:
            return f"{name} IS {self.rng.choice(['', 'NOT '])}NULL"
        if pick < 0.25:
            return f"{name} {self.rng.choice(['', 'NOT '])}IN ({self.value(column)}, {self.value(column)})"
        if pick < 0.35:
            return f"{name} IS {self.rng.choice(['', 'NOT '])}DISTINCT FROM {self.value(column)}"
        if column.type is Type.STRING and pick < 0.6:
            return f"{name} {self.rng.choice(['', 'NOT '])}LIKE {written(self.pattern(column))} ESCAPE '!'"
        if column.type in INTEGERS and pick < 0.5:
            return f"{name} % 3 = {self.rng.randrange(3)}"
        if column.type in (Type.DATE, Type.TIMESTAMP) and pick < 0.55:
            return f"EXTRACT({self.rng.choice(['YEAR', 'MONTH', 'DAY', 'QUARTER'])} FROM {name}) > {self.rng.randrange(12)}"
        signs = ["=", "<>"] if column.type is Type.BOOLEAN else ["=", "<>", "<", "<=", ">", ">="]
        return f"{name} {self.rng.choice(signs)} {self.value(column)}"

    def pattern(self, column: Column) -> str:
        """Return a pattern of LIKE from some text of the table."""
        known = [str(row[column.name]) for row in self.rows if row[column.name]] or ["a"]
        text = "".join(f"!{c}" if c in "!%_" else c for c in self.rng.choice(known)[:3])
        return self.rng.choice([f"{text}%", f"%{text}", f"%{text}%", f"_{text[-1:] if text[-2:-1] != '!' else text}%", text])

    def where(self) -> str:
        return f" WHERE {self.condition()}" if self.rng.random() < 0.8 else ""

    def statement(self) -> str:
        return self.rng.choice([self.plain, self.plain, self.grouped, self.windowed, self.distinct, self.united, self.within])()

    def names(self, most: int = 4) -> list[str]:
        chosen = self.rng.sample(self.columns, min(len(self.columns), self.rng.randint(1, most)))
        return [f'"{column.name}"' for column in chosen]

    def plain(self) -> str:
        return f"SELECT {', '.join(self.names())} FROM t{self.where()}"

    def distinct(self) -> str:
        return f"SELECT DISTINCT {', '.join(self.names(2))} FROM t{self.where()}"

    def united(self) -> str:
        name = self.names(1)[0]
        word = self.rng.choice(["UNION", "UNION ALL", "EXCEPT", "INTERSECT"])
        return f"SELECT {name} FROM t{self.where()} {word} SELECT {name} FROM t{self.where()}"

    def within(self) -> str:
        key = self.names(1)[0]
        return f"SELECT {', '.join(self.names(2))} FROM t WHERE {key} IN (SELECT {key} FROM t{self.where()}) AND {self.condition(1)}"

    def is_small(self, column: Column) -> bool:
        return all(row[column.name] is None or abs(row[column.name]) < 2**48 for row in self.rows)

    def aggregates(self) -> list[str]:
        found = ["COUNT(*)", f"COUNT(*) FILTER (WHERE {self.condition(0)})"]
        text = self.column(Type.STRING)
        small = [c for c in self.columns if c.type in {*INTEGERS, Type.DECIMAL} and self.is_small(c)]  # sums have 64 bits
        number = self.rng.choice(small) if small else None
        ordered = self.column(*INTEGERS, Type.DECIMAL, Type.STRING, Type.DATE, Type.TIMESTAMP)
        if number is not None:
            found += [f'SUM("{number.name}")', f'SUM(DISTINCT "{number.name}")']
        if ordered is not None:
            found += [f'MIN("{ordered.name}")', f'MAX("{ordered.name}")', f'COUNT(DISTINCT "{ordered.name}")']
        if text is not None:
            found.append(f"""STRING_AGG("{text.name}", '|' ORDER BY "{text.name}")""")
        return self.rng.sample(found, min(3, len(found)))

    def grouped(self) -> str:
        keys = [name for name in self.names(2) if self.kind(name) not in FLOATS]
        if not keys:
            return f"SELECT {', '.join(self.aggregates())} FROM t{self.where()}"
        way = self.rng.choice([", ".join(keys), ", ".join(keys), f"ROLLUP({', '.join(keys)})", f"CUBE({', '.join(keys)})"])
        having = f" HAVING COUNT(*) > {self.rng.randrange(3)}" if self.rng.random() < 0.4 else ""
        return f"SELECT {', '.join([*keys, *self.aggregates()])} FROM t{self.where()} GROUP BY {way}{having}"

    def kind(self, name: str) -> Type:
        return next(column.type for column in self.columns if f'"{column.name}"' == name)

    def windowed(self) -> str:
        name, keys = self.names(1)[0], ", ".join(f'"{column.name}"' for column in self.columns if column.type not in FLOATS)
        way = self.rng.choice(["ROW_NUMBER()", "COUNT(*)", "RANK()"])
        return f"SELECT {keys}, {way} OVER (PARTITION BY {name} ORDER BY {keys}) FROM t{self.where()}"


def plain_duckdb(sql: str, table: Table, rows: Sequence[Row]) -> list[Row]:
    """Return what DuckDB makes of the text alone."""
    database = duckdb.connect(":memory:", config={"default_null_order": "nulls_first_on_asc_last_on_desc"})
    database.execute("SET TimeZone = 'UTC'; SET integer_division = true")
    database.register("t", arrow.table_of(table.columns, rows))
    found = database.sql(sql).to_arrow_table()
    return list(zip(*(column.to_pylist() for column in found.columns), strict=True)) if found.num_rows else []


def comparable(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return rows as texts that are equal for equal values; a table has no order of its own."""
    return sorted(repr([plain(value) for value in row]) for row in rows)


def plain(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int | float | Decimal):
        return str(Decimal(repr(value) if isinstance(value, float) else value).normalize() + 0)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat() if value.tzinfo else value.isoformat() + "+00:00"
    return str(value) if isinstance(value, uuid.UUID) else value


def answer(found: Iterator[Sequence[Sequence[Any]]]) -> list[str]:
    return comparable([tuple(row) for batch in found for row in batch])


def check_sql(source: Opened, *, examples: int = 40, seed: int = 11) -> list[int]:
    """Ask random statements in every way; return how many rows each gave."""
    table = source.session.describe([source.ref])[0]
    rows = source.rows
    offer = rows.offer(Scan(table, tuple(table.by_name)))
    everything = [row for batch in rows.read(offer) for row in batch.rows]
    sample = [dict(zip(table.by_name, row, strict=True)) for row in everything[:200]]
    writer = Writer(table, sample, EXAMPLES or seed)
    counts = []
    for _ in range(EXAMPLES or examples):
        sql = writer.statement()
        bound = bind(sql, OneTable(source.session, table), now=NOW)
        silent: Any = Silent(rows_of(Found("c", source.session, table)))
        alone = bind(sql, OneTable(silent, table), now=NOW)
        wanted = comparable(plain_duckdb(sql, table, everything))
        for way, found in (
            ("whole", Plan(bound).batches()),
            ("pushed", Collector(bound, Budget(Limits())).batches()),
            ("alone", Collector(alone, Budget(Limits())).batches()),
        ):
            try:
                assert answer(found) == wanted, (way, sql)
            except ConnectorError as error:
                raise AssertionError((way, sql)) from error
        counts.append(len(wanted))
    return counts
