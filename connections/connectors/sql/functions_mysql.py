"""MySQL's and MariaDB's SQL for our functions. {0}, {1} are printed arguments, already wrapped."""

from connections.contract.dialect import Template
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
OTHER = "CAST({1} AS DECIMAL(65, 20))"

FUNCTIONS: dict[str, Template] = {
    "same": "{0} <=> {1}",
    "same_text": f"{A} <=> {B}",
    # The first half can use an index, the second is exact.
    "eq_text": f"{{0}} = {{1}} AND {A} = {B}",
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
    "trim": "TRIM({0})",
    "concat": "CONCAT({0}, {1})",
    # arithmetic
    "add": f"{NUMBER} + {OTHER}",
    "sub": f"{NUMBER} - {OTHER}",
    "mul": f"{NUMBER} * {OTHER}",
    "div_integer": "{0} DIV {1}",
    "div": f"{NUMBER} / {OTHER}",
    "mod": "MOD({0}, {1})",
    "neg": f"-{NUMBER}",
    "add_float": "{0} + {1}",
    "sub_float": "{0} - {1}",
    "mul_float": "{0} * {1}",
    "div_float": "{0} / {1}",
    "mod_float": "MOD({0}, {1})",
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
