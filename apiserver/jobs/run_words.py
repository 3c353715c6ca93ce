"""How runs are put into words: how long they took, how fast, how much. For pages in the reader's language, for messages in English."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apiserver.jobs.models import Run, TaskRun

MODES = {
    "full": gettext_lazy("everything"),
    "incremental": gettext_lazy("changes"),
    "swap": gettext_lazy("everything anew"),
    "append": gettext_lazy("appended"),
}


def seconds_of(it: Run | TaskRun, now: datetime) -> float | None:
    """Return how long a run or one of its tasks took, or takes by now; None where it did not begin."""
    if it.started is None:
        return None
    return max(0.0, ((it.ended or now) - it.started).total_seconds())


def time_taken(seconds: float | None) -> str:
    """Return a time in words: 0.4 s, 12 s, 3 min 5 s, 2 h 10 min."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return _("%(seconds)s s") % {"seconds": f"{seconds:.1f}"}
    whole = round(seconds)
    if whole < 60:
        return _("%(seconds)s s") % {"seconds": whole}
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": rest}
    hours, minutes = divmod(minutes, 60)
    return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}


def number(count: int | None) -> str:
    """Return a count with its thousands apart."""
    return "" if count is None else f"{count:,}"


def mode(word: str) -> str:
    """Return how a table was moved, in words."""
    return str(MODES.get(word, word))


def rows_in_words(count: int) -> str:
    """Return a number of rows."""
    return ngettext("%(number)s row", "%(number)s rows", count) % {"number": number(count)}


def end_in_words(run: Run) -> str:
    """Return what is said when a run ends well while somebody watches."""
    said = ngettext(
        "The run ended after %(time)s: %(number)s row was replicated.",
        "The run ended after %(time)s: %(number)s rows were replicated.",
        run.rows,
    )
    return said % {"time": time_taken(seconds_of(run, run.ended or run.created)), "number": number(run.rows)}


def rate(rows: int, seconds: float | None) -> int | None:
    """Return rows per second; None while there is nothing to tell."""
    return round(rows / seconds) if seconds and rows else None


def share(task: TaskRun) -> int | None:
    """Return how many percent of a task's rows are read; None where nobody knows how many there are."""
    if not task.rows_total:
        return None
    return min(100, task.rows_read * 100 // task.rows_total)


def window(overlap: int, lag: int) -> timedelta:
    """Return in which time before a run's end late rows are still caught by the next one."""
    return timedelta(seconds=overlap + lag)


def result(run: Run, seconds: float | None) -> str:
    """Return the end as one sentence: the time taken and the rows replicated."""
    return _("%(rows)s replicated in %(time)s.") % {"rows": rows_in_words(run.rows), "time": time_taken(seconds)}
