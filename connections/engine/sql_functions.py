"""The functions that people's SQL may call, each with the types it takes and gives. A function that is not listed is refused."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from connections.contract.table import FLOATS, INTEGERS, NUMBERS, Column, Type
from connections.engine.nodes import fn
from connections.engine.sql_literals import parsed
from connections.engine.sql_nodes import Literal, Scope, Typed
from connections.engine.sql_reader import SqlProblem, nearest, problem
from connections.engine.sql_state import null, waiting
from connections.engine.sql_windows import AGGREGATES, RANKS

if TYPE_CHECKING:
    from connections.engine.sql_expressions import Expressions

TEXT = frozenset({Type.STRING})
CALENDAR = frozenset({Type.DATE, Type.TIMESTAMP})
CLOCK = frozenset({Type.TIME, Type.TIMESTAMP})
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
SHORT = {
    **dict.fromkeys(("s", "ss"), "second"),
    **dict.fromkeys(("n", "mi"), "minute"),
    "hh": "hour",
    **dict.fromkeys(("d", "dd"), "day"),
    **dict.fromkeys(("wk", "ww"), "week"),
    **dict.fromkeys(("m", "mm"), "month"),
    **dict.fromkeys(("q", "qq"), "quarter"),
    **dict.fromkeys(("yy", "yyyy"), "year"),
}
PARTS = ("year", "month", "day", "hour", "minute", "second")
FARTHEST = 100_000_000_000  # seconds that DATEADD moves by


@dataclass(frozen=True, slots=True)
class Signature:
    """A plain function: ours, the types of its arguments, the type it gives."""

    name: str
    arguments: tuple[frozenset[Type], ...]
    result: Type


PLAIN: dict[str, Signature] = {
    **dict.fromkeys(("UPPER", "UCASE"), Signature("toupper", (TEXT,), Type.STRING)),
    **dict.fromkeys(("LOWER", "LCASE"), Signature("tolower", (TEXT,), Type.STRING)),
    **dict.fromkeys(("LEN", "LENGTH", "CHAR_LENGTH"), Signature("length", (TEXT,), Type.INT64)),
    "LTRIM": Signature("trim_left", (TEXT,), Type.STRING),
    "RTRIM": Signature("trim_right", (TEXT,), Type.STRING),
    "REPLACE": Signature("replace", (TEXT, TEXT, TEXT), Type.STRING),
    "STARTSWITH": Signature("startswith", (TEXT, TEXT), Type.BOOLEAN),
    "ENDSWITH": Signature("endswith", (TEXT, TEXT), Type.BOOLEAN),
    "CONTAINS": Signature("contains", (TEXT, TEXT), Type.BOOLEAN),
    **{part.upper(): Signature(part, (CALENDAR,), Type.INT64) for part in PARTS[:3]},
    **{part.upper(): Signature(part, (CLOCK,), Type.INT64) for part in PARTS[3:]},
}


def call(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return a function bound; raise for one that is not listed."""
    name = str(node.this).upper()
    special = SPECIAL.get(name)
    if special is not None:
        fewest, most, handler = special
        count(node, fewest, most)
        return handler(binder, node, scope)
    signature = PLAIN.get(name)
    if signature is None:
        raise problem(f"There is no function {node.this}.", node, nearest(name, [*PLAIN, *SPECIAL, *AGGREGATES, *RANKS]))
    count(node, len(signature.arguments), len(signature.arguments))
    values = [argument(binder, item, scope, wanted) for item, wanted in zip(node.expressions, signature.arguments, strict=True)]
    if any(value.type is None for value in values):
        return null(node)
    return binder.made(fn(signature.name, *(value.tree for value in values)), signature.result, node, values)


def count(node: exp.Expression, fewest: int, most: int) -> None:
    """Raise for the wrong number of arguments."""
    if not fewest <= len(node.expressions) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} or more" if most > len(PLAIN) else f"{fewest} to {most}"
        raise problem(f"{node.this} takes {wanted} arguments, not {len(node.expressions)}.", node)


def argument(binder: Expressions, node: exp.Expression, scope: Scope, wanted: frozenset[Type]) -> Typed:
    """Return an argument of one of the types; a quoted constant may be read as one, and text is made of what is none."""
    value = binder.expression(node, scope)
    if value.type is None:
        return value
    if wanted == TEXT:
        return (
            value
            if value.literal is None and value.type == Type.STRING
            else replace(value, tree=binder.text(value), type=Type.STRING, literal=None)
        )
    if value.literal is not None and value.type == Type.STRING:
        kind = Type.TIMESTAMP if Type.TIMESTAMP in wanted else sorted(wanted)[0]
        return binder.beside(value, Column("", kind, has_zone=kind == Type.TIMESTAMP))
    value = binder.instant(binder.settled(value))
    if value.type not in wanted:
        listed = " or ".join(sorted(wanted)) if wanted != NUMBERS else "a number"
        raise problem(f"This must be {listed}, not {value.type}.", node)
    return value


def whole(binder: Expressions, node: exp.Expression, scope: Scope) -> Typed:
    """Return an argument that is a whole number."""
    return argument(binder, node, scope, INTEGERS)


def small(node: exp.Expression, value: Typed) -> int:
    """Return a constant whole number."""
    if value.literal is None or value.literal.type not in INTEGERS:
        raise problem("This must be a whole number, written out.", node)
    return int(value.literal.value)


def number(binder: Expressions, given: int) -> exp.Expression:
    """Return a whole number as a value."""
    return binder.given(given, Column("", Type.INT64))


# ---- text ----


def substring(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return SUBSTRING(text, start[, length]): the first character has number 1."""
    text = argument(binder, node.expressions[0], scope, TEXT)
    start = whole(binder, node.expressions[1], scope)
    zero_based = fn(
        "case",
        fn("lt", start.tree, number(binder, 1)),
        number(binder, 0),
        exp.true(),
        fn("sub_integer", start.tree.copy(), number(binder, 1)),
    )
    if isinstance(constant := binder.expression(node.expressions[1], scope).literal, Literal):
        if int(constant.value) < 1:
            raise problem("SUBSTRING counts from 1.", node.expressions[1])
        zero_based = number(binder, int(constant.value) - 1)  # type: ignore[assignment]
    rest = [whole(binder, item, scope) for item in node.expressions[2:]]
    name = "substring_count" if rest else "substring"
    return binder.made(fn(name, text.tree, zero_based, *(item.tree for item in rest)), Type.STRING, node, (text, start, *rest))


def left_part(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return LEFT(text, count)."""
    text, size = argument(binder, node.expressions[0], scope, TEXT), whole(binder, node.expressions[1], scope)
    return binder.made(fn("substring_count", text.tree, number(binder, 0), size.tree), Type.STRING, node, (text, size))


def right_part(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return RIGHT(text, count)."""
    text = argument(binder, node.expressions[0], scope, TEXT)
    size = small(node.expressions[1], binder.expression(node.expressions[1], scope))
    tree = fn("substring_count", text.tree, number(binder, -size), number(binder, size))
    return binder.made(tree, Type.STRING, node, (text,))


def concat(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return CONCAT: null counts as no text."""
    empty = binder.given("", Column("", Type.STRING))
    values = [binder.expression(item, scope) for item in node.expressions]
    tree: exp.Expression = empty
    for value in values:
        text = binder.text(value)
        tree = fn("concat", tree.copy(), fn("coalesce", text, empty.copy()) if value.is_nullable or value.type is None else text)
    return binder.made(tree, Type.STRING, node)


def place(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return CHARINDEX(part, text) and LOCATE; INSTR(text, part) the other way round: 0 = not there."""
    first, second = (argument(binder, item, scope, TEXT) for item in node.expressions)
    text, part = (first, second) if str(node.this).upper() == "INSTR" else (second, first)
    return binder.made(fn("add_integer", fn("indexof", text.tree, part.tree), number(binder, 1)), Type.INT64, node, (text, part))


def trim(binder: Expressions, node: exp.Trim, scope: Scope) -> Typed:
    """Return TRIM: blanks at both ends."""
    if node.args.get("expression") or node.args.get("position"):
        raise problem("TRIM takes blanks away, and nothing else.", node, "Use REPLACE.")
    text = argument(binder, node.this, scope, TEXT)
    return binder.made(fn("trim_both", text.tree), Type.STRING, node, (text,))


# ---- choice ----


def coalesce(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return COALESCE, ISNULL, IFNULL, NVL."""
    values = [binder.expression(item, scope) for item in node.expressions]
    trees, column, _ = binder.unified(values)
    return Typed(fn("coalesce", *trees), column.type, node, all(value.is_nullable for value in values), column)


def null_if(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return NULLIF."""
    value, other = (binder.expression(item, scope) for item in node.expressions)
    value = binder.settled(value)
    same = binder.compare("eq", value, other, node)
    column = value.column or Column("", value.type or Type.STRING)
    tree = fn("case", fn("or_false", same.tree), binder.given(None, column), exp.true(), value.tree.copy())
    return Typed(tree, value.type, node, True, column)


def iif(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return IIF."""
    condition, yes, no = node.expressions
    found = binder.expression(yes, scope), binder.expression(no, scope)
    return binder.choice([binder.condition(condition, scope)], found[:1], found[1], node)


# ---- numbers ----


def absolute(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return ABS."""
    value = argument(binder, node.expressions[0], scope, NUMBERS)
    return replace(value, tree=fn("absolute", value.tree), node=node)


def rounded(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return ROUND, FLOOR, CEILING: to whole numbers."""
    value = argument(binder, node.expressions[0], scope, NUMBERS)
    if len(node.expressions) > 1 and small(node, binder.expression(node.expressions[1], scope)) != 0:
        raise problem("ROUND to other than whole numbers is not supported.", node)
    name = {"ROUND": "round", "FLOOR": "floor"}.get(str(node.this).upper(), "ceiling")
    if value.type in INTEGERS:
        return replace(value, node=node)
    if value.type in FLOATS:
        return binder.made(fn(f"{name}_float", value.tree), Type.DOUBLE, node, (value,))
    return binder.made(fn(name, value.tree), Type.DECIMAL, node, (value,), scale=0)


def remainder(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return MOD."""
    return binder.arithmetic(exp.Mod(this=node.expressions[0].copy(), expression=node.expressions[1].copy()), scope)


# ---- dates ----


def moment_of(binder: Expressions, node: exp.Expression, scope: Scope) -> Typed:
    """Return the time of the statement, the same for all its rows: GETDATE, NOW, CURRENT_TIMESTAMP; the day for CURRENT_DATE."""
    is_day = isinstance(node, exp.CurrentDate) or str(node.this).upper() == "CURRENT_DATE"
    value = binder.now.date() if is_day else binder.now
    return waiting(Literal(value, Type.DATE if is_day else Type.TIMESTAMP, value.isoformat()), node)


def part_of(node: exp.Expression) -> str:
    """Return the part of a date that a word or a text names."""
    text = node.name.lower()
    text = SHORT.get(text, text)
    singular = text.removesuffix("s") if text not in SECONDS and text not in MONTHS else text
    if singular not in SECONDS and singular not in MONTHS:
        raise problem(f"{node.name} is no part of a date.", node, nearest(text, [*SECONDS, *MONTHS]) or "Use year, month, day, hour ...")
    return singular


def moved(part: str, size: int, start: date | datetime, node: exp.Expression) -> datetime:
    """Return a moment moved by some parts; the last day of a shorter month stands for those that it lacks."""
    begin = start if isinstance(start, datetime) else datetime.combine(start, time(), UTC)
    try:
        if part in SECONDS:
            return begin + timedelta(seconds=size * SECONDS[part])
        months = begin.year * 12 + begin.month - 1 + size * MONTHS[part]
        year, month = divmod(months, 12)
        return begin.replace(year=year, month=month + 1, day=min(begin.day, calendar.monthrange(year, month + 1)[1]))
    except (ValueError, OverflowError) as error:
        raise problem("This moment lies beyond the calendar.", node) from error


def dateadd(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return DATEADD(part, count, date); of a constant date it is a constant, which sources can compare with."""
    part = part_of(node.expressions[0])
    size = small(node.expressions[1], binder.expression(node.expressions[1], scope))
    if abs(size) * SECONDS.get(part, 1) > FARTHEST:
        raise problem("This moves too far.", node.expressions[1])
    value = binder.expression(node.expressions[2], scope)
    if value.type is None:
        return null(node)
    if value.literal is not None:
        start = value.literal.value if value.type in CALENDAR else parsed(value.literal.text, Type.TIMESTAMP, node)
        found = moved(part, size, start, node)
        return waiting(Literal(found, Type.TIMESTAMP, found.isoformat()), node)
    value = binder.midnight(argument(binder, node.expressions[2], scope, CALENDAR))
    name, factor = ("add_seconds", SECONDS[part]) if part in SECONDS else ("add_months", MONTHS[part])
    return binder.made(fn(name, value.tree, number(binder, size * factor)), Type.TIMESTAMP, node, (value,))


def datediff(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return DATEDIFF(part, from, to): how many borders of that part lie between them."""
    part = part_of(node.expressions[0])
    ends = [binder.midnight(argument(binder, item, scope, CALENDAR)) for item in node.expressions[1:]]
    if any(value.type is None for value in ends):
        return null(node)
    if part in MONTHS and part != "quarter":
        counted = [months(binder, value.tree, part) for value in ends]
    elif part in SECONDS and part != "week":
        counted = [fn("units_since", value.tree, number(binder, SECONDS[part])) for value in ends]
    else:
        raise problem(f"DATEDIFF by {part} is not supported.", node, "Count days.")
    return binder.made(fn("sub_integer", counted[1], counted[0]), Type.INT64, node, ends)


def months(binder: Expressions, tree: exp.Expression, part: str) -> exp.Expression:
    """Return the years or months since year 0."""
    if part == "year":
        return fn("year", tree)
    return fn("add_integer", fn("mul_integer", fn("year", tree), number(binder, 12)), fn("month", tree.copy()))


def date_part(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return DATEPART(part, date)."""
    return taken(binder, node, node.expressions[0], node.expressions[1], scope)


def extract(binder: Expressions, node: exp.Extract, scope: Scope) -> Typed:
    """Return EXTRACT(part FROM date)."""
    return taken(binder, node, node.this, node.expression, scope)


def taken(binder: Expressions, node: exp.Expression, part: exp.Expression, value: exp.Expression, scope: Scope) -> Typed:
    """Return a part of a date as a number."""
    name = part_of(part)
    if name not in PARTS:
        raise problem(f"{name} can't be taken from a date here.", part, f"Use {', '.join(PARTS)}.")
    found = argument(binder, value, scope, CALENDAR if name in PARTS[:3] else CLOCK)
    return null(node) if found.type is None else binder.made(fn(name, found.tree), Type.INT64, node, (found,))


def day_of(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return DATE(moment)."""
    value = argument(binder, node.expressions[0], scope, CALENDAR)
    if value.type in (None, Type.DATE):
        return replace(value, node=node)
    return binder.made(fn("date", value.tree), Type.DATE, node, (value,))


Handler = Callable[[Any, Any, Scope], Typed]
MANY = 1000
SPECIAL: dict[str, tuple[int, int, Handler]] = {
    **dict.fromkeys(("SUBSTRING", "SUBSTR"), (2, 3, substring)),
    "LEFT": (2, 2, left_part),
    "RIGHT": (2, 2, right_part),
    "CONCAT": (1, MANY, concat),
    **dict.fromkeys(("CHARINDEX", "LOCATE", "INSTR"), (2, 2, place)),
    "COALESCE": (1, MANY, coalesce),
    **dict.fromkeys(("ISNULL", "IFNULL", "NVL"), (2, 2, coalesce)),
    "NULLIF": (2, 2, null_if),
    "IIF": (3, 3, iif),
    "ABS": (1, 1, absolute),
    "ROUND": (1, 2, rounded),
    **dict.fromkeys(("FLOOR", "CEILING", "CEIL"), (1, 1, rounded)),
    "MOD": (2, 2, remainder),
    **dict.fromkeys(("GETDATE", "GETUTCDATE", "SYSDATETIME", "NOW", "CURRENT_TIMESTAMP", "CURRENT_DATE"), (0, 0, moment_of)),
    "DATEADD": (3, 3, dateadd),
    "DATEDIFF": (3, 3, datediff),
    "DATEPART": (2, 2, date_part),
    "DATE": (1, 1, day_of),
}

__all__ = ["SqlProblem", "call", "extract", "moment_of", "trim"]
