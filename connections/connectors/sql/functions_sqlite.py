"""SQLite's SQL for our functions. {0}, {1} are printed arguments, already wrapped; api_* are sqlite_functions'."""

from connections.contract.dialect import Template
from connections.contract.table import Type

B = "COLLATE BINARY"  # a column may be declared NOCASE
FRACTION = "CASE WHEN instr({0}, '.') > 0 THEN CAST('0' || substr({0}, instr({0}, '.')) AS REAL) WHEN {0} IS NOT NULL THEN 0 END"

FUNCTIONS: dict[str, Template] = {
    "same": "{0} IS {1}",
    "same_text": f"{{0}} {B} IS {{1}}",
    "eq_text": f"{{0}} {B} = {{1}}",
    "in_text": lambda argument, *values: f"{argument} {B} IN ({', '.join(values)})",
    "ne_text": f"{{0}} {B} <> {{1}}",
    "lt_text": f"{{0}} {B} < {{1}}",
    "le_text": f"{{0}} {B} <= {{1}}",
    "gt_text": f"{{0}} {B} > {{1}}",
    "ge_text": f"{{0}} {B} >= {{1}}",
    "order_text": f"{{0}} {B}",
    "asc_nullable": "{0}",
    "desc_nullable": "{0} DESC",
    # strings
    "contains": "instr({0}, {1}) > 0",
    "contains_ci": "instr(api_lower({0}), api_lower({1})) > 0",
    "startswith": f"substr({{0}}, 1, length({{1}})) {B} = {{1}}",
    "endswith": f"substr({{0}}, length({{0}}) - length({{1}}) + 1) {B} = {{1}} AND length({{0}}) >= length({{1}})",
    "length": "length({0})",
    "indexof": "instr({0}, {1}) - 1",
    "substring": "api_substring({0}, {1}, 2147483647)",
    "substring_count": "api_substring({0}, {1}, {2})",
    "tolower": "api_lower({0})",
    "toupper": "api_upper({0})",
    "trim": "api_trim({0})",
    "concat": "{0} || {1}",
    # arithmetic
    "add": "api_add({0}, {1})",
    "sub": "api_sub({0}, {1})",
    "mul": "api_mul({0}, {1})",
    "div_integer": "api_div_integer({0}, {1})",
    "div": "api_div({0}, {1})",
    "mod": "api_mod({0}, {1})",
    "add_float": "api_add_float({0}, {1})",
    "sub_float": "api_sub_float({0}, {1})",
    "mul_float": "api_mul_float({0}, {1})",
    "div_float": "api_div_float({0}, {1})",
    "mod_float": "api_mod_float({0}, {1})",
    "neg_float": "-{0}",
    "round": "api_round({0})",
    "floor": "api_floor({0})",
    "ceiling": "api_ceiling({0})",
    "round_float": "api_round({0})",
    "floor_float": "api_floor({0})",
    "ceiling_float": "api_ceiling({0})",
    # dates are text that sorts: 2024-03-10 12:34:56.789
    "year": "CAST(substr({0}, 1, 4) AS INTEGER)",
    "month": "CAST(substr({0}, 6, 2) AS INTEGER)",
    "day": "CAST(substr({0}, 9, 2) AS INTEGER)",
    "hour": "CAST(substr({0}, instr({0}, ':') - 2, 2) AS INTEGER)",
    "minute": "CAST(substr({0}, instr({0}, ':') + 1, 2) AS INTEGER)",
    "second": "CAST(substr({0}, instr({0}, ':') + 4, 2) AS INTEGER)",
    "fractionalseconds": FRACTION,
    "date": "substr({0}, 1, 10)",
    "time": "substr({0}, 12)",
    "totaloffsetminutes": "CASE WHEN {0} IS NOT NULL THEN 0 END",
    "now": "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    "date_to_timestamp": "{0} || ' 00:00:00'",
    "decimal_text": "CASE WHEN {0} IS NOT NULL THEN printf('%.*f', {1}, {0}) END",
    # of people's SQL
    "exact_text": "{0} || ''",  # of a column declared NOCASE too
    "min_text": f"MIN({{0}} {B})",
    "max_text": f"MAX({{0}} {B})",
    "like": "api_like({0}, {1})",
    "sum": "api_sum({0})",
    "sum_float": "SUM({0})",
    "sum_integer": "SUM({0})",
    "add_seconds": "api_add_seconds({0}, {1})",
    "add_months": "api_add_months({0}, {1})",
    "units_since": "api_units_since({0}, {1})",
    "lag_else": "LAG({0}, {1}, {2})",
    "lead_else": "LEAD({0}, {1}, {2})",
    "min_text_over": f"MIN({{0}} {B})",
    "max_text_over": f"MAX({{0}} {B})",
    "sum_distinct": "api_sum(DISTINCT {0})",
    "sum_distinct_float": "SUM(DISTINCT {0})",
    "sum_distinct_integer": "SUM(DISTINCT {0})",
    "to_whole": "CAST({0} AS INTEGER)",
    "boolean_text": "CASE WHEN {0} THEN 'true' WHEN NOT {0} THEN 'false' END",
}

CASTS: dict[Type, Template] = {
    Type.STRING: "api_text({0})",
    Type.DECIMAL: "{0} + 0",
    Type.DOUBLE: "CAST({0} AS REAL)",
    Type.SINGLE: "CAST({0} AS REAL)",
    Type.DATE: "substr({0}, 1, 10)",
    Type.TIME: "substr({0}, 12)",
    Type.TIMESTAMP: "{0} || ' 00:00:00'",
}


def instant(zone: str) -> dict[str, Template]:
    """Return what makes an instant of a date-time without zone, on a connection with this TimeZone."""
    return {} if zone == "UTC" else {"instant": "api_instant({0})"}
