"""What connectors and settings say in English is read in Japanese on the pages, sentences with values inside too."""

from __future__ import annotations

import ast
import re

import pytest
from django.utils import translation

from apiserver.ui.said import ACTIONS, said
from connections.connectors.registry import get_connector
from connections.pages import STEPS
from tools import messages

FILLED = sorted({text for path in messages.spoken() for text in messages.filled_sentences(path)})


@pytest.mark.parametrize("text", FILLED)
def test_sentence_with_values_is_known(text: str) -> None:
    with translation.override("ja"):
        assert said(text) != text


@pytest.mark.parametrize(
    ("text", "japanese"),
    [
        ("127.0.0.1:1 refused the connection.", "127.0.0.1:1 が接続を拒否しました。"),
        ("Port: must be between 1 and 65535", "Port: 1 から 65535 までの値を指定してください"),
        ("Port: must be a whole number; User: a value is required", "Port: 整数を指定してください; User: 値を入力してください"),
        ("Nobody has said this.", "Nobody has said this."),
        ("100% (of it): fine", "100% (of it): fine"),
        ("", ""),
    ],
)
def test_said_in_japanese(text: str, japanese: str) -> None:
    with translation.override("ja"):
        assert said(text) == japanese


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "Line 1, column 15: There is no table gone. 0 rows replicated in 0.3 s.",
            ("There is no table gone.", "0 rows replicated in 0.3 s."),
        ),
        (
            "Line 1, column 15: There is no table gone. See SELECT * FROM sys_tables.",
            ("There is no table gone.", "See SELECT * FROM sys_tables."),
        ),
    ],
)
def test_value_of_a_sentence_does_not_swallow_the_next_one(text: str, parts: tuple[str, str]) -> None:
    with translation.override("ja"):
        told = said(text)

        assert told.endswith("".join(said(part) for part in parts)), told
        assert all(said(part) != part for part in parts)


def test_value_that_looks_like_sentences_is_kept_whole() -> None:
    with translation.override("ja"):
        assert "A. Bee. Cat" in said("There is no file A. Bee. Cat.")


CALLED = re.compile(r"\b(record|note)\(")


def recorded() -> set[str]:
    """Return the actions that the source writes into the audit trail."""
    found: set[str] = set()
    for room in messages.ROOMS:
        for path in (messages.ROOT / room).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for node in ast.walk(ast.parse(text)) if CALLED.search(text) else ():
                name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
                if name in ("record", "note"):
                    spoken = [part for item in node.args[:2] for part in ast.walk(item)]  # type: ignore[attr-defined]
                    found |= {part.value for part in spoken if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    return found


def test_actions_of_the_audit_trail_are_known() -> None:
    assert recorded() - set(ACTIONS) == set()


def test_said_in_english_stays() -> None:
    with translation.override("en"):
        assert said("127.0.0.1:1 refused the connection.") == "127.0.0.1:1 refused the connection."


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("sqlite", {"Database": "/nowhere/at.db"}),
        ("postgresql", {"Server": "127.0.0.1", "Port": 1, "User": "x"}),
        ("mysql", {"Server": "nowhere.invalid", "User": "x"}),
        ("mysql", {"Server": "127.0.0.1", "Port": 99999}),
    ],
)
def test_failed_test_is_explained_in_japanese(key: str, values: dict[str, object]) -> None:
    step = get_connector(key).test(values)[-1]

    with translation.override("ja"):
        shown = [said(step.message), said(step.hint)]

    assert [text for text, english in zip(shown, (step.message, step.hint), strict=True) if english and text == english] == []
    assert step.name in STEPS
