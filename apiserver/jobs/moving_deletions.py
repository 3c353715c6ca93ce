"""Rows that the source tells to be deleted, by events: they go before what is new comes, which may be of the same key."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from apiserver.jobs.moving_binding import TaskNames, shown
from apiserver.jobs.moving_incremental import overlap_of
from apiserver.jobs.moving_order import NO_DELETES
from apiserver.jobs.moving_reading import Reading
from apiserver.jobs.moving_rows import Shaper
from apiserver.jobs.moving_sweep import NOTHING, key_columns, source_names
from apiserver.jobs.moving_task import Task
from apiserver.jobs.replicate import named
from connections.contract.errors import AuthenticationFailed, NotSupported, SourceRejected
from connections.contract.table import Column, Deletions
from connections.engine.sql_queries import bind_parsed
from connections.engine.sql_reader import parse
from connections.models import Connection

DAY = 86_400.0


def take_out(task: Task) -> bool:
    """Take out what was deleted since the last look; return False where the source may have forgotten some of it.

    Where it tells nothing, keys are compared as often as is due.
    """
    feed = feed_of(task)
    if feed is None:
        return True
    begun, since = time.time(), task.state.deletions_at
    is_known = bool(since) and (not feed.days or begun - since < (feed.days - 1) * DAY)
    # Events may tell whole seconds alone.
    low = max(since, begun - feed.days * DAY if feed.days else 0.0) - overlap_of(task)
    try:
        rows = told(task, feed, datetime.fromtimestamp(int(max(0.0, low)), UTC))
    except (AuthenticationFailed, NotSupported, SourceRejected) as error:
        task.watch.says("warning", f"What was deleted is found by comparing keys: {error.message}")
        return True
    keys = key_columns(task, task.target)[: len(task.key)]
    gone = 0
    with task.transaction():
        if rows:
            stage = task.loading.stage(task.target, keys)
            task.loading.fill(stage, keys, [rows])
            gone = task.loading.take_out(stage, task.target, task.key, mark=task.mark, versions=task.versions)
        task.state.deletions_at = begun
        task.pending = {"deleted": gone}
        task.save()
    if gone:
        task.wrote(NOTHING, deleted=gone)
    return is_known


def feed_of(task: Task) -> Deletions | None:
    """Return where the source tells what was deleted, by the key that the rows have here."""
    table = task.reading.table
    feed = table.deletions if table is not None and task.settings.deletes != NO_DELETES else None
    return feed if feed is not None and {name for name, _ in feed.key} == set(task.reading.key) else None


def told(task: Task, feed: Deletions, since: datetime) -> list[Any]:
    """Return the keys that the source tells to be deleted, each once."""
    keys = key_columns(task, task.target)[: len(task.key)]
    there = dict(feed.key)
    sources = [there[name] for name in source_names(task, keys)]
    reading = reading_of(task, feed, sources, since)
    shaper = Shaper([Column(item.name, item.type) for item in reading.columns], keys, task.key)
    found: dict[tuple[Any, ...], None] = {}
    pages = reading.pages()
    try:
        for page in pages:
            task.watch.stop_if_asked()
            found.update(dict.fromkeys(tuple(row) for row in shaper.rows(page) if None not in row))
    finally:
        pages.close()  # type: ignore[attr-defined]
    return list(found)


def reading_of(task: Task, feed: Deletions, columns: list[str], since: datetime) -> Reading:
    """Return what reads the keys of deleted rows."""
    source = task.reading.bound.tables[task.reading.alias].connection
    parts = [part for part in (source, feed.ref.schema, feed.ref.name) if part]
    values = {name: value.replace("'", "''") for name, value in feed.where}
    wanted = [f"{named([name])} = '{value}'" for name, value in values.items()]
    wanted.append(f"{named([feed.moment])} >= '{since.isoformat()}'")
    # Names and texts are the manifest's own, quoted; the statement is parsed and bound before a source sees any of it.
    text = f"SELECT {', '.join(named([name]) for name in columns)} FROM {named(parts)} WHERE {' AND '.join(wanted)}"  # noqa: S608
    now = datetime.fromtimestamp(task.now, UTC)
    bound = bind_parsed(parse(text), TaskNames(now=now, default=Connection.objects.filter(name=source).first()), now=now)
    return Reading(bound, shown(bound))
