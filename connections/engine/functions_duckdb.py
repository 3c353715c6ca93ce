"""DuckDB's SQL for our functions. {0}, {1} are printed arguments, already wrapped. Decimals are not divided: DuckDB makes doubles of it."""

from connections.contract.dialect import Template
from connections.contract.table import Type

MOST = 1073741823
START = f"(CASE WHEN {{1}} > {MOST} THEN {MOST} WHEN {{1}} >= 0 THEN {{1}} ELSE {{1}} + length({{0}}) END)"
FIRST = f"(CASE WHEN {START} < 0 THEN 0 ELSE {START} END) + 1"
COUNT = f"(CASE WHEN {{2}} > {MOST} THEN {MOST} WHEN {{2}} < 0 THEN 0 ELSE {{2}} END)"
# What Python calls blank: trim knows no classes of characters.
BLANKS = "".join(f"\\u{code:04x}" for code in (*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)))
BLANKS = (BLANKS + "\\u2028\\u2029\\u202f\\u205f\\u3000").encode().decode("unicode_escape")
# DuckDB has a capital sharp s; no other source does.
UPPER = "replace(upper(replace({0}, 'ß', chr(1))), chr(1), 'ß')"

FUNCTIONS: dict[str, Template] = {
    "same": "{0} IS NOT DISTINCT FROM {1}",
    "same_text": "{0} IS NOT DISTINCT FROM {1}",
    "same_float": "CAST({0} AS DOUBLE) IS NOT DISTINCT FROM CAST({1} AS DOUBLE)",
    "eq_text": "{0} = {1}",
    "ne_text": "{0} <> {1}",
    "lt_text": "{0} < {1}",
    "le_text": "{0} <= {1}",
    "gt_text": "{0} > {1}",
    "ge_text": "{0} >= {1}",
    # DuckDB takes NaN for the greatest number, equal to itself; OData compares it with nothing.
    "eq_float": "CAST({0} AS DOUBLE) = CAST({1} AS DOUBLE) AND NOT isnan(CAST({0} AS DOUBLE))",
    "ne_float": "CAST({0} AS DOUBLE) <> CAST({1} AS DOUBLE) OR isnan(CAST({0} AS DOUBLE))",
    "lt_float": "CAST({0} AS DOUBLE) < CAST({1} AS DOUBLE) AND NOT isnan(CAST({1} AS DOUBLE))",
    "le_float": "CAST({0} AS DOUBLE) <= CAST({1} AS DOUBLE) AND NOT isnan(CAST({1} AS DOUBLE))",
    "gt_float": "CAST({0} AS DOUBLE) > CAST({1} AS DOUBLE) AND NOT isnan(CAST({0} AS DOUBLE))",
    "ge_float": "CAST({0} AS DOUBLE) >= CAST({1} AS DOUBLE) AND NOT isnan(CAST({0} AS DOUBLE))",
    "order_text": "{0}",
    "asc": "{0} ASC NULLS FIRST",
    "desc": "{0} DESC NULLS LAST",
    "asc_nullable": "{0} ASC NULLS FIRST",
    "desc_nullable": "{0} DESC NULLS LAST",
    # strings
    "contains": "contains({0}, {1})",
    "contains_ci": "contains(lower({0}), lower({1}))",
    "startswith": "starts_with({0}, {1})",
    "endswith": "ends_with({0}, {1})",
    "length": "length({0})",
    "indexof": "strpos({0}, {1}) - 1",
    "substring": f"substr({{0}}, {FIRST})",
    "substring_count": f"substr({{0}}, {FIRST}, {COUNT})",
    "tolower": "lower({0})",
    "toupper": UPPER,
    "trim": f"trim({{0}}, '{BLANKS}')",
    "concat": "{0} || {1}",
    # arithmetic
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div_integer": "{0} // {1}",
    "mod": "{0} % {1}",
    "add_float": "CAST({0} AS DOUBLE) + CAST({1} AS DOUBLE)",
    "sub_float": "CAST({0} AS DOUBLE) - CAST({1} AS DOUBLE)",
    "mul_float": "CAST({0} AS DOUBLE) * CAST({1} AS DOUBLE)",
    "div_float": "CAST({0} AS DOUBLE) / CAST({1} AS DOUBLE)",
    "mod_float": "CAST({0} AS DOUBLE) % CAST({1} AS DOUBLE)",
    "neg_float": "-CAST({0} AS DOUBLE)",
    "round": "round({0})",
    "floor": "floor({0})",
    "ceiling": "ceil({0})",
    "round_float": "round({0})",
    "floor_float": "floor({0})",
    "ceiling_float": "ceil({0})",
    # dates; the zone is UTC
    "year": "year({0})",
    "month": "month({0})",
    "day": "day({0})",
    "hour": "hour({0})",
    "minute": "minute({0})",
    "second": "second({0})",
    "fractionalseconds": "CAST(microsecond({0}) % 1000000 AS DECIMAL(18, 6)) * 0.000001",
    "date": "CAST({0} AS DATE)",
    "time": "CAST({0} AS TIME)",
    "totaloffsetminutes": "CASE WHEN {0} IS NOT NULL THEN 0 END",
    "now": "now()",
    "date_to_timestamp": "CAST({0} AS TIMESTAMPTZ)",
    "boolean_text": "CAST({0} AS VARCHAR)",
}

CASTS: dict[Type, Template] = {
    Type.STRING: "CAST({0} AS VARCHAR)",
    Type.DECIMAL: "CAST({0} AS DECIMAL(38, 9))",
    Type.DOUBLE: "CAST({0} AS DOUBLE)",
    Type.SINGLE: "CAST(CAST({0} AS FLOAT) AS DOUBLE)",
    Type.INT64: "CAST({0} AS BIGINT)",
    Type.INT32: "CAST({0} AS INTEGER)",
    Type.INT16: "CAST({0} AS SMALLINT)",
    Type.DATE: "CAST({0} AS DATE)",
    Type.TIME: "CAST({0} AS TIME)",
    Type.TIMESTAMP: "CAST({0} AS TIMESTAMPTZ)",
}
