"""$expand: related rows in one statement a level for a whole page of parents (URL Conventions 4.01, 5.1.3)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sqlglot import exp

from apiserver.odata import computed, deadline, nodes, page_bytes
from apiserver.odata.binder import Binder
from apiserver.odata.binder_errors import BindError
from apiserver.odata.binder_paths import unknown
from apiserver.odata.binder_state import Scope, Slot
from apiserver.odata.etag import etag_names, has_etag
from apiserver.odata.levels import next_level, with_levels
from apiserver.odata.payload import expanded_items, selected_names
from apiserver.odata.payload_context import entity_id
from apiserver.odata.reader_plan import COUNT_COLUMN, Plan, Question, batches, conditions, key_decoder, order_keys, ordered, planned, run
from apiserver.resources.catalog import Catalog, PublishedNavigation, PublishedProperty, PublishedResource
from connections.contract.errors import NotSupported
from connections.contract.table import Column
from connections.engine.nodes import all_of, fn, select
from connections.engine.prepared import gives_rows, prepared

# Parents of one statement.
CHUNK = 200


@dataclass(slots=True)
class Related:
    """What stands under a collection: its rows, their number when asked for, where the rest is."""

    rows: list[dict[str, Any]]
    count: int | None = None
    next: str = ""


def expansions(catalog: Catalog, resource: PublishedResource, options: nodes.Options) -> list[tuple[PublishedNavigation, nodes.ExpandItem]]:
    """Return the relations that $expand names; raise BindError for a name that is none."""
    found = []
    for name, item in expanded_items(resource, options):
        navigation = resource.navigation_by_name.get(name)
        if len(item.path) > 1 or navigation is None or navigation.target not in catalog.resources:
            error = unknown(resource, item.path[0] if navigation is None else "/".join(item.path), item.at)
            error.option = "$expand"
            raise error
        if item.suffix == "$count" and not navigation.is_collection and item.path[-1] != "*":
            raise BindError(f"{name} is one row, which has no $count.", item.at, "$expand")
        if item.options is not None and item.options.apply:
            raise NotSupported("$apply is not supported within $expand.", hint="Leave it out.")
        found.append((navigation, item))
    return found


class Expander:
    """Puts related rows under the rows of one question."""

    def __init__(self, question: Question, root: str) -> None:
        self.question = question
        self.root = root
        self.items = expansions(question.catalog, question.resource, question.options)

    def rows(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows with their expansions."""
        if rows:
            for navigation, item in self.items:
                Expansion(self.question, navigation, item, self.root).fill(rows)
        return rows


class Expansion:
    """One relation under many parents."""

    def __init__(self, question: Question, navigation: PublishedNavigation, item: nodes.ExpandItem, root: str) -> None:
        target = question.catalog.resources[navigation.target]
        options = with_levels(question.resource, navigation, item, question.catalog.expand_levels)
        self.parent = question
        self.navigation = navigation
        self.item = item
        self.root = root
        self.child = Question(question.session, question.catalog, target, options, {}, question.aliases)
        if question.resource.connection_id != target.connection_id:
            raise BindError("The relation leads to another connection.", item.at, "$expand")
        columns = {p.column.name: p.column for p in target.all_properties}
        self.ties = [columns[there] for _, there in navigation.pairs]
        self.local = [question.resource.by_column[here].name for here, _ in navigation.pairs]

    @property
    def shape(self) -> tuple[Hashable, ...]:
        """Return what else shapes the statement: relations of one name from two resources differ in their columns."""
        return self.navigation.pairs, self.navigation.is_collection

    @property
    def size(self) -> int:
        """Return the most related rows of one parent."""
        return self.parent.catalog.page_size if self.navigation.is_collection else 0

    def fill(self, parents: list[dict[str, Any]]) -> None:
        """Read the related rows of all parents and put them in place."""
        tied = {tie for parent in parents if None not in (tie := tuple(parent[name] for name in self.local))}
        related: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
        counts: dict[tuple[Any, ...], int] = {}
        wanted = sorted(tied, key=repr)
        for start in range(0, len(wanted), CHUNK):
            deadline.check()
            chunk = wanted[start : start + CHUNK]
            if self.item.suffix != "$count":
                for tie, row in self.read(chunk):
                    related[tie].append(row)
            if self.navigation.is_collection and (self.child.options.count or self.item.suffix == "$count"):
                counts |= self.count(chunk)
        children = [row for rows in related.values() for row in rows]
        Expander(self.child, self.root).rows(children)
        for parent in parents:
            self.place(parent, tuple(parent[name] for name in self.local), related, counts)

    def place(
        self, parent: dict[str, Any], tie: tuple[Any, ...], related: Mapping[Any, list[dict[str, Any]]], counts: Mapping[Any, int]
    ) -> None:
        """Put the related rows under one parent."""
        rows = related.get(tie, [])
        if not self.navigation.is_collection:
            parent[self.navigation.name] = dict(rows[0]) if rows else None
            return
        is_counted = bool(self.child.options.count) or self.item.suffix == "$count"
        found = Related(rows, counts.get(tie, 0) if is_counted else None)
        if self.size and len(rows) > self.size:
            found.rows, found.next = rows[: self.size], self.next_link(parent)
        parent[self.navigation.name] = found

    def next_link(self, parent: Mapping[str, Any]) -> str:
        """Return the address of the related rows behind the first page."""
        options = self.child.options
        kept = {name: text for name, text in options.given.items() if name not in ("skip", "top", "levels", "skiptoken")}
        if any(f"@{name}" in text for name in self.child.aliases for text in kept.values()):
            raise NotSupported(f"{self.navigation.name} goes on over several pages, which lose aliases.", hint="Write values, not aliases.")
        further = next_level(self.navigation, self.item, self.parent.catalog.expand_levels)
        if further:
            kept["expand"] = ",".join(part for part in (kept.get("expand"), further) if part)
        kept["skip"] = str((options.skip or 0) + self.size)
        if options.top is not None:
            kept["top"] = str(options.top - self.size)
        query = "&".join(f"${name}={quote(text, safe='')}" for name, text in kept.items())
        return f"{self.root}/{entity_id(self.parent.resource, dict(parent))}/{self.navigation.name}?{query}"

    def names(self) -> list[str]:
        """Return the properties of the related rows to read."""
        target, options = self.child.resource, self.child.options
        wanted = dict.fromkeys(target.key if self.item.suffix == "$ref" else selected_names(target, options))
        wanted |= dict.fromkeys(target.key)
        if has_etag(target):
            wanted |= dict.fromkeys(etag_names(target))
        for navigation, _ in expansions(self.child.catalog, self.child.resource, self.child.options):
            wanted |= dict.fromkeys(target.by_column[here].name for here, _ in navigation.pairs)
        return list(wanted)

    def read(self, ties: Sequence[tuple[Any, ...]]) -> Iterable[tuple[tuple[Any, ...], dict[str, Any]]]:
        """Give the tie and the row of each related row, in order."""
        items = [self.child.resource.by_name[name] for name in self.names()]
        padded = pad(ties)
        plan, literals = planned(
            self.child, lambda binder: self.plan(binder, items, len(padded)), "expand", *self.shape, self.item.suffix, len(padded)
        )
        options = self.child.options
        first = options.skip or 0
        last = min(ALL, first + (self.size + 1 if self.size else ALL), first + (options.top if options.top is not None else ALL))
        given = tie_values(padded) | {"$limit": last, "$offset": first}
        width = len(self.ties)
        passed: dict[tuple[Any, ...], int] = defaultdict(int)
        most = len(padded) * (last - first if self.navigation.is_collection else 1)
        stream = page_bytes.BATCH_ROWS if plan.weight.may_exceed(most) else 0
        for batch in batches(run(self.child, plan, literals, given, stream=stream), page_bytes.BATCH_ROWS):
            page_bytes.add(plan.weight, batch)
            for row in batch:
                tie = tuple(row[:width])
                if is_numbered_here(self):
                    passed[tie] += 1
                    if not first < passed[tie] <= last:
                        continue
                yield tie, dict(zip(plan.names, row[width:], strict=False))

    def plan(self, binder: Binder, items: Sequence[PublishedProperty], count: int) -> Plan:
        """Return the statement: numbered rows of each parent where a parent may have too many."""
        scope = computed.scope_of(binder, self.child.resource, self.child.options, is_nested=True)
        added = computed.shown(binder, scope)
        wanted = [self.tied_to(binder, scope, count), *conditions(binder, self.child, scope)]
        keys = order_keys(binder, self.child, scope)
        ties: list[exp.Expression] = [binder.read(column, scope.alias) for column in self.ties]
        shown: list[exp.Expression] = [binder.property_value_any(item, scope) for item in items]
        shown += added.trees
        source = binder.source(self.child.resource, scope.alias)
        decode = self.child.dialect.decode
        decoders = (*(key_decoder(c, self.child.dialect) for c in self.ties), *(decode(item.column) for item in items), *added.decoders)
        names = (*(item.name for item in items), *added.names)
        weight = page_bytes.weight_of(names, (*self.ties, *(item.column for item in items), *added.columns))
        if not self.navigation.is_collection:
            query = select([*ties, *shown], source).where(all_of(wanted), copy=False)
            return Plan(prepared(query, self.child.dialect), tuple(binder.slots), decoders, names, weight=weight)
        if gives_rows(self.child.dialect):
            query = select([*ties, *shown], source).where(all_of(wanted), copy=False)
            query.set("order", exp.Order(expressions=ordered(keys)))
            return Plan(prepared(query, self.child.dialect), tuple(binder.slots), decoders, names, weight=weight)
        number = exp.Window(this=exp.RowNumber(), partition_by=[tie.copy() for tie in ties], order=exp.Order(expressions=ordered(keys)))
        listed: list[Any] = [exp.alias_(part, f"c{place}", quoted=True) for place, part in enumerate([*ties, *shown, number])]
        inner = select(listed, source).where(all_of(wanted), copy=False)
        quoted = [exp.column(f"c{place}", table="n", quoted=True) for place in range(len(listed))]
        query = select(quoted[:-1], exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("n", quoted=True))))
        window = [
            fn("gt", quoted[-1], binder.bind(Slot(COUNT_COLUMN, name="$offset"))),
            fn("le", quoted[-1].copy(), binder.bind(Slot(COUNT_COLUMN, name="$limit"))),
        ]
        query.where(all_of(window), copy=False)
        query.set("order", exp.Order(expressions=[quoted[-1].copy()]))
        return Plan(prepared(query, self.child.dialect), tuple(binder.slots), decoders, names, weight=weight)

    def count(self, ties: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
        """Return how many related rows each parent has."""
        padded = pad(ties)
        plan, literals = planned(self.child, lambda binder: self.count_plan(binder, len(padded)), "expand count", *self.shape, len(padded))
        rows = run(self.child, plan, literals, tie_values(padded))
        if gives_rows(self.child.dialect):
            return dict(Counter(tuple(row) for row in rows))
        return {tuple(row[:-1]): int(row[-1]) for row in rows}

    def count_plan(self, binder: Binder, count: int) -> Plan:
        """Return the statement that counts by parent."""
        scope = computed.scope_of(binder, self.child.resource, self.child.options, is_nested=True)
        wanted = [self.tied_to(binder, scope, count), *conditions(binder, self.child, scope)]
        ties: list[exp.Expression] = [binder.read(column, scope.alias) for column in self.ties]
        is_counted_here = gives_rows(self.child.dialect)
        counted = [] if is_counted_here else [fn("count_rows")]
        query = select([*ties, *counted], binder.source(self.child.resource, scope.alias)).where(all_of(wanted), copy=False)
        if not is_counted_here:
            query.set("group", exp.Group(expressions=[tie.copy() for tie in ties]))
        decoders = (*(key_decoder(column, self.child.dialect) for column in self.ties), *[None for _ in counted])
        return Plan(prepared(query, self.child.dialect), tuple(binder.slots), decoders, ())

    def tied_to(self, binder: Binder, scope: Scope, count: int) -> exp.Expression:
        """Return the condition that a row belongs to one of the parents."""
        if len(self.ties) == 1:
            column = self.ties[0]
            marks = [binder.bind(Slot(column, name=f"~{place}.0")) for place in range(count)]
            return fn("in", binder.read(column, scope.alias), *marks)
        parts = [
            all_of([self.one_tie(binder, scope, column, f"~{place}.{i}") for i, column in enumerate(self.ties)]) for place in range(count)
        ]
        return fn("or", *[part for part in parts if part is not None])

    def one_tie(self, binder: Binder, scope: Scope, column: Column, name: str) -> exp.Expression:
        """Return column = value of one parent."""
        return fn("eq", binder.read(column, scope.alias), binder.bind(Slot(column, name=name)))


ALL = 2**62


def is_numbered_here(expansion: Expansion) -> bool:
    """Claim that the rows of each parent are counted off here: the source can't number them."""
    return expansion.navigation.is_collection and gives_rows(expansion.child.dialect)


def pad(ties: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the ties repeated up to a power of two: few lengths, few plans."""
    size = 1
    while size < len(ties):
        size *= 2
    return [*ties, *[ties[-1]] * (size - len(ties))]


def tie_values(ties: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """Return the values of the ties by slot name."""
    return {f"~{place}.{i}": value for place, tie in enumerate(ties) for i, value in enumerate(tie)}
