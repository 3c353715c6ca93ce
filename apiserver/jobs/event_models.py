"""The events of a run, each a row of its own: what it is, how far it is, what came of it."""

from __future__ import annotations

from django.db import models


class EventRun(models.Model):
    """One event of one run, stored when the run begins: a worker that takes the run over does not repeat what was done."""

    BEFORE, AFTER = "before", "after"

    run = models.ForeignKey("jobs.Run", on_delete=models.CASCADE, related_name="event_runs")
    number = models.PositiveIntegerField()  # place in the list of the run's order, from 1
    moment = models.CharField(max_length=10)
    kind = models.CharField(max_length=20)  # of event_settings.KINDS
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=10, default="waiting")
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    text = models.TextField(blank=True)  # what it did, safe to show
    cause = models.TextField(blank=True)
    hint = models.TextField(blank=True)

    class Meta:
        ordering = ["-moment", "number"]  # before, then after
        constraints = [models.UniqueConstraint("run", "number", name="event_once_a_run")]

    def __str__(self) -> str:
        return self.title
