"""The rows that every target of the benchmark serves: 100,000 customers and 1,000,000 orders of twelve columns each."""

from __future__ import annotations

from typing import Any

import psycopg

CUSTOMERS, ORDERS = 100_000, 1_000_000
DATABASE = "bench"
FILL = f"""
CREATE TABLE customers (
  id int PRIMARY KEY, name text NOT NULL, email text NOT NULL, country char(2) NOT NULL, city text, segment text NOT NULL,
  credit numeric(12,2) NOT NULL, active boolean NOT NULL, born date, created timestamptz NOT NULL, score float8 NOT NULL, note text);
INSERT INTO customers SELECT n, 'Customer ' || n, 'c' || n || '@example.com', (ARRAY['JP','US','DE','FR','BR'])[1 + n % 5],
  CASE WHEN n % 9 = 0 THEN NULL ELSE '東京 ' || n % 40 END, (ARRAY['retail','trade','public'])[1 + n % 3], n * 0.37, n % 7 <> 0,
  CASE WHEN n % 4 = 0 THEN NULL ELSE date '1950-01-01' + n % 20000 END, timestamptz '2020-01-01' + n * interval '7 min', n / 3.0,
  CASE WHEN n % 3 = 0 THEN 'a "quoted" note ' || n END FROM generate_series(1, {CUSTOMERS}) n;
CREATE TABLE orders (
  id bigint PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, status text NOT NULL, total numeric(12,2) NOT NULL,
  tax numeric(12,2), quantity int NOT NULL, placed timestamptz NOT NULL, shipped date, priority smallint NOT NULL,
  channel text NOT NULL, reference uuid NOT NULL, comment text);
INSERT INTO orders SELECT n, 1 + n::bigint * 7919 % {CUSTOMERS}, (ARRAY['open','shipped','paid','returned'])[1 + n % 4], n % 100000 / 8.0,
  CASE WHEN n % 5 = 0 THEN NULL ELSE n % 1000 / 10.0 END, 1 + n % 30, timestamptz '2021-01-01' + n * interval '2 min',
  CASE WHEN n % 4 = 1 THEN date '2021-01-01' + n % 1500 END, n % 5, (ARRAY['web','shop','phone'])[1 + n % 3], md5(n::text)::uuid,
  CASE WHEN n % 6 = 0 THEN 'left at the door ' || n END FROM generate_series(1, {ORDERS}) n;
CREATE INDEX ON orders (customer_id, id); CREATE INDEX ON orders (status, placed DESC, id);
VACUUM ANALYZE;"""


def build(address: dict[str, Any]) -> None:
    """Make the database, unless it is there."""
    with psycopg.connect(**address, dbname="postgres", autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
            return
        connection.execute(f"CREATE DATABASE {DATABASE}")
    with psycopg.connect(**address, dbname=DATABASE, autocommit=True) as connection:
        for statement in FILL.split(";"):
            if statement.strip():
                connection.execute(statement)  # type: ignore[call-overload]
