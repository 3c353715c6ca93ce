"""Long work that was answered 202: what was asked, who works on it, what came of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class LongRead(models.Model):
    """One piece of long work and its result. Lease and fence keep workers apart."""

    WAITING, RUNNING, DONE, GONE = "waiting", "running", "done", "gone"  # gone: the time of its result is over

    public_id = models.CharField(max_length=32, unique=True)
    kind = models.CharField(max_length=20)  # of registry.LONG_WORK
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True)  # null: the anonymous user
    subject = models.CharField(max_length=300)  # what is read, as lists show it
    asked = models.TextField()  # sealed: what the kind needs to know
    key = models.TextField()  # sealed: what the pieces are encrypted with
    rights = models.CharField(max_length=64, default="")  # what the user saw of the resources when the work began
    state = models.CharField(max_length=10, default=WAITING)
    status = models.PositiveSmallIntegerField(null=True)  # of the result
    headers = models.JSONField(default=dict)  # of the result
    rows = models.PositiveBigIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)  # bytes of the result
    pieces_count = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)  # workers that began and did not come to an end
    failures = models.PositiveIntegerField(default=0)  # times that its source was away
    created = models.DateTimeField()
    due = models.DateTimeField(db_index=True)  # no worker begins before
    started = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)
    expires = models.DateTimeField(null=True, db_index=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-created", "-pk"]
        indexes = [models.Index(fields=["state", "due"], name="long_read_due")]


class LongReadPiece(models.Model):
    """A part of a result: compressed, then encrypted. Those of an older fence were left by a worker that did not come to an end."""

    read = models.ForeignKey(LongRead, on_delete=models.CASCADE, related_name="pieces")
    fence = models.PositiveBigIntegerField()
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint("read", "fence", "number", name="long_read_piece_once")]
