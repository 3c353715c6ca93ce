"""Named entries of a room as addresses: list, create, read, replace, change, delete. An entry is what stands in the configuration file.

Every write goes through the room's section of the configuration file, so that API, file and console refuse the same in the same words.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from apiserver.server import audit
from apiserver.server.addresses import site_root
from apiserver.server.configuration_protocol import Change
from apiserver.server.errors import MANAGEMENT
from apiserver.server.registry import SECTIONS
from apiserver.server.rest import ADMIN, ManagementView, by, check_match, etag_of, given, number, plain, shown, words
from apiserver.server.rest_errors import Refusal

LIMIT, MOST = 100, 1000


class Entries(ABC):
    """What a room brings. `blank` is an entry of which nothing is said: what PUT falls back to."""

    room: str  # its section of the configuration file
    noun: str
    roles: tuple[str, ...] = ADMIN
    readers: tuple[str, ...] = ()
    blank: Mapping[str, Any]
    read_only: tuple[str, ...] = ()  # shown, and passed over when a client sends back what it read
    created, changed = "", ""  # words of the audit trail

    @abstractmethod
    def rows(self, text: str) -> QuerySet[Any]:
        """Return what fits the text."""

    @abstractmethod
    def find(self, name: str) -> Any:
        """Return the row of that name, or None."""

    @abstractmethod
    def entry(self, row: Any) -> dict[str, Any]:
        """Return the row as the configuration file has it, without secrets."""

    @abstractmethod
    def rename(self, row: Any, name: str, request: Request) -> None:
        """Give another name."""

    @abstractmethod
    def delete(self, row: Any, request: Request) -> None:
        """Delete, audited; raise for what others need."""

    def check(self, row: Any, entry: Mapping[str, Any], request: Request) -> None:  # noqa: B027 most refuse nothing
        """Raise for a change that the console would refuse."""

    def merged(self, row: Any, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what PATCH changes, as the section wants it."""
        return entry

    def whole(self, row: Any, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the whole entry that PUT says."""
        return {**self.blank, **entry}

    def default_name(self, entry: Mapping[str, Any]) -> Any:
        """Return the name of a new entry that brings none."""
        return None

    def shown(self, row: Any) -> dict[str, Any]:
        """Return what clients see."""
        return {"name": row.name, **self.blank, **self.entry(row)}

    def told(self, row: Any, change: Change) -> dict[str, Any]:
        """Return what was made for an entry and is told once."""
        return {**({"authtoken": change.authtokens[row.name]} if row.name in change.authtokens else {}), **change.made}

    def existing(self, name: str) -> Any:
        """Return the row of that name; raise NotFound."""
        row = self.find(name) if "\0" not in name else None
        if row is None:
            raise NotFound(f"There is no {self.noun} {name!r}.")
        return row

    def address(self, request: Request, row: Any) -> str:
        """Return where an entry is."""
        from urllib.parse import quote

        return f"{site_root(plain(request))}{MANAGEMENT}/{self.room}/{quote(row.name)}/"

    def store(self, name: str, entry: Mapping[str, Any], row: Model | None, request: Request) -> tuple[Any, Change]:
        """Create or change one entry as the configuration file does, audited."""
        change = Change(timezone.now())
        kept = {key: value for key, value in entry.items() if key not in ("name", *self.read_only)}
        self.check(row, kept, request)
        import_string(SECTIONS[self.room])().apply({name: kept}, change, prune=False)
        if change.is_any:
            audit.record(self.created if row is None else self.changed, subject=name, **by(request))
        return self.find(name), change


class EntriesView(ManagementView):
    """An address of a room's entries."""

    entries: Entries

    def place_of(self, name: str) -> None:
        """Remember which entry errors are about."""
        self.place = f"{self.entries.room}.{name}"

    def made(self, request: Request, row: Any, change: Change) -> Response:
        """Answer a new entry: where it is, and the authtoken that was made for it."""
        data = self.entries.shown(row)
        return Response(
            {**data, **self.entries.told(row, change)},
            status=201,
            headers={"Location": self.entries.address(request, row), "ETag": etag_of(data)},
        )


class ManyView(EntriesView):
    """All entries of a room."""

    def get(self, request: Request) -> Response:
        """Return the entries that fit, a page at a time."""
        limit, offset = number(request, "limit", LIMIT, most=MOST), number(request, "offset", 0, most=2**31)
        found = self.entries.rows(words(request, "q"))
        count = found.count()
        return Response({"count": count, "results": [self.entries.shown(row) for row in found[offset : offset + limit]]})

    def post(self, request: Request) -> Response:
        """Create an entry."""
        entry = given(request)
        name = entry.get("name") or self.entries.default_name(entry)
        if not isinstance(name, str) or not name:
            raise Refusal(422, "InvalidConfiguration", f"Name the {self.entries.noun}.", target="name")
        self.place_of(name)
        if self.entries.find(name) is not None:
            raise Refusal(409, "Conflict", f"A {self.entries.noun} {name!r} exists.", target="name", hint="Change it by PATCH or PUT.")
        with transaction.atomic():
            return self.made(request, *self.entries.store(name, entry, None, request))


class OneView(EntriesView):
    """One entry."""

    def get(self, request: Request, name: str) -> Response:
        """Return the entry."""
        return shown(self.entries.shown(self.entries.existing(name)))

    def put(self, request: Request, name: str) -> Response:
        """Create or replace the entry: what is not named gets its default, but secrets stay."""
        row, entry = self.entries.find(name), given(request)
        if row is None and request.headers.get("If-Match"):
            raise Refusal(412, "PreconditionFailed", f"There is no {self.entries.noun} {name!r}.")
        if entry.get("name", name) != name:
            raise Refusal(422, "InvalidConfiguration", "PUT renames nothing.", target="name", hint="Rename by PATCH.")
        return self.changed(request, name, row, self.entries.whole(row, entry))

    def patch(self, request: Request, name: str) -> Response:
        """Change what the body names; a new name renames."""
        row, entry = self.entries.existing(name), given(request)
        return self.changed(request, name, row, self.entries.merged(row, entry))

    def changed(self, request: Request, name: str, row: Any, entry: Mapping[str, Any]) -> Response:
        """Store what was given and answer with what is now."""
        self.place_of(name)
        new = entry.get("name", name)
        with transaction.atomic():
            if row is not None:
                check_match(request, self.entries.shown(row))
            if new != name:
                self.renamed(request, row, new)
            found, change = self.entries.store(new, entry, row, request)
        if row is None:
            return self.made(request, found, change)
        data = self.entries.shown(found)
        told = self.entries.told(found, change)
        return Response({**data, **told}, headers={"ETag": etag_of(data)}) if told else shown(data)

    def renamed(self, request: Request, row: Any, new: Any) -> None:
        """Give the entry another name that is free."""
        if not isinstance(new, str) or not new:
            raise Refusal(422, "InvalidConfiguration", "The name must be text.", target="name")
        other = self.entries.find(new)
        if other is not None and other.pk != row.pk:
            raise Refusal(409, "Conflict", f"Another {self.entries.noun} has this name.", target="name")
        self.entries.rename(row, new, request)
        self.place_of(new)

    def delete(self, request: Request, name: str) -> Response:
        """Delete the entry."""
        row = self.entries.existing(name)
        check_match(request, self.entries.shown(row))
        with transaction.atomic():
            self.entries.delete(row, request)
        return Response(status=204)


class ActionView(EntriesView):
    """Something that is done with one entry."""

    def row(self, name: str) -> Any:
        """Return the entry it is done with."""
        self.place_of(name)
        return self.entries.existing(name)
