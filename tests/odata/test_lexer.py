"""The lexer: kinds, exact texts and positions."""

from __future__ import annotations

import pytest

from apiserver.odata.lexer import (
    AT,
    BAD,
    DATE,
    DOLLAR,
    END,
    GUID,
    JSON_STRING,
    NAME,
    NUMBER,
    PUNCTUATION,
    STRING,
    TIME,
    TIMESTAMP,
    TYPED,
    tokenize,
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Total", NAME),
        ("Ns.Sub.Type", NAME),
        ("数量", NAME),
        ("_x1", NAME),
        ("42", NUMBER),
        ("-42", NUMBER),
        ("+1.5e-3", NUMBER),
        ("-INF", NUMBER),
        ("'it''s'", STRING),
        ('"a\\"b"', JSON_STRING),
        ("2020-01-31", DATE),
        ("-0044-03-15", DATE),
        ("12:30", TIME),
        ("12:30:05.123456789012", TIME),
        ("2020-01-31T12:30Z", TIMESTAMP),
        ("2020-01-31t12:30:00.5+02:00", TIMESTAMP),
        ("2020-01-31T12:30:00 02:00", TIMESTAMP),
        ("01234567-89ab-cdef-0123-456789abcdef", GUID),
        ("abcdef01-89ab-cdef-0123-456789abcdef", GUID),
        ("duration'P1D'", TYPED),
        ("Sales.Color'Red,Blue'", TYPED),
        ("@alias", AT),
        ("@Core.Messages#second", AT),
        ("$it", DOLLAR),
        ("(", PUNCTUATION),
        ("!", BAD),
        ("'open", BAD),
    ],
)
def test_tokenize_names_the_kind(text: str, kind: int) -> None:
    token = tokenize(text, 0, len(text))[0]

    assert token[0] == kind
    assert kind == BAD or token == (kind, text, 0, len(text))


def test_tokenize_keeps_positions_of_the_whole_text() -> None:
    tokens = tokenize("xx A eq 'b'  yy", 3, 13)

    assert tokens == [(NAME, "A", 3, 4), (NAME, "eq", 5, 7), (STRING, "'b'", 8, 11), (END, "", 11, 11)]


def test_tokenize_of_nothing_is_the_end() -> None:
    assert tokenize("   ", 0, 3) == [(END, "", 0, 0)]
