"""Every text of the console is there in Japanese: none missing, none left over, placeholders kept, the compiled catalogue up to date."""

from __future__ import annotations

import re
from pathlib import Path

import polib
import pytest

from tools import messages

CATALOGUE = messages.CATALOGUES / "ja" / "LC_MESSAGES" / "django.po"
ENTRIES = polib.pofile(str(CATALOGUE))
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
# Names and terms that are the same in every language.
NAMES = {
    "Markdown",
    "CSV",
    "JSON",
    "API Server",
    "OData",
    "CORS",
    "SQL",
    "UTC",
    "ms",
    "null",
    "Power Automate",
    "x-cdata-authtoken",
    "$oas",
    "curl",
    "s",
    "kB",
}
TEMPLATES = sorted((messages.ROOT / "templates").rglob("*.html"))


def test_catalogue_holds_every_text_and_no_other() -> None:
    used, known = set(messages.texts()), {(entry.msgid, entry.msgid_plural) for entry in ENTRIES}

    assert (used - known, known - used) == (set(), set()), "run: python tools/messages.py, then translate what is empty"


def test_every_text_is_translated() -> None:
    assert [entry.msgid for entry in ENTRIES if not entry.translated()] == []


def test_placeholders_are_kept() -> None:
    broken = []
    for entry in ENTRIES:
        texts = entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]
        wanted = set(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
        broken += [entry.msgid for text in texts if set(PLACEHOLDER.findall(text)) != wanted]

    assert broken == []


def test_compiled_catalogue_is_that_of_the_text() -> None:
    compiled = {(entry.msgid, entry.msgstr or entry.msgstr_plural[0]) for entry in polib.mofile(str(CATALOGUE.with_suffix(".mo")))}

    assert compiled == {(entry.msgid, entry.msgstr or entry.msgstr_plural[0]) for entry in ENTRIES}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_visible_text_is_marked_for_translation(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for marked in (r"{% blocktranslate.*?{% endblocktranslate %}", r"{#.*?#}", r"{%.*?%}", r"{{.*?}}", r"<code>.*?</code>"):
        text = re.sub(marked, "¤", text, flags=re.DOTALL)
    attributes = re.findall(r'(?:placeholder|title|alt|aria-label)="([^"¤]+)"', text)
    words = [part.strip(" :.,()–·×✓✗…/?") for part in re.sub(r"<[^>]*>", "¤", text, flags=re.DOTALL).split("¤")]

    bare = [word for word in (*words, *attributes) if re.search(r"[A-Za-z]{2}", word) and word not in NAMES]
    assert bare == []
