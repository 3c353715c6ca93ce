"""Lower floors never import higher ones; rooms on one floor never import each other (docs/architecture.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = [
    ("apiserver.console", 7),
    ("apiserver.triggers", 6),
    ("apiserver.powerplatform", 6),
    ("apiserver.odata", 5),
    ("apiserver.jobs", 5),
    ("apiserver.resources", 4),
    ("connections.connectors", 1),
    ("connections.engine", 1),
    ("connections.contract", -1),
    ("connections.vault", 0),
    ("connections.outgoing", 0),
    ("connections", 3),
    ("users", 3),
    ("apiserver.server", 2),
    ("apiserver.ui", 2),
]
PURE = (
    "connections.contract",
    "connections.vault",
    "connections.outgoing",
    "connections.connectors",
    "connections.engine",
)


def room_of(module: str) -> tuple[str, int] | None:
    """Return the longest room that holds the module."""
    found = [(name, floor) for name, floor in FLOORS if module == name or module.startswith(name + ".")]
    return max(found, key=lambda item: len(item[0]), default=None)


def imports_of(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def sources() -> list[Path]:
    return [path for room in ("apiserver", "connections", "users") for path in sorted((ROOT / room).rglob("*.py"))]


def violations(path: Path) -> list[str]:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    here = room_of(module)
    if here is None:
        return []
    bad = []
    for line, name in imports_of(path):
        there = room_of(name)
        if there and there[0] != here[0] and there[1] >= here[1]:
            bad.append(f"{path.relative_to(ROOT)}:{line} {here[0]} (floor {here[1]}) imports {name} (floor {there[1]})")
        if here[0] in PURE and name.split(".")[0] in ("django", "rest_framework"):
            bad.append(f"{path.relative_to(ROOT)}:{line} {here[0]} is pure Python and imports {name}")
    return bad


def test_import_order_holds_in_every_room() -> None:
    assert [line for path in sources() for line in violations(path)] == []


@pytest.mark.parametrize(
    ("module", "room"),
    [("connections.connectors.sql.session", "connections.connectors"), ("connections.models", "connections"), ("apiserver.settings", None)],
)
def test_room_of_takes_the_longest_name(module: str, room: str | None) -> None:
    found = room_of(module)

    assert (found and found[0]) == room
