"""One connection to a service in use: its tables, offers, rows and changes. The engine wraps it (contract/scan.py, RowSession)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from connections.connectors.http import pages
from connections.connectors.http.calls import Caller, Service
from connections.connectors.http.changes import Changes
from connections.connectors.http.explain import explained
from connections.connectors.http.manifest import Manifest
from connections.connectors.http.paging import is_settled
from connections.connectors.http.paths import find, steps_of
from connections.connectors.http.plan import Plan, Settings, plan
from connections.connectors.http.reading import Reading, lookup_target
from connections.connectors.http.replies import SENTENCES, Asked, NoRows, UnknownField
from connections.connectors.http.schemas import Schemas
from connections.connectors.http.tables import FIRST_PAGE_ONLY, Access, ManifestTable, table_of
from connections.connectors.http.templates import names_in
from connections.contract.context import Context
from connections.contract.errors import BadAnswer, SourceRejected
from connections.contract.scan import Batch, Compare, Grade, Offer, Predicate, Scan
from connections.contract.table import Table, TableInfo, TableRef

MAX_PARENTS = 200
MAX_DEPTH = 4


class HttpSession:
    """A RowSession over a manifest. Thread-safe: what it keeps are the connection pool and facts about the service."""

    dialect: None = None
    is_remote: ClassVar[bool] = True

    def __init__(
        self, manifest: Manifest, service: Service, caller: Caller, context: Context, *, page_size: int | None, read_only: bool
    ) -> None:
        self.manifest, self.service, self.caller, self.context = manifest, service, caller, context
        self.page_size, self.read_only = page_size, read_only
        self.texts = service.properties
        self.shown_texts = {name: "***" if text in service.secrets else text for name, text in service.properties.items()}
        self.limits = manifest.part("limits")
        # (table, column) that the service turned out not to filter; "*": it can't choose fields, "#": numbers need exact reading.
        self.refused: set[tuple[str, str]] = set()
        self.partial: dict[TableRef, str] = {}
        self.guessed_keys: set[str] = set()
        self.schemas = Schemas(self)
        self.changes = Changes(self)

    def table(self, ref: TableRef) -> ManifestTable:
        """Return the manifest's table behind a reference."""
        return table_of(self.manifest, ref.name, self.schemas.kind_of(ref))

    def asked(self, table: ManifestTable, access: Access | None = None) -> Asked:
        """Return what calls for a table are told to be for."""
        spec = table.spec
        return Asked(
            label=self.service.label,
            table=table.name,
            is_single=bool(access and access.is_single),
            gone=spec.get("gone"),
            errors=(*spec.get("errors", ()), *self.manifest.content.get("errors", ())),
            sentences=tuple(self.manifest.content.get("error_message", ())) or SENTENCES,
            texts=self.shown_texts,
            secrets=self.service.secrets,
        )

    def list_tables(self) -> list[TableInfo]:
        """Return every table of the schemas that the connection shows."""
        return self.schemas.list_tables()

    def describe(self, refs: Sequence[TableRef]) -> list[Table]:
        """Return the tables; what pages by themselves is asked once whether page two can be found."""
        found = []
        for named in refs:
            ref = self.schemas.resolved(named)
            table = self.table(ref)
            self.schemas.check(ref)
            described = table.contract(ref)
            partial = described.partial or self.partial_of(ref, table)
            found.append(replace(described, partial=partial))
        return found

    def partial_of(self, ref: TableRef, table: ManifestTable) -> str:
        """Return why a table whose paging is found out by itself isn't whole, or ''."""
        lists = [access for access in table.accesses if not access.is_single]
        if not lists or lists[0].paging["type"] != "auto":
            return ""
        if ref not in self.partial:
            self.partial[ref] = "" if self._is_settled(ref, table) else FIRST_PAGE_ONLY
        return self.partial[ref]

    def _is_settled(self, ref: TableRef, table: ManifestTable) -> bool:
        scan = Scan(Table(ref), tuple(table.columns), limit=1)
        try:
            reading = Reading(self, plan(replace(scan, limit=None), table, self.settings), scan)
            given = next(iter(reading.variants()), None)
            return given is not None and is_settled(reading.page(given, {}, pages.page_size(reading.plan, self.page_size))[0])
        except (SourceRejected, NoRows):
            return False

    def guesses_key(self, table: ManifestTable) -> bool:
        """Claim that a table's key was only found in its first rows."""
        return table.name in self.guessed_keys

    @property
    def settings(self) -> Settings:
        """Return what shapes plans."""
        return Settings(self.texts, refused=frozenset(self.refused))

    def offer(self, scan: Scan) -> Offer:
        """Return what the service will do of a scan."""
        table = self.table(scan.table.ref)
        found = plan(scan, table, self.settings)
        total = found.access.spec.get("total")
        when = total.get("when", "always") if isinstance(total, dict) else "always"
        is_exact = all(grade is Grade.EXACT for grade in found.grades)
        is_counted = total is not None and not found.verify and (when == "always" or (when == "filtered") == bool(found.pushed))
        partial = scan.table.partial or self.partial.get(scan.table.ref, "") or table.partial
        is_whole = found.access.is_single or not partial
        return Offer(
            scan=scan,
            grades=found.grades,
            takes_order=found.takes_order,
            takes_limit=found.takes_limit,
            takes_count=is_exact
            and is_counted
            and is_whole
            and not found.is_fanned
            and len(found.variants) == 1
            and not found.access.is_single,
            calls=None if found.is_fanned else len(found.variants),
            explain=explained(found, scan, self.shown_texts, self.page_size),
            path=found,
            is_steady=not found.is_fanned and len(found.variants) == 1 and pages.is_steady(found.access),
            is_partial="" if is_whole else partial,
        )

    def read(self, offer: Offer, *, resume: str | None = None) -> Iterator[Batch]:
        """Give the rows, page by page."""
        return Reading(self, offer.path, offer.scan).batches(resume)

    def count(self, offer: Offer) -> int:
        """Return the service's own total."""
        found: Plan = offer.path
        reading = Reading(self, replace(found, limit=1), replace(offer.scan, columns=()))
        spec = found.access.spec["total"]
        target = pages.target(found, found.variants[0], {}, self.texts, pages.page_size(replace(found, limit=1), self.page_size), [])
        if isinstance(spec, dict):
            target = replace(target, params={**target.params, **{name: [str(value)] for name, value in spec.get("params", {}).items()}})
        try:
            document, reply, _ = self.caller.call(target, reading.asked)
        except UnknownField as error:
            reading.downgrade(error, False)
            return sum(len(batch.rows) for batch in reading.batches(None))
        total = pages.total_in(document, reply.headers, spec)
        if total is None:
            raise BadAnswer(
                f"{self.service.label} does not tell how many rows {reading.table.name} has.", hint="The service changed its answer."
            )
        return total

    def without_filters(self, found: Plan, scan: Scan, pushed: Sequence[Predicate]) -> Plan:
        """Return the plan with nothing sent that the service refused; what it would have done is done here."""
        again = plan(replace(scan, where=tuple(item for item in scan.where if item not in pushed)), found.table, self.settings)
        return replace(found, params=again.params, body=again.body, limit=None) if again.access is found.access else again

    def parents(self, child: Plan, scan: Scan, variant: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Give the values that the rows of a parent table bind, those in `variant` as they are; too many are an error, never a part."""
        spec = child.access.spec["parent"]
        binds: Mapping[str, str] = spec["binds"]
        most = int(spec.get("max") or self.limits.get("parents", MAX_PARENTS))
        ref = TableRef(spec.get("schema", child.ref.schema), spec["table"])
        known = {binds[name]: value for name, value in variant.items() if name in binds}
        wanted = [Compare(column, "eq", value) for column, value in known.items()]
        wanted += [
            replace(item, column=binds[item.column])
            for item in scan.where
            if isinstance(item, Compare) and item.column in binds and item.column not in variant
        ]
        parent = self.table(ref)
        taken = set(child.access.takes) & parent.columns.keys() - binds.keys()
        wanted += [Compare(name, "eq", value) for name, value in variant.items() if name in taken]
        columns = tuple(dict.fromkeys(binds.values()))
        offer = self.offer(Scan(Table(ref), columns, tuple(wanted)))
        count = 0
        for batch in self.read(offer):
            for row in batch.rows:
                values = dict(zip(columns, row, strict=True))
                if any(values[column] != value for column, value in known.items()):
                    continue
                count += 1
                if count > most:
                    names = ", ".join(binds)
                    raise SourceRejected(
                        f"{child.table.name} would have to be asked for more than {most} rows of {ref.name}.", hint=f"Filter by {names}."
                    )
                if all(value is not None for value in values.values()):
                    yield {name: values[column] for name, column in binds.items()}

    def names_of_lookup(self, table: ManifestTable, lookup: str) -> tuple[str, ...]:
        """Return the names in the path of a lookup."""
        return names_in(table.spec["lookups"][lookup]["path"])

    def looked_up(self, table: ManifestTable, lookup: str, values: Mapping[str, Any]) -> Any:
        """Return the further answer about one row; None when there is none."""
        spec = table.spec["lookups"][lookup]
        texts = {**self.texts, **{n: table.columns[n].as_text(v) for n, v in values.items() if v is not None}}
        if any(not texts.get(name) for name in names_in(spec["path"])):
            return None
        try:
            document, _, _ = self.caller.call(lookup_target(spec, texts), replace(self.asked(table), is_single=True), rows=lambda _: 1)
        except NoRows:
            return None
        return find(document, steps_of(spec.get("row")))

    def insert(self, table: Table, values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any]:
        """Create a row."""
        return self.changes.insert(table.ref, values, idempotency)

    def update(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any], *, idempotency: str) -> Mapping[str, Any] | None:
        """Change a row."""
        return self.changes.update(table.ref, key, values, idempotency)

    def delete(self, table: Table, key: Mapping[str, Any], *, idempotency: str) -> bool:
        """Remove a row."""
        return self.changes.delete(table.ref, key, idempotency)

    def close(self) -> None:
        """Close the connections."""
        self.caller.outgoing.close()
