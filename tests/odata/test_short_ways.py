"""The short ways of requests that come most: each must give what the long way gives."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apiserver.odata.drift import kinds_of
from apiserver.odata.errors import InvalidValue, NotFound
from apiserver.odata.parser import parse_path
from apiserver.odata.resolve import resolve, simple_target
from apiserver.odata.straight import Straight, chosen
from apiserver.resources.catalog import Catalog, PublishedProperty, PublishedResource
from apiserver.resources.remembered import MOST, forget, remembered
from connections.connectors.sql.dialect_postgresql import dialect
from connections.contract.table import Column, TableRef, Type


def resource_of(name: str, key: tuple[str, ...], kind: Type) -> PublishedResource:
    columns = (Column("id", kind, is_nullable=False), Column("part", Type.INT32, is_nullable=False))
    shown = tuple(PublishedProperty(item.name, item, is_key=item.name in key) for item in columns)
    return PublishedResource(name, name, 1, "source", "postgresql", TableRef("public", name), shown, shown, key)


SHORT = ("", "(1)", "(300)", "(999999999)")
CATALOG = Catalog(
    {
        item.name: item
        for item in (
            resource_of("Numbers", ("id",), Type.INT64),
            resource_of("Small", ("id",), Type.BYTE),
            resource_of("Texts", ("id",), Type.STRING),
            resource_of("Decimals", ("id",), Type.DECIMAL),
            resource_of("Guids", ("id",), Type.GUID),
            resource_of("Pairs", ("id", "part"), Type.INT32),
            resource_of("Keyless", (), Type.INT32),
        )
    },
    "rights",
)


def said(call: Any) -> Any:
    """Return the answer, or the error as it is said."""
    try:
        return call()
    except (InvalidValue, NotFound) as error:
        return type(error), str(error), error.target, error.hint


@pytest.mark.parametrize("name", [*CATALOG.resources, "Unknown"])
@pytest.mark.parametrize(
    "key", ["", "(1)", "(300)", "(999999999)", "(0)", "(01)", "(-1)", "('1')", "()", "(1.5)", "/1", "(id=1)", "/$count"]
)
def test_simple_target_is_what_the_whole_path_resolves_to(name: str, key: str) -> None:
    path = name + key

    short = said(lambda: simple_target(CATALOG, path))

    assert short is None or short == said(lambda: resolve(CATALOG, parse_path(path, decoded=True), {}))
    assert (short is None) == (
        name in ("Unknown",) or key not in ("", "(1)", "(300)", "(999999999)") or (bool(key) and name in ("Pairs", "Keyless"))
    )


def test_remembered_answers_are_of_the_very_objects() -> None:
    asked: list[Any] = []
    find = remembered(lambda *things: asked.append(things) or len(asked))  # type: ignore[func-returns-value]
    one, equal = [1], [1]

    found = [find(one), find(equal), find(one), find(one, equal)]
    many = [[number] for number in range(MOST)]
    for item in many:
        find(item)

    assert found == [1, 2, 1, 3]
    assert find(one) > MOST


def test_nothing_is_remembered_across_a_change_of_configuration() -> None:
    find = remembered(lambda thing: len(thing) or object())
    thing: list[Any] = []
    first = find(thing)

    forget()

    assert find(thing) is not first


@pytest.mark.parametrize(
    ("row", "is_simple"),
    [((1, "x"), True), ((None, None), True), ((Decimal(1), "x"), False), ((True, "x"), False), ((1, 2), False), (("1", "x"), False)],
)
def test_rows_of_plain_classes_are_known_again(row: tuple[Any, ...], is_simple: bool) -> None:
    kinds = kinds_of([Column("id", Type.INT32), Column("name", Type.STRING)], [None, None], dialect("UTC"))

    assert [kinds.is_simple(row), kinds.is_simple(row), kinds.is_simple((1, "x"))] == [is_simple, is_simple, True]


def test_one_row_becomes_the_object_that_it_is_among_several() -> None:
    made = Straight(CATALOG.resources["Numbers"], ("b", "a"), ("a", "b"), ((0, str),), chosen([1, 0]), chosen([0, 1]))

    for row in ((1, "x"), (None, None), (2, None)):
        assert made.objects([row]) == made.objects([row, row])[:1]
    assert made.objects([]) == []
