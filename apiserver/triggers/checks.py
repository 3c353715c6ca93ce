"""By which column new or changed rows of a resource are found: as an administrator chose, else guessed by name and type."""

from __future__ import annotations

import re
from collections.abc import Iterable

from apiserver.resources.catalog import PublishedProperty, PublishedResource
from connections.contract.table import INTEGERS, Type

CREATED, MODIFIED, DELETED = EVENTS = ("created", "modified", "deleted")
# Words of names such as CreatedAt, created_on, date_created, LastModified, updated.
NAMES = {
    CREATED: re.compile(r"creat|insert|added|registered", re.IGNORECASE),
    MODIFIED: re.compile(r"updat|modif|chang|edited", re.IGNORECASE),
}


def check_of(resource: PublishedResource, event: str) -> PublishedProperty | None:
    """Return the check column of an event; None where rows can't be told so: no key, no such column, or one that may be null."""
    if not resource.key or event not in NAMES:
        return None
    chosen = next((item for item in resource.all_properties if item.column.name == resource.check_column), None)
    if chosen is not None and event in events_of(resource, chosen):
        return chosen
    named = [item for item in resource.all_properties if is_moment(item) and NAMES[event].search(item.column.name)]
    if len(named) == 1 or (named and event == CREATED):
        return named[0]
    if named:
        return next((item for item in named if "by" not in item.name.lower()), named[0])
    return growing_key(resource) if event == CREATED else None


def can_tell_gone(resource: PublishedResource, key: Iterable[str]) -> bool:
    """Claim that who sees this of a resource may be told which rows are gone: the user sees their whole key, and no row is kept back."""
    return bool(resource.key) and tuple(key) == resource.key and not resource.row_filters


def events_of(resource: PublishedResource, item: PublishedProperty) -> tuple[str, ...]:
    """Return what a chosen column shows: a key or a time of creation new rows, any other time or number changes."""
    is_number = item.column.type in INTEGERS and not item.column.is_collection and not item.column.is_nullable
    if not is_number and not is_moment(item):
        return ()
    is_key = (item.name,) == resource.key
    return (CREATED,) if is_key or NAMES[CREATED].search(item.column.name) else (MODIFIED,)


def is_moment(item: PublishedProperty) -> bool:
    """Claim that the column has a time in every row."""
    column = item.column
    return column.type is Type.TIMESTAMP and not column.is_nullable and not column.is_collection and not column.is_costly


def growing_key(resource: PublishedResource) -> PublishedProperty | None:
    """Return the key that the source itself counts up."""
    item = resource.by_name[resource.key[0]]
    is_counted = item.column.has_default or item.column.is_generated
    return item if len(resource.key) == 1 and item.column.type in INTEGERS and is_counted else None


NULLABLE, UNNAMED, UNCOUNTED, OTHER = "nullable", "unnamed", "uncounted", "other"


def looked_at(resource: PublishedResource, event: str) -> list[tuple[str, str]]:
    """Return the columns that were considered for an event in vain, each with why: NULLABLE, UNNAMED, UNCOUNTED or OTHER."""
    found = []
    for item in resource.all_properties:
        is_chosen = item.column.name == resource.check_column
        if item.column.type is Type.TIMESTAMP and not item.column.is_collection:
            why = NULLABLE if item.column.is_nullable else OTHER if is_chosen else UNNAMED
        elif is_chosen:
            why = NULLABLE if item.column.is_nullable else OTHER
        elif event == CREATED and (item.name,) == resource.key and item.column.type in INTEGERS:
            why = UNCOUNTED
        else:
            continue
        found.append((item.column.name, why))
    return found
