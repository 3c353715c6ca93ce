"""Runs that have begun, and moves that move nothing."""

from __future__ import annotations

from typing import Any

import pytest

from apiserver.jobs import starting, task_running
from apiserver.jobs.claiming import claim
from apiserver.jobs.models import Job, Run
from apiserver.jobs.running import carry_out
from apiserver.jobs.under_way import Running
from tests.jobs.conftest import NOW
from tests.jobs.fake_moves import Moves

THREE = ("REPLICATE [A]", "REPLICATE [B]", "REPLICATE [C]")


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> Moves:
    """Move nothing."""
    made = Moves()
    monkeypatch.setattr(task_running, "move", made.move)
    return made


def begun(job: Job, **values: Any) -> Running:
    """Return a claimed run of a job."""
    run = starting.start(job, **{"reason": "button", "now": NOW, "asked_by": "admin"} | values)
    assert claim(run, now=NOW)
    return Running(run)


def states(run: Run) -> list[str]:
    """Return the states of a run's tasks."""
    return list(run.tasks.values_list("state", flat=True))


def done(running: Running) -> Run:
    """Return the run when it was worked on."""
    carry_out(running)
    return Run.objects.get(pk=running.run.pk)
