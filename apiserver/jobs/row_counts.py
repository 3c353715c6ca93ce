"""Source and destination counted after a load: what a run says, or fails with, where they have not as many rows."""

from __future__ import annotations

from apiserver.jobs.errors import JobError
from apiserver.jobs.events import Follower, after_failure
from apiserver.jobs.job_settings import split
from apiserver.jobs.models import DONE, RunLine
from apiserver.jobs.run_words import number

HINT = "Rows that came meanwhile are counted too: the next run brings them. Otherwise reset the task."


def check(running: Follower) -> None:
    """Say which tables differ; raise JobError where the job wants to fail then."""
    wish = split(running.run.order["settings"])[1]["row_counts"]
    if wish == "off":
        return
    found = []
    for task in running.tasks():
        here, there = task.destination_count, task.source_count
        if task.state == DONE and here is not None and there is not None and here != there:
            found.append(f"{task.title}: the source has {number(there)} rows, the destination {number(here)}.")
            running.says(RunLine.WARNING, f"{found[-1]} {HINT}")
    if found and wish == "fail":
        after_failure(running)
        raise JobError(f"The row counts differ. {found[0]}", hint=HINT)
