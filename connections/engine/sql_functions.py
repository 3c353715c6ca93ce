"""The functions that people's SQL may call, each with the types it takes and gives. A function that is not listed is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from connections.contract.table import Column, Type
from connections.engine.nodes import fn
from connections.engine.sql_arguments import CALENDAR, CLOCK, MANY, PARTS, TEXT, Handler, argument, count, number, small, whole
from connections.engine.sql_dates import date_part, dateadd, datediff, day_of, last_day, moment_of, part_called, truncated
from connections.engine.sql_nodes import Literal, Scope, Typed
from connections.engine.sql_numbers import absolute, extremes, of_doubles, remainder, rounded, sign
from connections.engine.sql_patterns import regexp_like, replaced
from connections.engine.sql_reader import SqlProblem, nearest, problem
from connections.engine.sql_state import null
from connections.engine.sql_windows import AGGREGATES, RANKS

if TYPE_CHECKING:
    from connections.engine.sql_expressions import Expressions

LONGEST = 1000  # characters that LPAD and REPEAT make


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
    "REVERSE": Signature("reverse", (TEXT,), Type.STRING),
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


def joined_with(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return CONCAT_WS(separator, ...): null is left out, with its separator."""
    first, *rest = (binder.expression(item, scope) for item in node.expressions)
    separator, empty = binder.text(first), binder.given("", Column("", Type.STRING))
    tree: exp.Expression = empty
    for value in rest:
        text = binder.text(value)
        tree = fn("concat", tree.copy(), fn("coalesce", fn("concat", separator.copy(), text), empty.copy()))
    if not rest:
        raise problem("CONCAT_WS takes a separator and values.", node)
    whole_text = fn("substring", tree, fn("length", separator.copy()))
    return binder.made(whole_text, Type.STRING, node, (first,))


def position(binder: Expressions, node: exp.StrPosition, scope: Scope) -> Typed:
    """Return POSITION(part IN text)."""
    text, part = (argument(binder, item, scope, TEXT) for item in (node.this, node.args["substr"]))
    return binder.made(fn("add_integer", fn("indexof", text.tree, part.tree), number(binder, 1)), Type.INT64, node, (text, part))


def sized_text(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return LPAD, RPAD (with blanks where nothing else is said) and REPEAT."""
    name = str(node.this).upper()
    text = argument(binder, node.expressions[0], scope, TEXT)
    size = small(node.expressions[1], binder.expression(node.expressions[1], scope))
    if not 0 <= size <= LONGEST:
        raise problem(f"{node.this} makes texts of up to {LONGEST} characters.", node)
    values, trees = [text], [text.tree, number(binder, size)]
    if name in ("LPAD", "RPAD"):
        values += [argument(binder, item, scope, TEXT) for item in node.expressions[2:]]
        trees.append(values[1].tree if len(values) > 1 else binder.given(" ", Column("", Type.STRING)))
    return binder.made(fn("repeat" if name in ("REPEAT", "REPLICATE") else name.lower(), *trees), Type.STRING, node, values)


def split_part(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return SPLIT_PART(text, separator, number): the parts count from 1; there is no text behind the last."""
    text, separator = (argument(binder, item, scope, TEXT) for item in node.expressions[:2])
    place = small(node.expressions[2], binder.expression(node.expressions[2], scope))
    if place < 1:
        raise problem("SPLIT_PART counts from 1.", node.expressions[2])
    return binder.made(fn("split_part", text.tree, separator.tree, number(binder, place)), Type.STRING, node, (text, separator))


def grouping(binder: Expressions, node: exp.Anonymous, scope: Scope) -> Typed:
    """Return GROUPING(key): 1 in rows that ROLLUP, CUBE or GROUPING SETS made without the key."""
    return binder.made(fn("grouping", binder.settled(binder.expression(node.expressions[0], scope)).tree), Type.INT64, node)


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
    **dict.fromkeys(("DATE_TRUNC", "DATETRUNC"), (2, 2, truncated)),
    "EOMONTH": (1, 2, last_day),
    "LAST_DAY": (1, 1, last_day),
    **{part.upper(): (1, 1, part_called(part)) for part in ("quarter", "dayofweek", "dayofyear")},
    **dict.fromkeys(("CURDATE", "TODAY", "LOCALTIMESTAMP", "UTC_TIMESTAMP", "SYSUTCDATETIME"), (0, 0, moment_of)),
    "CONCAT_WS": (2, MANY, joined_with),
    **dict.fromkeys(("LPAD", "RPAD"), (2, 3, sized_text)),
    **dict.fromkeys(("REPEAT", "REPLICATE"), (2, 2, sized_text)),
    "SPLIT_PART": (3, 3, split_part),
    "REGEXP_LIKE": (2, 3, regexp_like),
    "REGEXP_REPLACE": (3, 3, replaced),
    **dict.fromkeys(("GREATEST", "LEAST"), (2, MANY, extremes)),
    "SIGN": (1, 1, sign),
    **dict.fromkeys(("POWER", "POW"), (2, 2, of_doubles("power"))),
    **{name: (1, 1, of_doubles(name.lower())) for name in ("SQRT", "EXP", "LN", "LOG10")},
    **dict.fromkeys(("GROUPING", "GROUPING_ID"), (1, 1, grouping)),
}

__all__ = ["SqlProblem", "call", "position", "trim"]
