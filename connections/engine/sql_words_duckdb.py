"""DuckDB's SQL for what people's SQL can say beyond OData, over collected rows. {0}, {1} are printed arguments, already wrapped."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from connections.contract.dialect import Template
from connections.contract.table import Type

# The answer has nine decimals, rounded half away from zero, by whole numbers: DuckDB divides decimals as doubles.
DIVIDEND = "CAST(CAST({0} AS DECIMAL(38, 9)) * 1000000000 AS HUGEINT) * 1000000000"
DIVISOR = "CAST(CAST({1} AS DECIMAL(38, 9)) * 1000000000 AS HUGEINT)"
QUOTIENT = f"({DIVIDEND} * 2 + sign({DIVIDEND}) * abs({DIVISOR})) // (2 * {DIVISOR})"
DIV = (
    f"CASE WHEN {DIVISOR} = 0 THEN error('division by zero') "
    f"ELSE CAST({QUOTIENT} AS DECIMAL(38, 0)) * CAST(0.000000001 AS DECIMAL(10, 9)) END"
)
# What a text must look like to be read as a value, and the value's type.
NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"
DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
READ: dict[Type, tuple[str, str]] = {
    Type.INT64: ("BIGINT", "[+-]?[0-9]+"),
    Type.DECIMAL: ("DECIMAL(38, 9)", r"[+-]?([0-9]{1,29}(\.[0-9]{0,9}0*)?|\.[0-9]{1,9}0*)"),
    Type.DOUBLE: ("DOUBLE", f"{NUMBER}([eE][+-]?[0-9]{{1,3}})?"),
    Type.DATE: ("DATE", DAY),
    Type.TIMESTAMP: ("TIMESTAMPTZ", rf"{DAY}([T ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]+)?)?(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)?)?"),
}
PARTS = ("second", "minute", "hour", "week", "month", "quarter", "year")


def tried(kind: Type, text: str) -> str:
    """Return a text read as a value; null where it is none."""
    name, pattern = READ[kind]
    return f"(CASE WHEN regexp_full_match(trim({text}), '{pattern}') THEN TRY_CAST(trim({text}) AS {name}) END)"


def read(kind: Type, text: str) -> str:
    """Return a text read as a value; an error where it is none."""
    return f"CASE WHEN {text} IS NOT NULL THEN COALESCE({tried(kind, text)}, error('a text is no {READ[kind][0]}')) END"


def listed(once: str, *arguments: str) -> str:
    """Return STRING_AGG in an order."""
    text, separator, *keys = arguments
    return f"string_agg({once}{text}, {unwrapped(separator)} ORDER BY {', '.join(map(unwrapped, keys))})"


def unwrapped(text: str) -> str:
    """Return a key of an order without the parentheses of an argument."""
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text


def grouping_sets(*sets: str) -> str:
    """Return GROUPING SETS."""
    return f"GROUPING SETS ({', '.join(sets)})"


def grouping_set(*keys: str) -> str:
    """Return the keys of one set."""
    return ", ".join(keys)


GROUPS: dict[str, Template] = {"grouping_sets": grouping_sets, "grouping_set": grouping_set, "grouping": "GROUPING({0})"}
STATISTICS = ("stddev_samp", "stddev_pop", "var_samp", "var_pop", "median", "bool_and", "bool_or")
DOUBLES = ("sqrt", "exp", "ln", "log10")
READERS: dict[str, Callable[..., str]] = {
    f"{way}_{kind}": partial(function, kind) for kind in READ for way, function in (("try", tried), ("read", read))
}

WORDS: dict[str, Template] = {
    "min_text": "MIN({0})",
    "max_text": "MAX({0})",
    "lag_else": "LAG({0}, {1}, {2})",
    "lead_else": "LEAD({0}, {1}, {2})",
    "min_text_over": "MIN({0})",
    "max_text_over": "MAX({0})",
    "sum_float": "SUM({0})",
    "sum_integer": "SUM({0})",
    "sum_distinct_float": "SUM(DISTINCT {0})",
    "sum_distinct_integer": "SUM(DISTINCT {0})",
    "add_seconds": "{0} + to_seconds({1})",
    "add_months": "{0} + to_months(CAST({1} AS INTEGER))",
    "units_since": "CAST(floor(epoch({0}) / {1}) AS BIGINT)",
    "begin_of_second": "date_trunc('second', {0})",
    **{f"begin_of_{part}": f"date_trunc('{part}', {{0}})" for part in PARTS},
    "day_of_year": "dayofyear({0})",
    "iso_week": "week({0})",
    "iso_year": "isoyear({0})",
    "div": DIV,
    "round_to": "round({0}, {1})",
    "round_float_to": "round({0}, {1})",
    "to_whole": "CAST({0} AS BIGINT)",
    "power": "pow({0}, {1})",
    **{name: f"{name}({{0}})" for name in (*DOUBLES, *STATISTICS)},
    "regexp": "regexp_matches({0}, {1})",
    "regexp_replace": "regexp_replace({0}, {1}, {2}, 'g')",
    "reverse": "reverse({0})",
    "repeat": "repeat({0}, {1})",
    "lpad": "lpad({0}, CAST({1} AS INTEGER), {2})",
    "rpad": "rpad({0}, CAST({1} AS INTEGER), {2})",
    "split_part": "split_part({0}, {1}, {2})",
    "string_agg": partial(listed, ""),
    "string_agg_distinct": partial(listed, "DISTINCT "),
    **GROUPS,
    **READERS,
}
