"""Replication jobs: what is copied where and when, each run, and what each run said."""

from __future__ import annotations

import secrets

from django.db import models
from django.db.models import Q

from apiserver.jobs.event_models import EventRun
from apiserver.jobs.external_models import ExternalService
from connections.models import valid_name

__all__ = ["EventRun", "ExternalService", "Job", "Run", "RunLine", "Task", "TaskRun"]
WAITING, RUNNING, DONE, FAILED, CANCELLED, SKIPPED = "waiting", "running", "done", "failed", "cancelled", "skipped"
OPEN = (WAITING, RUNNING)  # states of runs and of their tasks that are not over
SCHEDULE, BUTTON, API, COMMAND, EVENT, RETRY = "schedule", "button", "api", "command", "event", "retry"  # why a run began


def new_key() -> str:
    """Return a key that no other task has: its checkpoint in the destination stands under it."""
    return secrets.token_hex(16)


class Job(models.Model):
    """What is replicated from where to where, and when."""

    STANDARD, ALL_TABLES, LOAD_FOLDER = "standard", "all_tables", "load_folder"
    KINDS = (STANDARD, ALL_TABLES, LOAD_FOLDER)

    name = models.CharField(max_length=80, unique=True, validators=[valid_name])
    kind = models.CharField(max_length=20, default=STANDARD)
    # None: the statements of its tasks name the connections that they read.
    source = models.ForeignKey("connections.Connection", on_delete=models.PROTECT, related_name="jobs_from", null=True)
    destination = models.ForeignKey("connections.Connection", on_delete=models.PROTECT, related_name="jobs_to")
    schema = models.CharField(max_length=200, blank=True)  # of the destination; '' = its default
    table_prefix = models.CharField(max_length=60, blank=True)
    schedule = models.CharField(max_length=200, blank=True)  # cron; '' = none
    timezone = models.CharField(max_length=60, default="UTC")  # of the schedule, an IANA name
    paused = models.BooleanField(default=False)
    next_due = models.DateTimeField(null=True, db_index=True)  # when the schedule begins the next run; null: it does not
    settings = models.JSONField(default=dict)  # what differs from the defaults of apiserver.jobs.moving.Settings and job_settings
    exclude = models.JSONField(default=list)  # of kind all_tables: tables that are left out
    events = models.JSONField(default=list)  # what happens before and after a run, in order
    notify = models.JSONField(default=dict)  # who is told of its runs, where that differs from the server's
    labels = models.JSONField(default=list)
    version = models.PositiveIntegerField(default=1)  # rises with every change
    created = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Task(models.Model):
    """One table of a job: a REPLICATE statement."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="tasks")
    position = models.PositiveIntegerField()
    key = models.CharField(max_length=32, unique=True, default=new_key, editable=False)  # never changes: the name of its checkpoint
    statement = models.TextField()
    enabled = models.BooleanField(default=True)
    settings = models.JSONField(default=dict)  # what differs from the job's

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.statement


class Run(models.Model):
    """One execution of a job. Lease and fence keep workers apart; the database lets a job have one run that is not over."""

    job = models.ForeignKey(Job, on_delete=models.SET_NULL, related_name="runs", null=True)
    job_name = models.CharField(max_length=80)  # as it was at the start: the job may be renamed or deleted
    reason = models.CharField(max_length=10)
    asked_by = models.CharField(max_length=150, blank=True)  # '' = the schedule
    only = models.JSONField(default=list)  # keys of the tasks to run; empty: all
    order = models.JSONField(default=dict)  # the job as it was when the run began (apiserver.jobs.orders)
    state = models.CharField(max_length=10, default=WAITING)
    cause = models.TextField(blank=True)  # why it failed or was skipped, safe to show
    hint = models.TextField(blank=True)
    rows = models.PositiveBigIntegerField(default=0)  # written by its tasks, once it is over
    attempts = models.PositiveIntegerField(default=0)  # workers that began and did not come to an end
    created = models.DateTimeField(db_index=True)
    due = models.DateTimeField()  # when it was to begin
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    cancel_asked = models.BooleanField(default=False)
    cancelled_by = models.CharField(max_length=150, blank=True)
    beat_at = models.DateTimeField(null=True)  # when its worker said last that it goes on
    lease_until = models.DateTimeField(null=True)  # null: no worker has it
    fence = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-created", "-pk"]
        indexes = [models.Index(fields=["state", "due"], name="run_due"), models.Index(fields=["job", "-created"], name="run_of_job")]
        constraints = [models.UniqueConstraint("job", condition=Q(state__in=OPEN), name="one_open_run")]

    def __str__(self) -> str:
        return f"{self.job_name}/{self.pk}"

    @property
    def is_over(self) -> bool:
        """Claim that nothing more happens in it."""
        return self.state not in OPEN


class TaskRun(models.Model):
    """One task of a run: what it did and how far it is."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tasks")
    task = models.ForeignKey(Task, on_delete=models.SET_NULL, related_name="runs", null=True)
    key = models.CharField(max_length=80)  # of the task: its checkpoint's name
    position = models.PositiveIntegerField()
    title = models.CharField(max_length=200)  # the destination's table
    statement = models.TextField()  # as it was at the start
    settings = models.JSONField(default=dict)  # as they were at the start: the job's with the task's
    state = models.CharField(max_length=10, default=WAITING)
    mode = models.CharField(max_length=20, blank=True)  # full, incremental, swap, append, ...
    note = models.TextField(blank=True)  # why it is not incremental, what it can't promise
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    rows_total = models.PositiveBigIntegerField(null=True)  # to be read, where the source says
    rows_read = models.PositiveBigIntegerField(default=0)
    inserted = models.PositiveBigIntegerField(default=0)
    updated = models.PositiveBigIntegerField(default=0)
    deleted = models.PositiveBigIntegerField(default=0)
    unchanged = models.PositiveBigIntegerField(default=0)
    repaired = models.PositiveBigIntegerField(default=0)  # rows that lost characters which the destination can't hold
    pages = models.PositiveBigIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    cause = models.TextField(blank=True)
    hint = models.TextField(blank=True)
    source_count = models.PositiveBigIntegerField(null=True)  # rows at both ends after the load
    destination_count = models.PositiveBigIntegerField(null=True)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint("run", "key", name="task_once_a_run")]

    def __str__(self) -> str:
        return self.title

    @property
    def written(self) -> int:
        """Return how many rows of the destination changed."""
        return self.inserted + self.updated + self.deleted


class RunLine(models.Model):
    """One line of a run's log."""

    DEBUG, INFO, WARNING, ERROR = "debug", "info", "warning", "error"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="lines")
    task_run = models.ForeignKey(TaskRun, on_delete=models.CASCADE, related_name="lines", null=True)
    at = models.DateTimeField()
    level = models.CharField(max_length=10, default=INFO)
    text = models.TextField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.text
