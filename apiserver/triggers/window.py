"""The rows of one resource beyond a floor, oldest first, as they are now: the incremental read of every trigger."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlglot import exp

from apiserver.odata.binder import Binder
from apiserver.odata.binder_state import Scope, Slot
from apiserver.odata.payload_values import plain_text
from apiserver.odata.reader_plan import (
    COUNT_COLUMN,
    OrderKey,
    Plan,
    Question,
    beyond,
    conditions,
    key_decoder,
    order_key,
    ordered,
    planned,
    run,
)
from apiserver.odata.skiptoken import texts, values
from apiserver.resources.catalog import PublishedProperty
from apiserver.triggers.checks import MODIFIED
from apiserver.triggers.marks import Clock, Position, Told, identity
from connections.contract.dialect import Commits
from connections.contract.table import Column, Type
from connections.engine.nodes import Read, all_of, select
from connections.engine.prepared import prepared

ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Window:
    """What is read: the properties `items`, in the order of the check column and then the key."""

    question: Question
    event: str
    check: PublishedProperty
    items: tuple[PublishedProperty, ...]
    has_commits: bool  # it is a table, whose rows may tell in which transaction they came
    late: float
    kept: int = 0  # rows before the floor that are to be known, where rows may be committed later still

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns of a position."""
        return tuple(item.column for item in (self.check, *ties(self)))

    @property
    def commits(self) -> Commits | None:
        """Return how transactions are told apart here."""
        return self.question.dialect.commits if self.has_commits else None


@dataclass(frozen=True, slots=True)
class Found:
    """A row that was read, with the clock of its reading."""

    told: Told
    row: dict[str, Any]
    clock: Clock


def ties(window: Window) -> list[PublishedProperty]:
    """Return the key, but for the check column."""
    resource = window.question.resource
    return [resource.by_name[name] for name in resource.key if name != window.check.name]


def rows_beyond(window: Window, floor: Position | None, limit: int, *, is_newest: bool = False) -> Generator[Found]:
    """Give the settled rows beyond the floor, oldest first; with `is_newest` all that are seen, newest first."""
    shaping = (
        "window",
        window.event,
        window.check.name,
        tuple(item.name for item in window.items),
        floor is None,
        is_newest,
        window.has_commits,
    )
    plan, literals = planned(window.question, lambda binder: window_plan(binder, window, floor, is_newest=is_newest), *shaping)
    given: dict[str, Any] = {"$limit": limit} | {f"^{place}": value for place, value in enumerate(floor or ())}
    now = datetime.now(UTC)
    moment = now if window.check.column.type is Type.TIMESTAMP else None
    with closing(run(window.question, plan, literals, given, stream=ROWS_AT_ONCE)) as found:
        for row in found:
            yield found_row(window, row, now.timestamp(), moment)


def found_row(window: Window, row: Sequence[Any], now: float, moment: Any) -> Found:
    """Return one row with its position, identity and clock."""
    names = [item.name for item in window.items]
    columns = window.columns
    position = tuple(row[len(names) : len(names) + len(columns)])
    rest = row[len(names) + len(columns) :]
    version, running, coming = rest if rest else (None, 0, 0)
    shown = texts(columns, position)
    known = identity(*shown, version) if window.event == MODIFIED else identity(*shown[1:] or shown)
    clock = Clock(now, moment, int(running), int(coming), window.late, 0 if window.commits else window.kept)
    return Found(Told(position, known), dict(zip(names, row, strict=False)), clock)


def window_plan(binder: Binder, window: Window, floor: Position | None, *, is_newest: bool) -> Plan:
    """Return the plan of a reading."""
    question, commits = window.question, window.commits
    scope = Scope(question.resource, binder.alias())
    keys = [position_key(binder, item, scope, is_newest=is_newest) for item in (window.check, *ties(window))]
    wanted = conditions(binder, question, scope)
    if floor is not None:
        wanted.append(beyond(binder, keys, floor))
    shown: list[exp.Expression] = [binder.property_value_any(item, scope) for item in window.items]
    shown += [key.tree.copy() for key in keys]
    if commits is not None:
        shown += [hidden(binder, scope, commits, text) for text in (commits.version, commits.running, commits.next)]
    if commits is not None and not is_newest:
        wanted.append(hidden(binder, scope, commits, commits.settled))
    query = select(shown, binder.source(question.resource, scope.alias))
    if wanted:
        query.where(all_of(wanted), copy=False)
    query.set("order", exp.Order(expressions=ordered(keys)))
    query.set("limit", exp.Limit(expression=binder.bind(Slot(COUNT_COLUMN, name="$limit"))))
    return plan_of(binder, query, window, keys, is_told=commits is not None)


def plan_of(binder: Binder, query: exp.Select, window: Window, keys: Sequence[OrderKey], *, is_told: bool) -> Plan:
    """Return the statement and how its rows are decoded."""
    dialect = window.question.dialect
    decoders = [dialect.decode(item.column) for item in window.items] + [key_decoder(key.column, dialect) for key in keys]
    decoders += [None, None, None] if is_told else []
    names = tuple(item.name for item in window.items)
    return Plan(prepared(query, dialect), tuple(binder.slots), tuple(decoders), names, tuple(key.column for key in keys))


def position_key(binder: Binder, item: PublishedProperty, scope: Scope, *, is_newest: bool) -> OrderKey:
    """Return one key of the order."""
    return order_key(binder.property_value(item, scope, 0), is_descending=is_newest)


def hidden(binder: Binder, scope: Scope, commits: Commits, text: str) -> Read:
    """Return what is read of a row's transaction."""
    return Read(table=scope.alias, column=commits.column, template=binder.percent(text))


def position_texts(window: Window, position: Position | None) -> list[str] | None:
    """Return a position as text that reads back exactly."""
    if position is None:
        return None
    return [plain_text(column, value) for column, value in zip(window.columns, position, strict=True)]


def position_of(window: Window, found: Sequence[str] | None) -> Position | None:
    """Return what `position_texts` wrote."""
    return None if found is None else tuple(values(window.columns, found))
