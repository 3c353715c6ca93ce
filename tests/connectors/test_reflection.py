"""Tables, keys and relations as each database declares them."""

from __future__ import annotations

import sqlite3

import pytest

from connections.contract.errors import TableGone
from connections.contract.table import TableRef, Type
from tests.connectors.conftest import Source


def names(source: Source) -> dict[str, str]:
    return {info.ref.name: info.kind for info in source.session.list_tables()}


def test_tables_and_views_are_listed(source: Source) -> None:
    run = source.database.run
    run("CREATE TABLE one (id integer PRIMARY KEY)")
    run("CREATE VIEW two AS SELECT id FROM one")

    assert names(source) == {"one": "table", "two": "view"}
    assert source.table("two").primary_key == ()


def test_keys_and_relations_are_whole(source: Source) -> None:
    run = source.database.run
    run("CREATE TABLE parent (a integer NOT NULL, b varchar(20) NOT NULL, c integer, d integer NOT NULL, PRIMARY KEY (b, a))")
    run("CREATE UNIQUE INDEX solid ON parent (d)")
    run("CREATE UNIQUE INDEX hollow ON parent (c)")
    run("CREATE TABLE child (id integer PRIMARY KEY, y varchar(20), x integer, FOREIGN KEY (y, x) REFERENCES parent (b, a))")

    parent, child = source.table("parent"), source.table("child")

    assert parent.primary_key == ("b", "a")
    assert parent.unique_keys == (("d",),)
    assert [(key.columns, key.target_table, key.target_columns) for key in child.foreign_keys] == [(("y", "x"), "parent", ("b", "a"))]
    assert child.foreign_keys[0].target_schema == parent.ref.schema


def test_generated_and_default_columns_are_marked(source: Source) -> None:
    kind = {"sqlite": "integer", "postgresql": "integer", "mysql": "integer"}[source.kind]
    source.database.create("made", {"id": "serial", "a": f"{kind} DEFAULT 5 NOT NULL", "b": f"{kind} GENERATED ALWAYS AS (a * 2) STORED"})

    found = source.table("made").by_name

    assert {name: (column.is_generated, column.has_default, column.is_nullable) for name, column in found.items()} == {
        "id": (False, True, False),
        "a": (False, True, False),
        "b": (True, found["b"].has_default, True),
    }


def test_missing_table_is_gone(source: Source) -> None:
    schema = {"sqlite": "", "postgresql": "public", "mysql": "connectors_test"}[source.kind]

    with pytest.raises(TableGone):
        source.session.describe([TableRef(schema, "nothing")])
    assert source.session.describe([]) == []


@pytest.mark.parametrize("source", ["postgresql", "mysql"], indirect=True)  # SQLite has no comments
def test_comments_are_read(source: Source) -> None:
    if source.kind == "mysql":
        source.database.run("CREATE TABLE noted (id integer COMMENT 'the key') COMMENT = '注文'")
    else:
        source.database.run("CREATE TABLE noted (id integer)")
        source.database.run("COMMENT ON TABLE noted IS '注文'")
        source.database.run("COMMENT ON COLUMN noted.id IS 'the key'")

    table = source.table("noted")

    assert (table.comment, table.columns[0].comment) == ("注文", "the key")


@pytest.mark.parametrize("source", ["postgresql"], indirect=True)
def test_postgresql_lists_what_the_user_may_read(source: Source) -> None:
    run = source.database.run
    run("CREATE SCHEMA sales")
    run("CREATE TABLE sales.orders (id integer PRIMARY KEY, secret text, note text)")
    run("CREATE TABLE public.hidden (id integer)")
    run("CREATE TABLE parts (id integer, at date) PARTITION BY RANGE (at)")
    run("CREATE TABLE parts_2024 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')")
    run("CREATE MATERIALIZED VIEW stored AS SELECT 1 AS id")
    run("DROP ROLE IF EXISTS connectors_clerk")
    run("CREATE ROLE connectors_clerk LOGIN")
    run("GRANT USAGE ON SCHEMA sales TO connectors_clerk")
    run("GRANT SELECT (id, note) ON sales.orders TO connectors_clerk")
    run("GRANT SELECT ON parts, stored TO connectors_clerk")
    session = source.opened(User="connectors_clerk")

    found = [(str(info.ref), info.kind) for info in session.list_tables()]
    table = session.describe([TableRef("sales", "orders")])[0]
    session.close()

    assert found == [("public.parts", "table"), ("public.stored", "view"), ("sales.orders", "table")]
    assert [column.name for column in table.columns] == ["id", "note"]
    only = source.opened(BrowsableSchemas="sales")
    assert [str(info.ref) for info in only.list_tables()] == ["sales.orders"]
    only.close()


@pytest.mark.parametrize("source", ["mysql"], indirect=True)
def test_mysql_prefix_index_is_no_key(source: Source) -> None:
    source.database.run("CREATE TABLE prefixed (a integer NOT NULL, b varchar(200) NOT NULL, UNIQUE KEY (a, b(10)))")

    assert source.table("prefixed").unique_keys == ()


@pytest.mark.parametrize("source", ["mysql"], indirect=True)
def test_mysql_shapes_are_text_that_nobody_writes(source: Source) -> None:
    source.database.run("CREATE TABLE places (id integer PRIMARY KEY, at point)")

    column = source.table("places").by_name["at"]

    assert (column.type, column.is_generated, source.session.dialect.select(column)) == (Type.STRING, True, "ST_AsText({0})")


@pytest.mark.parametrize(
    ("declared", "kind", "length", "precision", "scale"),
    [
        ("INTEGER", Type.INT64, None, None, None),
        ("unsigned big int", Type.INT64, None, None, None),
        ("DECIMAL(10,2)", Type.DECIMAL, None, 10, 2),
        ("numeric", Type.DECIMAL, None, None, None),
        ("NUMERIC(8)", Type.DECIMAL, None, 8, 0),
        ("NVARCHAR(40)", Type.STRING, 40, None, None),
        ("STRING", Type.STRING, None, None, None),
        ("", Type.STRING, None, None, None),
        ("GEOMETRY", Type.STRING, None, None, None),
        ("DateTime2(7)", Type.TIMESTAMP, None, 6, None),
        ("TIMESTAMP WITH TIME ZONE", Type.TIMESTAMP, None, 6, None),
        ("FLOAT", Type.DOUBLE, None, None, None),
        ("JSON", Type.STRING, None, None, None),
        ("UniqueIdentifier", Type.GUID, None, None, None),
    ],
)
@pytest.mark.parametrize("source", ["sqlite"], indirect=True)
def test_sqlite_declared_types(
    source: Source, declared: str, kind: Type, length: int | None, precision: int | None, scale: int | None
) -> None:
    source.database.run(f"CREATE TABLE declared (id integer PRIMARY KEY, c {declared})")

    column = source.table("declared").by_name["c"]

    assert (column.type, column.max_length, column.precision, column.scale) == (kind, length, precision, scale)


@pytest.mark.parametrize("source", ["sqlite"], indirect=True)
def test_sqlite_names_of_relations_are_spelled_as_their_tables(source: Source) -> None:
    source.database.run("CREATE TABLE Customers (Id integer PRIMARY KEY)")
    source.database.run("CREATE TABLE orders (id integer PRIMARY KEY, c integer REFERENCES customers, d integer REFERENCES nowhere (id))")

    keys = source.table("orders").foreign_keys

    assert [(key.target_table, key.target_columns) for key in keys] == [("Customers", ("Id",))]


@pytest.mark.parametrize("source", ["sqlite"], indirect=True)
def test_sqlite_inner_tables_are_not_listed(source: Source) -> None:
    source.database.run("CREATE VIRTUAL TABLE words USING fts5(body)")

    assert sqlite3.sqlite_version_info < (3, 37) or names(source) == {"words": "table"}
