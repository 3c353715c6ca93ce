"""Looks at published tables where they are: what changed there, and what it would do to the contract once it is taken over.

Nothing that is published changes by itself: a resource keeps the columns that it was published with until somebody refreshes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from apiserver.powerplatform import contract_store
from apiserver.powerplatform.contract_findings import BREAKING, SAFE, Finding, level_of, of_stored
from apiserver.powerplatform.contract_markdown import markdown
from apiserver.powerplatform.models import SourceLook
from apiserver.resources import services, snapshot
from apiserver.resources.models import Resource
from apiserver.resources.move_pages import differences
from apiserver.server import notices, options
from connections.contract.errors import ConnectionFailed, ConnectorError, SourceTimeout
from connections.contract.table import Table, TableRef
from connections.models import Connection
from connections.services import describe

# Databases that answer questions about their tables from memory. Services, files and warehouses are looked at when somebody asks:
# each look may cost a download or money.
LOOKED_AT = ("postgresql", "mysql", "sqlite")
AT_ONCE = 50  # tables of one question
MOST_IN_TURN = 1000  # tables of one round
MOST_FINDINGS = 500
EVENT = "contract.source_changed"


def interval() -> timedelta | None:
    """Return the time between two looks; None = nobody wants them."""
    minutes = int(options.current().api.get("look_minutes", options.LOOK_MINUTES))
    return timedelta(minutes=minutes) if minutes else None


def due(now: datetime) -> QuerySet[Resource]:
    """Return the resources whose tables were not looked at for long enough."""
    pause = interval()
    if pause is None:
        return Resource.objects.none()
    is_due = Q(look__looked__lt=now - pause) | Q(look__isnull=True, modified__lt=now - pause)
    return Resource.objects.filter(is_due, connection__connector__in=LOOKED_AT)


def is_any_due(*, now: datetime) -> bool:
    """Claim that there is something to look at."""
    return due(now).exists()


def look_due(*, now: datetime) -> int:
    """Look at what is due, connection by connection; return the number of tables."""
    by_connection: dict[int, list[Resource]] = {}
    for resource in due(now).select_related("connection").order_by("connection_id", "pk")[:MOST_IN_TURN]:
        by_connection.setdefault(resource.connection_id or 0, []).append(resource)
    for resources in by_connection.values():
        for start in range(0, len(resources), AT_ONCE):
            if not look_at_some(resources[start : start + AT_ONCE], now=now):
                break  # the source does not answer: it is left alone until the next round
    return sum(map(len, by_connection.values()))


def look_at_some(resources: Sequence[Resource], *, now: datetime) -> bool:
    """Look at tables of one connection with as few questions as can be; claim that it answers."""
    ours = [item for item in resources if claimed(item, now)]
    tables = [item for item in ours if not item.sql and item.connection is not None]
    found = described_together(tables)
    is_there = True
    for resource in ours:
        if resource.pk in found:
            note(resource, found[resource.pk], now=now)
        elif is_there:
            is_there = look_at(resource, now=now)
    return is_there


def described_together(resources: Sequence[Resource]) -> dict[int, Table]:
    """Return the tables by resource; nothing where one of them is gone, for then each has to be asked for."""
    connection: Connection | None = resources[0].connection if resources else None
    if connection is None:
        return {}
    refs = [TableRef(item.schema, item.table) for item in resources]
    try:
        tables = describe(connection, refs)
    except ConnectorError:
        return {}
    return {item.pk: table for item, table in zip(resources, tables, strict=True)} if len(tables) == len(refs) else {}


def claimed(resource: Resource, now: datetime) -> bool:
    """Claim that this worker looks at the resource, no other one."""
    made = SourceLook.objects.get_or_create(resource=resource, defaults={"looked": now})
    pause = interval() or timedelta()
    return made[1] or bool(SourceLook.objects.filter(resource=resource, looked__lt=now - pause).update(looked=now))


def look_at(resource: Resource, *, now: datetime) -> bool:
    """Look at one table; claim that the source answered."""
    try:
        table = services.table_now(resource)
    except ConnectorError as error:
        values = {"looked": now, "error": f"{error.message} {error.hint}".strip(), "has_changed": False, "level": "", "findings": []}
        SourceLook.objects.update_or_create(resource=resource, defaults={**values, "seen": "", "version": resource.version})
        return not isinstance(error, ConnectionFailed | SourceTimeout)
    note(resource, table, now=now)
    return True


def note(resource: Resource, table: Table, *, now: datetime) -> None:
    """Store what a look found; what was found before is not worked out again."""
    there = snapshot.to_json(table)
    seen = hashlib.sha256(json.dumps(there, sort_keys=True).encode()).hexdigest()
    if SourceLook.objects.filter(resource=resource, seen=seen, version=resource.version).update(looked=now, error=""):
        return
    values: dict[str, Any] = {
        "looked": now,
        "seen": seen,
        "version": resource.version,
        "error": "",
        "level": "",
        "findings": [],
        "columns": [],
    }
    values["has_changed"] = there != resource.snapshot
    if values["has_changed"]:
        findings = effect(resource, table)
        values["level"] = level_of(item for item in findings if item.level in (BREAKING, SAFE))
        values["findings"] = [item.stored() for item in findings[:MOST_FINDINGS]]
        before = snapshot.from_json(resource.snapshot)
        values["columns"] = [[item.column, item.before, item.after] for item in differences(before, table)]
    with transaction.atomic():
        SourceLook.objects.update_or_create(resource=resource, defaults=values)
        if values["level"]:
            tell(resource, findings, level=values["level"], now=now)


def tell(resource: Resource, findings: Sequence[Finding], *, level: str, now: datetime) -> None:
    """Tell those who want to know of changes of the contract what one would be, before anybody takes it over."""
    title = f"The table of {resource.name} has changed at its source"
    text = f"{markdown(findings, title)}\n\nNothing changes for clients until it is taken over on the page Contract.\n"
    data = {"resources": [resource.name], "level": level, "changes": [item.stored() for item in findings[:MOST_FINDINGS]]}
    notices.post(EVENT, subject=title, text=text, data={**data, "markdown": text}, level=level, now=now)


def effect(resource: Resource, table: Table) -> list[Finding]:
    """Return what taking the table over would do to the contract."""
    return contract_store.differences(contract_store.definitions_now(), contract_store.definitions_now({resource.pk: table}))


@dataclass(frozen=True, slots=True)
class Drifted:
    """A resource whose table is not as it is published."""

    look: SourceLook
    findings: tuple[Finding, ...]

    @property
    def is_breaking(self) -> bool:
        """Claim that taking it over breaks clients."""
        return self.look.level == BREAKING


def warnings(resource_id: int | None = None) -> list[Drifted]:
    """Return what is open, the breaking ones first."""
    found = SourceLook.objects.filter(Q(has_changed=True) | ~Q(error=""), version=F("resource__version")).select_related("resource")
    if resource_id is not None:
        found = found.filter(resource=resource_id)
    rows = [Drifted(item, tuple(map(of_stored, item.findings))) for item in found.order_by("resource__name")]
    return sorted(rows, key=lambda row: (not row.is_breaking, not row.look.level))


def count_open() -> tuple[int, int]:
    """Return the number of resources whose tables have changed, and how many of these would break clients."""
    levels = SourceLook.objects.filter(has_changed=True, version=F("resource__version")).values_list("level", flat=True)
    listed = list(levels)
    return len(listed), listed.count(BREAKING)


def ask_for_all(*, now: datetime) -> None:
    """Let the worker look at every table of a database soon."""
    long_ago = now - timedelta(days=3650)
    SourceLook.objects.update(looked=long_ago)
    known = SourceLook.objects.values("resource")
    missing = Resource.objects.filter(connection__connector__in=LOOKED_AT).exclude(pk__in=known)
    SourceLook.objects.bulk_create([SourceLook(resource=item, looked=long_ago) for item in missing], ignore_conflicts=True)
