"""Decisions of derived tables in words: each clause is found again, so that a catalogue can translate it."""

from __future__ import annotations

import pytest
from django.utils import translation

from connections import openapi_said
from connections.openapi_said import PATTERNS, told

DECISIONS = [
    "GET /pets: the answer is an array",
    "GET /pets: the answer is a map of objects; each holds one Pet",
    "GET /v1/charges: data is the only array of objects beside marks of paging",
    "Id: {id} in the address of one row",
    "none is sure; it may be Id or Uuid",
    "page: page is a page number; that it begins with 1 is a guess",
    "cursor: starting_after takes meta.next_cursor",
    "last_id: after takes the last row's id and has_more tells whether there are more",
    "unknown: the document says nothing about pages",
    "Owner must be given: the service demands owner",
    "state is open unless it is given: rows with another value come only when asked for",
    "cursor: set by the overlay",
    "insert: POST /pets",
]


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show what was looked up in the catalogue."""
    monkeypatch.setattr(openapi_said, "gettext", lambda text: f"[{text}]")


@pytest.mark.parametrize("text", DECISIONS)
def test_english_stays_as_it_is(text: str) -> None:
    with translation.override("en"):
        assert told(text) == text


@pytest.mark.parametrize("text", DECISIONS[:-1])
def test_every_clause_is_looked_up(text: str, marked: None) -> None:
    found = told(text)

    assert found.count("[") == text.count("; ") + 1, found


def test_what_has_no_words_is_left(marked: None) -> None:
    assert told(DECISIONS[-1]) == DECISIONS[-1]


def test_the_narrow_pattern_counts(marked: None) -> None:
    assert told("GET /x: data is the only array of objects beside marks of paging") == (
        "GET /x: [data is the only array of objects beside marks of paging]"
    )
    assert len(set(PATTERNS)) == len(PATTERNS)
