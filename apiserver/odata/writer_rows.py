"""Create, change and remove rows of a source without SQL and without transactions: one row a request, checked before it is sent."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from apiserver.odata import deadline
from apiserver.odata.drift import not_unique
from apiserver.odata.errors import InvalidValue, NotBuilt
from apiserver.odata.row_fetch import fetch_rows, meets_filters
from apiserver.odata.writer import Writer, holds_key, no_row, outside
from apiserver.odata.writer_body import Change
from apiserver.odata.writer_sql import Row, key_columns
from apiserver.resources.catalog import PublishedResource
from connections.contract.errors import ChangeUnknown, ConnectorError
from connections.contract.hearing import Heard, listening
from connections.contract.table import Table
from connections.engine.session import EngineSession

ONE_ROW = "This source takes one row a request."


@dataclass(slots=True)
class RowWriter(Writer):
    """Writes one row for one request; `idempotency` tells the source that a repeated request is the same."""

    session: EngineSession = None  # type: ignore[assignment]
    idempotency: str = ""
    is_conditional: bool = False  # the client named the row's ETag: it must still be that row when the source changes it

    def fetch(self, resource: PublishedResource, where: Row, *, lock: bool = False) -> Row | None:
        """Return the row that the user may see, or None; nothing can be locked."""
        heard = Heard()
        try:
            with listening(heard):
                found = fetch_rows(self.session, self.catalog, resource, where)
        finally:
            self.statements += heard.lines()
        if len(found) > 1:
            raise not_unique(resource)
        return found[0] if found else None

    def hides(self, resource: PublishedResource, where: Row) -> bool:
        """Claim that a row of this key exists outside of what the user may see."""
        is_there = resource.row_filters and fetch_rows(self.session, self.catalog, resource, where, is_whole=True)
        return bool(is_there) and self.fetch(resource, where) is None

    def create(self, resource: PublishedResource, change: Change, *, fixed: Row | None = None) -> Row:
        """Insert the row; nested entities would be further rows."""
        self.refuse_more(resource, change)
        return Writer.create(self, resource, change, fixed=fixed)

    def change(self, resource: PublishedResource, row: Row, change: Change, *, replaces: bool) -> Row:
        """Update the row; linked children would be further rows."""
        self.refuse_more(resource, change)
        return Writer.change(self, resource, row, change, replaces=replaces)

    def refuse_more(self, resource: PublishedResource, change: Change) -> None:
        """Refuse what takes more than one write: nothing would take the first one back."""
        links = [name for name in change.links if not holds_key(self.catalog, resource.navigation_by_name[name])]
        if change.nested or links:
            name = next(iter([*change.nested, *links]))
            raise NotBuilt(f"{name} can't be written along. {ONE_ROW}", target=name, hint="Send its rows one by one.")

    def _insert(self, resource: PublishedResource, values: Row) -> Row:
        where = {name: values[name] for name in key_columns(resource) if name in values}
        is_given = len(where) == len(key_columns(resource))
        if not meets_filters(self.session, self.catalog, resource, values) or (is_given and self.hides(resource, where)):
            raise outside(resource)
        table = self.session.table(resource.ref)
        with self._write("INSERT", resource):
            told = self.session.insert(table, values, idempotency=self.idempotency)
        self.rows_written += 1
        columns = [item.column.name for item in resource.all_properties]
        known = {**values, **told}
        missing = [name for name in key_columns(resource) if name not in known]
        if missing:
            raise InvalidValue(
                f"The source did not tell the {missing[0]} of the new row.", target=resource.name, hint="Look it up by $filter."
            )
        with self._reading_back(resource, "created"):
            found = self.fetch(resource, {name: known[name] for name in key_columns(resource)})
        # Some services show a new row only after a while.
        return found or {name: known.get(name) for name in columns}

    def update(self, resource: PublishedResource, row: Row, values: Row, expressions: Mapping[str, str] | None = None) -> Row:
        """Set columns of the row in hand; refused before anything is sent when it would leave what the user may see."""
        if not values:
            return row
        if not meets_filters(self.session, self.catalog, resource, {**row, **values}):
            raise outside(resource)
        table = self.session.table(resource.ref)
        with self._write("UPDATE", resource):
            told = self.session.update(table, source_key(table, resource, row), values, **self._conditions(row))
        if told is None:
            raise no_row(resource)
        self.rows_written += 1
        with self._reading_back(resource, "changed"):
            return self.fetch(resource, {name: row[name] for name in key_columns(resource)}) or {**row, **values, **told}

    def _default(self, resource: PublishedResource, name: str) -> str:
        raise NotBuilt(
            f"PUT can't set {name} to the default of the source.", target=name, hint="Send its value, or change part of the row by PATCH."
        )

    def remove(self, resource: PublishedResource, row: Row) -> None:
        """Delete the row in hand."""
        table = self.session.table(resource.ref)
        with self._write("DELETE", resource):
            is_gone = self.session.delete(table, source_key(table, resource, row), **self._conditions(row))
        if not is_gone:
            raise no_row(resource)
        self.rows_written += 1

    def _conditions(self, row: Row) -> dict[str, Any]:
        return {"idempotency": self.idempotency, "expected": row if self.is_conditional else None}

    @contextmanager
    def _reading_back(self, resource: PublishedResource, done: str) -> Iterator[None]:
        """Say of a failure behind a write that the write was made: who takes it for a refusal makes it twice."""
        try:
            yield
        except ConnectorError as error:
            message = f"The row of {resource.name} was {done}, but it can't be read back: {error.message}"
            raise ChangeUnknown(message, hint="Look at it before you send it again.") from error

    @contextmanager
    def _write(self, verb: str, resource: PublishedResource) -> Iterator[None]:
        """Note a write and its calls for the log; a second one of a request is refused."""
        deadline.check()
        if self.rows_written:
            raise NotBuilt(ONE_ROW, target=resource.name, hint="Send the rows one by one.")
        self.statements.append(f"{verb} {resource.ref}")
        heard = Heard()
        try:
            with listening(heard):
                yield
        finally:
            self.statements += heard.lines()


def source_key(table: Table, resource: PublishedResource, row: Row) -> Row:
    """Return what the source knows a row by: its own key, whatever key was published."""
    return {name: row[name] for name in table.primary_key or key_columns(resource)}


def is_conditional(request: HttpRequest) -> bool:
    """Claim that the client names an ETag, not just any."""
    return request.headers.get("If-Match", "").strip() not in ("", "*")


def idempotency_of(request: HttpRequest, user: Any) -> str:
    """Return what tells the source that a request comes again: the client's id for it, kept apart by user and address."""
    given = request.headers.get("Repeatability-Request-ID", "").strip()
    if not given:
        return uuid.uuid4().hex
    return hashlib.sha256("\0".join([str(user), request.method or "", request.path, given]).encode()).hexdigest()[:32]
