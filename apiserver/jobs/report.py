"""A run as data: for webhooks, and as a file (JSON, CSV, Markdown) that shows what was done. Authtokens in addresses are masked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Sum

from apiserver.jobs.models import Run, TaskRun
from apiserver.jobs.run_words import seconds_of
from apiserver.server.csv_lines import line
from apiserver.server.markdown import escaped
from apiserver.server.masking import masked_anywhere

COUNTS = ("rows_read", "inserted", "updated", "deleted", "unchanged", "repaired", "pages", "bytes")
TASK_TEXTS = ("title", "state", "mode", "note", "cause", "hint")
COLUMNS = (
    "job",
    "run",
    "table",
    "state",
    "mode",
    "started",
    "ended",
    "seconds",
    *COUNTS,
    "rows_total",
    "source_count",
    "destination_count",
)
SHOWN = ("table", "state", "mode", "seconds", "rows_read", "inserted", "updated", "deleted", "unchanged")
MOST_LINES = 10_000  # of the log; the last ones are kept


def as_data(run: Run, *, outcome: str = "") -> dict[str, Any]:
    """Return what a run is and did. `outcome`: its state where it is about to end."""
    ended = run.ended or run.created
    return {
        "job": run.job_name,
        "run": run.pk,
        "reason": run.reason,
        "asked_by": run.asked_by,
        "state": outcome or run.state,
        "due": stamp(run.due),
        "started": stamp(run.started),
        "ended": stamp(run.ended),
        "seconds": rounded(seconds_of(run, ended) if run.ended else None),
        "rows": written(run),
        "cause": masked_anywhere(run.cause),
        "hint": masked_anywhere(run.hint),
        "tasks": [task_data(task) for task in run.tasks.order_by("position", "pk")],
    }


def written(run: Run) -> int:
    """Return how many rows of the destination changed by now."""
    if run.is_over:
        return run.rows
    sums = run.tasks.aggregate(inserted=Sum("inserted"), updated=Sum("updated"), deleted=Sum("deleted"))
    return sum(value or 0 for value in sums.values())


def task_data(task: TaskRun) -> dict[str, Any]:
    """Return one task of a run."""
    times = {"started": stamp(task.started), "ended": stamp(task.ended)}
    seconds = seconds_of(task, task.ended) if task.ended else None
    counts = {name: getattr(task, name) for name in (*COUNTS, "rows_total", "source_count", "destination_count")}
    return {**{name: masked_anywhere(getattr(task, name)) for name in TASK_TEXTS}, **times, "seconds": rounded(seconds), **counts}


def stamp(at: datetime | None) -> str | None:
    """Return a time as ISO 8601."""
    return at.isoformat(timespec="milliseconds") if at else None


def rounded(seconds: float | None) -> float | None:
    """Return seconds without digits that say nothing."""
    return None if seconds is None else round(seconds, 3)


def whole(run: Run) -> dict[str, Any]:
    """Return a run with its statements, events and log."""
    found = as_data(run)
    for told, task in zip(found["tasks"], run.tasks.order_by("position", "pk"), strict=True):
        told["statement"] = masked_anywhere(task.statement)
    return {**found, "events": [event_data(row) for row in run.event_runs.all()], "log": list(log(run))}


def event_data(row: Any) -> dict[str, Any]:
    """Return one event of a run."""
    texts = {name: masked_anywhere(getattr(row, name)) for name in ("title", "moment", "kind", "state", "text", "cause", "hint")}
    return {**texts, "started": stamp(row.started), "ended": stamp(row.ended)}


def log(run: Run) -> Iterator[dict[str, Any]]:
    """Give the lines of the log, the oldest first."""
    for item in reversed(run.lines.select_related("task_run").order_by("-pk")[:MOST_LINES]):
        title = item.task_run.title if item.task_run else ""
        yield {"at": stamp(item.at), "level": item.level, "table": title, "text": masked_anywhere(item.text)}


def as_json(run: Run) -> Iterator[str]:
    """Give the report as one JSON document."""
    yield json.dumps(whole(run), ensure_ascii=False, indent=2) + "\n"


def as_csv(run: Run) -> Iterator[str]:
    """Give a line for each task; a cell that a spreadsheet would run as a formula begins with a quote."""
    yield line((*COLUMNS, "cause", "hint"))
    for task in as_data(run)["tasks"]:
        cells = {**task, "job": run.job_name, "run": run.pk, "table": task["title"]}
        yield line(cells[name] for name in (*COLUMNS, "cause", "hint"))


def as_markdown(run: Run) -> Iterator[str]:
    """Give a page: how it went, a table of the tasks, the events, the log."""
    found = whole(run)
    yield f"# {escaped(run.job_name)}, run {run.pk}: {found['state']}\n\n"
    yield f"- Began: {found['started'] or 'never'}\n- Ended: {found['ended'] or 'not yet'}\n"
    yield f"- Seconds: {found['seconds']}\n- Rows: {found['rows']}\n"
    if found["cause"]:
        yield f"\n{escaped(found['cause'])} {escaped(found['hint'])}\n"
    if found["tasks"]:
        yield "\n## Tables\n\n"
        yield from table(SHOWN, ([{**task, "table": task["title"]}[name] for name in SHOWN] for task in found["tasks"]))
        yield from (f"\n{escaped(task['title'])}: {escaped(text_of(task))}\n" for task in found["tasks"] if text_of(task))
    if found["events"]:
        yield "\n## Events\n\n"
        names = ("title", "moment", "state", "text", "cause")
        yield from table(names, ([row[name] for name in names] for row in found["events"]))
    yield "\n## Log\n\n"
    yield from (f"- {item['at']} {item['level']} {escaped(item['table'])} {escaped(item['text'])}\n" for item in found["log"])


def text_of(task: dict[str, Any]) -> str:
    """Return what is to be said of a task beside its numbers."""
    return " ".join(part for part in (task["note"], task["cause"], task["hint"]) if part)


def table(names: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Give a table of Markdown."""
    heads = list(names)
    yield f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}\n"
    for row in rows:
        yield f"| {' | '.join('' if cell is None else escaped(str(cell)) for cell in row)} |\n"


FORMATS: dict[str, tuple[Callable[[Run], Iterator[str]], str]] = {
    "json": (as_json, "application/json"),
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "md": (as_markdown, "text/markdown; charset=utf-8"),
}
