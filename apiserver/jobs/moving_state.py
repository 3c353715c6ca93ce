"""How far a task has come, as text in the destination: written in the transaction of the rows it speaks of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from connections.contract.table import Column

VERSION = 1


@dataclass(slots=True)
class Load:
    """A full load under way: its rows stand in the table beside the destination's."""

    begun: float  # seconds since 1970
    after: list[str] | None = None  # the key of the last row that is there, None = none yet
    check: str = ""  # of a service: rows are there up to this value of the first check column
    place: str = ""  # of a service: rows are there up to this place in its own order
    window: str = ""  # history is there up to this value
    marks: dict[str, str] = field(default_factory=dict)  # largest values of check columns before it began
    horizon: int | None = None
    rows: int = 0
    is_read: bool = False  # all rows are there that the source had
    is_whole: bool = False  # and the table has its key: what is left is to put the table in place
    total: int | None = None  # rows that the source had when it began
    resumed: int = 0  # how often it went on after a break
    is_other: bool = False  # the table holds what another statement of the task read


@dataclass(slots=True)
class State:
    """The checkpoint of a task."""

    shape: str = ""  # what is read, of where: another one begins anew
    columns: dict[str, str] = field(default_factory=dict)  # column at the destination -> type that the source had
    marks: dict[str, str] = field(default_factory=dict)  # check column -> largest value seen
    horizon: int | None = None  # the source's oldest transaction that ran when it was last compared
    load: Load | None = None
    late_at: float = 0.0  # last comparison of transactions, and the seconds that it took
    late_cost: float = 0.0
    swept_at: float = 0.0  # last comparison of keys
    sweep_cost: float = 0.0
    deletions_at: float = 0.0  # up to when is known what the source told of deletions
    is_loaded: bool = False
    table: str = ""  # of the destination, that the task has put in its place once
    part: str = ""  # version of the part that was loaded
    rows: int = 0  # that the last load of everything brought, and that are there since: counted as long as they are few
    run: str = ""  # the run that wrote last, and what it has done with these rows
    counts: dict[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """Return the state as text."""
        return json.dumps({"version": VERSION, **asdict(self)}, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def of(cls, text: str) -> State:
        """Return what a text says; an empty one, or one of another version, says nothing."""
        found = json.loads(text) if text else {}
        if found.get("version") != VERSION:
            return cls()
        known = {item.name for item in fields(cls)}
        given: dict[str, Any] = {name: value for name, value in found.items() if name in known}
        given["load"] = Load(**given["load"]) if given.get("load") else None
        return cls(**given)


def signature(column: Column) -> str:
    """Return what tells a column's type from another."""
    facets: Mapping[str, Any] = {
        "n": column.max_length,
        "p": column.precision,
        "s": column.scale,
        "many": column.is_collection,
        "json": column.is_json,
        "zone": column.has_zone,
    }
    return json.dumps([column.type, {name: value for name, value in facets.items() if value}], separators=(",", ":"))
