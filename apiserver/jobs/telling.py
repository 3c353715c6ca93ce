"""The end of a run as a notice: stored in the transaction that ends the run, sent by the worker's tick: told at least once."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.urls import reverse
from django.utils.translation import override

from apiserver.jobs.models import CANCELLED, DONE, FAILED, SKIPPED, Job, Run, RunLine
from apiserver.jobs.notify_query import ROWS, Found
from apiserver.jobs.notify_query import asked as asked_rows
from apiserver.jobs.report import as_data, table, text_of
from apiserver.jobs.run_words import number, result, seconds_of, time_taken
from apiserver.server import notices, options
from apiserver.server.markdown import escaped
from apiserver.server.models import Notice

log = logging.getLogger(__name__)
EVENTS = {DONE: "job.finished", FAILED: "job.failed", CANCELLED: "job.cancelled", SKIPPED: "job.skipped"}
PLACEHOLDER = re.compile(r"\{([^{}\s][^{}\n]{0,127})\}")
SHOWN = ("table", "state", "rows_read", "inserted", "updated", "deleted", "seconds")
LONGEST_VALUE = 2000


def tell(run: Run, now: datetime) -> None:
    """Store that a run is over, in the caller's transaction, for those who want to know; a fault here keeps no run from its end."""
    if run.state == SKIPPED and run.started is None:  # another run was under way: that one tells
        return
    try:
        with transaction.atomic(), override("en"):
            post(run, now=now)
    except (OperationalError, InterfaceError):  # nothing can be stored now: neither can the run's end, which is tried again
        raise
    except Exception:
        log.exception("the end of a run could not be told")
        RunLine.objects.create(
            run=run, at=now, level=RunLine.ERROR, text="Nobody could be told of the end of the run: see the server's log."
        )


def wishes(run: Run) -> dict[str, Any]:
    """Return what the run's job says of its notifications."""
    told: dict[str, Any] = run.order.get("notify") or {}
    if told or run.job_id is None:
        return told
    job = Job.objects.filter(pk=run.job_id).only("notify").first()  # asked anew: it may have been deleted while it ran
    return job.notify if job is not None else {}


def post(run: Run, *, now: datetime, is_test: bool = False) -> Notice | None:
    """Store the notice of a run; its job may say who is told what."""
    asked = wishes(run)
    data = as_data(run)
    found = Found.of(run.order.get("notify_rows"))
    own = placeholders(run, data)
    values = {**found.values(), **own, ROWS: str(len(found.rows))}
    subject = filled(asked.get("subject") or default_subject(run), values)
    if asked.get("text"):
        told = {name: escaped(value) for name, value in found.values().items()}
        text = filled(asked["text"], {**told, **own, ROWS: found.markdown()})
    else:
        text = default_text(run, data, values, found)
    level = "error" if run.state == FAILED else "info"
    instead: dict[str, Any] = {name: asked[name] for name in ("on", "to") if name in asked}
    return notices.post(
        EVENTS[run.state],
        subject=subject,
        text=text,
        data={**data, "text": subject},
        level=level,
        now=now,
        is_test=is_test,
        instead=instead,
    )


def send_test(job: Job, *, now: datetime) -> Notice | None:
    """Store a notice as a run of the job would leave it, without a run; raise the query's error."""
    order = {"notify_rows": asked_rows(job.notify["query"], job.destination, now=now).data()} if job.notify.get("query") else {}
    run = Run(
        order=order, job=job, job_name=job.name, reason="button", state=DONE, rows=12, created=now, due=now, started=now, ended=now, pk=0
    )
    with override("en"):
        return post(run, now=now, is_test=True)


def default_subject(run: Run) -> str:
    """Return the subject where the job has none of its own."""
    if run.state == DONE:
        return "{JobName}: {Rows} rows in {Duration}"
    return "{JobName}: {Status}" + (" - {Error}" if run.cause else "")


def default_text(run: Run, data: Mapping[str, Any], values: Mapping[str, str], found: Found) -> str:
    """Return the text where the job has none of its own: how it went, the tables, what the query found, what to do."""
    lines = [f"# {escaped(run.job_name)}: {run.state}", ""]
    if run.state == DONE:
        lines += [result(run, seconds_of(run, run.ended or run.created)), ""]
    if run.cause:
        lines += [escaped(values["error"]), *([escaped(run.hint)] if run.hint else []), ""]
    names = ("Source", "Destination", "Started", "Ended", "Reason")
    lines += [f"- {name}: {escaped(values[name.lower()])}" for name in names if values[name.lower()]]
    if data["tasks"]:
        rows = ([{**task, "table": task["title"]}[name] for name in SHOWN] for task in data["tasks"])
        lines += ["", "".join(table(SHOWN, rows)).rstrip()]
        lines += [f"- {escaped(task['title'])}: {escaped(text_of(task))}" for task in data["tasks"] if task["cause"]]
    if found.rows:
        lines += ["", found.markdown()]
    if values["link"]:
        lines += ["", values["link"]]
    return "\n".join(lines) + "\n"


def placeholders(run: Run, data: Mapping[str, Any]) -> dict[str, str]:
    """Return what may stand in braces, by lower-case names; the replaced product's names of a run's columns mean the same."""
    job = run.job
    found = {
        "jobname": run.job_name,
        "status": run.state,
        "rows": number(data["rows"]),
        "duration": time_taken(seconds_of(run, run.ended or run.created)),
        "error": data["cause"],
        "hint": data["hint"],
        "source": job.source.name if job and job.source else "",
        "destination": job.destination.name if job else "",
        "started": said(run.started),
        "ended": said(run.ended),
        "reason": run.reason,
        "askedby": run.asked_by,
        "run": str(run.pk),
        "tables": ", ".join(task["title"] for task in data["tasks"]),
        "failedtables": ", ".join(task["title"] for task in data["tasks"] if task["state"] == FAILED),
        "link": link(run),
    }
    for name in ("rows_read", "inserted", "updated", "deleted", "unchanged", "bytes"):
        found[name.replace("_", "")] = number(sum(task[name] for task in data["tasks"]))
    found.update({alias: found[name] for alias, name in ALIASES.items()})
    return {name: value[:LONGEST_VALUE] for name, value in found.items()}


# Columns of a run as the replaced product's history names them.
ALIASES = {
    "jobid": "jobname",
    "job": "jobname",
    "id": "run",
    "runstartdate": "started",
    "details": "error",
    "runtime": "duration",
    "recordsaffected": "rows",
    "jobstatus": "status",
}


def said(at: datetime | None) -> str:
    """Return a time as people read it."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else ""


def link(run: Run) -> str:
    """Return the address of the run's page; '' where the server does not know its own."""
    base = options.current().public_url
    return f"{base.rstrip('/')}{reverse('runs:show', args=[run.pk])}" if base and run.pk else ""


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its placeholders filled in, whatever their case; braces around other words stay."""
    replace: Callable[[re.Match[str]], str] = lambda match: values.get(match[1].lower(), match[0])  # noqa: E731
    return PLACEHOLDER.sub(replace, text)
