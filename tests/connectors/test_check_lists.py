"""Values that a CHECK allows are those of an enumeration, in each database's own words for them."""

from __future__ import annotations

import pytest

from connections.connectors.sql.check_lists import lists_of
from tests.connectors.conftest import Source


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        ("x IN ('a', 'it''s')", {"x": ("a", "it's")}),
        ("((x)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))", {"x": ("a", "b")}),
        ("x IS NULL OR x IN ('a', 'b')", {"x": ("a", "b")}),
        ("x = 'a' OR x = 'b'", {"x": ("a", "b")}),
        ("y > 1 AND x IN ('a')", {"x": ("a",)}),
        ("x IN ('a') OR y = 1", {}),
        ("x IN ('a') OR y IN ('a')", {}),
        ("x NOT IN ('a')", {}),
        ("x IN (1, 2)", {}),
        ("lower(x) IN ('a')", {}),
        ("x IN (SELECT name FROM names)", {}),
        ("no SQL at all (", {}),
    ],
)
def test_only_a_plain_list_of_texts_says_what_is_allowed(clause: str, found: dict[str, tuple[str, ...]]) -> None:
    assert lists_of([clause], "postgres") == found


def test_several_checks_allow_what_each_of_them_does() -> None:
    assert lists_of(["x IN ('a', 'b', 'c')", "x IN ('c', 'b')"], "sqlite") == {"x": ("b", "c")}


def test_checks_of_a_table_are_found(source: Source) -> None:
    source.database.run(
        "CREATE TABLE tickets (id integer PRIMARY KEY, stage varchar(9) NOT NULL CHECK (stage IN ('new', 'paid')), size varchar(2),"
        " free varchar(9) CHECK (free <> 'x'), CHECK (size IS NULL OR size IN ('S', 'M')))"
    )

    found = {column.name: column.allowed_values for column in source.table("tickets").columns}

    assert found == {"id": (), "stage": ("new", "paid"), "size": ("S", "M"), "free": ()}
