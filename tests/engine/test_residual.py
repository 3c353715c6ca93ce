"""Trees as closures: three-valued logic, exact numbers, and errors that databases give too."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from sqlglot import exp

from apiserver.odata.binder_comparisons import COMPARISONS
from apiserver.odata.binder_functions import CASTABLE, FUNCTIONS
from connections.contract.errors import BadValue, NotSupported
from connections.contract.table import INTEGERS
from connections.contract.unsayable import Unsayable
from connections.engine.nodes import Bind, Read, fn
from connections.engine.residual import SPECIAL, Compiler, Run
from connections.engine.residual_functions import STRICT

NAMES = ("a", "b", "c")
COMPILER = Compiler({("t", name): place for place, name in enumerate(NAMES)})


def value(name: str, *arguments: Any) -> Any:
    """Return one of our functions over these values."""
    row = list(arguments)
    columns = [Read(table="t", column=item, template="{0}") for item in NAMES[: len(row)]]
    return COMPILER.cell(fn(name, *columns))(row, Run(()))


def test_every_function_of_odata_is_known() -> None:
    names = {*FUNCTIONS, "substring_count", "div_integer", "neg", "neg_float", "boolean_text", "date_to_timestamp", "order_text"}
    names |= {f"{name}{end}" for name in ("add", "sub", "mul", "div", "mod", "round", "floor", "ceiling") for end in ("", "_float")}
    names |= {f"{name}{end}" for name in (*COMPARISONS, "same") for end in ("", "_text", "_float")}
    names |= {f"cast_{kind}" for kind, given in CASTABLE.items() if given - {kind} and kind not in INTEGERS}
    names |= {"and", "or", "not", "in", "case", "or_false", "is_null", "is_not_null", "contains_ci"}

    assert names - {*STRICT, *SPECIAL, *(f"{name}_text" for name in SPECIAL)} == set()


@pytest.mark.parametrize(("left", "right"), list(product([True, False, None], repeat=2)))
def test_and_or_not_know_three_values(left: bool | None, right: bool | None) -> None:
    has = lambda wanted: wanted in (left, right)  # noqa: E731

    assert value("and", left, right) is (False if has(False) else None if has(None) else True)
    assert value("or", left, right) is (True if has(True) else None if has(None) else False)
    assert value("not", left) is (None if left is None else not left)


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("in", (None, 1, 2), None),
        ("in", (1, 1, None), True),
        ("in", (3, 1, None), None),
        ("same", (None, None), True),
        ("same", (1, None), False),
        ("same_float", (None, None), True),
        ("same_float", (Decimal("0.1"), 0.1), True),
        ("eq_float", (Decimal("0.1"), 0.1), True),
        ("or_false", (None,), False),
        ("lt", (1, None), None),
        ("add", (2**63, 1), 2**63 + 1),
        ("add", (Decimal("99999999999999999999999999999.01"), 1), Decimal("100000000000000000000000000000.01")),
        ("mul", (Decimal("1.10"), Decimal("1.10")), Decimal("1.2100")),
        ("div", (1, 3), Decimal("0." + "3" * 40)),
        ("div_integer", (-7, 2), -3),
        ("mod", (-7, 2), -1),
        ("mod", (Decimal("-5.5"), 2), Decimal("-1.5")),
        ("round", (Decimal("-2.5"),), Decimal(-3)),
        ("round_float", (2.5,), 3.0),
        ("floor_float", (-0.5,), -1.0),
        ("neg", (Decimal("2.50"),), Decimal("-2.50")),
        ("toupper", ("straße",), "STRAßE"),
        ("substring", ("bob", -9), "bob"),
        ("substring_count", ("注文 太郎", 1, 2), "文 "),
        ("length", ("😀x",), 2),
        ("indexof", ("注文", "x"), -1),
        ("fractionalseconds", (dt.time(1, 2, 3, 500_000),), Decimal("0.5")),
        ("totalseconds", (dt.timedelta(seconds=-90, microseconds=500_000),), Decimal("-89.5")),
        ("date_to_timestamp", (dt.date(2024, 2, 29),), dt.datetime(2024, 2, 29, tzinfo=dt.UTC)),
        ("cast_String", (Decimal("1E+2"),), "100"),
        ("cast_Single", (0.1,), 0.10000000149011612),
    ],
)
def test_function_gives(name: str, arguments: tuple[Any, ...], wanted: Any) -> None:
    row = list(arguments)
    columns = [Bind(slot=place, template="{0}") for place in range(len(row))]
    found = COMPILER.cell(fn(name, *columns))([], Run(row))

    assert (type(found), found) == (type(wanted), wanted)


@pytest.mark.parametrize(
    ("name", "arguments"), [("div", (1, 0)), ("mod", (1, 0)), ("div_integer", (1, 0)), ("div_float", (1.0, 0)), ("mod_float", (1.0, 0))]
)
def test_division_by_zero_is_refused(name: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(BadValue, match="divided by zero"):
        value(name, *arguments)


def test_number_beyond_doubles_is_refused() -> None:
    with pytest.raises(BadValue, match="outside of the range"):
        value("mul_float", 1e308, 10.0)


def test_case_takes_the_first_true_condition() -> None:
    tree = fn("case", exp.Null(), exp.Null(), exp.Boolean(this=True), Bind(slot=0, template=""), exp.Boolean(this=True), exp.Null())

    assert COMPILER.cell(tree)([], Run([5])) == 5
    assert COMPILER.cell(fn("case", exp.Boolean(this=False), Bind(slot=0, template="")))([], Run([5])) is None


def test_value_that_can_not_be_said_is_named_where_it_is_computed_with() -> None:
    with pytest.raises(BadValue, match="beyond"):
        value("add", Unsayable("infinity", BadValue("beyond")), 1)


def test_unknown_function_is_refused_before_rows_are_read() -> None:
    with pytest.raises(NotSupported, match="frobnicate"):
        COMPILER.cell(fn("frobnicate"))
