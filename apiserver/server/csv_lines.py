"""Lines of CSV files that people open in spreadsheets: no cell is ever run as a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

# What spreadsheets run as a formula: also behind blanks, also in the full width of East Asian keyboards.
RUN = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")


def line(cells: Iterable[Any]) -> str:
    """Return one line; texts that a spreadsheet would run as a formula begin with a quote."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow(harmless(cell) for cell in cells)
    return buffer.getvalue()


def harmless(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and RUN.match(value) else value
