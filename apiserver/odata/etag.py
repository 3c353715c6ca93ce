"""ETags: weak, of the row or of its version property (OData Protocol 4.01, 8.3.1 and 11.4.1.1). Never demanded of clients."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.http import HttpRequest

from apiserver.odata.errors import Stale
from apiserver.odata.payload_values import json_encoder
from apiserver.resources.catalog import PublishedResource
from connections.contract.unsayable import Unsayable

WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})


def has_etag(resource: PublishedResource) -> bool:
    """Claim that rows of the resource carry ETags: those that somebody may write and that have an address."""
    return resource.etag != "none" and bool(resource.key) and bool(resource.methods & WRITES)


def etag_names(resource: PublishedResource) -> tuple[str, ...]:
    """Return the properties that an ETag is made of."""
    if resource.etag in resource.by_name:
        return (resource.etag,)
    return tuple(item.name for item in resource.properties if not item.column.is_costly)


class Tagger:
    """Makes the ETags of one resource's rows, from the values as JSON shows them: however a row was read, its ETag is the same."""

    def __init__(self, resource: PublishedResource) -> None:
        self.names = etag_names(resource)
        self.needed = frozenset(self.names)
        self._encoders = [(name, json_encoder(resource.by_name[name].column, is_ieee754=False)) for name in self.names]

    def of(self, row: Mapping[str, Any]) -> str:
        """Return the weak ETag of a row that holds all of `names`."""
        values = []
        for name, encode in self._encoders:
            value = row[name]
            if isinstance(value, Unsayable):
                value = value.text
            elif value is not None and encode is not None:
                value = encode(value)
            values.append(value)
        return tag(values)


def tag(values: Sequence[Any]) -> str:
    """Return the weak ETag of values that are JSON already. Half a surrogate pair (from SQLite) is text that only repr can show."""
    try:
        text = orjson.dumps(values)
    except TypeError:
        text = repr(values).encode()
    return f'W/"{hashlib.blake2b(text, digest_size=12).hexdigest()}"'


def etag_of(resource: PublishedResource, row: Mapping[str, Any]) -> str:
    """Return the weak ETag of one row."""
    return Tagger(resource).of(row)


def tags_of(header: str) -> set[str]:
    """Return the opaque parts of a list of ETags; weak comparison ignores `W/`."""
    return {part.strip().removeprefix("W/").strip() for part in header.split(",") if part.strip()}


def check_match(request: HttpRequest, current: str | None) -> None:
    """Refuse a write whose If-Match or If-None-Match does not hold; `current` None = there is no such row."""
    wanted, unwanted = request.headers.get("If-Match", ""), request.headers.get("If-None-Match", "")
    opaque = (current or "").removeprefix("W/")
    if wanted and (current is None or not (wanted.strip() == "*" or opaque in tags_of(wanted))):
        raise Stale("The row has changed or is gone since it was read.", target="If-Match", hint="Read it again and repeat the change.")
    if unwanted and current is not None and (unwanted.strip() == "*" or opaque in tags_of(unwanted)):
        raise Stale("The row exists already.", target="If-None-Match", hint="Leave If-None-Match out to change it.")


def check_still(request: HttpRequest, current: str) -> None:
    """Refuse a read whose If-Match does not hold."""
    wanted = request.headers.get("If-Match", "").strip()
    if wanted != "*" and current.removeprefix("W/") not in tags_of(wanted):
        raise Stale("The row has changed since it was read.", target="If-Match", hint="Read it without If-Match.")


def is_unchanged(request: HttpRequest, current: str) -> bool:
    """Claim that the client has this state already: the read is answered 304."""
    known = request.headers.get("If-None-Match", "")
    return bool(known) and (known.strip() == "*" or current.removeprefix("W/") in tags_of(known))
