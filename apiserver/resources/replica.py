"""What `serve: replicated` means: which replica a resource wishes for, where one stands, and how fresh it is. Values; no queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connections.contract.table import Column, TableRef

REFUSE, LIVE = "refuse", "live"
OTHERWISE = (REFUSE, LIVE)


@dataclass(frozen=True, slots=True)
class Wish:
    """From which replica a resource is read: the one of `job` ('' = whichever job copies the table)."""

    job: str = ""
    max_age: int = 0  # minutes; 0 = of any age
    otherwise: str = REFUSE  # what becomes of a read where there is no such replica: refused, or answered live

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Wish:
        """Return the wish of a resource's stored settings."""
        return cls(str(stored.get("job", "")), int(stored.get("max_age", 0)), str(stored.get("otherwise", REFUSE)))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a replica stands: a table at another connection, with the columns of the source under their own names there."""

    connection_id: int
    connection_name: str
    dialect: str
    ref: TableRef
    columns: tuple[tuple[str, Column], ...]  # (column of the source, column there)
    sql: str = ""  # a SELECT that gives the columns under their names at the source, where they have others there


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a resource's replica at this moment. Without a place, `problem` and `hint` say why."""

    place: Place | None = None
    as_of: datetime | None = None  # what the source held then stands in it
    written: datetime | None = None  # the last write to the resource through this server
    problem: str = ""
    hint: str = ""
