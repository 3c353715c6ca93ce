"""Columns from rows: what the first rows of an address look like becomes a table, where nothing else describes it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connections.connectors.http.paths import find, steps_of
from connections.contract.errors import BadAnswer

ROWS_NAMES = ("values", "data", "items", "results", "records", "value", "entries", "rows", "list", "content", "objects")
TOTAL_NAMES = (
    "total",
    "total_count",
    "totalCount",
    "count",
    "@odata.count",
    "meta.total",
    "pagination.total",
    "page.totalElements",
    "totalElements",
)
KEY_NAMES = ("$key", "id", "uuid", "key", "slug", "guid", "_id", "code")
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
MAX_COLUMNS = 400
MAX_DEPTH = 2
SAMPLE = 100
Path = tuple[str, ...]


def rows_path(document: Any) -> list[str]:
    """Return where the rows of an answer stand: the answer itself, a member of a usual name, else its only list of objects."""
    if isinstance(document, list):
        return []
    found = [path for path, node in lists_in(document) if not node or isinstance(node[0], dict)]
    named = [path for name in ROWS_NAMES for path in found if path[-1] == name]
    if named:
        return list(sorted(named, key=len)[0])
    full = [path for path in found if find(document, path)]
    if len(full or found) == 1:
        return list((full or found)[0])
    raise BadAnswer("The answer holds no list of rows, or several.", hint="Say in Rows where they stand, such as data.items.")


def lists_in(document: Any, depth: int = 3) -> Iterator[tuple[Path, list[Any]]]:
    """Give the lists of an answer with their paths."""
    if not isinstance(document, dict) or not depth:
        return
    for name, node in document.items():
        if isinstance(node, list):
            yield (name,), node
        for path, below in lists_in(node, depth - 1):
            yield (name, *path), below


def rows_of(found: Any, ref: str) -> tuple[list[Any], bool]:
    """Return the rows of what stands at their path, and whether it is an object that has each row under its name."""
    if isinstance(found, list):
        return found, False
    if isinstance(found, dict) and found and all(isinstance(value, dict) for value in found.values()):
        return [{"$key": name, **value} for name, value in found.items()], True
    hint = "Correct Rows: a list, or an object of objects, is expected there."
    raise BadAnswer(f"The answer for {ref} holds no list of rows where one is expected.", hint=hint)


def total_path(document: Any, rows: int) -> str:
    """Return where an answer tells the number of all rows, or ''."""
    for name in TOTAL_NAMES:
        found = find(document, (name,) if name.startswith("@") else steps_of(name))
        # `count` of as many as came may be that of the page alone.
        if isinstance(found, int) and not isinstance(found, bool) and (found > rows or (found == rows and name != "count")):
            return name
    return ""


def columns_of(rows: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """Return the columns that the rows show, objects flattened to a depth, lists and the rest as JSON."""
    leaves: dict[Path, set[str]] = {}
    for row in rows[:SAMPLE]:
        for path, kind in leaves_of(row if isinstance(row, dict) else {"$": row}):
            leaves.setdefault(path, set()).add(kind)
    # What is an object in one row and a value in another is shown whole.
    above = {path[:length] for path in leaves for length in range(1, len(path))}
    mixed = {path for path in above & leaves.keys() if leaves[path] - {"null"}}
    columns: dict[str, dict[str, Any]] = {}
    for path, kinds in leaves.items():
        if len(columns) >= MAX_COLUMNS:
            break
        if any(path[:length] in mixed for length in range(1, len(path))) or (kinds == {"null"} and path in above):
            continue
        kind = "json" if path in mixed else merged(kinds)
        name = free_name(camel(path) + ("Aggregate" if kind == "json" else ""), columns)
        columns[name] = {"path": [] if path == ("$",) else list(path), "type": kind}
    return columns or {"Value": {"path": "$", "type": "json"}}


def leaves_of(node: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, str]]:
    """Give the values of a row with their paths and kinds."""
    for name, value in node.items():
        path = (*above, str(name))
        if isinstance(value, dict) and value and len(path) < MAX_DEPTH:
            yield from leaves_of(value, path)
        else:
            yield path, manifest_type(value)


def manifest_type(value: Any) -> str:
    """Return the type that a manifest gives a column of such values; null fits each."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "int64" if -(2**63) <= value < 2**63 else "decimal"
    if isinstance(value, float):
        return "double"
    if isinstance(value, str):
        return manifest_type_of_text(value)
    return "json"


def manifest_type_of_text(text: str) -> str:
    """Return the type that a text is written as."""
    if INSTANT.fullmatch(text):
        return "timestamp"
    if DAY.fullmatch(text):
        return "date"
    if len(text) == 36:
        try:
            return "guid" if str(uuid.UUID(text)) == text else "string"
        except ValueError:
            return "string"
    return "string"


def merged(kinds: set[str]) -> str:
    """Return the kind that holds values of all these kinds."""
    found = kinds - {"null"}
    if len(found) == 1:
        return found.pop()
    if found <= {"int64", "double", "decimal"}:
        return "double" if "double" in found else "decimal"
    return "json" if "json" in found else "string"


def camel(path: Path) -> str:
    """Return a column's name: `content.raw` -> ContentRaw."""
    words = re.findall(r"[^\W_]+", " ".join(path)) or ["Value"]
    return "".join(word[:1].upper() + word[1:] for word in words)


def free_name(name: str, taken: Mapping[str, Any]) -> str:
    """Return a name that no other column has."""
    lowered = {other.lower() for other in taken}
    number, found = 1, name
    while found.lower() in lowered:
        number += 1
        found = f"{name}{number}"
    return found


def key_of(columns: Mapping[str, Mapping[str, Any]], rows: Sequence[Any]) -> list[str]:
    """Return a column that tells the rows apart, by its name and by the sample; none where there is no such."""
    by_path = {tuple(spec["path"]): name for name, spec in columns.items()}
    for name in KEY_NAMES:
        found = by_path.get((name,))
        values = [row.get(name) for row in rows if isinstance(row, dict)]
        if (
            found
            and columns[found]["type"] in ("int64", "string", "guid")
            and len(set(map(str, values))) == len(rows)
            and None not in values
        ):
            return [found]
    return []
