"""What a resource path addresses: parsed segments and the user's catalog to a Target (URL Conventions 4.01, 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from apiserver.odata import nodes
from apiserver.odata.errors import BadPayload, BadRequest, InvalidValue, NotBuilt, NotFound
from apiserver.odata.parser import ODataSyntaxError, parse_path
from apiserver.odata.writer_values import take, take_text
from apiserver.resources.catalog import Catalog, PublishedNavigation, PublishedProperty, PublishedResource
from connections.contract.table import Column

_SIMPLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,127})(?:\(([1-9][0-9]{0,8})\))?")
DOCUMENTS = ("$metadata", "$oas", "$openapi")
# Understood, not served: an error object with 501 instead of silence.
NOT_BUILT = frozenset({"$batch", "$all", "$entity", "$crossjoin", "$each", "$query", "$delta", "$deltalink", "$root", "$it", "$this"})


@dataclass(frozen=True, slots=True)
class Hop:
    """One resource on the way: the first, or one reached by a navigation property; `key` None = all of them."""

    resource: PublishedResource
    navigation: PublishedNavigation | None = None
    key: Mapping[str, Any] | None = None  # property name -> contract value


@dataclass(frozen=True, slots=True)
class Target:
    """What the address means. No hops: the service document or a document named by `document`."""

    hops: tuple[Hop, ...] = ()
    item: PublishedProperty | None = None
    suffix: str = ""  # "" | $count | $value | $ref
    document: str = ""
    filters: tuple[nodes.Node, ...] = ()  # conditions of /$filter(...) and /$count($filter=...)
    search: nodes.Node | None = None

    @property
    def last(self) -> Hop:
        """Return the hop whose rows are addressed."""
        return self.hops[-1]

    @property
    def resource(self) -> PublishedResource:
        """Return the resource whose rows are addressed."""
        return self.hops[-1].resource

    @property
    def is_collection(self) -> bool:
        """Claim that the address means many rows."""
        last = self.last
        return self.item is None and last.key is None and (last.navigation is None or last.navigation.is_collection)


def simple_target(catalog: Catalog, path: str) -> Target | None:
    """Return the target of a published name, alone or with a whole number as its key; None for any other path."""
    found = _SIMPLE.fullmatch(path)
    resource = catalog.resources.get(found[1]) if found else None
    if found is None or resource is None:
        return None
    if found[2] is None:
        return Target((Hop(resource),))
    if len(resource.key) != 1:
        return None
    item = resource.by_name[resource.key[0]]
    return Target((Hop(resource, None, {item.name: _taken(item, found[2] if item.column.type == "String" else int(found[2]))}),))


def resolve(catalog: Catalog, path: nodes.ResourcePath, aliases: Mapping[str, nodes.Node]) -> Target:
    """Return the target; raise NotFound for a name that this user can't see, NotBuilt for what is not served."""
    if not path.segments:
        return Target()
    first, *rest = path.segments
    name = _name_of(first)
    if name in DOCUMENTS:
        if rest:
            raise NotFound(f"Nothing is below {name}.", hint="Remove what follows it.")
        return Target(document=name)
    if name.startswith("$"):
        raise _dollar(name)
    resource = catalog.resources.get(name)
    is_called = isinstance(first, nodes.Bound) and not first.names and resource is not None and not resource.key
    if resource is None or (isinstance(first, nodes.Bound | nodes.Cast) and not is_called):
        raise NotFound(f"{name} is not published.", target=name, hint="The service document lists what is.")
    walk = _Walk(catalog, aliases, Target((Hop(resource),)))
    for segment in rest:
        walk.take(segment)
    return walk.end()


def _name_of(segment: nodes.Node) -> str:
    if isinstance(segment, nodes.CountSegment):
        return "$count"
    if isinstance(segment, nodes.KeySegment):
        raise NotFound("A key stands where a name belongs.", hint="Write the entity set first: Customers(1).")
    return str(getattr(segment, "name", ""))


def _dollar(name: str) -> Exception:
    if name in NOT_BUILT:
        return NotBuilt(f"{name} is not served.", hint="Use the entity sets of the service document.")
    if name in ("$count", "$value", "$ref"):
        return NotFound(f"{name} does not apply here.", hint="The service document lists what can be addressed.")
    return NotFound(f"{name} is not a segment of this service.", hint="The service document lists what can be addressed.")


class _Walk:
    """Takes one segment after the other; each narrows the target."""

    def __init__(self, catalog: Catalog, aliases: Mapping[str, nodes.Node], target: Target) -> None:
        self.catalog = catalog
        self.aliases = aliases
        self.target = target
        self.parts: list[str] = []  # of a key that comes segment by segment

    def take(self, segment: nodes.Node) -> None:
        if self.target.suffix:
            raise NotFound(f"Nothing is below {self.target.suffix}.", hint="Remove what follows it.")
        if self.parts and (not isinstance(segment, nodes.Name) or segment.name.startswith("$")):
            raise self._unfinished()
        if isinstance(segment, nodes.KeySegment):
            self._key(segment)
        elif isinstance(segment, nodes.CountSegment):
            self._count(segment)
        elif isinstance(segment, nodes.Cast):
            raise NotBuilt(f"The type cast {segment.name} is not served.", hint="Address the entity set itself.")
        elif isinstance(segment, nodes.Name):
            self._name(segment.name)
        elif isinstance(segment, nodes.Bound) and segment.name == "$filter":
            self._filter(segment)
        elif _name_of(segment).startswith("$"):
            raise _dollar(_name_of(segment))
        else:
            raise NotFound(f"{_name_of(segment)} is not a function of this service.", hint="The service publishes none.")

    def _name(self, name: str) -> None:
        if name in ("$count", "$value", "$ref"):
            self._suffix(name)
        elif name.startswith("$"):
            raise _dollar(name)
        elif self.target.item is not None:
            raise NotFound(f"{self.target.item.name} has no property {name}.", target=name, hint="It is a primitive value.")
        elif self.target.is_collection:
            self._key_as_segment(name)
        else:
            self._member(name)

    def _member(self, name: str) -> None:
        if self.target.filters:
            raise NotBuilt("Segments behind /$filter(...) and a key are not served.", hint="Address the entity by its key alone.")
        resource = self.target.resource
        navigation = resource.navigation_by_name.get(name)
        if navigation is not None and navigation.target in self.catalog.resources:
            hop = Hop(self.catalog.resources[navigation.target], navigation)
            self.target = replace(self.target, hops=(*self.target.hops, hop))
        elif name in resource.by_name:
            self.target = replace(self.target, item=resource.by_name[name])
        else:
            raise NotFound(f"{resource.name} has no property {name}.", target=name, hint="$metadata lists the properties.")

    def _suffix(self, name: str) -> None:
        target = self.target
        if name == "$count":
            fits = target.is_collection
        elif name == "$value":
            fits = target.item is not None
            if not fits and not target.is_collection:
                raise NotFound(f"{target.resource.name} has no media stream.", hint="Ask for the value of one property.")
        else:
            fits = target.item is None
        if not fits and name == "$value":
            raise BadRequest(f"{name} does not apply to {_shown(target)}.", hint="Ask for the value of one property.")
        if not fits:
            raise NotFound(f"{name} does not apply to {_shown(target)}.", hint="Remove it.")
        self.target = replace(target, suffix=name)

    def _count(self, segment: nodes.CountSegment) -> None:
        self._suffix("$count")
        filters = (*self.target.filters, segment.filter) if segment.filter is not None else self.target.filters
        self.target = replace(self.target, filters=filters, search=segment.search)

    def _filter(self, segment: nodes.Bound) -> None:
        if not self.target.is_collection:
            raise NotFound(f"$filter does not apply to {_shown(self.target)}.", hint="Put it behind an entity set.")
        self.target = replace(self.target, filters=(*self.target.filters, segment.values[0]))

    def _key(self, segment: nodes.KeySegment) -> None:
        if not self.target.is_collection:
            raise NotFound(f"{_shown(self.target)} takes no key.", hint="Remove the parentheses.")
        if not segment.names:
            raise NotFound("The key is empty.", hint="Write it in the parentheses, or leave them out.")
        resource = self.target.resource
        names = self._key_names(resource, segment)
        pairs = zip(names, segment.values, strict=True)
        self._set_key({name: self._key_value(resource.by_name[name], node) for name, node in pairs})

    def _key_names(self, resource: PublishedResource, segment: nodes.KeySegment) -> tuple[str, ...]:
        last = self.target.last
        if not resource.key:
            raise NotFound(f"{resource.name} has no key.", hint="Use $filter to find rows.")
        if segment.names != ("",):
            if sorted(segment.names) != sorted(resource.key):
                raise BadRequest(
                    f"The key of {resource.name} is {', '.join(resource.key)}.", target=resource.name, hint="Name exactly these."
                )
            return segment.names
        if len(resource.key) == 1:
            return resource.key
        # A key part that the relation already fixes may be left out (URL Conventions 4.01, 4.3.2).
        fixed = {there for _, there in last.navigation.pairs} if last.navigation else set()
        free = [name for name in resource.key if resource.by_name[name].column.name not in fixed]
        if len(free) != 1 or last.navigation is None:
            raise BadRequest(f"The key of {resource.name} has several parts.", hint=f"Name each: ({'=..., '.join(resource.key)}=...).")
        return (free[0],)

    def _key_value(self, item: PublishedProperty, node: nodes.Node) -> Any:
        if isinstance(node, nodes.Alias):
            if node.name not in self.aliases:
                raise BadRequest(f"@{node.name.lstrip('@')} has no value.", hint="Give the alias in the query.")
            node = self.aliases[node.name]
        negative = isinstance(node, nodes.Unary) and node.operator == "-"
        if isinstance(node, nodes.Unary) and negative:
            node = node.operand
        if not isinstance(node, nodes.Literal):
            raise BadRequest(f"The key value of {item.name} is not a literal.", hint="Write a number or a quoted string.")
        value = node.value
        if value is None:
            raise BadRequest(f"The key value of {item.name} can't be null.", hint="Write a number or a quoted string.")
        if negative and (isinstance(value, bool) or not isinstance(value, int | float | Decimal | timedelta)):
            raise BadRequest(f"The key value of {item.name} is not a number.", hint="A minus stands before a number only.")
        value = -value if negative else value
        return _taken(item, str(value) if _wants_text(item, value) else value)

    def _key_as_segment(self, text: str) -> None:
        """Take a key, or one part of it in the order of the key (URL Conventions 4.01, 4.3.6)."""
        resource, names = self.target.resource, self._free_key()
        self.parts.append(text)
        if not names:
            raise NotFound(f"{resource.name} has no segment {text[:60]}.", target=text[:60], hint="It has no key.")
        if len(self.parts) < len(names):
            return
        items = [resource.by_name[name] for name in names]
        try:
            self._set_key({item.name: take_text(item.column, part, name=item.name) for item, part in zip(items, self.parts, strict=True)})
        except InvalidValue:
            raise NotFound(f"{resource.name} has no segment {text[:60]}.", target=text[:60], hint="A key goes in parentheses.") from None
        self.parts.clear()

    def _free_key(self) -> tuple[str, ...]:
        """Return the parts of the key that the relation on the way does not fix already."""
        resource, navigation = self.target.resource, self.target.last.navigation
        fixed = {there for _, there in navigation.pairs} if navigation else set()
        free = tuple(name for name in resource.key if resource.by_name[name].column.name not in fixed)
        return free or resource.key

    def _unfinished(self) -> NotFound:
        resource = self.target.resource
        hint = f"Write them one after the other, or ({'=..., '.join(self._free_key())}=...)."
        return NotFound(f"The key of {resource.name} has several parts.", target=resource.name, hint=hint)

    def end(self) -> Target:
        """Return what the whole path addresses."""
        if self.parts:
            raise self._unfinished()
        return self.target

    def _set_key(self, key: dict[str, Any]) -> None:
        *before, last = self.target.hops
        target = self.target
        hops = (*before, Hop(last.resource, last.navigation, key))
        self.target = Target(hops, target.item, target.suffix, target.document, target.filters, target.search)


def _wants_text(item: PublishedProperty, value: Any) -> bool:
    """Claim that a bare number stands for a text key: flows write (1) for '1'."""
    return item.column.type == "String" and isinstance(value, int) and not isinstance(value, bool)


def _taken(item: PublishedProperty, value: Any) -> Any:
    return take(_unbounded(item.column), value, name=item.name)


def taken_text(item: PublishedProperty, text: str) -> Any:
    """Return the contract value of a key written as bare text; raise InvalidValue."""
    return take_text(_unbounded(item.column), text, name=item.name)


@lru_cache(maxsize=4096)
def _unbounded(column: Column) -> Column:
    """Return the column without its facets: a key value that no row can have is a missing row, not a bad value."""
    return replace(column, is_nullable=False, max_length=None, scale=None, precision=None)


def _shown(target: Target) -> str:
    return target.item.name if target.item else target.resource.name


# Links carry the authtoken only when the request's path did; it names no entity.
_TOKEN = re.compile(r"/@[A-Za-z0-9_-]{22,128}(?=/|$)")


def resolve_id(catalog: Catalog, root: str, entity: str) -> Target:
    """Return the target of an entity id: absolute, from the host's root, or relative to the service root. Raise BadPayload."""
    try:
        parts = urlsplit(entity)
        path = _TOKEN.sub("", unquote(parts.path, errors="strict"))
        if parts.netloc or path.startswith("/"):
            path = _below_root(root, parts.netloc, path, entity)
        target = resolve(catalog, parse_path(path.strip("/"), decoded=True), {})
    except (NotFound, BadRequest, InvalidValue, NotBuilt, ODataSyntaxError, ValueError) as error:
        raise BadPayload(f"{entity[:80]} names no entity.", target="@odata.id", hint='Write it as "Customers(1)".') from error
    if len(target.hops) != 1 or target.last.key is None or target.item or target.suffix:
        raise BadPayload(f"{entity[:80]} names no entity by its key.", target="@odata.id", hint='Write it as "Customers(1)".')
    return target


def _below_root(root: str, host: str, path: str, entity: str) -> str:
    parts = urlsplit(root)
    base = _TOKEN.sub("", unquote(parts.path))
    if (host and host != parts.netloc) or not path.startswith(base + "/"):
        raise BadPayload(f"{entity[:80]} is not an entity of this service.", target="@odata.id", hint="Name one below its root.")
    return path.removeprefix(base)
