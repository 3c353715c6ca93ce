"""Events that talk to others: SQL at the destination, a signed webhook, the start of another job. They return what they did."""

from __future__ import annotations

import time

import orjson
from django.utils import timezone

from apiserver.jobs import event_settings as settings
from apiserver.jobs.errors import JobError
from apiserver.jobs.events import Doing
from apiserver.jobs.models import DONE, EVENT, FAILED, SKIPPED, Job
from apiserver.jobs.report import as_data
from apiserver.server import notifying, options, standard_webhooks
from connections.contract.errors import ConnectorError
from connections.contract.loading import Loading
from connections.derived import reason_of
from connections.outgoing import Outgoing
from connections.services import session_for

PAUSES = (1.0, 5.0)  # seconds between the tries of a call
LOOK_SECONDS = 0.5  # between looks whether the run is to end
SQL_SECONDS = 3600
MESSAGES = {"": "job.starting", DONE: "job.finished", FAILED: "job.failed"}  # types by the run's state so far


def run_sql(doing: Doing) -> str:
    """Run the statements in their order, in one transaction where the event does not say otherwise."""
    statements, is_whole = doing.event[settings.SQL], doing.event.get("transaction", True)
    loading = opened_loading(doing)
    try:
        if is_whole:
            loading.begin()
        for number, statement in enumerate(statements, 1):
            doing.stop()
            execute(loading, statement, number, len(statements))
        if is_whole:
            loading.commit()
        loading.finish()
    except BaseException:
        loading.rollback()
        raise
    finally:
        loading.close()
    return f"{len(statements)} statements were run." if len(statements) > 1 else "The statement was run."


def opened_loading(doing: Doing) -> Loading:
    """Return a connection to the destination of the job."""
    session = session_for(doing.run.order["destination"])
    make = getattr(session, "loading", None)
    found = make(SQL_SECONDS) if make else None
    if found is None or found.is_bulk:
        raise JobError("SQL can't be run at this destination.", hint="Take the event out, or choose a database as the destination.")
    loading: Loading = found
    return loading


def execute(loading: Loading, statement: str, number: int, count: int) -> list[tuple[object, ...]]:
    """Run one statement; its error says which one it is, in the database's own words."""
    try:
        return loading.rows(statement)
    except ConnectorError as error:
        place = f"statement {number} of {count}: " if count > 1 else ""
        reason = reason_of(error)
        told = error.message if reason.rstrip(".") == error.message.rstrip(".") else f"{error.message} {reason}."
        raise JobError(f"{place}{told}", hint=error.hint) from error


def call_webhook(doing: Doing) -> str:
    """POST what the run is and how it went, signed as Standard Webhooks has it; three tries under one id."""
    url, secret = (doing.event[settings.WEBHOOK][name] for name in settings.SECRET)
    data = {"event": doing.row.number, **as_data(doing.run, outcome=doing.outcome)}
    body = orjson.dumps({"type": MESSAGES[doing.outcome], "timestamp": timezone.now().isoformat(), "data": data})
    outgoing = notifying.client(tuple(options.current().outgoing.get("allow", ())))
    problem = ""
    for pause in (*PAUSES, 0.0):
        status, problem = called(outgoing, url, secret, body, webhook_id=f"msg_run{doing.run.pk}_{doing.row.number}")
        if not problem:
            return f"The receiver answered {status}."
        if status and status < 500 and status != 429:
            break
        rest(pause, doing)
    raise JobError(problem)


def called(outgoing: Outgoing, url: str, secret: str, body: bytes, *, webhook_id: str) -> tuple[int, str]:
    """Call once; return the status, 0 where there is none, and what is wrong, '' where nothing is."""
    signed = standard_webhooks.headers(webhook_id, int(time.time()), body, [secret])
    try:
        reply = outgoing.send("POST", url, headers={"Content-Type": "application/json", **signed}, body=body, is_redirected=False)
    except ConnectorError as error:
        return 0, f"{error.message} {error.hint}".strip()
    return reply.status, "" if 200 <= reply.status < 300 else f"The receiver answered {reply.status}."


def rest(seconds: float, doing: Doing) -> None:
    """Wait before the next try, unless the run is to end."""
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        doing.stop()
        time.sleep(min(left, LOOK_SECONDS))


def start_job(doing: Doing) -> str:
    """Start another job; it runs on its own, nobody waits for it."""
    from apiserver.jobs.starting import start

    name = doing.event[settings.START_JOB]
    job = Job.objects.filter(name=name).first()
    if job is None:
        raise JobError(f"There is no job {name}.", hint="Choose another one in the job's events.")
    run = start(job, reason=EVENT, now=timezone.now(), asked_by=f"job {doing.run.job_name}"[:150])
    if run.state == SKIPPED:
        return f"The job {name} runs already: its run {run.pk} was skipped."
    return f"The job {name} was started: run {run.pk}."
