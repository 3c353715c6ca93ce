"""What a table's source says of it and clients must know: its writes, demanded columns, how far it can be read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apiserver.resources import builder, snapshot
from apiserver.resources.models import Resource, all_methods
from connections.contract.table import Column, Table, TableRef, Type
from connections.models import Connection

TABLE = Table(
    TableRef("", "issues"),
    columns=(Column("repo", is_nullable=False, is_demanded=True, comment="The repository."), Column("id", Type.INT32, is_nullable=False)),
    primary_key=("repo", "id"),
    check_column="id",
)


def published(table: Table, **settings: object) -> builder.PublishedResource:
    row = Resource(public_id="issues", name="issues", connection=Connection(pk=1, name="c", connector="rows"), methods=all_methods())
    for name, value in settings.items():
        setattr(row, name, value)
    return builder.resource_of(row, snapshot.from_json(snapshot.to_json(table)))


@pytest.mark.parametrize(
    ("writes", "methods"),
    [
        ({"insert", "update", "delete"}, {"GET", "POST", "PATCH", "PUT", "DELETE"}),
        ({"insert"}, {"GET", "POST"}),
        ({"update"}, {"GET", "PATCH", "PUT"}),
        ({"delete"}, {"GET", "DELETE"}),
        (set(), {"GET"}),
    ],
)
def test_methods_are_those_of_the_source(writes: set[str], methods: set[str]) -> None:
    assert published(replace(TABLE, writes=frozenset(writes))).methods == methods


def test_methods_taken_away_stay_away() -> None:
    assert published(TABLE, methods=["GET", "POST"]).methods == {"GET", "POST"}


def test_demanded_column_says_so_to_clients() -> None:
    told = published(TABLE).by_name["repo"].description

    assert told == "The repository. Every filter must say repo eq ...: the source gives rows of one repo at a time."


def test_check_column_is_the_sources_unless_another_was_set() -> None:
    assert published(TABLE).check_column == "id"
    assert published(TABLE, check_column="repo").check_column == "repo"


def test_table_that_ends_early_says_so_to_clients() -> None:
    assert published(replace(TABLE, partial="page two can't be found")).description == (
        "This table can't be read to its end: page two can't be found."
    )


def test_snapshot_of_a_database_table_stays_as_it_was() -> None:
    assert set(snapshot.to_json(replace(TABLE, check_column=""))) == {
        "schema", "name", "kind", "comment", "columns", "primary_key", "unique_keys", "foreign_keys"
    }  # fmt: skip


def test_snapshot_comes_back_whole() -> None:
    table = replace(TABLE, writes=frozenset({"insert"}), partial="no page two")

    assert snapshot.from_json(snapshot.to_json(table)) == table
