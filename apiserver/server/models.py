"""Server settings, the stamp of all configuration, the audit trail."""

from __future__ import annotations

from django.db import models


class ServerSettings(models.Model):
    """One row: what an administrator changed; the rest are defaults."""

    values = models.JSONField(default=dict)  # keys of apiserver.server.options.DEFAULTS
    contract_version = models.CharField(max_length=20, default="1.0")  # info.version of $oas; apart, for the worker raises it


class NotificationSettings(models.Model):
    """One row: who is told of what happens here, and how."""

    values = models.JSONField(default=dict)  # keys of apiserver.server.notification_settings.DEFAULTS, secrets sealed


class Notice(models.Model):
    """Something that happened and is to be told."""

    event = models.CharField(max_length=40)  # contract.changed, ...
    subject = models.CharField(max_length=200)
    text = models.TextField()  # Markdown
    data = models.JSONField(default=dict)  # what programs are told
    is_test = models.BooleanField(default=False)
    created = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-pk"]


class NoticeDelivery(models.Model):
    """One way on which a notice goes out, stored with it; lease and fence keep workers apart."""

    WAITING, DONE, FAILED = "waiting", "done", "failed"
    EMAIL, WEBHOOK = "email", "webhook"

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    kind = models.CharField(max_length=10)
    to = models.TextField()  # of an e-mail: the addresses; of a webhook: its address, sealed
    shown = models.CharField(max_length=300)  # where it goes, without secrets
    message_id = models.CharField(max_length=60)
    state = models.CharField(max_length=10, default=WAITING)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(default="")  # of the last try, safe to show
    next_at = models.DateTimeField(null=True, db_index=True)  # of the next try; null: none
    tried = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["pk"]


class Stamp(models.Model):
    """One row: a number that rises with every change of configuration. Caches key on it."""

    number = models.BigIntegerField(default=0)


class Audit(models.Model):
    """Who did what, when, from where."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    who = models.CharField(max_length=150)
    address = models.CharField(max_length=60, blank=True)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=200, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at"]
