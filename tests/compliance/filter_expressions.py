"""Random `$filter` expressions, each with its own evaluation in Python: what the property test compares the service with.

Knows nothing of the service: the rules are those of OData 4.01 URL Conventions, 5.1.1, written a second time.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import strategies as st

Row = dict[str, Any]

TEXTS = [
    "",
    "a",
    "A",
    "Alice",
    "alice ",
    " bob",
    "O'Neil",
    "100%",
    "a_b",
    "a\\b",
    "%",
    "_",
    "\\",
    '"',
    "注文 太郎",
    "😀 x",
    "é",
    "É",
    "a%b_c\\",
]
COLUMNS = {
    "id": "integer PRIMARY KEY",
    "small": "smallint",
    "big": "bigint",
    "price": "numeric(12,2)",
    "score": "float",
    "name": "varchar(40) NOT NULL",
    "note": "varchar(40)",
    "flag": "bool",
    "born": "date",
    "wakes": "time",
    "seen": "timestamp",
}
BIG = [0, 1, -1, 2**53 + 1, 2**53, -(2**62)]
PRICES = [Decimal(text) for text in ("0.00", "2.50", "-2.50", "1.49", "-1.51", "100.10", "9999999999.99", "3.00")]
SCORES = [0.0, 1.5, -2.5, 2.5, 0.25, 1e10, -1024.0]
DAYS = [dt.date(1999, 12, 31), dt.date(2000, 2, 29), dt.date(2024, 1, 1), dt.date(2024, 3, 10)]
CLOCKS = [dt.time(0, 0), dt.time(6, 30), dt.time(6, 30, 15), dt.time(23, 59, 59)]
MOMENTS = [dt.datetime.combine(day, clock, dt.UTC) for day in DAYS for clock in CLOCKS[:3]]


def make_rows(count: int = 40) -> list[Row]:
    """Return the rows: the same on each run, a fifth of the optional values null."""
    chance = random.Random(20)
    pools = {"small": [-3, 0, 1, 2, 7, 100], "big": BIG, "price": PRICES, "score": SCORES, "note": TEXTS}
    pools |= {"flag": [True, False], "born": DAYS, "wakes": CLOCKS, "seen": MOMENTS}
    return [
        {"id": number, "name": chance.choice(TEXTS)}
        | {name: None if chance.random() < 0.2 else chance.choice(pool) for name, pool in pools.items()}
        for number in range(1, count + 1)
    ]


@dataclass(frozen=True)
class Expression:
    """An expression as it stands in a URL and what it means for a row."""

    text: str
    value: Callable[[Row], Any]


def column(name: str) -> Expression:
    return Expression(name, lambda row: row[name])


def constant(text: str, value: Any) -> Expression:
    return Expression(text, lambda row: value)


def applied(text: str, rule: Callable[..., Any], *parts: Expression) -> Expression:
    """Return a function over parts; null in, null out."""

    def value(row: Row) -> Any:
        found = [part.value(row) for part in parts]
        return None if None in found else rule(*found)

    return Expression(text.format(*[part.text for part in parts]), value)


NULL = constant("null", None)


def text_literal(value: str) -> Expression:
    return constant("'" + value.replace("'", "''") + "'", value)


def moment_literal(value: dt.datetime) -> Expression:
    return constant(value.strftime("%Y-%m-%dT%H:%M:%SZ"), value)


def away(value: Any) -> Any:
    """Round half away from zero."""
    if isinstance(value, Decimal):
        return value.quantize(Decimal(1), ROUND_HALF_UP)
    return math.copysign(math.floor(abs(value) + 0.5), value)


def floor(value: Any) -> Any:
    return value.quantize(Decimal(1), ROUND_FLOOR) if isinstance(value, Decimal) else math.floor(value)


def ceiling(value: Any) -> Any:
    return value.quantize(Decimal(1), ROUND_CEILING) if isinstance(value, Decimal) else math.ceil(value)


def truncated(left: int, right: int) -> int:
    return int(math.copysign(1, left) * math.copysign(1, right)) * (abs(left) // abs(right))


def remainder(left: int, right: int) -> int:
    return left - right * truncated(left, right)


# ---- values by type; `depth` bounds the nesting ----


def integers(depth: int) -> st.SearchStrategy[Expression]:
    leaves = st.sampled_from([column("id"), column("small")]) | st.integers(-5, 110).map(lambda n: constant(str(n), n))
    if depth == 0:
        return leaves
    inner, texts = integers(depth - 1), strings(depth - 1)
    nonzero = st.sampled_from([2, 3, -2, 7]).map(lambda n: constant(str(n), n))
    moments = st.just(column("seen"))
    return st.one_of(
        leaves,
        st.builds(lambda a, b: applied("({0} add {1})", lambda x, y: x + y, a, b), inner, inner),
        st.builds(lambda a, b: applied("({0} sub {1})", lambda x, y: x - y, a, b), inner, inner),
        st.builds(lambda a, b: applied("({0} mul {1})", lambda x, y: x * y, a, b), leaves, nonzero),
        st.builds(lambda a, b: applied("({0} div {1})", truncated, a, b), inner, nonzero),
        st.builds(lambda a, b: applied("({0} mod {1})", remainder, a, b), inner, nonzero),
        inner.map(lambda a: applied("(-({0}))", lambda x: -x, a)),
        texts.map(lambda a: applied("length({0})", len, a)),
        st.builds(lambda a, b: applied("indexof({0},{1})", lambda x, y: x.find(y), a, b), texts, strings(0)),
        *[moments.map(lambda a, part=part: applied(part + "({0})", lambda x: getattr(x, part), a)) for part in ("year", "month", "hour")],
        dates(0).map(lambda a: applied("day({0})", lambda x: x.day, a)),
        st.just(applied("minute({0})", lambda x: x.minute, column("wakes"))),
    )


def decimals(depth: int) -> st.SearchStrategy[Expression]:
    leaves = st.just(column("price")) | st.sampled_from(PRICES).map(lambda n: constant(str(n), n))
    if depth == 0:
        return leaves
    small = st.sampled_from(["2", "0.5", "-1.25"]).map(lambda text: constant(text, Decimal(text)))
    return st.one_of(
        leaves,
        st.builds(lambda a, b: applied("({0} add {1})", lambda x, y: x + y, a, b), leaves, small),
        st.builds(lambda a, b: applied("({0} mul {1})", lambda x, y: x * y, a, b), st.just(column("price")), small),
        st.just(column("price")).map(lambda a: applied("round({0})", away, a)),
        leaves.map(lambda a: applied("floor({0})", floor, a)),
        leaves.map(lambda a: applied("ceiling({0})", ceiling, a)),
    )


def doubles(depth: int) -> st.SearchStrategy[Expression]:
    leaves = st.just(column("score")) | st.sampled_from(SCORES).map(lambda n: constant(repr(n), n))
    if depth == 0:
        return leaves
    return st.one_of(
        leaves,
        st.builds(lambda a, b: applied("({0} add {1})", lambda x, y: x + y, a, b), st.just(column("score")), leaves),
        *[st.just(applied(f"{name}({{0}})", rule, column("score"))) for name, rule in (("round", away), ("floor", floor))],
    )


def strings(depth: int) -> st.SearchStrategy[Expression]:
    leaves = st.sampled_from([column("name"), column("note")]) | st.sampled_from(TEXTS).map(text_literal)
    if depth == 0:
        return leaves
    inner = strings(depth - 1)
    places = st.integers(0, 4).map(lambda n: constant(str(n), n))
    return st.one_of(
        leaves,
        st.builds(lambda a, b: applied("concat({0},{1})", lambda x, y: x + y, a, b), inner, inner),
        inner.map(lambda a: applied("tolower({0})", str.lower, a)),
        inner.map(lambda a: applied("toupper({0})", str.upper, a)),
        inner.map(lambda a: applied("trim({0})", str.strip, a)),
        st.builds(lambda a, n: applied("substring({0},{1})", lambda x, y: x[y:], a, n), inner, places),
        st.builds(lambda a, n, m: applied("substring({0},{1},{2})", lambda x, y, z: x[y : y + z], a, n, m), inner, places, places),
    )


def dates(depth: int) -> st.SearchStrategy[Expression]:
    days = st.just(column("born")) | st.sampled_from(DAYS).map(lambda day: constant(day.isoformat(), day))
    return days | st.just(applied("date({0})", lambda x: x.date(), column("seen")))


def times(depth: int) -> st.SearchStrategy[Expression]:
    return st.just(column("wakes")) | st.sampled_from(CLOCKS).map(lambda clock: constant(clock.isoformat(), clock))


def moments(depth: int) -> st.SearchStrategy[Expression]:
    return st.just(column("seen")) | st.sampled_from(MOMENTS).map(moment_literal)


def wide(depth: int) -> st.SearchStrategy[Expression]:
    return st.just(column("big")) | st.sampled_from([*BIG, 2**62]).map(lambda n: constant(str(n), n))


# ---- conditions ----

ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda x, y: x > y,
    "ge": lambda x, y: x >= y,
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
}


def compared(operator: str, left: Expression, right: Expression) -> Expression:
    """Return a comparison: eq and ne take null for a value, the others are false with it (5.1.1.1)."""

    def value(row: Row) -> bool:
        x, y = left.value(row), right.value(row)
        if operator in ("eq", "ne"):
            return (x == y) is (operator == "eq")
        return x is not None and y is not None and ORDER[operator](x, y)

    return Expression(f"{left.text} {operator} {right.text}", value)


def member(left: Expression, items: list[Expression]) -> Expression:
    return Expression(
        f"{left.text} in ({','.join(item.text for item in items)})",
        lambda row: any(left.value(row) == item.value(row) for item in items),
    )


def both(left: Expression, right: Expression) -> Expression:
    """Return `and`: false wins, then null (5.1.1.1.7)."""

    def value(row: Row) -> bool | None:
        found = (left.value(row), right.value(row))
        return False if False in found else None if None in found else True

    return Expression(f"({left.text} and {right.text})", value)


def either(left: Expression, right: Expression) -> Expression:
    """Return `or`: true wins, then null (5.1.1.1.8)."""

    def value(row: Row) -> bool | None:
        found = (left.value(row), right.value(row))
        return True if True in found else None if None in found else False

    return Expression(f"({left.text} or {right.text})", value)


FAMILIES = (integers, decimals, doubles, strings, dates, times, moments, wide)


def comparisons(depth: int) -> st.SearchStrategy[Expression]:
    operators = st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"])
    found = []
    for family in FAMILIES:
        values = family(depth)
        found.append(st.builds(compared, operators, values, values | st.just(NULL)))
        literals = family(0).filter(lambda item: item.text not in COLUMNS and "(" not in item.text) | st.just(NULL)
        found.append(st.builds(member, values, st.lists(literals, min_size=1, max_size=4)))
    return st.one_of(found)


def conditions(depth: int) -> st.SearchStrategy[Expression]:
    """Return conditions nested to `depth`."""
    texts = strings(min(depth, 2))
    leaves = st.one_of(
        comparisons(min(depth, 2)),
        st.just(column("flag")),
        st.builds(lambda a, b: applied("contains({0},{1})", lambda x, y: y in x, a, b), texts, texts),
        st.builds(lambda a, b: applied("startswith({0},{1})", str.startswith, a, b), texts, texts),
        st.builds(lambda a, b: applied("endswith({0},{1})", str.endswith, a, b), texts, texts),
    )
    if depth == 0:
        return leaves
    inner = conditions(depth - 1)
    negated = inner.map(lambda a: applied("not ({0})", lambda x: not x, a))
    as_value = st.builds(
        lambda a, b: compared("eq", Expression(f"({a.text})", a.value), b),
        inner,
        st.sampled_from([constant("true", True), constant("false", False), NULL]),
    )
    return st.one_of(leaves, st.builds(both, inner, inner), st.builds(either, inner, inner), negated, as_value)
