"""How far a reader of new rows has come, and which rows near that edge it was told: none is lost, none told twice. Pure.

Rows are read beyond `floor`; what was told beyond it is known by its identity. The floor follows the rows told only after a while, and
not before the transactions that ran when they were read have ended: rows that are committed late still lie beyond it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

ID_BYTES = 10
MOST_KNOWN = 10_000  # identities of one mark; beyond, the oldest are given up
Position = tuple[Any, ...]  # check column and key of a row, typed


def identity(*parts: Any) -> bytes:
    """Return what names one version of one row."""
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=ID_BYTES).digest()


@dataclass(frozen=True, slots=True)
class Generation:
    """Rows told at one time: all of them lie at or before `position`."""

    at: float  # seconds since 1970
    next: int  # the first transaction that had not begun; 0 where the source does not tell
    position: Position
    ids: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Told:
    """A row that was read: where it stands, and its version."""

    position: Position
    id: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """The edge. `ahead` are rows whose check column lies in the future, which the floor must not follow yet."""

    floor: Position | None = None  # None = before the first row
    generations: tuple[Generation, ...] = ()
    ahead: tuple[Told, ...] = ()
    known: frozenset[bytes] = field(default=frozenset())

    @staticmethod
    def of(floor: Position | None, generations: Sequence[Generation], ahead: Sequence[Told]) -> Mark:
        """Return the mark with what it knows."""
        ids = [item.ids for item in generations]
        return Mark(floor, tuple(generations), tuple(ahead), frozenset().union(*ids, (item.id for item in ahead)))


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment of a reading: seconds, the check column's value for it (None = it is no time), and the source's transactions."""

    now: float
    moment: Any = None
    running: int = 0
    next: int = 0
    late: float = 600.0

    def is_ahead(self, told: Told) -> bool:
        """Claim that the row is of the future."""
        return self.moment is not None and told.position[0] > self.moment


def advanced(mark: Mark, told: Sequence[Told], clock: Clock, *, has_more: bool = False) -> Mark:
    """Return the mark after these rows were told, in the order of their positions; `has_more` = others wait behind the last of them."""
    edge = told[-1].position if has_more and told else None
    come = [item for item in mark.ahead if not clock.is_ahead(item)]
    ahead = [item for item in mark.ahead if clock.is_ahead(item)] + [item for item in told if clock.is_ahead(item)]
    settled = come + [item for item in told if not clock.is_ahead(item)]
    if len(ahead) > MOST_KNOWN // 2:
        settled, ahead = settled + ahead, []
    generations = list(mark.generations)
    if settled:
        highest = max(item.position for item in settled)
        if generations:
            highest = max(highest, generations[-1].position)
        generations.append(Generation(clock.now, clock.next, highest, frozenset(item.id for item in settled)))
    floor = mark.floor
    while generations and (is_over(generations[0], clock) or is_too_many(generations)):
        if edge is not None and generations[0].position > edge:
            break
        floor = generations.pop(0).position
    return Mark.of(floor, generations, ahead)


def is_over(generation: Generation, clock: Clock) -> bool:
    """Claim that no row at or before this position can still come."""
    return clock.now - generation.at > clock.late and clock.running >= generation.next


def is_too_many(generations: Sequence[Generation]) -> bool:
    """Claim that more is known than may be kept."""
    return len(generations) > 1 and sum(len(item.ids) for item in generations) > MOST_KNOWN


def begun(rows: Sequence[Told], *, has_more: bool, clock: Clock) -> Mark:
    """Return the mark of who begins now; `rows` are the newest ones, newest first, `has_more` = there are older ones."""
    kept = list(rows[:-1]) if has_more else list(rows)
    return advanced(Mark(rows[-1].position if has_more else None), kept, clock)
