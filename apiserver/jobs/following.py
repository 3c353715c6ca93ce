"""Statements follow a connection that gets another name (connections.uses)."""

from __future__ import annotations

from dataclasses import replace

from apiserver.jobs.claims import read
from apiserver.jobs.models import Task
from apiserver.jobs.replicate import Replicate, written
from connections.contract.errors import ConnectorError
from connections.view_names import renamed_in


def follow(before: str, after: str) -> None:
    """Let the statements that name a connection name it as it is called now."""
    for task in Task.objects.filter(statement__icontains=before):
        try:
            text = renamed(task.statement, read(task.statement), before, after)
        except ConnectorError:  # a statement that can't be read names nothing
            continue
        if text != task.statement:
            Task.objects.filter(pk=task.pk).update(statement=text)


def renamed(text: str, found: Replicate, before: str, after: str) -> str:
    """Return a statement with the connection under its new name."""
    if found.query:
        place = text.rindex(found.query)
        return text[:place] + renamed_in(found.query, before, after)
    if len(found.source) == 3 and found.source[0].lower() == before.lower():
        return written(replace(found, source=(after, *found.source[1:])))
    return text
