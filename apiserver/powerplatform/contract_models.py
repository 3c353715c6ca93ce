"""What is remembered of the contract and of the tables that it is made of."""

from __future__ import annotations

from django.db import models


class Contract(models.Model):
    """One row: the published definition that clients were given last."""

    definition = models.BinaryField()  # JSON, compressed: whole, as someone with every right sees it
    digest = models.CharField(max_length=64)
    version = models.CharField(max_length=20)
    taken = models.DateTimeField()


class ContractChange(models.Model):
    """One change of the contract."""

    version = models.CharField(max_length=20)
    before = models.CharField(max_length=20, blank=True)  # the version before; "" of the first one
    level = models.CharField(max_length=10)  # breaking | safe, "" of the first one
    findings = models.JSONField(default=list)  # of contract_findings.Finding.stored
    resources = models.JSONField(default=list)  # public ids of those whose operations changed
    at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-pk"]


class SourceLook(models.Model):
    """What a resource's table looks like now, where that is not what is published."""

    resource = models.OneToOneField("resources.Resource", on_delete=models.CASCADE, related_name="look")
    looked = models.DateTimeField()
    version = models.PositiveIntegerField(default=0)  # of the resource that was compared: another one makes the rest void
    seen = models.CharField(max_length=64, blank=True)  # digest of the table as it was found
    has_changed = models.BooleanField(default=False)
    level = models.CharField(max_length=10, blank=True)  # of the findings: what taking it over would do to the contract
    findings = models.JSONField(default=list)
    columns = models.JSONField(default=list)  # [column, type before, type now]
    error = models.TextField(default="")  # why the source can't be looked at, safe to show
