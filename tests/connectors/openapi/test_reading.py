"""Text -> values: JSON, YAML as YAML 1.2 has it, and text that means harm."""

from __future__ import annotations

import json

import pytest

from connections.connectors.openapi.reading import DocumentError, read_document


def test_json_is_read() -> None:
    assert read_document(b'\xef\xbb\xbf {"openapi": "3.0.0"}') == {"openapi": "3.0.0"}


def test_yaml_keeps_words_and_dates_as_text() -> None:
    text = "version: 1.0\nanswers:\n  200: {on: yes, date: 2026-01-01, off: 'true'}\nlist: [1, 0x1, -2.5, ~, null, false]\n"

    assert read_document(text) == {
        "version": 1.0,
        "answers": {"200": {"on": "yes", "date": "2026-01-01", "off": "true"}},
        "list": [1, "0x1", -2.5, None, None, False],
    }


def test_yaml_anchors_and_merges_are_followed() -> None:
    text = "a: &base {x: 1, y: 2}\nb: {<<: *base, y: 3}\nc: *base\n"

    assert read_document(text) == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}


def test_yaml_takes_the_first_document() -> None:
    assert read_document("a: 1\n---\nb: 2\n") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{" * 200_000, "no JSON"),
        ('{"a":' * 100_000, "nested"),
        ("[" * 200_000, "nested"),
        ("a: [" * 100_000, "nested|neither"),
        ("- " * 100_000 + "x", "nested"),
        ("just words", "root is no object"),
        ("[1, 2]", "root is no object"),
        ("a: *nothing", "unknown alias"),
        ("a: 'open", "in line"),
        ('{"a": 1', "no JSON"),
        ("", "root is no object"),
    ],
)
def test_bad_text_is_refused_with_a_sentence(text: str, says: str) -> None:
    with pytest.raises(DocumentError, match=says) as caught:
        read_document(text)

    assert len(caught.value.message) < 300


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(DocumentError, match="UTF-8"):
        read_document(b"\xff\xfe\x00")


def test_aliases_that_multiply_are_shared_not_copied() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]

    found = read_document("\n".join(lines))

    assert found["a59"][0] is found["a59"][1]


def test_large_numbers_stay_text_in_yaml() -> None:
    assert read_document(f"a: {'9' * 40}") == {"a": "9" * 40}
    assert read_document(json.dumps({"a": 10**30})) == {"a": 10**30}
