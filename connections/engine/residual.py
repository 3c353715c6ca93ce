"""Trees compiled to closures over row tuples, with SQL's three-valued logic: what a source did not do exactly is done here.

A closure takes a row and the Run it belongs to, and returns the value; null is None.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlglot import exp

from connections.contract.errors import NotSupported
from connections.contract.unsayable import sayable
from connections.engine.nodes import Bind, Fn, Read
from connections.engine.residual_functions import STRICT

Row = Sequence[Any]
Cell = Callable[[Row, "Run"], Any]


@dataclass(slots=True)
class Run:
    """One execution: the bound values by slot, the moment of now(), and the related rows by subselect and tie."""

    values: Sequence[Any]
    now: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    related: dict[int, dict[tuple[Any, ...], list[Row]]] = field(default_factory=dict)
    lists: dict[tuple[int, ...], frozenset[Any]] = field(default_factory=dict)  # values of an `in`, by their slots


class Compiler:
    """Compiles the trees of one level of a statement; `places` says where in a row a column of an alias is."""

    def __init__(self, places: Mapping[tuple[str, str], int], subselect: Callable[[exp.Select], Cell] | None = None) -> None:
        self.places = places
        self.subselect = subselect  # the value of a subselect: count, related value, or whether there is a row

    def cell(self, tree: exp.Expression) -> Cell:
        """Return the closure of a tree; raise NotSupported for what it has no meaning for."""
        if isinstance(tree, Read):
            return column(self.places[tree.args["table"], tree.args["column"]])
        if isinstance(tree, Bind):
            slot = tree.args["slot"]
            return lambda row, run: run.values[slot]
        if isinstance(tree, exp.Boolean):
            return constant(bool(tree.this))
        if isinstance(tree, exp.Null):
            return constant(None)
        if isinstance(tree, exp.Subquery) and isinstance(tree.this, exp.Select):
            return self.related(tree.this)
        if isinstance(tree, Fn):
            return self.call(tree.args["name"], tree.expressions)
        raise NotSupported(f"{type(tree).__name__} is not available on this source.", hint="Leave it out, or filter on the client.")

    def related(self, select: exp.Select) -> Cell:
        """Return the value of a subselect."""
        if self.subselect is None:
            raise NotSupported("Related rows are not available here.", hint="Leave them out.")
        return self.subselect(select)

    def call(self, name: str, arguments: Sequence[exp.Expression]) -> Cell:
        """Return one of our functions over its arguments."""
        if name == "exists" and isinstance(arguments[0], exp.Select):
            return self.related(arguments[0])
        if name == "now":
            return lambda row, run: run.now
        if name == "one":
            return constant(1)
        if name == "in" and all(isinstance(item, Bind) for item in arguments[1:]):
            return listed(self.cell(arguments[0]), tuple(item.args["slot"] for item in arguments[1:]))
        if name == "or":
            arguments = gathered(arguments)
        cells = [self.cell(item) for item in arguments]
        special = SPECIAL.get(name.removesuffix("_text"))
        if special is not None:
            return special(*cells)
        function = STRICT.get(name)
        if function is None:
            raise NotSupported(f"{name} is not available on this source.", hint="Leave it out, or filter on the client.")
        return strict(function, cells)


def column(place: int) -> Cell:
    """Return the value at a place; one that OData can't say is refused by name."""
    return lambda row, run: row[place] if row[place].__class__ in PLAIN else sayable(row[place])


FEW = 4  # equalities that are cheaper one by one
PLAIN = frozenset({int, str, float, bool, type(None)})


def constant(value: Any) -> Cell:
    """Return a value that is the same for every row."""
    return lambda row, run: value


def strict(function: Callable[..., Any], cells: Sequence[Cell]) -> Cell:
    """Return a function that gives null where an argument is null."""
    if len(cells) == 1:
        return of_one(function, cells[0])
    if len(cells) == 2:
        return of_two(function, *cells)

    def run_all(row: Row, run: Run) -> Any:
        found = [cell(row, run) for cell in cells]
        return None if None in found else function(*found)

    return run_all


def of_one(function: Callable[[Any], Any], cell: Cell) -> Cell:
    """Return a strict function of one argument."""

    def run_one(row: Row, run: Run) -> Any:
        value = cell(row, run)
        return None if value is None else function(value)

    return run_one


def of_two(function: Callable[[Any, Any], Any], left: Cell, right: Cell) -> Cell:
    """Return a strict function of two arguments."""

    def run_two(row: Row, run: Run) -> Any:
        first = left(row, run)
        if first is None:
            return None
        second = right(row, run)
        return None if second is None else function(first, second)

    return run_two


def every(*cells: Cell) -> Cell:
    """Return `and`: false wins, then null."""

    def run_and(row: Row, run: Run) -> Any:
        found: Any = True
        for cell in cells:
            value = cell(row, run)
            if value is None:
                found = None
            elif not value:
                return False
        return found

    return run_and


def some(*cells: Cell) -> Cell:
    """Return `or`: true wins, then null."""

    def run_or(row: Row, run: Run) -> Any:
        found: Any = False
        for cell in cells:
            value = cell(row, run)
            if value is None:
                found = None
            elif value:
                return True
        return found

    return run_or


def same(left: Cell, right: Cell) -> Cell:
    """Return whether two values are equal or both null."""
    return lambda row, run: left(row, run) == right(row, run)


def same_float(left: Cell, right: Cell) -> Cell:
    """Return `same` of numbers of which one is a double."""

    def run_same(row: Row, run: Run) -> bool:
        first, second = left(row, run), right(row, run)
        return first is second if first is None or second is None else float(first) == float(second)

    return run_same


def member(left: Cell, *items: Cell) -> Cell:
    """Return `in`: null where the value is null, or where only a null among the items may be it."""

    def run_in(row: Row, run: Run) -> Any:
        value = left(row, run)
        if value is None:
            return None
        found = [item(row, run) for item in items]
        return True if value in found else None if None in found else False

    return run_in


def listed(left: Cell, slots: tuple[int, ...]) -> Cell:
    """Return `in` of values that are the same for every row."""

    def run_listed(row: Row, run: Run) -> Any:
        value = left(row, run)
        if value is None:
            return None
        found = run.lists.get(slots)
        if found is None:
            found = run.lists[slots] = frozenset(run.values[slot] for slot in slots)
        return True if value in found else None if None in found else False

    return run_listed


def gathered(items: Sequence[exp.Expression]) -> list[exp.Expression]:
    """Return the operands of `or`; many equalities of one column with values become one `in`."""
    by_column: dict[exp.Expression, list[exp.Expression]] = {}
    rest: list[exp.Expression] = []
    for item in items:
        is_equality = isinstance(item, Fn) and item.args["name"] in ("eq", "eq_text")
        if is_equality and isinstance(item.expressions[0], Read) and isinstance(item.expressions[1], Bind):
            by_column.setdefault(item.expressions[0], []).append(item)
        else:
            rest.append(item)
    for column, equalities in by_column.items():
        marks = [item.expressions[1] for item in equalities]
        rest += equalities if len(marks) < FEW else [Fn(name="in", expressions=[column, *marks])]
    return rest


def chosen(*cells: Cell) -> Cell:
    """Return CASE: the value behind the first condition that is true."""
    pairs = [pair for number, pair in enumerate(pairwise(cells)) if number % 2 == 0]

    def run_case(row: Row, run: Run) -> Any:
        return next((value(row, run) for condition, value in pairs if condition(row, run)), None)

    return run_case


def negation(cell: Cell) -> Cell:
    """Return `not`: of null it is null."""
    return of_one(lambda value: not value, cell)


SPECIAL: dict[str, Callable[..., Cell]] = {
    "and": every,
    "or": some,
    "not": negation,
    "in": member,
    "case": chosen,
    "same": same,
    "same_float": same_float,
    "is_null": lambda cell: lambda row, run: cell(row, run) is None,
    "is_not_null": lambda cell: lambda row, run: cell(row, run) is not None,
    "or_false": lambda cell: lambda row, run: bool(cell(row, run)),
}
