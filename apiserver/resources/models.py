"""Published resources: a table of a connection, under a name, with what is shown of it."""

from __future__ import annotations

from typing import Any

import orjson
from django.db import models
from django.db.models.functions import Lower

ALL_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


def all_methods() -> list[str]:
    """Return the default of `methods`."""
    return list(ALL_METHODS)


class QuickJSONField(models.JSONField):
    """JSON that orjson reads: a catalog reads that of hundreds of resources at once. It knows no whole numbers beyond 64 bits."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Return what the database has; what orjson refuses (halves of surrogate pairs, NaN) is read as any other JSON."""
        if isinstance(value, str):
            try:
                return orjson.loads(value)
            except orjson.JSONDecodeError:
                pass
        return super().from_db_value(value, expression, connection)

    def deconstruct(self) -> Any:
        """Return what migrations know: they are the same as of any JSON."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs


class Resource(models.Model):
    """One published table."""

    public_id = models.CharField(max_length=60, unique=True, editable=False)  # letters and digits, never changes: operationIds come from it
    name = models.CharField(max_length=128)
    # None of a derived view over several connections.
    connection = models.ForeignKey("connections.Connection", on_delete=models.PROTECT, related_name="resources", null=True)
    schema = models.CharField(max_length=200, blank=True)
    table = models.CharField(max_length=200, blank=True)  # "" of a derived view
    sql = models.TextField(blank=True)  # a derived view: the SELECT to read in the place of a table, as it was written
    title = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    methods = QuickJSONField(default=all_methods)
    key = QuickJSONField(default=list)  # source columns; empty: found by reflection
    columns = QuickJSONField(null=True)  # source column -> {"name", "label", "description", "read_only"}; null: all of them
    search = QuickJSONField(default=list)  # source columns; empty: every text column
    check_column = models.CharField(max_length=200, blank=True)
    serve = models.CharField(max_length=20, default="live")
    replica = QuickJSONField(default=dict)  # of `replicated`: {"job", "max_age", "otherwise"}, see apiserver.resources.replica.Wish
    written = models.DateTimeField(null=True)  # of `replicated`: the last write through this server to it or what it is related to
    etag = models.CharField(max_length=200, default="row")
    relations = QuickJSONField(default=dict)  # navigation property -> {"to", "columns", "collection", "partner"}, besides foreign keys
    snapshot = QuickJSONField()  # the table as it was reflected
    version = models.PositiveIntegerField(default=1)
    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="resource_name_ignoring_case")]

    def __str__(self) -> str:
        return self.name
