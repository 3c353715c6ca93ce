"""Text of an expression -> tokens, by one compiled pattern. Read by expression_parser; no meaning is given to words here.

A token is (kind, text, start, end). Characters that begin no token become BAD, so that the parser reports them where it meets them.
"""

from __future__ import annotations

import re

Token = tuple[int, str, int, int]

GUID, TIMESTAMP, DATE, TIME, NUMBER, NAME, TYPED, STRING, JSON_STRING, AT, DOLLAR, PUNCTUATION, BAD = range(1, 14)
END = 14

IDENTIFIER = r"[^\W\d]\w*"
QUALIFIED = rf"{IDENTIFIER}(?:\.{IDENTIFIER})*"
QUOTED = r"'(?:[^']|'')*'"
JSON_QUOTED = r'"(?:[^"\\]|\\.)*"'
# A phrase of $search, without its quotes: a backslash stands before a quote or another backslash, elsewhere it is itself.
PHRASE = r'(?:[^"\\]|\\["\\]|\\(?!["\\]))*'

# The groups are in the order of the kinds; TYPED follows NAME without a space (duration'P1D'). A space stands for the + of an
# offset, because many clients forget to encode it.
_TOKEN = re.compile(
    r"[ \t\r\n]*(?:"
    r"([0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?!\w))"
    r"|(-?[0-9]{4,}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,12})?)?(?:[Zz]|[-+ ][0-9]{2}:[0-9]{2}))"
    r"|(-?[0-9]{4,}-[0-9]{2}-[0-9]{2}(?!\w))"
    r"|([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,12})?)?(?!\w))"
    r"|([-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|-INF(?!\w))"
    rf"|({QUALIFIED})({QUOTED})?"
    rf"|({QUOTED})"
    rf"|({JSON_QUOTED})"
    rf"|(@{QUALIFIED}(?:\#\w+)?)"
    r"|(\$[A-Za-z]+)"
    r"|([(),:/=\[\]{}*;-])"
    r"|(.))",
    re.DOTALL,
)


def tokenize(text: str, start: int, end: int) -> list[Token]:
    """Return the tokens of text[start:end], an END token last. Positions are those of the whole text."""
    while end > start and text[end - 1] in " \t\r\n":
        end -= 1
    tokens: list[Token] = []
    append = tokens.append
    for match in _TOKEN.finditer(text, start, end):
        kind = match.lastindex or BAD
        if kind == TYPED:
            append((TYPED, text[match.start(NAME) : match.end()], match.start(NAME), match.end()))
        else:
            append((kind, match[kind], match.start(kind), match.end()))
    append((END, "", end, end))
    return tokens
