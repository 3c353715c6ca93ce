"""An OData service as tables: nearly all of a scan becomes query options; what the service may see otherwise than we is not left to it."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from connections.connectors.http.calls import LOOK
from connections.connectors.odata.model import EntitySet, Model, entity_set, model_of
from connections.connectors.odata.printing import Printer, Rules, Unwritable, key_text
from connections.connectors.odata.service import Service, json_of
from connections.connectors.odata.values import body_of, reader_of
from connections.contract.errors import BadAnswer, ChangeUnknown, ConnectorError, RowChanged, SourceRejected, TableGone
from connections.contract.scan import Batch, Grade, Offer, Scan
from connections.contract.table import Table, TableInfo, TableRef
from connections.outgoing import Reply

# Characters of $filter; longer addresses are refused by many servers.
LONGEST_FILTER = 6000
# Pages without a row that may follow each other.
MOST_EMPTY = 100
# Seconds after which tables are described from a fresh $metadata.
FRESH_SECONDS = 60.0
COUNT = re.compile("[0-9]{1,18}")
ANY = "*"  # as an ETag: the row must be there, whatever it is
Expected = Mapping[str, Any] | None
METADATA_TYPES = "application/xml"


@dataclass(frozen=True, slots=True)
class Plan:
    """What one offer asks the service for."""

    filter: str
    order: str
    top: int | None
    skip: int


class ODataSession:
    """One OData service in use."""

    dialect: None = None
    is_remote = True
    takes_expected = True

    def __init__(self, service: Service, rules: Rules, *, has_pushdown: bool = True, read_only: bool = False) -> None:
        self._service, self._rules = service, rules
        self._has_pushdown, self._is_read_only = has_pushdown, read_only
        self._lock = threading.Lock()
        self._model: Model | None = None
        self._read_at = 0.0

    # ---- tables ----

    def list_tables(self) -> list[TableInfo]:
        """Return the entity sets."""
        found = self._fresh(0)
        return [TableInfo(found[name].table.ref, "table", found[name].table.comment) for name in sorted(found)]

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables as `$metadata` has them."""
        model = self._fresh(FRESH_SECONDS)
        return [entity_set(model, ref).table for ref in refs]

    def _fresh(self, seconds: float = float("inf")) -> Model:
        """Return the model, read again when it is older."""
        with self._lock:
            if self._model is None or time.monotonic() - self._read_at > seconds:
                self._model = model_of(self._service.get_text(self._service.address("$metadata"), METADATA_TYPES))
                self._read_at = time.monotonic()
            return self._model

    # ---- rows ----

    def offer(self, scan: Scan) -> Offer:
        """Return what would be asked. The service is called only where its `$metadata` was never read."""
        found = entity_set(self._fresh(), scan.table.ref)
        grades, texts = self._conditions(found, scan)
        order = Printer(found, self._rules).order(scan.order, found.table.primary_key) if self._has_pushdown and scan.order else None
        is_exact = all(grade == Grade.EXACT for grade in grades)
        takes_order = not scan.order or order is not None
        takes_limit = self._has_pushdown and is_exact and takes_order and found.can_top and (found.can_skip or not scan.offset)
        takes_count = self._has_pushdown and is_exact and found.can_count
        plan = Plan(" and ".join(texts), order or "", scan.limit if takes_limit else None, scan.offset if takes_limit else 0)
        address = self._count(found, plan) if scan.wants_count and takes_count else self._address(found, scan, plan)
        return Offer(
            scan,
            grades,
            takes_order=takes_order,
            takes_limit=takes_limit,
            takes_count=takes_count,
            calls=1,
            explain=(f"GET {address}",),
            path=plan,
        )

    def _conditions(self, found: EntitySet, scan: Scan) -> tuple[tuple[Grade, ...], list[str]]:
        printer = Printer(found, self._rules)
        grades, texts, left = [], [], LONGEST_FILTER
        for item in scan.where:
            grade, text = printer.condition(item) if self._has_pushdown else (Grade.NO, "")
            if len(text) > left:
                grade = Grade.NO
            grades.append(grade)
            if grade != Grade.NO:
                texts.append(text)
                left -= len(text)
        return tuple(grades), texts

    def _address(self, found: EntitySet, scan: Scan, plan: Plan) -> str:
        key = found.table.primary_key
        named = dict.fromkeys(found.fields[name].path[0] for name in (*scan.columns, *key) if name in found.fields)
        options = {
            "$select": ",".join(named) if len(named) < len({field.path[0] for field in found.fields.values()}) else "",
            "$filter": plan.filter,
            "$orderby": plan.order,
            "$top": "" if plan.top is None else str(plan.top),
            "$skip": str(plan.skip) if plan.skip else "",
        }
        return self._service.address(found.table.ref.name, {name: text for name, text in options.items() if text})

    def _count(self, found: EntitySet, plan: Plan) -> str:
        return self._service.address(f"{found.table.ref.name}/$count", {"$filter": plan.filter} if plan.filter else None)

    def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
        """Give the rows, a page of the service at a time, on to the last page."""
        found, scan, plan = entity_set(self._fresh(), offer.scan.table.ref), offer.scan, offer.path
        if plan.top == 0:
            return
        address = self._service.follow(self._service.root, resume) if resume else self._address(found, scan, plan)
        left = plan.top
        for rows, following in self._pages(found, scan, address):
            batch = rows if left is None else rows[:left]
            left = None if left is None else left - len(batch)
            yield Batch(batch, following)
            if left == 0:
                return

    def _pages(self, found: EntitySet, scan: Scan, address: str | None) -> Iterator[tuple[list[tuple[Any, ...]], str | None]]:
        key = found.table.primary_key
        takers = [reader_of(column_field(found, name)) for name in (*scan.columns, *key)]
        width, seen, empty = len(scan.columns), {address}, 0
        before: set[tuple[Any, ...]] = set()
        while address:
            page = self._page(address)
            whole = [tuple(take(row) for take in takers) for row in page["value"]]
            if any(None in row[width:] for row in whole):
                raise BadAnswer(f"{self._service.host()} gives a row without its key ({', '.join(key)}).", hint="Refresh the resource.")
            kept = [row for row in whole if not key or row[width:] not in before]
            before = {row[width:] for row in whole}
            empty = 0 if kept else empty + 1
            link = page.get("@odata.nextLink", page.get("@nextLink"))
            address = self._service.follow(address, link) if link else None
            if address in seen or empty > MOST_EMPTY:
                raise BadAnswer(
                    f"{self._service.host()} gives next pages without end.", hint="The service's paging is broken; tell its owner."
                )
            seen.add(address)
            yield [row[:width] for row in kept], address

    def _page(self, address: str) -> dict[str, Any]:
        page = self._service.get_json(address)
        rows = page.get("value") if isinstance(page, dict) else None
        if isinstance(page, dict) and "error" in page:
            raise BadAnswer(f"{self._service.host()} broke off its list of rows with an error.", hint="Try again; the service has a fault.")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise BadAnswer(
                f"{self._service.host()} answered with something that is no list of rows.", hint="Check URL: it must be the service's root."
            )
        return dict(page)

    def count(self, offer: Offer) -> int:
        """Return the number of rows."""
        found = entity_set(self._fresh(), offer.scan.table.ref)
        text = self._service.get_text(self._count(found, offer.path), "text/plain").decode("utf-8-sig", "replace").strip()
        if not COUNT.fullmatch(text):
            hint = "Try again; the service has a fault, or Pushdown must be switched off."
            raise BadAnswer(f"{self._service.host()} answered with something that is no number of rows.", hint=hint)
        return int(text)

    # ---- changes ----

    def insert(self, table: Table, values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any]:
        """Create a row; return what the service tells of it."""
        found = self._writable(table)
        headers = {"Prefer": "return=representation", "Repeatability-Request-ID": str(uuid.uuid5(uuid.NAMESPACE_OID, idempotency))}
        reply = self._service.write("POST", self._service.address(table.ref.name), body_of(found, values), headers)
        self._service.good(reply)
        with doubted(self._service.host()):
            return self._created(found, reply)

    def _created(self, found: EntitySet, reply: Reply) -> Mapping[str, Any]:
        """Return what the service tells of the new row, now or when it is asked."""
        if reply.status == 204 or not reply.body.strip():
            place = reply.headers.get("OData-EntityId") or reply.headers.get("Location")
            if not place:
                raise BadAnswer("The row was created, but the service does not tell its key.", hint="Look for it before you try again.")
            return self._told(found, self._service.get_json(self._service.follow(self._service.root, place)))
        return self._told(found, json_of(reply, self._service.host()))

    def update(
        self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any], *, idempotency: str, expected: Expected = None
    ) -> Mapping[str, Any] | None:
        """Change columns of a row; one that is not there is never created."""
        found = self._writable(table)
        address = self._row(found, key)
        match = self._match(found, address, expected)
        headers = {"If-Match": match, "Prefer": "return=representation"}
        reply = self._service.write("PATCH", address, body_of(found, values), headers)
        if not self._written(reply, match):
            return None
        return self._told(found, json_of(reply, self._service.host())) if reply.status == 200 and reply.body.strip() else dict(values)

    def delete(self, table: Table, key: Mapping[str, Any], *, idempotency: str, expected: Expected = None) -> bool:
        """Remove a row."""
        found = self._writable(table)
        address = self._row(found, key)
        match = self._match(found, address, expected)
        return self._written(self._service.write("DELETE", address, headers={"If-Match": match}), match)

    def _match(self, found: EntitySet, address: str, expected: Expected) -> str:
        """Return the ETag that the service gives the expected row: any without one. Raise RowChanged where it holds another row."""
        if expected is None:
            return ANY
        reply = self._service.get_row(address)
        if reply is None:
            raise row_changed()
        row = json_of(reply, self._service.host())
        told = self._told(found, row)
        if any(name in told and not is_same(told[name], value) for name, value in expected.items()):
            raise row_changed()
        return str(reply.headers.get("ETag") or row.get("@odata.etag") or row.get("@etag") or ANY)

    def _written(self, reply: Reply, match: str) -> bool:
        """Claim that the row was there; raise where the service holds another than the one of the ETag."""
        if reply.status in (404, 410, 412):
            if match == ANY:
                return False
            raise row_changed()
        self._service.good(reply)
        return True

    def _writable(self, table: Table) -> EntitySet:
        if self._is_read_only:
            raise SourceRejected("The connection is read-only.", hint="Change it in the connection's settings.")
        return entity_set(self._fresh(), table.ref)

    def _row(self, found: EntitySet, key: Mapping[str, Any]) -> str:
        try:
            text = key_text(found, [(name, key[name]) for name in found.table.primary_key])
        except (Unwritable, KeyError) as error:
            raise SourceRejected("This key can't be written in an address.") from error
        return self._service.row_address(found.table.ref.name, text)

    def _told(self, found: EntitySet, row: Any) -> dict[str, Any]:
        if not isinstance(row, dict):
            raise BadAnswer(
                f"{self._service.host()} answered with something that is no row.", hint="The service has a fault; tell its owner."
            )
        return {name: reader_of(field)(row) for name, field in found.fields.items() if field.path[0] in row}

    def close(self) -> None:
        """Close the connections."""
        self._service.close()


@contextmanager
def doubted(host: str) -> Iterator[None]:
    """Say of a failure that the row was created before it."""
    try:
        yield
    except ConnectorError as error:
        raise ChangeUnknown(f"{host} created the row, but what it tells of it can't be used: {error.message}", hint=LOOK) from error


def row_changed() -> RowChanged:
    """Return what is said of a row that is another by now."""
    return RowChanged("The row has changed or is gone since it was read.", hint="Read it again and repeat the change.")


def is_same(one: Any, other: Any) -> bool:
    """Claim that two values are the same, NaN among them."""
    return bool(one == other or (one != one and other != other))


def column_field(found: EntitySet, name: str) -> Any:
    """Return the field of a published column; raise for one that is gone."""
    if name not in found.fields:
        raise TableGone(f"The service has no {name} of {found.table.ref} any more.", hint="Refresh the resource.")
    return found.fields[name]
