"""How far a reader of new rows has come, and which rows near that edge it was told: none is lost, none told twice. Pure.

Rows are read beyond `floor`; what was told beyond it is known by its identity. The floor follows the rows told only after a while, and
not before the transactions that ran when they were read have ended: rows that are committed late still lie beyond it. What was told before
the floor is known for some rows more: who compares them with the source now and then finds what was committed later still.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

ID_BYTES = 10
MOST_KNOWN = 10_000  # identities beyond the floor; more, and the floor follows
PIECES = 20  # that the rows told before the floor are kept in, at most about
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
    """The edge. `ahead` are rows whose check column lies in the future, which the floor must not follow yet; `behind` are the rows told
    between `back` and the floor."""

    floor: Position | None = None  # None = before the first row
    generations: tuple[Generation, ...] = ()
    ahead: tuple[Told, ...] = ()
    behind: tuple[Generation, ...] = ()
    back: Position | None = None
    known: frozenset[bytes] = field(default=frozenset())

    @staticmethod
    def of(
        floor: Position | None,
        generations: Sequence[Generation],
        ahead: Sequence[Told],
        behind: Sequence[Generation],
        back: Position | None,
    ) -> Mark:
        """Return the mark with what it knows beyond the floor."""
        known = frozenset().union(*(item.ids for item in generations), (item.id for item in ahead))
        return Mark(floor, tuple(generations), tuple(ahead), tuple(behind), back, known)


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment of a reading: seconds, the check column's value for it (None = it is no time), and the source's transactions."""

    now: float
    moment: Any = None
    running: int = 0
    next: int = 0
    late: float = 600.0
    kept: int = 0  # rows before the floor that are to be known

    def is_ahead(self, told: Told) -> bool:
        """Claim that the row is of the future."""
        return self.moment is not None and told.position[0] > self.moment


def near(mark: Mark, before: float) -> tuple[Position | None, int]:
    """Return the position up to which rows were told before a moment, and how many of those told lie beyond it at most."""
    place = sum(item.at < before for item in mark.generations)
    if not place:
        return mark.floor, len(mark.known)
    later = sum(len(item.ids) for item in mark.generations[place:])
    return mark.generations[place - 1].position, later + len(mark.ahead)


def advanced(mark: Mark, told: Sequence[Told], clock: Clock, *, has_more: bool = False, is_near: bool = False) -> Mark:
    """Return the mark after these rows were told, in the order of their positions.

    `has_more`: others wait behind the last of them. `is_near`: not all that lies beyond the floor was looked at, so it stays.
    """
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
    floor, behind = mark.floor, list(mark.behind)
    while generations and ((not is_near and is_over(generations[0], clock)) or is_too_many(generations)):
        if edge is not None and generations[0].position > edge:
            break
        behind.append(generations.pop(0))
        floor = behind[-1].position
    return Mark.of(floor, generations, ahead, *kept_behind(behind, mark.back, clock.kept))


def kept_behind(behind: Sequence[Generation], back: Position | None, most: int) -> tuple[list[Generation], Position | None]:
    """Return the latest of the rows told before the floor, in a few pieces, and where they begin."""
    pieces: list[Generation] = []
    for item in behind:
        if pieces and len(pieces[-1].ids) + len(item.ids) <= most // PIECES:
            item = Generation(item.at, item.next, item.position, pieces.pop().ids | item.ids)
        pieces.append(item)
    while pieces and sum(len(item.ids) for item in pieces) > most:
        back = pieces.pop(0).position
    return pieces, back


def is_over(generation: Generation, clock: Clock) -> bool:
    """Claim that no row at or before this position can still come."""
    return clock.now - generation.at > clock.late and clock.running >= generation.next


def is_too_many(generations: Sequence[Generation]) -> bool:
    """Claim that more is known than may be kept."""
    return len(generations) > 1 and sum(len(item.ids) for item in generations) > MOST_KNOWN


def begun(rows: Sequence[Told], *, has_more: bool, clock: Clock) -> Mark:
    """Return the mark of who begins now; `rows` are the newest ones, newest first, `has_more` = there are older ones."""
    kept = list(rows[:-1]) if has_more else list(rows)
    floor = rows[-1].position if has_more else None
    return advanced(Mark(floor, back=floor), kept, clock)
