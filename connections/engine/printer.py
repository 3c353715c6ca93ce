"""A tree and a dialect to SQL text with the driver's own bind marks. The one place where SQL text is made for reading."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlglot import Dialect as SqlglotDialect
from sqlglot import exp

from connections.contract.dialect import Dialect, Template
from connections.contract.errors import NotSupported
from connections.contract.table import Type
from connections.engine.nodes import Bind, Derived, Fn, Read

# Stands for a bind mark until its place in the text is known; U+E000 and U+E001 are private-use characters.
MARK = "\ue000{0}\ue001"
MARKS = re.compile("\ue000(\\d+)\ue001")

# What every dialect says alike. Parentheses are the printer's: an operand is atomic or wrapped.
COMMON: dict[str, Template] = {
    "and": lambda *items: " AND ".join(items),
    "or": lambda *items: " OR ".join(items),
    "in": lambda left, *items: f"{left} IN ({', '.join(items)})",
    "not": "NOT {0}",
    "is_null": "{0} IS NULL",
    "is_not_null": "{0} IS NOT NULL",
    "or_false": "COALESCE({0}, FALSE)",
    "eq": "{0} = {1}",
    "ne": "{0} <> {1}",
    "lt": "{0} < {1}",
    "le": "{0} <= {1}",
    "gt": "{0} > {1}",
    "ge": "{0} >= {1}",
    "neg": "-{0}",
    "asc": "{0}",
    "desc": "{0} DESC",
    "count_rows": "COUNT(*)",
    "case": lambda *items: case(items),
    "exists": "EXISTS {0}",
    "one": "1",
    # of people's SQL
    "itself": "{0}",
    "exact_text": "{0}",
    "like": "{0} LIKE {1} ESCAPE '!'",
    "coalesce": lambda *items: f"COALESCE({', '.join(items)})",
    "absolute": "ABS({0})",
    "replace": "REPLACE({0}, {1}, {2})",
    "trim_both": "TRIM({0})",
    "trim_left": "LTRIM({0})",
    "trim_right": "RTRIM({0})",
    "count": "COUNT({0})",
    "count_distinct": "COUNT(DISTINCT {0})",
    "sum": "SUM({0})",
    "avg": "AVG({0})",
    "min": "MIN({0})",
    "max": "MAX({0})",
    "row_number": "ROW_NUMBER()",
    "rank": "RANK()",
    "dense_rank": "DENSE_RANK()",
    "ntile": "NTILE({0})",
    "lag": lambda *items: f"LAG({', '.join(items)})",
    "lead": lambda *items: f"LEAD({', '.join(items)})",
    "percent_rank": "PERCENT_RANK()",
    "cume_dist": "CUME_DIST()",
    "sum_distinct": "SUM(DISTINCT {0})",
    "avg_distinct": "AVG(DISTINCT {0})",
    "first_value": "FIRST_VALUE({0})",
    "last_value": "LAST_VALUE({0})",
}


def case(items: tuple[str, ...]) -> str:
    """Return CASE WHEN condition THEN value ... END."""
    pairs = zip(items[::2], items[1::2], strict=True)
    return "CASE " + " ".join(f"WHEN {condition} THEN {value}" for condition, value in pairs) + " END"


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL of one statement and, in the order of its bind marks, the slots of the plan that fill them."""

    sql: str
    slots: tuple[int, ...]


def print_statement(tree: exp.Expression, dialect: Dialect) -> Statement:
    """Return the statement; raise NotSupported for a function that the dialect lacks."""
    text = printer_of(dialect).generate(tree)
    slots = tuple(int(number) for number in MARKS.findall(text))
    return Statement(MARKS.sub(lambda _: dialect.bind_mark, text), slots)


class _ByIdentity:
    """Keys a cache by the dialect object: dialects hold dictionaries."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def __hash__(self) -> int:
        return id(self.dialect)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.dialect is other.dialect


def printer_of(dialect: Dialect) -> Any:
    """Return a generator: sqlglot's for the dialect, with our nodes and our quoting."""
    return _generator_class(_ByIdentity(dialect))(dialect=dialect.sqlglot, comments=False)


@functools.lru_cache(maxsize=256)
def _generator_class(key: _ByIdentity) -> type:
    dialect = key.dialect
    base: Any = SqlglotDialect.get_or_raise(dialect.sqlglot).generator_class
    quoted = _quoter(dialect)

    def identifier(_: Any, node: exp.Identifier) -> str:
        return quoted(node.this)

    def read(_: Any, node: Read) -> str:
        column = f"{quoted(node.args['table'])}.{quoted(node.args['column'])}"
        return str(node.args["template"]).format(column)

    def bind(_: Any, node: Bind) -> str:
        return str(node.args["template"]).format(MARK.format(node.args["slot"]))

    def derived(_: Any, node: Derived) -> str:
        text = str(node.args["text"])
        return f"({text.replace('%', '%%') if dialect.doubles_percent else text}) AS {quoted(node.args['alias'])}"

    def function(generator: Any, node: Fn) -> str:
        return _call(dialect, node.args["name"], [_operand(generator, item) for item in node.expressions])

    transforms = {**base.TRANSFORMS, exp.Identifier: identifier, Read: read, Bind: bind, Derived: derived, Fn: function}
    return type(f"{dialect.name.title()}Printer", (base,), {"TRANSFORMS": transforms})


def _quoter(dialect: Dialect) -> Callable[[str], str]:
    if not dialect.doubles_percent:
        return dialect.quote
    return lambda name: dialect.quote(name).replace("%", "%%")


def _operand(generator: Any, node: exp.Expression) -> str:
    """Return an argument's SQL; what is not atomic is wrapped, so that no precedence is ever guessed."""
    text = str(generator.sql(node))
    return f"({text})" if isinstance(node, Fn | exp.Select) else text


def _call(dialect: Dialect, name: str, arguments: list[str]) -> str:
    template = dialect.functions.get(name, COMMON.get(name))
    if name.startswith("cast_"):
        template = dialect.casts.get(Type(name.removeprefix("cast_")))
    if template is None:
        raise NotSupported(f"{name} is not available on this source.", hint="Leave it out, or filter on the client.")
    return template.format(*arguments) if isinstance(template, str) else template(*arguments)
