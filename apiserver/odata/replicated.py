"""Reads of resources with `serve: replicated`: the same question, asked of the table that a job keeps at another connection.

Names, shape, rights and row filters are the resource's own. Writes go to its source; until a run that began after the last one
has ended, reads do too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import blake2b
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.module_loading import import_string

from apiserver.odata import nodes
from apiserver.odata.errors import NoReplica
from apiserver.resources.catalog import Catalog, PublishedProperty, PublishedResource
from apiserver.resources.models import Resource
from apiserver.resources.remembered import remembered
from apiserver.resources.replica import LIVE, Place, Standing, Wish
from apiserver.server.errors import answering
from apiserver.server.registry import REPLICA
from connections.contract.table import INTEGERS, Column

if TYPE_CHECKING:
    from apiserver.odata.service import Exchange

SERVED, AS_OF = "Served-From", "Data-As-Of"
WORD = re.compile(r"\w+")
Ask = Callable[[str, Wish], Standing]


@dataclass(slots=True)
class Found:
    """What one request found out about replicas; a question is asked once."""

    standings: dict[str, Standing] = field(default_factory=dict)
    is_read: bool = False  # rows were asked of a replica
    is_strict: bool = False  # of one without which reads are refused
    is_away: bool = False  # what was asked did not answer: everything is read live

    def give_up(self) -> bool:
        """Claim that the request may be answered live after a replica did not answer; from now on it is."""
        self.is_away = self.is_read and not self.is_strict and not self.is_away
        return self.is_away

    def standing(self, resource: PublishedResource) -> Standing:
        """Return where the resource's replica stands."""
        if resource.replica is None:
            raise AssertionError("the resource is served from a replica")
        if resource.id not in self.standings:
            self.standings[resource.id] = asking()(resource.id, resource.replica)
        return self.standings[resource.id]


@cache
def asking() -> Ask:
    """Return what knows the replicas."""
    found: Ask = import_string(REPLICA)
    return found


def placed(exchange: Exchange, resource: PublishedResource, options: nodes.Options) -> tuple[Catalog, PublishedResource]:
    """Return the catalog and resource to ask: over the replica, or over the source where that is allowed. Raise NoReplica."""
    if exchange.replicas is None:
        exchange.replicas = Found()
    is_strict = resource.replica is None or resource.replica.otherwise != LIVE
    try:
        found = None if exchange.replicas.is_away else whole(exchange.catalog, resource, options, exchange.replicas)
    except NoReplica:
        if is_strict:
            raise
        found = None
    if found is None:
        if exchange.replicas.is_away:
            exchange.told = None
        tell(exchange, LIVE, None)
        return exchange.catalog, resource
    catalog, as_of = found
    exchange.replicas.is_read = True
    exchange.replicas.is_strict |= is_strict
    tell(exchange, "replica", as_of)
    return catalog, catalog.resources[resource.name]


def tell(exchange: Exchange, served: str, as_of: datetime | None) -> None:
    """Say in the headers of the answer from where its rows are; of several times the oldest."""
    said = exchange.told or {}
    text = as_of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if as_of else ""
    if text and (AS_OF not in said or text < said[AS_OF]):
        said[AS_OF] = text
    said[SERVED] = served if said.get(SERVED, served) == served else "mixed"
    exchange.told = said


def tell_kept(exchange: Exchange, age: int | None) -> None:
    """Say that rows are kept ones of so many seconds ago; None = they come from the source now."""
    tell(exchange, *((LIVE, None) if age is None else ("cache", timezone.now() - timedelta(seconds=age))))


def whole(catalog: Catalog, resource: PublishedResource, options: nodes.Options, found: Found) -> tuple[Catalog, datetime] | None:
    """Return the catalog over the replicas of all that the question reads, and its time; None where a write is newer than they are."""
    places: list[tuple[str, Place]] = []
    times: list[datetime] = []
    for name in (resource.name, *touched(catalog, resource, options)):
        other = catalog.resources[name]
        if other.replica is None:
            raise NoReplica(f"{name} is not served from a replica, and the query joins it to {resource.name}.", hint="Ask without it.")
        standing = found.standing(other)
        if standing.written and (standing.as_of is None or standing.written >= standing.as_of):
            return None
        place, as_of = checked(other, standing)
        places.append((name, place))
        times.append(as_of)
    if len({place.connection_id for _, place in places}) > 1:
        raise NoReplica("The replicas that the query joins stand at different connections.", hint="Replicate them into one.")
    return over(catalog, *[item for pair in places for item in pair]), min(times)


def checked(resource: PublishedResource, standing: Standing) -> tuple[Place, datetime]:
    """Return the place and time of a replica; raise NoReplica where there is none, or an older one than is wished for."""
    wish = resource.replica
    if standing.place is None or standing.as_of is None or wish is None:
        raise NoReplica(f"{resource.name} has no replica to be read from: {standing.problem}", hint=standing.hint)
    age = timezone.now() - standing.as_of
    if wish.max_age and age > timedelta(minutes=wish.max_age):
        minutes = int(age.total_seconds() // 60)
        message = f"The replica of {resource.name} is {minutes} minutes old; {wish.max_age} are allowed."
        raise NoReplica(message, hint="Run its job, or let it run more often.")
    return standing.place, standing.as_of


# ---- what a question reads ----


@remembered
def touched(catalog: Catalog, resource: PublishedResource, options: nodes.Options) -> tuple[str, ...]:
    """Return the names of the other resources that options and row filters lead to."""
    asked = set(words(options))
    found: dict[str, None] = {}
    queue = [resource]
    while queue:
        here = queue.pop()
        said = asked | {word for item in here.row_filters for word in WORD.findall(item.text)}
        for navigation in here.navigations:
            if (navigation.name in said or "*" in said) and navigation.target in catalog.resources and navigation.target not in found:
                found[navigation.target] = None
                queue.append(catalog.resources[navigation.target])
    return tuple(name for name in found if name != resource.name)


def words(value: Any) -> Iterator[str]:
    """Give every name in a tree of options."""
    if isinstance(value, nodes.Name):
        yield value.name
    elif isinstance(value, nodes.ExpandItem):
        yield from value.path
        yield from words(value.options)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from words(item)
    elif isinstance(value, Mapping):
        yield from words(list(value.values()))
    elif is_dataclass(value):
        for item in fields(value):
            yield from words(getattr(value, item.name))


# ---- the catalog over replicas ----


@remembered
def over(catalog: Catalog, *named: Any) -> Catalog:
    """Return the catalog with resources read from their replicas (name, place, name, place ...), and no others: no path may leave them."""
    return made(catalog, dict(zip(named[::2], named[1::2], strict=True)))


def made(catalog: Catalog, places: Mapping[str, Place]) -> Catalog:
    """Make the catalog over replicas; its fingerprint names the places, for plans are kept by it."""
    resources = {name: moved(catalog.resources[name], place) for name, place in places.items()}
    mark = blake2b(repr(sorted(places.items(), key=itemgetter(0))).encode(), digest_size=8).hexdigest()
    return replace(catalog, resources=resources, fingerprint=f"{catalog.fingerprint}:replica:{mark}")


def moved(resource: PublishedResource, place: Place) -> PublishedResource:
    """Return the resource over its replica; raise NoReplica where a column is not there, or there as something else."""
    there = {name.lower(): column for name, column in place.columns}
    properties = tuple(moved_property(resource, item, there.get(item.column.name.lower())) for item in resource.properties)
    visible = {item.name: item for item in properties}
    hidden = (
        item for item in resource.all_properties if item.name not in visible and fits(item.column, there.get(item.column.name.lower()))
    )
    others = [moved_property(resource, item, there[item.column.name.lower()]) for item in hidden]
    return replace(
        resource,
        connection_id=place.connection_id,
        connection_name=place.connection_name,
        dialect=place.dialect,
        ref=place.ref,
        sql=place.sql,
        properties=properties,
        all_properties=(*properties, *others),
        kept_seconds=0,
    )


def fits(column: Column, there: Column | None) -> bool:
    """Claim that the replica's column gives the values of the source's."""
    if there is None or column.is_collection != there.is_collection:
        return False
    return column.type == there.type or {column.type, there.type} <= INTEGERS


def moved_property(resource: PublishedResource, item: PublishedProperty, there: Column | None) -> PublishedProperty:
    """Return a property that is read from the replica's column."""
    if there is None:
        raise NoReplica(f"The replica of {resource.name} has no column {item.column.name}.", hint="Let its job copy the whole table.")
    if not fits(item.column, there):
        message = f"The replica of {resource.name} keeps {item.column.name} as {there.type}, the source as {item.column.type}."
        raise NoReplica(message, hint="Serve it live, or replicate it into another kind of database.")
    return replace(item, column=replace(there, name=item.column.name, is_nullable=item.column.is_nullable))


def note_write(catalog: Catalog, resource: PublishedResource) -> None:
    """Remember that the resource was written, and with it all that hangs on it: reads are live until their replicas are newer."""
    ids = written_with(catalog, resource)
    if ids:
        with answering():
            Resource.objects.filter(public_id__in=ids).update(written=timezone.now())


@remembered
def written_with(catalog: Catalog, resource: PublishedResource) -> tuple[str, ...]:
    """Return the ids of the resources that are served from replicas among this one and those related to it."""
    found, queue = {resource.name}, [resource]
    while queue:
        for navigation in queue.pop().navigations:
            if navigation.target in catalog.resources and navigation.target not in found:
                found.add(navigation.target)
                queue.append(catalog.resources[navigation.target])
    return tuple(catalog.resources[name].id for name in sorted(found) if name in catalog.resources and catalog.resources[name].replica)
