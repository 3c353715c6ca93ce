"""The kinds of operations of $oas, the most needed first, and `?operations=read,polling`, by which a maker chooses among them.

What Power Platform takes at most of one document: 256 operations, 512 schemas of a body and 1 MB; 500,000 characters where the
connector is part of a solution (Microsoft's connector documentation, "Limits"). Beyond it kinds are left out, the least needed first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.module_loading import import_string

from apiserver.odata.errors import BadRequest
from apiserver.odata.swagger_schemas import writable
from apiserver.resources.catalog import Catalog, PublishedResource
from apiserver.server.configuration_protocol import nearest
from apiserver.server.registry import DESCRIBED_KINDS

MOST_OPERATIONS = 256
MOST_BYTES = 1_000_000
MOST_SCHEMAS = 512  # of one body, each property one
MOST_IN_SOLUTION = 500_000
VERBS = ("get", "put", "post", "patch", "delete")
OPERATIONS = "operations"  # the query name

LIST, CREATE, ONE, UPDATE, DELETE, POLLING, SUBSCRIPTIONS = "list", "create", "one", "update", "delete", "polling", "subscriptions"
# By need: the first is never left out.
KINDS = (LIST, CREATE, ONE, UPDATE, DELETE, POLLING, SUBSCRIPTIONS)
ALL = frozenset(KINDS)
# How a note names what is left out.
SPOKEN = {
    LIST: "lists",
    CREATE: "new rows",
    ONE: "single rows",
    UPDATE: "updates",
    DELETE: "deletes",
    POLLING: "polling triggers",
    SUBSCRIPTIONS: "subscriptions",
}
# What may be asked for besides the kinds.
GROUPS = {
    "read": frozenset({LIST, ONE}),
    "write": frozenset({CREATE, UPDATE, DELETE}),
    "triggers": frozenset({POLLING, SUBSCRIPTIONS}),
}

METHODS = {LIST: "GET", CREATE: "POST", ONE: "GET", UPDATE: "PATCH", DELETE: "DELETE"}

Adds = Callable[[dict[str, Any], dict[str, Any], PublishedResource], None]  # to paths and definitions


@dataclass(frozen=True, slots=True)
class Plan:
    """The kinds that one document holds, those left out of it, and how many operations it has."""

    kinds: frozenset[str]
    left_out: tuple[str, ...] = ()
    operations: int = 0


def wanted_kinds(choice: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return the kinds that `operations` asks for, all of them when it is not said; several must all be met."""
    found = ALL
    for option, text in choice:
        if option == OPERATIONS:
            names = [name.strip().lower() for name in text.split(",") if name.strip()]
            found &= frozenset().union(*(kinds_of(name) for name in names))
    return found


def kinds_of(name: str) -> frozenset[str]:
    """Return the kinds of one word; raise BadRequest for an unknown one."""
    if name in GROUPS:
        return GROUPS[name]
    if name not in ALL:
        known = (*GROUPS, *KINDS)
        message = f"{OPERATIONS} has no {name!r}{nearest(name, known)}."
        raise BadRequest(message, target=OPERATIONS, hint=f"Choose among {', '.join(known)}.")
    return frozenset({name})


def has(resource: PublishedResource, kind: str) -> bool:
    """Claim that the user may do this with the resource's rows; triggers are known to their room alone."""
    methods, is_keyed = resource.methods, bool(resource.key)
    if kind == UPDATE:
        return is_keyed and "PATCH" in methods and bool(writable(resource, is_create=False))
    if kind in (ONE, DELETE) and not is_keyed:
        return False
    return METHODS[kind] in methods


@cache
def contributions() -> Mapping[str, Adds]:
    """Return what rooms above add, by kind."""
    return {kind: import_string(path) for kind, path in DESCRIBED_KINDS.items()}


def counts(resources: Iterable[PublishedResource], kind: str) -> Iterator[int]:
    """Give how many operations of a kind each resource has."""
    add = contributions().get(kind)
    for resource in resources:
        if add is None:
            yield int(has(resource, kind))
        else:
            paths: dict[str, Any] = {}
            add(paths, {}, resource)
            yield operations({"paths": paths})


def operations(document: Mapping[str, Any]) -> int:
    """Return the number of operations."""
    return sum(verb in item for item in document["paths"].values() for verb in VERBS)


def planned(catalog: Catalog, wanted: frozenset[str] = ALL) -> Plan:
    """Return the most needed kinds whose operations one document can hold together; once one is too many, the others are left out too."""
    kept: list[str] = []
    left_out: list[str] = []
    total = 0
    for kind in KINDS:
        if kind not in wanted:
            continue
        numbers = counts(catalog.resources.values(), kind)
        if left_out:
            left_out += [kind] if any(numbers) else []
            continue
        more = fitting(numbers, MOST_OPERATIONS - total if kept else None)
        if more is None:
            left_out.append(kind)
        elif more:
            kept.append(kind)
            total += more
    return Plan(frozenset(kept), tuple(left_out), total)


def fitting(numbers: Iterable[int], room: int | None) -> int | None:
    """Return the sum, None as soon as it is more than there is room for."""
    total = 0
    for number in numbers:
        total += number
        if room is not None and total > room:
            return None
    return total


def shorter(plan: Plan, catalog: Catalog) -> Plan | None:
    """Return the plan without the kind that is needed least, None when one kind is left."""
    kept = [kind for kind in KINDS if kind in plan.kinds]
    if len(kept) < 2:
        return None
    gone = kept[-1]
    return Plan(plan.kinds - {gone}, (gone, *plan.left_out), plan.operations - sum(counts(catalog.resources.values(), gone)))
