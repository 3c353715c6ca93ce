"""A REPLICATE statement as the list of its columns, and back: the tabs Columns and Query are two views of one text.

Only the list between SELECT and FROM is read and written; what stands around it stays as it was typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot.tokens import Token, TokenType

from apiserver.jobs.replicate import WORD, Replicate, named, tokens_of
from apiserver.jobs.replicate_types import type_text
from connections.contract.errors import SourceRejected
from connections.contract.table import Column

OPEN, CLOSE = (TokenType.L_PAREN,), (TokenType.R_PAREN,)
SETS = (TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT)
HEADS = (TokenType.DISTINCT, TokenType.ALL)


@dataclass(frozen=True, slots=True)
class Line:
    """One column of a task: `expression` as SQL, `name` at the destination, `type` as given; '' = it follows from the source."""

    expression: str
    name: str
    type: str = ""

    @property
    def is_all(self) -> bool:
        """Claim that this stands for all columns of the table."""
        return self.expression == "*"


@dataclass(frozen=True, slots=True)
class Cut:
    """A SELECT in three: up to its list, the list's columns, and from FROM on."""

    head: str
    lines: tuple[Line, ...]
    tail: str


def lines_of(statement: Replicate) -> tuple[Line, ...]:
    """Return the columns; one line `*` where the whole table is read. Raise SourceRejected where they are not one list (UNION, WITH)."""
    lines = cut(statement.query).lines if statement.query else (Line("*", ""),)
    types = {column.name.lower(): type_text(column) for column in statement.columns}
    return tuple(replace(line, type=types.get(line.name.lower(), "")) for line in lines)


def with_lines(statement: Replicate, lines: Sequence[Line], columns: Sequence[Column] = ()) -> Replicate:
    """Return the statement with other columns; `columns`: the types that are given. A whole table stays one where the one line is `*`."""
    if not lines:
        raise SourceRejected("A task needs a column.", hint="Tick one.")
    found = cut(statement.query) if statement.query else Cut("SELECT ", (), f" FROM {named(statement.source)}")
    listed = ", ".join(listed_line(line) for line in lines)
    query = f"{found.head}{listed}{found.tail}"
    is_whole = not statement.query and len(lines) == 1 and lines[0].is_all
    return replace(statement, query="" if is_whole else query, columns=tuple(columns))


def listed_line(line: Line) -> str:
    """Return a column as it stands in a SELECT; a column under its own name needs no AS."""
    is_itself = (
        line.is_all or not line.name or line.expression.rpartition(".")[2].lower() in (line.name.lower(), named([line.name]).lower())
    )
    return line.expression if is_itself else f"{line.expression} AS {named([line.name])}"


def cut(query: str) -> Cut:
    """Return a SELECT in three."""
    tokens = tokens_of(query)
    levels = levels_of(tokens)
    if tokens[0].token_type != TokenType.SELECT or any(
        token.token_type in SETS for token, level in zip(tokens, levels, strict=True) if level == 0
    ):
        raise SourceRejected("The columns of this query can't be shown as a list.", hint="Change it on the tab Query.")
    first = after_head(tokens)
    last = next(
        (place for place in range(first, len(tokens)) if levels[place] == 0 and tokens[place].token_type == TokenType.FROM), len(tokens)
    )
    items = parts(tokens, levels, first, last)
    end = tokens[last - 1].end + 1
    return Cut(query[: tokens[first].start], tuple(line_of(query, item) for item in items), query[end:])


def levels_of(tokens: Sequence[Token]) -> list[int]:
    """Return how many parentheses are open at each word."""
    found, level = list[int](), 0
    for token in tokens:
        level -= token.token_type in CLOSE
        found.append(level)
        level += token.token_type in OPEN
    return found


def after_head(tokens: Sequence[Token]) -> int:
    """Return where the list begins: behind SELECT, DISTINCT and TOP (n)."""
    place = 1
    if tokens[place].token_type in HEADS:
        place += 1
    if tokens[place].text.upper() == "TOP" and place + 1 < len(tokens):
        following = tokens[place + 1].token_type
        if following == TokenType.NUMBER:
            return place + 2
        if following in OPEN:
            return place + 4
    return place


def parts(tokens: Sequence[Token], levels: Sequence[int], first: int, last: int) -> list[list[Token]]:
    """Return the words between the commas of the list."""
    found: list[list[Token]] = [[]]
    for token, level in zip(tokens[first:last], levels[first:last], strict=True):
        if level == 0 and token.token_type == TokenType.COMMA:
            found.append([])
        else:
            found[-1].append(token)
    return found


def line_of(query: str, tokens: Sequence[Token]) -> Line:
    """Return one column: what stands before AS, and its name; a column of the table has its own."""
    named_ = len(tokens) > 2 and tokens[-2].token_type == TokenType.ALIAS
    is_bare = len(tokens) > 1 and not named_ and is_name(tokens[-1]) and ends_value(tokens[-2])
    expression = tokens[:-2] if named_ else tokens[:-1] if is_bare else tokens
    text = query[expression[0].start : expression[-1].end + 1]
    if named_ or is_bare:
        return Line(text, tokens[-1].text)
    is_column = all(is_name(token) or token.token_type == TokenType.DOT for token in tokens)
    return Line(text, tokens[-1].text if is_column else "")


def is_name(token: Token) -> bool:
    """Claim that a word is a name."""
    return token.token_type == TokenType.IDENTIFIER or (token.token_type == TokenType.VAR and bool(WORD.fullmatch(token.text)))


def ends_value(token: Token) -> bool:
    """Claim that a value ends with this word, so that the next one names it."""
    return is_name(token) or token.token_type in (*CLOSE, TokenType.STRING, TokenType.NUMBER, TokenType.END)
