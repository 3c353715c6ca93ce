"""Stored connections: which connector, with which properties; secrets are sealed."""

from __future__ import annotations

import re

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_ -]{0,79}$")
valid_name = RegexValidator(NAME, _("A name starts with a letter and holds letters, digits, spaces, - and _ (80 at most)."))


class Connection(models.Model):
    """One stored connection."""

    name = models.CharField(max_length=80, unique=True, validators=[valid_name])
    connector = models.CharField(max_length=60)
    properties = models.JSONField(default=dict)  # property name -> value, without secrets
    secrets = models.JSONField(default=dict)  # property name -> sealed text
    labels = models.JSONField(default=list)
    read_only = models.BooleanField(default=False)
    max_rows = models.PositiveIntegerField(default=0)  # most rows of one answer; 0 = no cap
    version = models.PositiveIntegerField(default=1)  # rises with every change: sessions are cached by it
    tables = models.JSONField(default=list)  # what list_tables found last: [schema, name, kind, comment]
    tables_read = models.DateTimeField(null=True)
    last_test = models.JSONField(null=True)  # {"ok": bool, "at": iso, "steps": [...]}
    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
