"""Bring "Establishing a Connection" of docs/connectors/*.md up to date with the declared properties: tools/connector_docs.py [KEY ...].

What stands between the two marks of a page is written; the rest of the page is left as it is.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from connections.connectors.establishing import SCHEME, Part, parts  # noqa: E402
from connections.connectors.registry import get_connector  # noqa: E402
from connections.contract.connector import Connector  # noqa: E402
from connections.contract.property import Property  # noqa: E402

FOLDER = ROOT / "docs" / "connectors"
BEGIN, END = "<!-- properties: written by tools/connector_docs.py -->", "<!-- end of properties -->"


def pages() -> list[Path]:
    """Return the pages that have a written part."""
    return [path for path in sorted(FOLDER.glob("*.md")) if BEGIN in path.read_text(encoding="utf-8")]


def written(connector: Connector) -> str:
    """Return the part of a connector's page."""
    return "\n\n".join([BEGIN, *(table(part) for part in parts(connector)), END])


def table(part: Part) -> str:
    """Return one table of properties."""
    title = {"First": "Fill in first"}.get(part.title, part.title)
    heading = f"### `{title}`" if part.scheme else f"### {title}"
    if not part.properties:
        return f"{heading}\n\nNeeds nothing else."
    return "\n".join([heading, "", "| property | default | meaning |", "|---|---|---|", *(line(item) for item in part.properties)])


def line(item: Property) -> str:
    """Return one property's line."""
    default = "" if item.default in (None, "") else f"`{str(item.default).lower() if isinstance(item.default, bool) else item.default}`"
    demand = "Required." if item.is_required and item.default is None else ""
    meaning = " ".join(text for text in (demand, item.help, note_of(item)) if text)
    return f"| `{item.name}` | {default} | {meaning.replace('|', chr(92) + '|')} |"


def note_of(item: Property) -> str:
    """Return what a property's line says besides its help: choices, default, kind."""
    notes = []
    if item.choices:
        notes.append("One of " + ", ".join(f"`{choice}`" for choice in item.choices) + ".")
    elif item.kind == "boolean":
        notes.append("`true` or `false`.")
    if item.is_secret:
        notes.append("Kept sealed.")
    if item.shown_when and item.shown_when[0] != SCHEME:
        values = ", ".join(f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in item.shown_when[1])
        notes.append(f"Used when `{item.shown_when[0]}` is {values}.")
    return " ".join(notes)


def current(page: Path) -> str:
    """Return the page with its written part brought up to date."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + written(get_connector(page.stem)) + after


def main(keys: list[str]) -> None:
    for page in pages():
        if not keys or page.stem in keys:
            page.write_text(current(page), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
