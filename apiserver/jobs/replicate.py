"""The REPLICATE language: text to what a task does, and back, with errors that say where.

REPLICATE [destination] [(column type, ..., PRIMARY KEY (column, ...))] [WITH option[=value], ...] [SELECT ... | source table]
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType

from apiserver.jobs.replicate_options import OPTIONS, Value, nearest, option_named
from apiserver.jobs.replicate_types import column_of, type_text
from connections.contract.table import Column
from connections.engine.sql_reader import LONGEST, PRIVATE, ProductSql, SqlProblem, parse

EXAMPLE = "Write REPLICATE [Issues], or REPLICATE [Issues] SELECT [Title] FROM [Issues] WHERE [Id] = 1."
NO_COLUMN = "The name of a column is missing here."
WORD = re.compile(r"[^\W\d]\w*")
END = Token(TokenType.SEMICOLON, "")
TRUTHS = {TokenType.TRUE: True, TokenType.FALSE: False}
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Replicate:
    """What one task does.

    `target`: (table) or (schema, table) at the destination. `columns`: types that are given, others follow from the source.
    `key`: given, else the source's. `query`: the SELECT as it was written; '' = the whole table `source`, which is (table),
    (schema, table) or (connection, schema, table).
    """

    target: tuple[str, ...]
    columns: tuple[Column, ...] = ()
    key: tuple[str, ...] = ()
    options: dict[str, Value] = field(default_factory=dict)
    query: str = ""
    source: tuple[str, ...] = ()


def replicate(text: str) -> Replicate:
    """Return what a REPLICATE statement says; raise SqlProblem with line and column of what is wrong."""
    reader = Reader(text, tokens_of(text))
    found = reader.statement()
    if found.query:
        parse(padded(text, found.query))
    return found


def tokens_of(text: str) -> list[Token]:
    """Return the words of a statement without the semicolon at its end."""
    if len(text) > LONGEST or PRIVATE.search(text):
        raise SqlProblem(f"The statement is longer than {LONGEST} characters or holds characters that it has no use for.")
    try:
        found = ProductSql().tokenize(text)
    except SqlglotError as error:
        raise SqlProblem("A quote or bracket is open and never closed.", hint=EXAMPLE) from error
    while found and found[-1].token_type == TokenType.SEMICOLON:
        found.pop()
    inner = next((token for token in found if token.token_type == TokenType.SEMICOLON), None)
    if inner is not None:
        raise SqlProblem("These are several statements.", at=place(inner), hint="Make a task of each.")
    return found


def place(token: Token) -> tuple[int, int]:
    """Return line and column where a word begins; (0, 0) behind the last one."""
    return (token.line, max(1, token.col - token.end + token.start)) if token is not END else (0, 0)


def padded(text: str, query: str) -> str:
    """Return the SELECT at the end of a statement, at the line and column where it stands there."""
    before = text[: text.rindex(query)]
    last = before.rpartition("\n")[2]
    return "\n" * before.count("\n") + " " * len(last) + query


class Reader:
    """Reads the words of one statement from left to right."""

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0

    def statement(self) -> Replicate:
        """Return what the statement says."""
        if self._next().text.upper() != "REPLICATE" or self._next().token_type == TokenType.IDENTIFIER:
            raise self._problem("This is no REPLICATE statement.", EXAMPLE)
        self._take()
        found = Replicate(target=self._name("The name of the destination's table is missing here.", 2))
        if self._next().token_type == TokenType.L_PAREN and self._next(1).token_type not in (TokenType.SELECT, TokenType.L_PAREN):
            found = self._definitions(found)
        if self._next().token_type == TokenType.WITH and not self._is_query():
            self._take()
            found = replace(found, options=self._options())
        return self._rest(found)

    def _rest(self, found: Replicate) -> Replicate:
        """Return the statement with what it reads."""
        token = self._next()
        if token is END:
            return replace(found, source=found.target[-1:])
        if self._is_query() or token.token_type == TokenType.L_PAREN:
            return replace(found, query=self._text[token.start : self._tokens[-1].end + 1])
        source = self._name("The name of the source's table is missing here.", 3)
        if self._next() is not END:
            raise self._problem(
                f"{self._next().text} is too much here.", "Behind the source's table nothing follows; conditions need a SELECT."
            )
        return replace(found, source=source)

    def _is_query(self) -> bool:
        """Claim that a SELECT begins here; WITH begins one where a name, AS and a parenthesis follow."""
        if self._next().token_type != TokenType.WITH:
            return self._next().token_type == TokenType.SELECT
        kinds = [token.token_type for token in self._tokens[self._at + 2 : self._at + 4]]
        is_recursive = self._word(1).upper() == "RECURSIVE"
        return is_recursive or kinds[:1] == [TokenType.L_PAREN] or kinds == [TokenType.ALIAS, TokenType.L_PAREN]

    def _definitions(self, found: Replicate) -> Replicate:
        """Return the statement with the columns and the key in the parentheses."""
        columns: list[Column] = []
        key: tuple[str, ...] = ()
        self._take()
        while True:
            if self._next().token_type == TokenType.PRIMARY_KEY:
                self._take()
                key = self._names_in_parentheses()
            else:
                columns.append(self._definition([column.name for column in columns]))
            if self._next().token_type == TokenType.COMMA and not key:
                self._take()
                continue
            self._expect(TokenType.R_PAREN, ")")
            return replace(found, columns=tuple(columns), key=key)

    def _definition(self, before: Sequence[str]) -> Column:
        """Return one column and its type."""
        first = self._next()
        (name,) = self._name(NO_COLUMN, 1)
        if name.lower() in (other.lower() for other in before):
            raise SqlProblem(f"The column {name} is given twice.", at=place(first))
        begun = self._next()
        text = self._type()
        column = column_of(name, text)
        if column is None:
            said = f"{text} is no type." if text else f"The type of the column {name} is missing here."
            hint = "Use VARCHAR(n), INT, BIGINT, DECIMAL(p, s), DOUBLE, DATE, TIME, TIMESTAMP, BIT, UUID, JSON or VARBINARY."
            raise SqlProblem(said, at=place(begun), hint=hint)
        return column

    def _type(self) -> str:
        """Return the text of a type: words, and numbers in parentheses."""
        begun, depth = self._next(), 0
        while self._next() is not END:
            kind = self._next().token_type
            if depth == 0 and kind in (TokenType.COMMA, TokenType.R_PAREN):
                break
            depth += (kind == TokenType.L_PAREN) - (kind == TokenType.R_PAREN)
            self._take()
        return self._text[begun.start : self._tokens[self._at - 1].end + 1] if begun is not self._next() else ""

    def _options(self) -> dict[str, Value]:
        """Return the options behind WITH by their names."""
        found: dict[str, Value] = {}
        while True:
            first = self._next()
            name = option_named(self._name("The name of an option is missing here.", 1)[0])
            if name is None:
                raise SqlProblem(f"There is no option {first.text}{nearest(first.text)}.", at=place(first))
            if name in found:
                raise SqlProblem(f"The option {name} is given twice.", at=place(first))
            found[name] = self._option(name)
            if self._next().token_type != TokenType.COMMA:
                return found
            self._take()

    def _option(self, name: str) -> Value:
        """Return an option's value; an option of yes or no that stands alone is a yes."""
        value: Any = True
        option, given = OPTIONS[name], self._tokens[self._at - 1]
        if self._next().token_type == TokenType.EQ:
            self._take()
            given = self._take()
            value = TRUTHS.get(given.token_type, given.text)
        try:
            return option.read(value)
        except ValueError as error:
            raise SqlProblem(f"{name} {error}.", at=place(given)) from error

    def _name(self, missing: str, most: int) -> tuple[str, ...]:
        """Return the parts of a name with dots between them."""
        parts: list[str] = []
        while True:
            if not self._word().strip():
                raise self._problem(missing, EXAMPLE)
            parts.append(self._take().text)
            if self._next().token_type != TokenType.DOT:
                break
            self._take()
        if len(parts) > most:
            raise SqlProblem(
                f"{'.'.join(parts)} has too many parts.", at=place(self._tokens[self._at - 1]), hint="Names with dots stand in [brackets]."
            )
        return tuple(parts)

    def _names_in_parentheses(self) -> tuple[str, ...]:
        """Return the columns of a key."""
        self._expect(TokenType.L_PAREN, "(")
        names = [*self._name(NO_COLUMN, 1)]
        while self._next().token_type == TokenType.COMMA:
            self._take()
            names += self._name(NO_COLUMN, 1)
        self._expect(TokenType.R_PAREN, ")")
        return tuple(names)

    def _word(self, ahead: int = 0) -> str:
        """Return the text of a word that may be a name, else ''."""
        token = self._next(ahead)
        if token.token_type == TokenType.IDENTIFIER:
            return token.text
        is_name = token.token_type not in (TokenType.STRING, TokenType.SELECT, TokenType.WITH) and WORD.fullmatch(token.text)
        return token.text if is_name else ""

    def _expect(self, kind: TokenType, text: str) -> None:
        if self._next().token_type != kind:
            raise self._problem(f"{text} is missing here.", EXAMPLE)
        self._take()

    def _next(self, ahead: int = 0) -> Token:
        place_ = self._at + ahead
        return self._tokens[place_] if place_ < len(self._tokens) else END

    def _take(self) -> Token:
        token = self._next()
        if token is END:
            raise self._problem("Something is missing at the end.", EXAMPLE)
        self._at += 1
        return token

    def _problem(self, message: str, hint: str) -> SqlProblem:
        """Return an error at the next word, or right behind the last one."""
        token = self._next()
        if token is not END:
            return SqlProblem(message, at=place(token), hint=hint)
        last = self._tokens[-1] if self._tokens else None
        return SqlProblem(message, at=(last.line, last.col + 1) if last else (1, 1), hint=hint)


def named(parts: Sequence[str]) -> str:
    """Return a name in brackets."""
    return ".".join(f"[{part.replace(']', ']]')}]" for part in parts)


def written(statement: Replicate) -> str:
    """Return the statement as text, which says the same."""
    parts = [f"REPLICATE {named(statement.target)}"]
    defined = [f"{named([column.name])} {type_text(column)}" for column in statement.columns]
    if statement.key:
        defined.append(f"PRIMARY KEY ({', '.join(named([name]) for name in statement.key)})")
    if defined:
        parts.append(f"({', '.join(defined)})")
    if statement.options:
        parts.append("WITH " + ", ".join(OPTIONS[name].written(value) for name, value in statement.options.items()))
    if statement.query:
        parts.append(statement.query)
    elif statement.source and statement.source != statement.target[-1:]:
        parts.append(named(statement.source))
    return " ".join(parts)


def tree_of(statement: Replicate) -> exp.Expression:
    """Return the tree of what a statement reads."""
    return parse(statement.query or whole(statement.source)).tree


def whole(source: Sequence[str]) -> str:
    """Return the SELECT of a whole table, in the product's SQL: it is parsed and bound before a source sees any of it."""
    return f"SELECT * FROM {named(source)}"  # noqa: S608
