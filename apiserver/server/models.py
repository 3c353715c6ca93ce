"""Server settings, the stamp of all configuration, the audit trail."""

from __future__ import annotations

from django.db import models


class ServerSettings(models.Model):
    """One row: what an administrator changed; the rest are defaults."""

    values = models.JSONField(default=dict)  # keys of apiserver.server.options.DEFAULTS


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
