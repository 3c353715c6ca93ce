"""The kinds of operations of $oas, the most needed first, and `?operations=read,polling`, by which a maker chooses among them.

What Power Platform takes at most of one document: 256 operations, 512 schemas of a body and 1 MB; 500,000 characters where the
connector is part of a solution (Microsoft's connector documentation, "Limits"). Beyond it kinds are left out, the least needed first,
and then resources, the last in the alphabet first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.module_loading import import_string

from apiserver.odata.errors import BadRequest, Forbidden, NotFound
from apiserver.odata.selection import CONNECTION, RESOURCES
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

METHODS_IN_ORDER = ("GET", "POST", "PATCH", "DELETE")
METHODS = {LIST: "GET", CREATE: "POST", ONE: "GET", UPDATE: "PATCH", DELETE: "DELETE"}

Adds = Callable[[dict[str, Any], dict[str, Any], PublishedResource], None]  # to paths and definitions


@dataclass(frozen=True, slots=True)
class Plan:
    """The kinds that one document holds, those left out of it, how many operations it has; resources left out, which are the last ones."""

    kinds: frozenset[str]
    left_out: tuple[str, ...] = ()
    operations: int = 0
    untold: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Claim that nothing is left out."""
        return not self.left_out and not self.untold


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


def check_any(catalog: Catalog, kinds: frozenset[str], choice: Iterable[tuple[str, str]]) -> None:
    """Refuse a choice of which nothing is left: makers are told why, as Power Platform takes no document without operations.

    Forbidden where this user lacks the privilege for what the sources can do, else NotFound.
    """
    target = next((option for option, _ in choice if option in (OPERATIONS, RESOURCES, CONNECTION)), "")
    resources = catalog.resources.values()
    if not target or any(number for kind in KINDS if kind in kinds for number in counts(resources, kind)):
        return
    if not resources or not kinds:
        raise NotFound("No operation is chosen.", target=target, hint="Name what there is, or leave the choice out.")
    needed = {METHODS.get(kind, "GET") for kind in kinds}
    missing = [name for name in METHODS_IN_ORDER if any(name in needed & item.offered - item.methods for item in resources)]
    if missing:
        message = f"This user may do none of the chosen operations: {spoken(missing)} is missing on each chosen resource."
        raise Forbidden(message, target=target, hint="Ask an administrator for the privilege, or choose other operations.")
    reason = "their tables have no key, can only be read, or have no check column for triggers"
    raise NotFound(f"The chosen resources have none of these operations: {reason}.", target=target, hint="Choose other operations.")


def spoken(names: list[str]) -> str:
    """Return names as alternatives."""
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


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
    """Return the most needed kinds whose operations one document can hold together; once one is too many, the others are left out too.

    Where the most needed one is too many by itself, so are resources.
    """
    kept: list[str] = []
    left_out: list[str] = []
    untold: tuple[str, ...] = ()
    total = 0
    for kind in KINDS:
        if kind not in wanted:
            continue
        numbers = counts(catalog.resources.values(), kind)
        if left_out or untold:
            left_out += [kind] if any(numbers) else []
            continue
        more, place = fitting(numbers, MOST_OPERATIONS - total)
        if place is not None and kept:
            left_out.append(kind)
        elif more:
            kept.append(kind)
            total += more
            untold = tuple(catalog.resources)[place:] if place is not None else ()
    return Plan(frozenset(kept), tuple(left_out), total, untold)


def fitting(numbers: Iterable[int], room: int) -> tuple[int, int | None]:
    """Return the sum of as many as there is room for, and the place of the first for which there is none."""
    total = 0
    for place, number in enumerate(numbers):
        if total + number > room:
            return total, place
        total += number
    return total, None


def shorter(plan: Plan, catalog: Catalog) -> Plan | None:
    """Return the plan without the kind that is needed least, None when one kind is left."""
    kept = [kind for kind in KINDS if kind in plan.kinds]
    if len(kept) < 2:
        return None
    gone = kept[-1]
    return Plan(plan.kinds - {gone}, (gone, *plan.left_out), plan.operations - sum(counts(catalog.resources.values(), gone)))


def fewer(plan: Plan, catalog: Catalog, size: int) -> Plan | None:
    """Return the plan with as many resources as a document of `size` bytes lets expect to fit, None when one is left."""
    names = tuple(catalog.resources)
    held = len(names) - len(plan.untold)
    if held < 2:
        return None
    count = max(1, min(held - 1, held * MOST_BYTES // size))
    told = [catalog.resources[name] for name in names[:count]]
    return Plan(plan.kinds, plan.left_out, sum(sum(counts(told, kind)) for kind in plan.kinds), names[count:])
