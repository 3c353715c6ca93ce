"""Stored connections: which connector, with which properties; secrets are sealed. Their OAuth grants, and sign-ins under way."""

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


class OAuthGrant(models.Model):
    """What a service granted to one connection. Tokens are sealed; `version` rises with each pair that is stored."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="grant")
    client = models.CharField(max_length=64)  # fingerprint of client id and token address: it is good for no other
    seed = models.CharField(max_length=64, blank=True)  # fingerprint of tokens given as properties when it was made
    access = models.TextField(blank=True)
    refresh = models.TextField(blank=True)
    expires = models.DateTimeField(null=True)  # of the access token; None = nobody said
    scopes = models.JSONField(default=list)
    account = models.CharField(max_length=200, blank=True)
    connected = models.DateTimeField()
    refreshed = models.DateTimeField()  # when the tokens came
    began = models.DateTimeField(null=True)  # a refresh was begun whose answer is not stored
    tried = models.DateTimeField(null=True)  # when it was last tried to keep it alive
    problem = models.CharField(max_length=300, blank=True)  # why one must connect again; '' = it can be used
    version = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.version}"


class OAuthSignIn(models.Model):
    """A sign-in that somebody began, or that came back and waits for its connection to be stored."""

    state = models.CharField(max_length=64, unique=True)  # digest: the state itself is with the service and the browser
    browser = models.CharField(max_length=64)  # digest of the session that began it
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, null=True)  # None = not stored yet
    connector = models.CharField(max_length=60)
    sealed = models.TextField()  # verifier, redirect address, what the form held; then the tokens
    is_back = models.BooleanField(default=False)
    expires = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.connector}/{self.pk}"
