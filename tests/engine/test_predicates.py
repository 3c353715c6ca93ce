"""Conditions of our tree as what sources are asked: columns on the left, values of the column's type, unknown kept apart from false."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from sqlglot import exp

from connections.contract.scan import AllOf, AnyOf, Compare, Not, Other, Predicate
from connections.contract.table import Column, Type
from connections.engine.nodes import Bind, Read, fn
from connections.engine.predicates import Asker, conjuncts, fitting

COLUMNS = {
    column.name: column
    for column in (Column("n", Type.INT16), Column("s"), Column("flag", Type.BOOLEAN), Column("list", is_collection=True))
}


def read(name: str) -> Read:
    return Read(table="t", column=name, template="{0}")


def bind(slot: int = 0) -> Bind:
    return Bind(slot=slot, template="{0}")


N_IS_1 = fn("eq", read("n"), bind())
ONE = Compare("n", "eq", 1)


@pytest.mark.parametrize(
    ("tree", "wanted"),
    [
        (N_IS_1, ONE),
        (fn("lt", bind(), read("n")), Compare("n", "gt", 1)),
        (fn("eq_text", read("s"), bind(1)), Compare("s", "eq", "x")),
        (fn("contains_ci", read("s"), bind(1)), Compare("s", "contains_ci", "x")),
        (fn("eq", read("n"), bind(1)), Other(("n",))),  # no number
        (fn("eq", read("n"), read("s")), Other(("n", "s"))),
        (fn("eq", fn("length", read("s")), bind()), Other(("s",))),
        (fn("eq", read("list"), bind(1)), Other(("list",))),
        (fn("in", read("n"), bind(), bind(2), bind()), Compare("n", "in", (1, 2))),
        (fn("or", N_IS_1, fn("eq", read("n"), bind(2))), Compare("n", "in", (1, 2))),
        (fn("or", N_IS_1, fn("is_null", read("s"))), AnyOf((ONE, Compare("s", "is_null")))),
        (fn("or", N_IS_1, fn("eq", fn("length", read("s")), bind())), AnyOf((ONE, Other(("s",))))),
        (read("flag"), Compare("flag", "eq", True)),
        (fn("not", read("flag")), Not(Compare("flag", "eq", True))),
        (fn("not", fn("eq", fn("length", read("s")), bind())), Other(("s",))),
        (fn("or_false", N_IS_1), AllOf((ONE, Compare("n", "is_not_null")))),
        (fn("not", fn("or_false", N_IS_1)), Not(AllOf((ONE, Compare("n", "is_not_null"))))),
        (fn("or_false", fn("not", N_IS_1)), AllOf((Compare("n", "ne", 1), Compare("n", "is_not_null")))),
        (fn("or_false", fn("not", fn("contains", read("s"), bind(1)))), Other(("s",))),
        (exp.Boolean(this=True), Other(())),
    ],
)
def test_condition_becomes_what_a_source_is_asked(tree: exp.Expression, wanted: Predicate) -> None:
    assert Asker(COLUMNS, "t", [1, "x", 2]).predicate(tree) == wanted


def test_conjuncts_are_asked_one_by_one_and_need_not_tell_false_from_null() -> None:
    tree = fn("and", fn("or_false", N_IS_1), fn("and", read("flag"), fn("or", read("flag"), N_IS_1)))

    assert conjuncts(tree) == [N_IS_1, read("flag"), fn("or", read("flag"), N_IS_1)]


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        (Type.INT16, Decimal("2.0"), 2),
        (Type.INT16, Decimal("2.5"), None),
        (Type.INT16, 40000, None),
        (Type.INT16, True, None),
        (Type.INT16, float("inf"), None),
        (Type.DOUBLE, 2, 2.0),
        (Type.DOUBLE, float("nan"), None),
        (Type.DECIMAL, 2, Decimal(2)),
        (Type.DECIMAL, 2.5, None),
        (Type.DATE, dt.datetime(2024, 1, 1, tzinfo=dt.UTC), None),
        (Type.DATE, dt.date(2024, 1, 1), dt.date(2024, 1, 1)),
        (Type.TIMESTAMP, dt.date(2024, 1, 1), None),
        (Type.BOOLEAN, False, False),
        (Type.STRING, None, None),
    ],
)
def test_value_is_the_columns_or_is_not_asked_for(kind: Type, value: Any, wanted: Any) -> None:
    found = fitting(value, Column("c", kind))

    assert (type(found), found) == (type(wanted), wanted)
