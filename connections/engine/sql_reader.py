"""The product's SQL for people: text to a syntax tree of one SELECT, with errors that say where and what is nearest.

Brackets, double quotes and backticks quote names; TOP and LIMIT both cut. Functions are listed in engine.sql_functions.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.parsers.tsql import TSQLParser
from sqlglot.tokens import TokenType

from connections.contract.errors import SourceRejected

# It would log, as a warning, the text of statements that are refused here.
logging.getLogger("sqlglot").setLevel(logging.ERROR)
LONGEST = 50_000  # characters
DEEPEST = 200  # levels
PRIVATE = re.compile("[\0\ue000\ue001]")  # marks that the printer uses for bound values
STRAY = "A stray > at the end was dropped."
COLOURS = re.compile("\x1b\\[[0-9;]*m")
TOKEN = re.compile(r" but got <Token.*|<Token [^>]*>")
KEPT_PARSERS = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "POSITION", "SUBSTRING")


class SqlProblem(SourceRejected):
    """SQL that can't be run as it is written; `line` and `column` count from 1, 0 = nowhere in particular."""

    def __init__(self, message: str, *, at: tuple[int, int] = (0, 0), hint: str = "") -> None:
        where = f"Line {at[0]}, column {at[1]}: " if at[0] else ""
        super().__init__(f"{where}{message}", hint=hint)
        self.bare = message  # without the place
        self.line, self.column = at


def group_concat(parser: Any) -> exp.Expression:
    """Return GROUP_CONCAT(text ORDER BY ... SEPARATOR ';') as one function of a text and its separator, in an order."""
    items = parser._parse_csv(parser._parse_lambda)
    if parser._match_text_seq("SEPARATOR") and items:
        last, separator = items[-1], parser._parse_field()
        if isinstance(last, exp.Order):
            separator = exp.Order(this=separator, expressions=last.expressions)
            items[-1] = last.this
        items.append(separator)
    elif len(items) > 1:
        parser.raise_error("the separator stands behind SEPARATOR")
    found: exp.Expression = parser.expression(exp.Anonymous(this="GROUP_CONCAT", expressions=items))
    return found


class ProductSql(TSQL):
    """What people write: mostly T-SQL, whatever quotes names elsewhere, and calls left as they are written."""

    class Tokenizer(TSQL.Tokenizer):
        """Names stand in brackets, double quotes or backticks."""

        IDENTIFIERS: ClassVar[list[Any]] = [("[", "]"), '"', "`"]
        KEYWORDS: ClassVar[dict[str, Any]] = {**TSQL.Tokenizer.KEYWORDS, "MINUS": TokenType.EXCEPT}

    class Parser(TSQLParser):
        """Knows no function by name, save those with a grammar of their own."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            **{name: parse for name, parse in TSQLParser.FUNCTION_PARSERS.items() if name in KEPT_PARSERS},
            "GROUP_CONCAT": group_concat,
        }


# What the binder reads of an expression.
PLAIN = frozenset({"this", "expression", "expressions"})
READ: dict[type[exp.Expr], frozenset[str]] = {
    exp.Column: PLAIN | {"table", "db", "catalog"},
    exp.Is: PLAIN | {"negate"},
    exp.Like: PLAIN | {"negate"},
    exp.ILike: PLAIN | {"negate"},
    exp.Between: PLAIN | {"low", "high"},
    exp.In: PLAIN | {"query"},
    exp.Subquery: PLAIN | {"alias", "with_", "order", "limit", "offset"},
    exp.Case: PLAIN | {"ifs", "default"},
    exp.Cast: PLAIN | {"to"},
    exp.TryCast: PLAIN | {"to", "safe"},
    exp.StrPosition: PLAIN | {"substr"},
    exp.WithinGroup: PLAIN | {"expression"},
    exp.RegexpLike: PLAIN | {"negate"},
    exp.DPipe: PLAIN | {"safe"},
    exp.Div: PLAIN | {"typed", "safe"},
    exp.Window: PLAIN | {"partition_by", "order", "spec", "over", "alias", "first", "exclude"},
    exp.Trim: PLAIN | {"position", "collation"},
}

HALVES = ("ORDER", "GROUP")  # words that would be taken for the name of a table where BY does not follow
BEGINS = re.compile(r"[\s(]*(select|with|--|/\*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Parsed:
    """One SELECT as a tree, and what was done to its text."""

    tree: exp.Expression
    notes: tuple[str, ...] = ()


def parse(text: str) -> Parsed:
    """Return the tree of one SELECT; raise SqlProblem for anything else."""
    if len(text) > LONGEST or PRIVATE.search(text):
        raise SqlProblem(f"The SQL is longer than {LONGEST} characters or holds characters that SQL has no use for.")
    trimmed = text.rstrip().rstrip(";").rstrip()
    notes = (STRAY,) if trimmed.endswith(">") else ()
    try:
        trees = [tree for tree in ProductSql().parse(trimmed.rstrip("> \t\r\n") if notes else trimmed) if tree is not None]
    except ParseError as error:
        raise (unreadable(error) if BEGINS.match(trimmed) else no_select()) from error
    except SqlglotError as error:
        raise SqlProblem(f"The SQL can't be read: {plain(str(error))}.") from error
    except RecursionError as error:
        raise SqlProblem("The SQL is nested too deeply.") from error
    return Parsed(checked(trees), notes)


def checked(trees: list[Any]) -> exp.Expression:
    """Return the one query among the statements."""
    if not trees:
        raise SqlProblem("There is no SQL.", hint="Write a SELECT, such as SELECT * FROM sys_tables.")
    if len(trees) > 1:
        raise SqlProblem("These are several statements.", hint="Run one SELECT at a time.")
    root: exp.Expression = trees[0]
    if not isinstance(root.unnest() if isinstance(root, exp.Subquery) else root, exp.Select | exp.SetOperation | exp.Values):
        raise no_select()
    check_whole(root)
    if max((node.depth for node in root.walk()), default=0) > DEEPEST:
        raise SqlProblem("The SQL is nested too deeply.")
    return root


def check_whole(root: exp.Expression) -> None:
    """Raise for a query that says less than it begins to, or writes: the parser takes these."""
    for select in root.find_all(exp.Select):
        if not select.expressions:
            raise problem("The SELECT names no columns.", select, hint="Write SELECT * or the columns behind it.")
        if select.args.get("into"):
            raise problem("INTO is not supported in this SQL.", select)
    for alias in root.find_all(exp.TableAlias):
        name = alias.this
        if isinstance(name, exp.Identifier) and not name.args.get("quoted") and name.name.upper() in HALVES:
            raise problem(f"The SQL can't be read here (at {name.name}): something is missing behind it.", name)


def no_select() -> SqlProblem:
    """Return what is said of every other statement, and of a SELECT that is misspelled."""
    hint = "SQL here only reads: one SELECT; WITH, joins, UNION and window functions may be part of it."
    return SqlProblem("This is no SELECT.", hint=hint)


def unreadable(error: ParseError) -> SqlProblem:
    """Return what the parser says, at its place."""
    found = error.errors[0] if error.errors else {}
    said = plain(str(found.get("description") or error)).rstrip(".")
    if said.startswith("Required keyword"):
        said = "something is missing behind it"
    near = str(found.get("highlight") or "")[:40]
    at = (int(found.get("line") or 0), max(1, int(found.get("col") or 0) - max(0, len(near) - 1)))
    return SqlProblem(f"The SQL can't be read here{f' (at {near})' if near else ''}: {said}.", at=at)


def plain(text: str) -> str:
    """Return the first line of sqlglot's message without colours and full stop."""
    return TOKEN.sub("", (COLOURS.sub("", text).splitlines() or [""])[0]).rstrip(". ")


def check_read(node: exp.Expression) -> None:
    """Raise for anything that an expression says beyond what its handler reads: left out, it would change the answer."""
    for name, value in node.args.items():
        if value and name not in READ.get(type(node), PLAIN):
            raise problem(f"{name.rstrip('_').upper().replace('_', ' ')} is not supported in this SQL.", node)


def place_of(node: exp.Expr) -> tuple[int, int]:
    """Return line and column of the first word of a node that knows its place, else of what it stands in."""
    known = [found.meta for found in node.walk() if "line" in found.meta]
    if known:
        first = min(known, key=lambda meta: int(meta["start"]))
        return int(first["line"]), max(1, int(first["col"]) - int(first["end"]) + int(first["start"]))
    return place_of(node.parent) if node.parent is not None else (0, 0)


def problem(message: str, node: exp.Expr, hint: str = "") -> SqlProblem:
    """Return the error of a node."""
    return SqlProblem(message, at=place_of(node), hint=hint)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `Did you mean X?` for the known name that is nearest, '' when none is near."""
    spelled = {item.lower(): item for item in known}
    found = difflib.get_close_matches(name.lower(), list(spelled), n=1, cutoff=0.6)
    return f"Did you mean {spelled[found[0]]}?" if found else ""
