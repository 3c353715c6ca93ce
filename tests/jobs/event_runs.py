"""A shop with its replica, and a run of its job with events."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apiserver.jobs import event_settings as settings
from apiserver.jobs.models import EventRun, Run, TaskRun
from apiserver.jobs.orders import taken
from apiserver.server import options, stamp
from tests.jobs.replicated import Replicated, replicate_shop
from tests.triggers.receiver import Receiver, receiving


class Following:
    """Stands for the worker that has the run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.lines: list[str] = []
        self.reason: Exception | None = None

    def check(self) -> None:
        if self.reason is not None:
            raise self.reason

    def says(self, level: str, text: str) -> None:
        self.lines.append(f"{level}: {text}")

    def tasks(self) -> list[TaskRun]:
        return list(TaskRun.objects.filter(run=self.run))


@pytest.fixture
def shop(db: None, tmp_path: Path) -> Replicated:
    return replicate_shop(tmp_path)


@pytest.fixture
def receiver(db: None) -> Iterator[Receiver]:
    with receiving() as found:
        options.save({"outgoing": {"allow": [f"http://127.0.0.1:{found.port}"]}})
        stamp.forget()
        yield found


def running(shop: Replicated, *given: dict[str, Any], reason: str = "schedule") -> Following:
    """Return a run of the shop's job with these events, as a worker that has begun it sees it."""
    shop.job.events = settings.sealed(settings.checked(list(given), "events"))
    shop.job.save()
    now = timezone.now()
    run = Run.objects.create(
        job=shop.job, job_name=shop.job.name, reason=reason, state="running", created=now, due=now, order=taken(shop.job)
    )
    for task in shop.job.tasks.all():
        TaskRun.objects.create(
            run=run, task=task, key=task.key, position=task.position, title=task.statement[11:-1], statement=task.statement
        )
    return Following(run)


def states(found: Following) -> list[tuple[str, str]]:
    return [(row.kind, row.state) for row in EventRun.objects.filter(run=found.run)]


def cities(shop: Replicated) -> list[Any]:
    with closing(sqlite3.connect(shop.copy_file)) as opened:
        return [row[0] for row in opened.execute("SELECT city FROM customers ORDER BY id")]
