"""Paths into JSON answers, compiled once: `content.raw`, `data.0.id`, `data.*.lines`, `$` for the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Steps = tuple[str | int, ...]
Path = str | Sequence[str | int] | None


def steps_of(path: Path) -> Steps:
    """Return the steps of a path; a list is taken as it is."""
    if path is None or path in ("", "$"):
        return ()
    if isinstance(path, str):
        return tuple(int(step) if step.isdecimal() else step for step in path.removeprefix("$.").split("."))
    return tuple(path)


def dotted(path: Path) -> str:
    """Return how the service would name the path."""
    return ".".join(str(step) for step in steps_of(path))


def find(node: Any, steps: Steps) -> Any:
    """Return what stands at the path; None where there is nothing."""
    for step in steps:
        if isinstance(node, dict):
            node = node.get(step if isinstance(step, str) else str(step))
        elif isinstance(node, list) and isinstance(step, int):
            node = node[step] if -len(node) <= step < len(node) else None
        else:
            return None
    return node


def spread(node: Any, steps: Steps) -> Any:
    """Return what stands at a path with `*`: the lists below every element, joined."""
    if "*" not in steps:
        return find(node, steps)
    at = steps.index("*")
    found = find(node, steps[:at])
    if not isinstance(found, list):
        return found
    joined: list[Any] = []
    for item in found:
        below = spread(item, steps[at + 1 :])
        joined.extend(below if isinstance(below, list) else [] if below is None else [below])
    return joined


def column_of(steps: Steps) -> Callable[[list[Any]], list[Any]]:
    """Return what reads one path out of all rows: loops are over rows, not over steps, for they are short and hot."""
    if not steps:
        return lambda rows: rows
    if len(steps) == 1:
        (first,) = steps
        return lambda rows: [row.get(first) if row.__class__ is dict else find(row, steps) for row in rows]
    if len(steps) == 2 and isinstance(steps[0], str) and isinstance(steps[1], str):
        outer, inner = steps
        return lambda rows: [
            node.get(inner) if (node := row.get(outer) if row.__class__ is dict else None).__class__ is dict else None for row in rows
        ]
    return lambda rows: [find(row, steps) for row in rows]


def put(tree: dict[str, Any], steps: Steps, value: Any) -> None:
    """Set the value at a path of names, making the objects on the way."""
    node = tree
    for step in steps[:-1]:
        below = node.get(str(step))
        if not isinstance(below, dict):
            below = node[str(step)] = {}
        node = below
    node[str(steps[-1])] = value
