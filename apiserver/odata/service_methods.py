"""Which methods an address knows and its source can do (405 otherwise: Protocol 4.01, 9.2.9), which the user may use (403 otherwise)."""

from __future__ import annotations

from apiserver.odata.errors import Forbidden
from apiserver.odata.resolve import Target
from apiserver.resources.catalog import PublishedResource

_READ = ("GET", "HEAD")


def allowed_methods(target: Target) -> tuple[str, ...]:
    """Return the methods that mean something at this address."""
    if not target.hops or target.suffix == "$count" or not is_updatable(target.resource):
        return _READ
    if target.suffix == "$ref":
        return _reference_methods(target)
    if target.item is not None:
        return _property_methods(target)
    known = ("POST",) if target.is_collection else ("PATCH", "PUT", "DELETE")
    return (*_READ, *(method for method in known if method in target.resource.offered))


def _reference_methods(target: Target) -> tuple[str, ...]:
    if target.last.navigation is None:
        return _READ
    if target.is_collection:
        return (*_READ, "POST", "DELETE")
    return (*_READ, "DELETE") if target.last.navigation.is_collection else (*_READ, "PUT", "DELETE")


def _property_methods(target: Target) -> tuple[str, ...]:
    item = target.item
    can_change = "PATCH" in target.resource.offered
    if item is None or not can_change or item.is_key or item.is_read_only or item.column.is_generated:
        return _READ
    return (*_READ, "PUT", "DELETE") if target.suffix == "$value" else (*_READ, "PUT", "PATCH", "DELETE")


def is_updatable(resource: PublishedResource) -> bool:
    """Claim that rows can be written at all: they have a key and a table of their own."""
    return bool(resource.key) and not resource.sql


def check_rights(target: Target, method: str) -> None:
    """Refuse what the user has no right to: reading on the way, and the method where it takes effect."""
    for hop in target.hops[:-1]:
        _require(hop.resource, "GET")
    if method == "GET" or target.suffix == "$ref":
        _require(target.resource, "GET")
    if method == "GET":
        return
    if target.suffix == "$ref":
        return  # the resource that holds the foreign key is known to the writer only
    needed = "PATCH" if target.item is not None else method
    _require(target.resource, needed)


def _require(resource: PublishedResource, method: str) -> None:
    if method not in resource.methods:
        raise Forbidden(f"You may not {method} {resource.name}.", target=resource.name, hint="Ask the administrator for the right.")
