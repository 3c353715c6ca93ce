"""How far a run is, on a terminal: a bar for each table that is under way, a line for each that is over; elsewhere only the lines."""

from __future__ import annotations

import time
from typing import Any

from apiserver.jobs.models import RUNNING, Run, TaskRun

WIDTH, NAME_WIDTH = 24, 28
UP, CLEAR = "\x1b[{}F", "\x1b[0J"


class Drawing:
    """What stands on the terminal now."""

    def __init__(self, stream: Any, *, is_quiet: bool) -> None:
        self._stream = stream
        self._is_quiet = is_quiet
        self._is_terminal = bool(getattr(stream, "isatty", lambda: False)())
        self._told: set[int] = set()
        self._lines = 0
        self._last: dict[int, tuple[float, int]] = {}

    def draw(self, run: Run) -> None:
        """Show how far the run is."""
        if self._is_quiet:
            return
        tasks = list(run.tasks.all())
        over = [task for task in tasks if task.ended is not None and task.pk not in self._told]
        under_way = [task for task in tasks if task.state == RUNNING] if self._is_terminal else []
        if self._lines:
            self._write(UP.format(self._lines) + CLEAR)
        for task in over:
            self._told.add(task.pk)
            self._write(f"{done(task)}\n")
        for task in under_way:
            self._write(f"{bar(task, self._speed(task))}\n")
        self._lines = len(under_way)
        self._stream.flush()

    def end(self) -> None:
        """Take the bars away."""
        if self._lines:
            self._write(UP.format(self._lines) + CLEAR)
            self._lines = 0
            self._stream.flush()

    def _write(self, text: str) -> None:
        self._stream.write(text, ending="")

    def _speed(self, task: TaskRun) -> float:
        """Return rows a second since the task was drawn before."""
        now, (then, rows) = time.monotonic(), self._last.get(task.pk, (time.monotonic(), task.rows_read))
        self._last[task.pk] = (now, task.rows_read)
        return (task.rows_read - rows) / (now - then) if now > then else 0.0


def bar(task: TaskRun, speed: float) -> str:
    """Return the line of a table under way."""
    name = task.title[:NAME_WIDTH].ljust(NAME_WIDTH)
    if task.rows_total:
        share = min(1.0, task.rows_read / task.rows_total)
        drawn = f"[{'#' * int(share * WIDTH)}{'-' * (WIDTH - int(share * WIDTH))}] {share:4.0%}"
    else:
        drawn = f"[{'.' * WIDTH}]     "
    return f"{name} {drawn} {task.rows_read:>12,} read {task.written:>12,} written {speed:>9,.0f}/s"


def done(task: TaskRun) -> str:
    """Return the line of a table that is over."""
    seconds = (task.ended - task.started).total_seconds() if task.ended and task.started else 0.0
    said = f"{task.title}: {task.state}, {task.rows_read:,} rows read, {task.written:,} written in {seconds:.1f} s"
    return f"{said}. {task.cause} {task.hint}".strip() if task.cause else said
