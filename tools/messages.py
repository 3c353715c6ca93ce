"""The texts of the console for translators: collected from templates, Python and the connectors' declarations.

`python tools/messages.py` brings locale/*/LC_MESSAGES/django.po up to date (new texts stay empty, gone ones leave) and compiles it.
No GNU gettext is needed.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("apiserver", "connections", "users")
CATALOGUES = ROOT / "locale"
# Rooms without Django: every whole sentence in them may reach a page (apiserver/ui/said.py).
SPOKEN = ("connections/contract", "connections/connectors", "connections/engine", "connections/outgoing", "connections/oauth")
# Modules whose errors pages show besides: the statement's, and what its run says.
STATED = ("apiserver/jobs/replicate*.py", "apiserver/jobs/moving*.py")
PARTS = ("moving_rows.py", "moving_types.py")  # pieces that sentences of others are made of
SENTENCE = re.compile(r"(?!SELECT )[A-Z][^\n]* [^\n]*[.?]")
CALLS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
# What Django's templatize makes of {% translate %} and {% blocktranslate %}.
TEMPLATE_CALL = re.compile(
    r"\b(n?gettext)\(\s*u?((?P<q>['\"]).*?(?<!\\)(?P=q)|(?P<t>\"\"\"|''').*?(?P=t))(?:\s*,\s*u?(['\"].*?(?<!\\)['\"]))?", re.DOTALL
)

Text = tuple[str, str]  # singular, plural or ""


def texts() -> dict[Text, str]:
    """Return every text with the place of its first use."""
    found: dict[Text, str] = {}
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for text in of_template(path):
            found.setdefault(text, place(path))
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for text in of_python(path):
                found.setdefault(text, place(path))
    for path in spoken():
        for sentence in sentences(path):
            found.setdefault((sentence, ""), place(path))
    for text, where in (*of_connectors(), *of_manifests()):
        found.setdefault(text, where)
    return found


def spoken() -> list[Path]:
    """Return the modules whose sentences reach pages without a call of gettext."""
    rooms = [path for folder in SPOKEN for path in sorted((ROOT / folder).rglob("*.py"))]
    return [*rooms, *(path for pattern in STATED for path in sorted(ROOT.glob(pattern)) if path.name not in PARTS)]


def place(path: Path) -> str:
    """Return the path as the catalogue shows it."""
    return str(path.relative_to(ROOT))


def of_template(path: Path) -> Iterator[Text]:
    """Give the texts of a template."""
    from django.utils.translation.template import templatize

    for match in TEMPLATE_CALL.finditer(templatize(path.read_text(encoding="utf-8"))):
        yield ast.literal_eval(match[2]), ast.literal_eval(match[5]) if match[1] == "ngettext" and match[5] else ""


def of_python(path: Path) -> Iterator[Text]:
    """Give the literal texts of gettext calls."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        if name in CALLS:
            words = [item.value for item in node.args[:2] if isinstance(item, ast.Constant) and isinstance(item.value, str)]  # type: ignore[attr-defined]
            if words:
                yield words[0], words[1] if name.startswith("ngettext") else ""


def sentences(path: Path) -> Iterator[str]:
    """Give the whole sentences of a module that are no documentation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    silent |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent and SENTENCE.fullmatch(node.value):
            yield node.value


def filled_sentences(path: Path) -> Iterator[str]:
    """Give the sentences with values inside, each value written as 7."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "7" for part in node.values)  # type: ignore[misc]
            if SENTENCE.fullmatch(text) or re.fullmatch(r"7 [a-z][^\n]*[.]", text):
                yield text


def of_connectors() -> Iterator[tuple[Text, str]]:
    """Give what connectors say of themselves and their properties; they know nothing of Django, the pages translate it."""
    from connections.connectors.registry import connector_keys, get_connector
    from connections.forms import label_of

    for key in connector_keys():
        connector = get_connector(key)
        where = f"connections/connectors ({key})"
        yield (connector.description, ""), where
        for item in connector.properties:
            for text in (label_of(item), item.help, item.group, item.placeholder if " " in item.placeholder else ""):
                if text:
                    yield (text, ""), where


def of_manifests() -> Iterator[tuple[Text, str]]:
    """Give the whole sentences of the packaged manifests: refused credentials with their hint, retired tables, errors."""
    from connections.connectors.http.manifest import packaged, packaged_keys

    for key in packaged_keys():
        where = f"connections/connectors/http/manifests/{key}.yaml"
        for text in sentences_of(packaged(key).content):
            yield (text, ""), where


def sentences_of(node: Any) -> Iterator[str]:
    """Give each message and hint below a node, and both together; those with values inside are patterns of apiserver/ui/said.py."""
    if isinstance(node, dict):
        told = [node[name] for name in ("message", "hint") if isinstance(node.get(name), str)]
        for text in dict.fromkeys([*told, " ".join(told)] if "property" in node else told):
            if "{" not in text:
                yield text
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from sentences_of(item)


def update(language: str) -> int:
    """Bring one catalogue up to date; return how many texts wait for a translation."""
    import polib

    path = CATALOGUES / language / "LC_MESSAGES" / "django.po"
    old = polib.pofile(str(path)) if path.exists() else polib.POFile()
    known = {(entry.msgid, entry.msgid_plural): entry for entry in old}
    new = polib.POFile(wrapwidth=120)
    new.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Language": language, "Plural-Forms": "nplurals=1; plural=0;"}
    for text, where in sorted(texts().items(), key=lambda item: (item[1], item[0])):
        entry = polib.POEntry(msgid=text[0], msgid_plural=text[1], occurrences=[(where, "")])
        before = known.get(text)
        if text[1]:
            entry.msgstr_plural = before.msgstr_plural if before else {0: ""}
        else:
            entry.msgstr = before.msgstr if before else ""
        new.append(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    new.save(str(path))
    new.save_as_mofile(str(path.with_suffix(".mo")))
    return sum(not entry.translated() for entry in new)


def main() -> None:
    """Update every catalogue."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apiserver.settings")
    import django

    django.setup()
    for folder in sorted(CATALOGUES.iterdir()):
        print(f"{folder.name}: {update(folder.name)} texts to translate")  # noqa: T201


if __name__ == "__main__":
    main()
