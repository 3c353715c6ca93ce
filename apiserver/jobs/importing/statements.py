"""Files of REPLICATE statements: several with semicolons between them, with comments. Each becomes a task, or a note says why not."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import gettext_noop as _
from sqlglot.errors import SqlglotError
from sqlglot.tokens import TokenType

from apiserver.jobs.importing.found import Unreadable
from apiserver.jobs.replicate import replicate
from connections.contract.errors import ConnectorError
from connections.engine.sql_reader import ProductSql, SqlProblem

MOST = 5000
PLACE = re.compile(r"Line \d+, column \d+: ")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a file; `problem` says why it can't be a task, '' = it can."""

    text: str
    line: int
    problem: str = ""


def statements(text: str) -> list[Statement]:
    """Return the statements of a text, without the comments around them; raise Unreadable where they can't be told apart."""
    try:
        tokens = ProductSql().tokenize(text)
    except SqlglotError as error:
        raise Unreadable(_("A quote, a bracket or a comment is open and never closed.")) from error
    found: list[Statement] = []
    begun: int | None = None
    for number, token in enumerate(tokens):
        if token.token_type == TokenType.SEMICOLON:
            begun = None
            continue
        begun = number if begun is None else begun
        is_last = number + 1 == len(tokens) or tokens[number + 1].token_type == TokenType.SEMICOLON
        if is_last and len(found) == MOST:
            raise Unreadable(_("More than %(count)s statements stand in it: give them in several files."), count=MOST)
        if is_last:
            found.append(checked(text[tokens[begun].start : token.end + 1], tokens[begun].line))
    return found


def checked(text: str, line: int) -> Statement:
    """Return the statement with what is wrong with it, at the line of the file."""
    try:
        replicate(text)
    except SqlProblem as error:
        where = f"Line {line + error.line - 1}, column {error.column}: " if error.line else f"Line {line}: "
        return Statement(text, line, f"{where}{PLACE.sub('', error.message)} {error.hint}".strip())
    except ConnectorError as error:
        return Statement(text, line, f"Line {line}: {error.message} {error.hint}".strip())
    return Statement(text, line)
