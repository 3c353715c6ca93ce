"""Dates and moments of people's SQL: moved, subtracted, cut, taken apart. All of it in UTC."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlglot import exp

from connections.contract.table import INTEGERS, Column, Type
from connections.engine.nodes import fn
from connections.engine.sql_arguments import CALENDAR, CLOCK, PARTS, argument, number, small
from connections.engine.sql_literals import parsed
from connections.engine.sql_nodes import Literal, Scope, Typed
from connections.engine.sql_reader import nearest, problem
from connections.engine.sql_state import null, waiting

if TYPE_CHECKING:
    from connections.engine.sql_expressions import Expressions

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
FARTHEST = 100_000_000_000  # seconds that DATEADD moves by
THURSDAY = 4  # of the first day of 1970; Sunday is 0
DAY = 86400
# The first day of the week (Sunday is 0), and its number.
WEEKDAYS = {"dow": (0, 0), "weekday": (0, 1), "dw": (0, 1), "dayofweek": (0, 1), "isodow": (1, 1)}
# Parts that a database, or DuckDB, must know.
NATIVE = {
    **dict.fromkeys(("doy", "dayofyear", "dy"), "day_of_year"),
    **dict.fromkeys(("isoweek", "iso_week", "isowk", "isoww"), "iso_week"),
    "isoyear": "iso_year",
}


def moment_of(binder: Expressions, node: exp.Expression, scope: Scope) -> Typed:
    """Return the time of the statement, the same for all its rows: GETDATE, NOW, CURRENT_TIMESTAMP; the day for CURRENT_DATE."""
    is_day = isinstance(node, exp.CurrentDate) or str(node.this).upper() in ("CURRENT_DATE", "CURDATE", "TODAY")
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
    return moved_by(binder, binder.expression(node.expressions[2], scope), part_of(node.expressions[0]), node.expressions[1], scope)


def moved_by(binder: Expressions, value: Typed, part: str, size: exp.Expression, scope: Scope, *, sign: int = 1) -> Typed:
    """Return a date or moment moved by some parts of the calendar; how many may be a number of the row's."""
    node, counted = value.node, binder.expression(size, scope)
    name, factor = ("add_seconds", SECONDS[part]) if part in SECONDS else ("add_months", MONTHS[part])
    if counted.literal is None:
        steps = argument(binder, size, scope, INTEGERS)
        if value.type is None or steps.type is None:
            return null(node)
        moving = binder.midnight(as_moment(binder, value))
        seconds = fn("mul_integer", steps.tree, number(binder, sign * factor))
        return binder.made(fn(name, moving.tree, seconds), Type.TIMESTAMP, node, (moving, steps))
    steps_said = sign * small(size, counted)
    if abs(steps_said) * SECONDS.get(part, 1) > FARTHEST:
        raise problem("This moves too far.", size)
    if value.type is None:
        return null(node)
    if value.literal is not None:
        start = value.literal.value if value.type in CALENDAR else parsed(value.literal.text, Type.TIMESTAMP, node)
        found = moved(part, steps_said, start, node)
        return waiting(Literal(found, Type.TIMESTAMP, found.isoformat()), node)
    moving = binder.midnight(as_moment(binder, value))
    return binder.made(fn(name, moving.tree, number(binder, steps_said * factor)), Type.TIMESTAMP, node, (moving,))


def as_moment(binder: Expressions, value: Typed) -> Typed:
    """Return a date or moment; a quoted constant is read as one."""
    if value.literal is not None and value.type == Type.STRING:
        return binder.beside(value, Column("", Type.TIMESTAMP, has_zone=True))
    value = binder.instant(binder.settled(value))
    if value.type not in CALENDAR:
        raise problem(f"This must be {' or '.join(sorted(CALENDAR))}, not {value.type}.", value.node)
    return value


def interval_added(binder: Expressions, node: exp.Expression, scope: Scope) -> Typed:
    """Return a date + INTERVAL, - INTERVAL, INTERVAL + date: INTERVAL '7 days', INTERVAL 7 DAY, INTERVAL '1 month 2 days'."""
    first, second = node.this, node.expression
    if isinstance(first, exp.Interval) and isinstance(node, exp.Add):
        first, second = second, first
    if not isinstance(second, exp.Interval) or isinstance(first, exp.Interval) or not isinstance(node, exp.Add | exp.Sub):
        raise problem("An INTERVAL is added to a date, or taken from one.", node)
    value = binder.expression(first, scope)
    for part, size in steps_of(second):
        value = moved_by(binder, value, part, size, scope, sign=-1 if isinstance(node, exp.Sub) else 1)
    return replace(value, node=node)


def steps_of(node: exp.Interval) -> list[tuple[str, exp.Expression]]:
    """Return the parts of an INTERVAL with how many of each."""
    unit, size = node.args.get("unit"), node.this
    if isinstance(size, exp.Literal) and size.args.get("is_string"):
        text = f"{size.name} {unit.name if unit is not None else ''}".strip()
        found = re.fullmatch(r"([+-]?\d+\s*[a-z]+\s*)+", text, re.IGNORECASE)
        if found is None:
            raise problem(f"INTERVAL '{text[:40]}' can't be read.", node, "Write INTERVAL '7 days' or INTERVAL 7 DAY.")
        pairs = re.findall(r"([+-]?\d+)\s*([a-z]+)", text, re.IGNORECASE)
        return [(part_of(exp.var(word)), exp.Literal.number(int(count))) for count, word in pairs]
    if unit is None or size is None:
        raise problem("INTERVAL needs a part of a date.", node, "Write INTERVAL '7 days' or INTERVAL 7 DAY.")
    return [(part_of(unit), size)]


def datediff(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return DATEDIFF(part, from, to): how many borders of that part lie between them."""
    part = part_of(node.expressions[0])
    ends = [binder.midnight(argument(binder, item, scope, CALENDAR)) for item in node.expressions[1:]]
    if any(value.type is None for value in ends):
        return null(node)
    if part in MONTHS:
        counted = [months(binder, value.tree, part) for value in ends]
    else:
        # Weeks begin on Sunday, as T-SQL has it.
        starts = [fn("add_seconds", value.tree, number(binder, THURSDAY * DAY)) if part == "week" else value.tree for value in ends]
        counted = [fn("units_since", start, number(binder, SECONDS[part])) for start in starts]
    return binder.made(fn("sub_integer", counted[1], counted[0]), Type.INT64, node, ends)


def months(binder: Expressions, tree: exp.Expression, part: str) -> exp.Expression:
    """Return the years, quarters or months since year 0."""
    if part == "year":
        return fn("year", tree)
    size = 12 if part == "month" else 4
    inner = fn("month", tree.copy()) if part == "month" else quarter(binder, tree.copy())
    return fn("add_integer", fn("mul_integer", fn("year", tree), number(binder, size)), inner)


def quarter(binder: Expressions, tree: exp.Expression) -> exp.Expression:
    """Return the quarter of a date."""
    return fn("div_integer", fn("add_integer", fn("month", tree), number(binder, 2)), number(binder, 3))


def date_part(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return DATEPART(part, date)."""
    return taken(binder, node, node.expressions[0], node.expressions[1], scope)


def extract(binder: Expressions, node: exp.Extract, scope: Scope) -> Typed:
    """Return EXTRACT(part FROM date)."""
    return taken(binder, node, node.this, node.expression, scope)


def taken(binder: Expressions, node: exp.Expression, part: exp.Expression, value: exp.Expression, scope: Scope) -> Typed:
    """Return a part of a date as a number."""
    word = part.name.lower()
    name = word if word in WEEKDAYS or word in NATIVE else part_of(part)
    if name not in (*PARTS, "quarter", *WEEKDAYS, *NATIVE):
        raise problem(f"{name} can't be taken from a date here.", part, f"Use {', '.join((*PARTS, 'quarter', 'isoweek', *WEEKDAYS))}.")
    found = argument(binder, value, scope, CLOCK if name in PARTS[3:] else CALENDAR)
    if found.type is None:
        return null(node)
    if name == "quarter":
        tree: exp.Expression = quarter(binder, found.tree)
    elif name in WEEKDAYS:
        found = binder.midnight(found)
        tree = weekday(binder, found.tree, *WEEKDAYS[name])
    else:
        tree = fn(NATIVE.get(name, name), found.tree)
    return binder.made(tree, Type.INT64, node, (found,))


def weekday(binder: Expressions, tree: exp.Expression, first: int, number_of_first: int) -> exp.Expression:
    """Return the number of a moment's day in its week, which begins on the day `first` (Sunday is 0)."""
    days = fn("units_since", tree, number(binder, DAY))
    past = fn("mod_integer", fn("add_integer", days, number(binder, THURSDAY - first)), number(binder, 7))
    whole_week = fn("mod_integer", fn("add_integer", past, number(binder, 7)), number(binder, 7))
    return fn("add_integer", whole_week, number(binder, number_of_first)) if number_of_first else whole_week


def part_called(part: str) -> Callable[[Expressions, exp.Anonymous, Scope], Typed]:
    """Return what binds a function that takes a part: QUARTER(date), DAYOFWEEK(date)."""

    def bound(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
        return taken(binder, node, exp.var(part), node.expressions[0], scope)

    return bound


def truncated(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return DATE_TRUNC(part, date), DATETRUNC: the moment at which that part begins; weeks begin on Monday."""
    value = binder.midnight(argument(binder, node.expressions[1], scope, CALENDAR))
    if value.type is None:
        return null(node)
    return binder.made(beginning(part_of(node.expressions[0]), value.tree), Type.TIMESTAMP, node, (value,))


def beginning(part: str, tree: exp.Expression) -> exp.Expression:
    """Return the moment at which a part of the calendar begins."""
    return fn("date_to_timestamp", fn("date", tree)) if part == "day" else fn(f"begin_of_{part}", tree)


def last_day(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return EOMONTH(date[, months]) and LAST_DAY(date): the last day of the month."""
    value = binder.midnight(argument(binder, node.expressions[0], scope, CALENDAR))
    if value.type is None:
        return null(node)
    months_on = small(node, binder.expression(node.expressions[1], scope)) if len(node.expressions) > 1 else 0
    following = fn("add_months", beginning("month", value.tree), number(binder, months_on + 1))
    return binder.made(fn("date", fn("add_seconds", following, number(binder, -DAY))), Type.DATE, node, (value,))


def day_of(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return DATE(moment)."""
    value = argument(binder, node.expressions[0], scope, CALENDAR)
    if value.type in (None, Type.DATE):
        return replace(value, node=node)
    return binder.made(fn("date", value.tree), Type.DATE, node, (value,))
