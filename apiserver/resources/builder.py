"""From stored resources and a principal's rights to the frozen catalog that apiserver.odata reads; cached until something changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from threading import Lock
from typing import Any

from apiserver.resources import names, remembered, snapshot
from apiserver.resources.catalog import Catalog, PublishedNavigation, PublishedProperty, PublishedResource, RowFilter
from apiserver.resources.models import Resource
from apiserver.resources.replica import Wish
from apiserver.resources.serving import REPLICATED, seconds_of
from apiserver.server import options, stamp
from apiserver.server.errors import answering
from connections.contract.table import ARRAYS_AS, ARRAYS_AS_TEXT, KEY_TYPES, Column, Table
from users.principal import GrantRights, Principal

MAX_CATALOGS = 200
# What of a table each method needs.
VERBS = {"POST": "insert", "PATCH": "update", "PUT": "update", "DELETE": "delete"}


class Cache:
    """Catalogs by rights; all of them go when any configuration changes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._stamp = -1
        self._published: dict[str, PublishedResource] = {}
        self._catalogs: OrderedDict[str, Catalog] = OrderedDict()

    def get(self, principal: Principal) -> Catalog:
        """Return what the principal sees; no query while nothing changed."""
        current = stamp.value()
        with self._lock:
            if current != self._stamp:
                with answering():
                    self._published = published()
                self._catalogs.clear()
                remembered.forget()
                self._stamp = current
            found = self._catalogs.get(principal.fingerprint)
            if found is None:
                found = catalog_of(self._published, principal, current)
                self._catalogs[principal.fingerprint] = found
                if len(self._catalogs) > MAX_CATALOGS:
                    self._catalogs.popitem(last=False)
            else:
                self._catalogs.move_to_end(principal.fingerprint)
        return found


CACHE = Cache()


def catalog_for(principal: Principal) -> Catalog:
    """Return everything that this principal may see."""
    return CACHE.get(principal)


def published(others: Mapping[int, Table] | None = None) -> dict[str, PublishedResource]:
    """Return all resources as an administrator would see them, relations included; over `others`, by id, where tables have changed."""
    rows = list(Resource.objects.prefetch_related("connection").defer("created", "modified", "written"))  # each connection once
    tables = {row.pk: snapshot.from_json(row.snapshot) for row in rows} | dict(others or {})
    found = {row.name: resource_of(row, tables[row.pk]) for row in rows}
    navigations = relations(rows, tables, found)
    return {name: found[name].having(navigations=tuple(navigations[name])) for name in sorted(found)}


def columns_by_name() -> dict[str, list[str]]:
    """Return the names of all resources, each with its properties."""
    return {name: [item.name for item in resource.properties] for name, resource in published().items()}


def resource_of(row: Resource, table: Table) -> PublishedResource:
    """Return one resource without its relations."""
    shown = row.columns if row.columns is not None else {column.name: {} for column in table.columns}
    natural = names.property_names([column.name for column in table.columns], row.name)
    key = key_of(row, table)
    is_text = row.connection is not None and row.connection.properties.get(ARRAYS_AS) == ARRAYS_AS_TEXT
    every = tuple(
        property_of(column.as_text() if is_text else column, natural[column.name], shown.get(column.name) or {}, is_key=column.name in key)
        for column in table.columns
    )
    visible = every if row.columns is None else tuple(item for item in every if item.column.name in shown)
    by_column = {item.column.name: item.name for item in visible}
    is_keyed = bool(key) and all(name in by_column for name in key)
    is_writable = is_keyed and table.kind == "table" and row.connection is not None and not row.connection.read_only
    offered = {"GET", *(method for method, verb in VERBS.items() if verb in table.writes)} if is_writable else {"GET"}
    return PublishedResource(
        id=row.public_id,
        name=row.name,
        ref=table.ref,
        all_properties=every,
        properties=visible,
        key=tuple(by_column[name] for name in key) if is_keyed else (),
        methods=frozenset(offered & set(row.methods)),
        offered=frozenset(offered),
        search=tuple(by_column[name] for name in row.search if name in by_column),
        check_column=row.check_column or table.check_column,
        etag=by_column.get(row.etag, row.etag if row.etag in ("row", "none") else "row"),
        kept_seconds=seconds_of(row.serve) or 0,
        replica=Wish.of(row.replica) if row.serve == REPLICATED else None,
        version=row.version,
        title=row.title,
        description=told(row.description or table.comment, partly(table)),
        **read_from(row),
    )


def property_of(column: Column, name: str, details: Mapping[str, Any], *, is_key: bool) -> PublishedProperty:
    """Return a published column; `details` are what an administrator says of it. No key is null."""
    if is_key and column.is_nullable:
        column = replace(column, is_nullable=False)
    if not details and not column.is_demanded:
        return PublishedProperty(name, column, is_key, column.is_generated, "", column.comment)
    text = details.get("description", "") or column.comment
    if column.is_demanded:
        text = told(text, demanded(column))
    is_read_only = column.is_generated or bool(details.get("read_only"))
    return PublishedProperty(details.get("name") or name, column, is_key, is_read_only, details.get("label", ""), text)


def read_from(row: Resource) -> dict[str, Any]:
    """Return what is asked for the rows: a connection, or the session that a view over several has of its own, under a negative id."""
    own = row.connection
    if own is None:
        return {"connection_id": -(row.pk or 1), "connection_name": "", "dialect": ""}
    facts = {"connection_id": own.pk, "connection_name": own.name, "dialect": own.connector}
    return {**facts, "sql": row.sql, "max_rows": own.max_rows}


def demanded(column: Column) -> str:
    """Return what clients must know of a column without whose value nothing can be read."""
    return f"Every filter must say {column.name} eq ...: the source gives rows of one {column.name} at a time."


def partly(table: Table) -> str:
    """Return what clients must know of a table that can't be read to its end."""
    return f"This table can't be read to its end: {table.partial.rstrip('.')}." if table.partial else ""


def told(text: str, more: str) -> str:
    """Return a description with what must be known besides."""
    return f"{text.rstrip('.')}. {more}" if text and more else text or more


def key_of(row: Resource, table: Table) -> tuple[str, ...]:
    """Return the key's columns: as set, else the primary key, else the first unique key that can't be null."""
    if row.key:
        return tuple(row.key)
    for key in (table.primary_key, *table.unique_keys):
        if key and all(table.by_name[name].type in KEY_TYPES and not table.by_name[name].is_collection for name in key):
            return key
    return ()


def relations(
    rows: Iterable[Resource], tables: dict[int, Table], found: dict[str, PublishedResource]
) -> dict[str, list[PublishedNavigation]]:
    """Return the navigation properties that foreign keys between published tables of one connection give."""
    by_table: dict[tuple[int | None, str, str], list[Resource]] = {}
    for row in rows:
        if not row.sql:
            by_table.setdefault((row.connection_id, row.schema, row.table), []).append(row)
    navigations: dict[str, list[PublishedNavigation]] = {name: [] for name in found}
    for row in rows:
        for key in tables[row.pk].foreign_keys:
            for target in by_table.get((row.connection_id, key.target_schema, key.target_table), [])[:1]:
                pairs = tuple(zip(key.columns, key.target_columns, strict=True))
                add_relation(navigations, found[row.name], found[target.name], pairs)
    for row in rows:
        for name, given in row.relations.items():
            if fits(given, found[row.name], found.get(given["to"])):
                add_declared(navigations, found[row.name], found[given["to"]], name, given)
    return navigations


def fits(given: Mapping[str, Any], here: PublishedResource, there: PublishedResource | None) -> bool:
    """Claim that both ends of a declared relation are there: its target may be unpublished, its columns dropped meanwhile."""
    if there is None or there.connection_id != here.connection_id:
        return False
    ours, theirs = ({p.column.name for p in end.all_properties} for end in (here, there))
    return ours >= set(given["columns"]) and theirs >= set(given["columns"].values())


def add_declared(
    navigations: dict[str, list[PublishedNavigation]],
    here: PublishedResource,
    there: PublishedResource,
    name: str,
    given: Mapping[str, Any],
) -> None:
    """Add a relation that an administrator declared and, when it has one, its partner the other way round."""
    pairs = tuple(given["columns"].items())
    is_collection = bool(given.get("collection"))
    own = free_name(name, here, navigations[here.name])
    wish = given.get("partner")
    back = free_name(wish, there, navigations[there.name], also=(own,) if here.name == there.name else ()) if wish else ""
    navigations[here.name].append(PublishedNavigation(own, there.name, is_collection, pairs, True, back))
    if back:
        mirrored = tuple((other, column) for column, other in pairs)
        navigations[there.name].append(PublishedNavigation(back, here.name, not is_collection, mirrored, True, own))


def add_relation(
    navigations: dict[str, list[PublishedNavigation]],
    child: PublishedResource,
    parent: PublishedResource,
    pairs: tuple[tuple[str, str], ...],
) -> None:
    """Add the single relation of the child and the collection of the parent, each the other's partner."""
    single = free_name(single_name(pairs, parent), child, navigations[child.name])
    is_nullable = any(next(p.column.is_nullable for p in child.all_properties if p.column.name == here) for here, _ in pairs)
    back = free_name(child.name, parent, navigations[parent.name], also=(single,) if child.name == parent.name else ())
    navigations[child.name].append(PublishedNavigation(single, parent.name, False, pairs, is_nullable, back))
    mirrored = tuple((there, here) for here, there in pairs)
    navigations[parent.name].append(PublishedNavigation(back, child.name, True, mirrored, True, single))


def single_name(pairs: tuple[tuple[str, str], ...], parent: PublishedResource) -> str:
    """Return the name of a single relation: customer_id -> customer, CustomerId -> Customer, else the target's name."""
    if len(pairs) == 1:
        column = pairs[0][0]
        for ending in ("_id", "_ID", "Id", "ID", "_no", "_key"):
            if column.endswith(ending) and len(column) > len(ending):
                return names.identifier(column[: -len(ending)])
    return parent.name


def free_name(name: str, resource: PublishedResource, others: Iterable[PublishedNavigation], also: Iterable[str] = ()) -> str:
    """Return the name, numbered where a property, a relation or the type itself has it."""
    taken = [resource.name, *(p.name for p in resource.all_properties), *(n.name for n in others), *also]
    return names.unique(name, taken)


def catalog_of(published: dict[str, PublishedResource], principal: Principal, current: int) -> Catalog:
    """Return the principal's part: visible resources, columns, relations, methods and row filters."""
    visible = {name: narrowed(resource, principal) for name, resource in published.items()}
    kept = {name: resource for name, resource in visible.items() if resource is not None}
    for name, resource in kept.items():
        columns = set(resource.by_column)
        shown = tuple(
            replace(n, partner=partner_of(n, kept))
            for n in resource.navigations
            if resource.key
            and n.target in kept
            and kept[n.target].key
            and all(here in columns and there in kept[n.target].by_column for here, there in n.pairs)
        )
        kept[name] = resource.having(navigations=shown)
    server = options.current()
    api: Any = server.api
    return Catalog(
        resources=kept,
        fingerprint=f"{principal.fingerprint}:{current}",
        title=api.get("title", ""),
        description=api.get("description", ""),
        contact=tuple(sorted((api.get("contact") or {}).items())),
        privacy_policy=api.get("privacy_policy", ""),
        categories=tuple(api.get("categories", ())),
        version=server.contract_version,
        page_size=server.page_size,
        max_page_size=server.max_page_size,
        put_merges=server.put_merges,
        answers_later=bool(server.long_reads["per_user"]),
        expand_levels=server.request_limits["expand_levels"],
    )


def partner_of(navigation: PublishedNavigation, kept: dict[str, PublishedResource]) -> str:
    """Return the partner where this principal sees it."""
    target = kept[navigation.target]
    back = next((n for n in target.navigations if n.name == navigation.partner), None)
    if back is None or back.target not in kept:
        return ""
    fits = all(here in target.by_column and there in kept[back.target].by_column for here, there in back.pairs)
    return navigation.partner if fits else ""


def narrowed(resource: PublishedResource, principal: Principal) -> PublishedResource | None:
    """Return the resource as the principal sees it, None when it does not, or nothing of it."""
    methods = resource.methods & principal.privileges
    if principal.grants is None:
        found = resource.having(navigations=resource.navigations, methods=methods)
    else:
        grant = principal.grants.get(resource.name)
        if grant is None:
            return None
        found = granted(resource, grant, methods)
    return found if found.properties else None


def granted(resource: PublishedResource, grant: GrantRights, methods: frozenset[str]) -> PublishedResource:
    """Return the resource under one grant: its methods, columns and rows."""
    if grant.methods is not None:
        methods &= grant.methods
    properties = resource.properties
    if grant.columns is not None:
        properties = tuple(p for p in properties if p.name in grant.columns or p.column.name in grant.columns)
    names_left = {p.name for p in properties}
    key = resource.key if all(name in names_left for name in resource.key) else ()
    filters = (*resource.row_filters, RowFilter(grant.filter)) if grant.filter else resource.row_filters
    return replace(
        resource,
        properties=properties,
        key=key,
        methods=methods if key else methods & {"GET"},
        row_filters=filters,
        search=tuple(name for name in resource.search if name in names_left),
        etag=resource.etag if resource.etag in names_left or resource.etag in ("row", "none") else "row",
    )
