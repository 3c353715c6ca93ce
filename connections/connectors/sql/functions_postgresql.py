"""PostgreSQL's SQL for our functions. {0}, {1} are printed arguments, already wrapped."""

from connections.contract.dialect import Template
from connections.contract.table import Type

C = 'COLLATE "C"'  # text orders by code point, whatever the database's collation
# Text is no longer than a gigabyte. Not by least and greatest: they pass over null.
MOST = 1073741823
START = f"(CASE WHEN {{1}} > {MOST} THEN {MOST} WHEN {{1}} >= 0 THEN {{1}} ELSE {{1}} + length({{0}}) END)"
FIRST = f"(CASE WHEN {START} < 0 THEN 0 ELSE {START} END)::int + 1"
COUNT = f"(CASE WHEN {{2}} > {MOST} THEN {MOST} WHEN {{2}} < 0 THEN 0 ELSE {{2}} END)::int"


def listed(text: str, separator: str, *keys: str) -> str:
    """Return STRING_AGG in an order."""
    ordering = ", ".join(key[1:-1] if key.startswith("(") else key for key in keys)
    return f"string_agg({text}, {separator} ORDER BY {ordering})"


FUNCTIONS: dict[str, Template] = {
    "same": "{0} IS NOT DISTINCT FROM {1}",
    # PostgreSQL takes NaN for the greatest number; OData compares it with nothing.
    "lt_float": "{0} < {1} AND {1} <> 'NaN'",
    "le_float": "{0} <= {1} AND {1} <> 'NaN'",
    "gt_float": "{0} > {1} AND {0} <> 'NaN'",
    "ge_float": "{0} >= {1} AND {0} <> 'NaN'",
    "same_text": "{0} IS NOT DISTINCT FROM {1}",
    "eq_text": "{0} = {1}",
    "ne_text": "{0} <> {1}",
    "lt_text": f"{{0}} {C} < {{1}}",
    "le_text": f"{{0}} {C} <= {{1}}",
    "gt_text": f"{{0}} {C} > {{1}}",
    "ge_text": f"{{0}} {C} >= {{1}}",
    "order_text": f"{{0}} {C}",
    "asc_nullable": "{0} ASC NULLS FIRST",
    "desc_nullable": "{0} DESC NULLS LAST",
    # strings
    "contains": "strpos({0}, {1}) > 0",
    "contains_ci": "strpos(lower({0}), lower({1})) > 0",
    "startswith": "left({0}, length({1})) = {1}",
    "endswith": "right({0}, length({1})) = {1}",
    "length": "length({0})",
    "indexof": "strpos({0}, {1}) - 1",
    "substring": f"substr({{0}}, {FIRST})",
    "substring_count": f"substr({{0}}, {FIRST}, {COUNT})",
    "tolower": "lower({0})",
    "toupper": "upper({0})",
    "trim": r"regexp_replace({0}, '^\s+|\s+$', '', 'g')",
    "concat": "{0} || {1}",
    # arithmetic: whole numbers as numeric, so that nothing overflows
    "add": "{0}::numeric + {1}::numeric",
    "sub": "{0}::numeric - {1}::numeric",
    "mul": "{0}::numeric * {1}::numeric",
    "div_integer": "div({0}::numeric, {1}::numeric)",
    "div": "{0}::numeric / {1}::numeric",
    "mod": "mod({0}::numeric, {1}::numeric)",
    "neg": "-({0}::numeric)",
    "add_float": "{0}::float8 + {1}::float8",
    "sub_float": "{0}::float8 - {1}::float8",
    "mul_float": "{0}::float8 * {1}::float8",
    "div_float": "{0}::float8 / {1}::float8",
    "mod_float": "mod({0}::numeric, {1}::numeric)",
    "neg_float": "-({0}::float8)",
    "round": "round({0}::numeric)",
    "floor": "floor({0}::numeric)",
    "ceiling": "ceil({0}::numeric)",
    "round_float": "round({0}::numeric)",
    "floor_float": "floor({0})",
    "ceiling_float": "ceil({0})",
    # dates; the session's zone is UTC
    "year": "extract(year FROM {0})::int",
    "month": "extract(month FROM {0})::int",
    "day": "extract(day FROM {0})::int",
    "hour": "extract(hour FROM {0})::int",
    "minute": "extract(minute FROM {0})::int",
    "second": "floor(extract(second FROM {0}))::int",
    "fractionalseconds": "mod(extract(second FROM {0})::numeric, 1)",
    "date": "({0})::date",
    "time": "({0})::time",
    "totaloffsetminutes": "CASE WHEN {0} IS NOT NULL THEN 0 END",
    "totalseconds": "extract(epoch FROM {0})::numeric",
    "now": "current_timestamp",
    "date_to_timestamp": "({0})::timestamp",
    "add_duration": "{0} + {1}",
    "sub_duration": "{0} - {1}",
    # of people's SQL
    "min_text": f"MIN({{0}} {C})",
    "max_text": f"MAX({{0}} {C})",
    "add_seconds": "{0} + make_interval(secs => {1})",
    "add_months": "{0} + make_interval(months => ({1})::int)",
    "units_since": "floor(extract(epoch FROM {0}) / {1})::bigint",
    "boolean_text": "({0})::text",
    "lag_else": "LAG({0}, {1}, {2})",
    "lead_else": "LEAD({0}, {1}, {2})",
    "min_text_over": f"MIN({{0}} {C})",
    "max_text_over": f"MAX({{0}} {C})",
    **{f"begin_of_{part}": f"date_trunc('{part}', {{0}})" for part in ("second", "minute", "hour", "week", "month", "quarter", "year")},
    "day_of_year": "extract(doy FROM {0})::int",
    "iso_week": "extract(week FROM {0})::int",
    "iso_year": "extract(isoyear FROM {0})::int",
    "round_to": "round({0}::numeric, {1})",
    "to_whole": "({0})::bigint",
    **{name: f"{name}({{0}})" for name in ("bool_and", "bool_or")},
    "lpad": "lpad({0}, ({1})::int, {2})",
    "rpad": "rpad({0}, ({1})::int, {2})",
    "repeat": "repeat({0}, ({1})::int)",
    "split_part": "split_part({0}, {1}, ({2})::int)",
    "string_agg": listed,
    "grouping_sets": lambda *sets: f"GROUPING SETS ({', '.join(sets)})",
    "grouping_set": lambda *keys: ", ".join(keys),
    "grouping": "GROUPING({0})",
    "lateral": "LATERAL",
}

CASTS: dict[Type, Template] = {
    Type.STRING: "({0})::text",
    Type.DECIMAL: "({0})::numeric",
    Type.DOUBLE: "({0})::float8",
    Type.SINGLE: "({0})::float4::float8",
    Type.DATE: "({0})::date",
    Type.TIME: "({0})::time",
    Type.TIMESTAMP: "({0})::timestamp",
}


def instant(zone: str) -> dict[str, Template]:
    """Return what makes an instant of a date-time without zone, on a connection with this TimeZone."""
    return {} if zone == "UTC" else {"instant": f"{{0}} AT TIME ZONE '{zone}'"}
