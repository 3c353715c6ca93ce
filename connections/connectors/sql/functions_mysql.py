"""MySQL's and MariaDB's SQL for our functions. {0}, {1} are printed arguments, already wrapped."""

import datetime as dt

from connections.contract.dialect import Template
from connections.contract.errors import NotSupported
from connections.contract.table import Type


def octets(argument: str) -> str:
    """Return text as its UTF-8 bytes: equal, ordered and found by code point, without collation or padding."""
    return f"CAST(CONVERT({argument} USING utf8mb4) AS BINARY)"


def exact(argument: str) -> str:
    """Return text under a collation that knows neither case nor accents as equal."""
    return f"CONVERT({argument} USING utf8mb4) COLLATE utf8mb4_bin"


A, B = octets("{0}"), octets("{1}")
START = "(CASE WHEN {1} < 0 THEN GREATEST(CHAR_LENGTH({0}) + {1}, 0) ELSE {1} END + 1)"
NUMBER = "CAST({0} AS DECIMAL(65, 20))"
WHOLE = "CAST({0} AS DECIMAL(65, 0))"
OTHER = "CAST({1} AS DECIMAL(65, 20))"
# MySQL answers null to a division by zero; the others refuse, so an overflow makes it refuse too.
DIVISOR = "({1} + 0 * (9223372036854775807 + (CASE WHEN {1} = 0 THEN 1 ELSE 0 END)))"
BLANK = "[[:space:]\x85\xa0\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"


def listed(argument: str, *values: str) -> str:
    """Return whether a text is one of some; the first half can use an index, the second knows case and accents apart."""
    return f"{argument} IN ({', '.join(values)}) AND {octets(argument)} IN ({', '.join(map(octets, values))})"


FUNCTIONS: dict[str, Template] = {
    "same": "{0} <=> {1}",
    "same_text": f"{A} <=> {B}",
    # The first half can use an index, the second is exact.
    "eq_text": f"{{0}} = {{1}} AND {A} = {B}",
    "in_text": listed,
    "ne_text": f"{A} <> {B}",
    "lt_text": f"{A} < {B}",
    "le_text": f"{A} <= {B}",
    "gt_text": f"{A} > {B}",
    "ge_text": f"{A} >= {B}",
    "order_text": A,
    "asc_nullable": "{0}",
    "desc_nullable": "{0} DESC",
    # strings
    "contains": f"LOCATE({B}, {A}) > 0",
    "contains_ci": f"LOCATE({octets('LOWER({1})')}, {octets('LOWER({0})')}) > 0",
    "startswith": f"LEFT({A}, LENGTH({B})) = {B}",
    "endswith": f"RIGHT({A}, LENGTH({B})) = {B}",
    "length": "CHAR_LENGTH({0})",
    "indexof": f"CAST(LOCATE({exact('{1}')}, {exact('{0}')}) AS SIGNED) - 1",
    "substring": f"SUBSTRING({{0}}, {START})",
    "substring_count": f"SUBSTRING({{0}}, {START}, GREATEST({{2}}, 0))",
    "tolower": "LOWER({0})",
    "toupper": "UPPER({0})",
    "trim": f"REGEXP_REPLACE({{0}}, '^{BLANK}|{BLANK}$', '')",
    "concat": "CONCAT({0}, {1})",
    # arithmetic
    # Without decimals there is room for 65 digits in front of the point.
    "add_integer": f"{WHOLE} + {WHOLE.replace('{0}', '{1}')}",
    "sub_integer": f"{WHOLE} - {WHOLE.replace('{0}', '{1}')}",
    "mul_integer": f"{WHOLE} * {WHOLE.replace('{0}', '{1}')}",
    "add": f"{NUMBER} + {OTHER}",
    "sub": f"{NUMBER} - {OTHER}",
    "mul": f"{NUMBER} * {OTHER}",
    "div_integer": f"{{0}} DIV {DIVISOR}",
    "div": f"{NUMBER} / CAST({DIVISOR} AS DECIMAL(65, 20))",
    "mod": f"MOD({{0}}, {DIVISOR})",
    "neg": f"-{NUMBER}",
    "add_float": "{0} + {1}",
    "sub_float": "{0} - {1}",
    "mul_float": "{0} * {1}",
    "div_float": f"{{0}} / {DIVISOR}",
    "mod_float": f"MOD({{0}}, {DIVISOR})",
    "neg_float": "-{0}",
    "round": "ROUND({0})",
    "floor": "FLOOR({0})",
    "ceiling": "CEILING({0})",
    # ROUND of a double asks the C library, which may round to even.
    "round_float": "SIGN({0}) * FLOOR(ABS({0}) + 0.5)",
    "floor_float": "FLOOR({0})",
    "ceiling_float": "CEILING({0})",
    # dates; the session's zone is UTC
    "year": "YEAR({0})",
    "month": "MONTH({0})",
    "day": "DAY({0})",
    "hour": "HOUR({0})",
    "minute": "MINUTE({0})",
    "second": "SECOND({0})",
    "fractionalseconds": "MICROSECOND({0}) * 0.000001",
    "date": "DATE({0})",
    "time": "CAST({0} AS TIME(6))",
    "totaloffsetminutes": "CASE WHEN {0} IS NOT NULL THEN 0 END",
    "now": "UTC_TIMESTAMP(6)",
    "date_to_timestamp": "CAST({0} AS DATETIME(6))",
    # of people's SQL
    "exact_text": exact("{0}"),
    "min_text": f"CONVERT(MIN({A}) USING utf8mb4)",
    "max_text": f"CONVERT(MAX({A}) USING utf8mb4)",
    "like": f"{exact('{0}')} LIKE {{1}} ESCAPE '!'",
    "add_seconds": "DATE_ADD({0}, INTERVAL {1} SECOND)",
    "add_months": "DATE_ADD({0}, INTERVAL {1} MONTH)",
    "units_since": "FLOOR(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {0}) / 1000000 / {1})",
    "round_to": f"ROUND({NUMBER}, {{1}})",
    "to_whole": "CAST({0} AS SIGNED)",
    "boolean_text": "CASE WHEN {0} THEN 'true' WHEN NOT {0} THEN 'false' END",
}

CASTS: dict[Type, Template] = {
    Type.STRING: "CAST({0} AS CHAR)",
    Type.DECIMAL: NUMBER,
    Type.DOUBLE: "{0} + 0e0",
    Type.SINGLE: "{0} + 0e0",
    Type.DATE: "DATE({0})",
    Type.TIME: "CAST({0} AS TIME(6))",
    Type.TIMESTAMP: "CAST({0} AS DATETIME(6))",
}


def instant(zone: dt.tzinfo) -> dict[str, Template]:
    """Return what makes an instant of a date-time without zone; CONVERT_TZ knows no names and no years before 1970."""
    if zone is dt.UTC:
        return {}
    offsets = {dt.datetime(year, month, 1, tzinfo=zone).utcoffset() for year in range(1970, 2038) for month in (1, 7)}
    offset = offsets.pop()
    if offsets or offset is None:
        return {"instant": refuse}
    return {"instant": f"{{0}} - INTERVAL {int(offset.total_seconds()) // 60} MINUTE"}


def refuse(*_: str) -> str:
    """Refuse: a zone with summer time needs tables that most servers lack."""
    raise NotSupported(
        "Functions of date-times without zone are not supported with the connection's TimeZone.", hint="Compare with a literal."
    )
