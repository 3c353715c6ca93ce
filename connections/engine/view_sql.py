"""The SQL of derived views: read into a tree, checked to be one harmless SELECT, written anew from the tree.

What reaches a source is never the text that was given. Called when a view is stored and again when it is read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

from sqlglot import ErrorLevel, exp
from sqlglot.dialects.mysql import MySQL
from sqlglot.dialects.postgres import Postgres
from sqlglot.dialects.sqlite import SQLite
from sqlglot.errors import SqlglotError
from sqlglot.generators.mysql import MySQLGenerator
from sqlglot.generators.sqlite import SQLiteGenerator
from sqlglot.parsers.mysql import MySQLParser
from sqlglot.parsers.postgres import PostgresParser
from sqlglot.parsers.sqlite import SQLiteParser
from sqlglot.tokenizer_core import Token, TokenType

from connections.contract.errors import SourceRejected
from connections.engine.view_words import FORBIDDEN, Forbidden

# It would log, as a warning, the text of statements that are refused here.
logging.getLogger("sqlglot").setLevel(logging.ERROR)
LONGEST = 50_000  # characters


class SqlRefused(SourceRejected):
    """The SQL of a derived view is none that may be served; the message says what is wrong with it."""


class PlainPostgres(Postgres):
    """PostgreSQL with calls left as they are written: none becomes another function of about the same meaning."""

    class Parser(PostgresParser):
        """Knows no function by name."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {}


class PlainMySQL(MySQL):
    """MySQL as our sessions speak it: a backslash in a string is a backslash (NO_BACKSLASH_ESCAPES). Calls are left as they are."""

    UNESCAPED_SEQUENCES: dict[str, str] = {}
    ESCAPED_SEQUENCES: dict[str, str] = {}
    STRINGS_SUPPORT_ESCAPED_SEQUENCES = False

    class Tokenizer(MySQL.Tokenizer):
        """Strings end at their quotation mark."""

        STRING_ESCAPES = ["'", '"']

    class Parser(MySQLParser):
        """Knows no function by name."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {}

    class Generator(MySQLGenerator):
        """MariaDB has no REGEXP_LIKE; x'41' is never a number there, 0x41 is."""

        TRANSFORMS = {
            **MySQLGenerator.TRANSFORMS,
            exp.RegexpLike: lambda self, node: self.binary(node, "REGEXP"),
            exp.HexString: lambda _, node: f"0x{node.name}",
        }


class PlainSQLite(SQLite):
    """SQLite with calls, and NUMERIC, left as they are."""

    class Parser(SQLiteParser):
        """Knows no function by name."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {}

    class Generator(SQLiteGenerator):
        """A cast to NUMERIC keeps integers."""

        TYPE_MAPPING = {**SQLiteGenerator.TYPE_MAPPING, exp.DataType.Type.DECIMAL: "NUMERIC"}


DIALECTS = {"postgresql": PlainPostgres, "mysql": PlainMySQL, "sqlite": PlainSQLite}
REFUSED_NODES: dict[type[exp.Expr], str] = {
    exp.DML: "it changes data",
    exp.DDL: "it changes tables",
    exp.Command: "it is more than a SELECT",
    exp.Into: "INTO writes its rows elsewhere",
    exp.Lock: "FOR UPDATE and FOR SHARE lock rows",
    exp.Hint: "hints (/*+ ... */) change settings",
    exp.Placeholder: "it has a parameter",
    exp.Parameter: "it has a parameter or a variable",
    exp.SessionParameter: "it reads a setting (@@)",
}
HINT = "Write one SELECT; WITH, joins, UNION and window functions may be part of it."
QUALIFIED = 2  # tokens before a function's name that may say its schema
VALUE_ENDS = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET})
LITERALS = frozenset(
    {
        TokenType.STRING,
        TokenType.NUMBER,
        TokenType.RAW_STRING,
        TokenType.HEREDOC_STRING,
        TokenType.UNICODE_STRING,
        TokenType.NATIONAL_STRING,
        TokenType.BYTE_STRING,
        TokenType.BIT_STRING,
        TokenType.HEX_STRING,
    }
)
# Marks that the printer uses for bound values.
PRIVATE = re.compile("[\0\ue000\ue001]")


@lru_cache(maxsize=512)
def checked_select(text: str, dialect: str) -> str:
    """Return the SELECT, written anew without comments; raise SqlRefused for anything else."""
    if len(text) > LONGEST or PRIVATE.search(text):
        raise refused(f"it is longer than {LONGEST} characters or holds characters that SQL has no use for")
    try:
        found = written(tree_of(text, dialect), dialect)
        again = written(tree_of(found, dialect), dialect)
        is_settled = again == found or written(tree_of(again, dialect), dialect) == again
    except RecursionError as error:
        raise refused("it is nested too deeply") from error
    lost = lost_literals(text, again, dialect)
    if lost or not is_settled:
        raise refused(f"it can't be read without doubt{'; write otherwise: ' if lost else ''}{', '.join(lost)}")
    return again


def lost_literals(before: str, after: str, dialect: str) -> list[str]:
    """Return the strings and numbers that writing anew dropped or changed, which would change the rows; case matters in formats alone."""
    reader = DIALECTS[dialect]()
    whole = " ".join(token.text for token in reader.tokenize(after))
    given = [token for token in reader.tokenize(before) if token.token_type in LITERALS]
    return [token.text for token in given if not survives(token, whole)]


def survives(token: Token, whole: str) -> bool:
    """Claim that the literal is still there."""
    if token.token_type == TokenType.HEX_STRING and token.text and str(int(token.text, 16)) in whole:
        return True
    return token.text in whole if "%" in token.text else token.text.lower() in whole.lower()


def tree_of(text: str, dialect: str) -> exp.Expr:
    """Return the tree of one harmless SELECT."""
    reader = DIALECTS[dialect]()
    try:
        tokens = reader.tokenize(text)
        trees = [tree for tree in reader.parse(text) if tree is not None]
    except SqlglotError as error:
        raise refused(f"it can't be read: {plain(str(error))}") from error
    check_tokens(text, tokens, FORBIDDEN[dialect])
    if len(trees) != 1:
        raise refused("it is empty" if not trees else "it holds several statements")
    check_tree(trees[0])
    check_tables(trees[0], FORBIDDEN[dialect])
    return trees[0]


def plain(text: str) -> str:
    """Return the first line of sqlglot's message without colours and full stop."""
    return re.sub("\x1b\\[[0-9;]*m", "", text).splitlines()[0].rstrip(".")


def written(tree: exp.Expr, dialect: str) -> str:
    """Return the tree as SQL."""
    try:
        return str(DIALECTS[dialect]().generate(tree, comments=False, normalize_functions=False, unsupported_level=ErrorLevel.RAISE))
    except SqlglotError as error:
        raise refused(f"it can't be read without doubt: {plain(str(error))}") from error


def check_tree(tree: exp.Expr) -> None:
    """Raise unless the statement, and whatever stands in it, only reads."""
    root = tree.unnest() if isinstance(tree, exp.Subquery) else tree
    for node in tree.walk():
        for kind, reason in REFUSED_NODES.items():
            if isinstance(node, kind):
                raise refused(reason)
        if isinstance(node, exp.CTE) and not isinstance(node.this, exp.Query | exp.Values):
            raise refused("what stands in WITH must be a SELECT too")
    if not isinstance(root, exp.Select | exp.SetOperation):
        raise refused("it is no SELECT")
    for number, item in enumerate(root.selects, 1):
        if not item.output_name and not item.is_star:
            raise refused(f"column {number} has no name: write AS and a name behind it")


def check_tables(tree: exp.Expr, words: Forbidden) -> None:
    """Raise for tables that are the database's own."""
    for table in tree.find_all(exp.Table):
        if table.db.lower() in words.schemas or table.catalog.lower() in words.schemas or words.tables.fullmatch(table.name.lower()):
            raise refused(f"{table.name or table.db} belongs to the database itself")


def check_tokens(text: str, tokens: Sequence[Token], words: Forbidden) -> None:
    """Raise for functions that no view may call, however they are written or quoted."""
    for number, token in enumerate(tokens):
        if token.token_type == TokenType.STRING:
            check_string(text[token.start : token.end + 1])
        elif is_call(tokens, number):
            name, schema = token.text.lower(), tokens[number - 2].text.lower() if number >= QUALIFIED else ""
            is_own = schema in words.schemas and tokens[number - 1].token_type == TokenType.DOT
            if is_own or (words.functions.fullmatch(name) and not words.allowed.fullmatch(name)):
                raise refused(f"{token.text} is a function that views may not call")


def is_call(tokens: Sequence[Token], number: int) -> bool:
    """Claim that the token names a function: PostgreSQL also calls those of one argument as if they were columns, (0.5).pg_sleep."""
    if [token.token_type for token in tokens[number + 1 : number + 2]] == [TokenType.L_PAREN]:
        return True
    while number >= QUALIFIED and tokens[number - 1].token_type == TokenType.DOT:
        number -= 2
        if tokens[number].token_type in VALUE_ENDS:
            return True
    return False


def check_string(raw: str) -> None:
    """Raise for a doubled quotation mark of the other kind in a string, which would be read as one."""
    other = {"'": '""', '"': "''"}.get(raw[:1])
    if other and raw[-1:] == raw[:1] and other in raw[1:-1]:
        raise refused(f"{raw[:40]} can't be read without doubt: a string may not hold {other}")


def refused(reason: str) -> SqlRefused:
    """Return the error."""
    return SqlRefused(f"This SQL can't be published: {reason}.", hint=HINT)
