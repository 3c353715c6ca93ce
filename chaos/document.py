"""The figures in docs/promises.md: the row of a promise is found by the command at its end."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from chaos.promises import Outcome
from tests.served import ROOT

FILE = ROOT / "docs" / "promises.md"


def write(outcome: Outcome) -> None:
    """Replace figure and date in the row of this promise."""
    today = datetime.now(UTC).date().isoformat()
    text = with_figure(FILE.read_text(encoding="utf-8"), outcome.name, outcome.figure.replace("|", "/"), today)
    FILE.write_text(text, encoding="utf-8")


def with_figure(text: str, name: str, figure: str, date: str) -> str:
    """Return the document with one row changed; raise ValueError when it has none for the promise."""
    row = re.compile(rf"^\|([^|]*)\|([^|]*)\|([^|]*)\|[^|]*\|[^|]*\|( `python -m chaos {re.escape(name)}` )\|$", re.MULTILINE)
    if len(row.findall(text)) != 1:
        raise ValueError(f"{FILE.name} needs one row that ends in `python -m chaos {name}`.")
    return row.sub(lambda found: f"|{found[1]}|{found[2]}|{found[3]}| {figure} | {date} |{found[4]}|", text)
