"""Count what published documents give, a line each: `python -m tests.connectors.openapi.published FILE...`."""

from __future__ import annotations

import gzip
import sys
import time
from pathlib import Path

from connections.connectors.openapi.derive import Derived, derive
from connections.connectors.openapi.reading import DocumentError, read_document


def imported(path: Path) -> Derived:
    """Return what a document gives, packed or not."""
    raw = path.read_bytes()
    return derive(read_document(gzip.decompress(raw) if path.suffix == ".gz" else raw))


def counted(found: Derived) -> tuple[int, int, int, int]:
    """Return the numbers of tables, lists, lists with a key, lists that may not be whole."""
    tables = found.manifest["tables"].values()
    lists = [table for table in tables if not table["read"][0].get("single")]
    return len(tables), len(lists), sum("key" in table for table in lists), sum("partial" in table for table in lists)


def main(names: list[str]) -> None:
    """Print the counts."""
    for name in names:
        begun = time.process_time()
        try:
            found = imported(Path(name))
        except DocumentError as error:
            print(f"| {Path(name).name} | {error.message} |")
            continue
        numbers = " | ".join(str(number) for number in counted(found))
        print(f"| {found.title} {found.version} | {numbers} | {time.process_time() - begun:.1f} s |")


if __name__ == "__main__":
    main(sys.argv[1:])
