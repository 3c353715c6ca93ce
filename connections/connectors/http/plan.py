"""How a scan will be read: the access path that leaves the least to do, its values, parameters, order and limits. No call is made here."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connections.connectors.http.conditions import as_in
from connections.connectors.http.filters import Filtering
from connections.connectors.http.paging import place_of
from connections.connectors.http.tables import Access, ManifestTable
from connections.connectors.http.templates import Missing, fill
from connections.contract.errors import SourceRejected
from connections.contract.scan import Compare, Grade, Order, Predicate, Scan
from connections.contract.table import TableRef

MAX_CALLS = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """An access path with all that its calls are made of; kept in `Offer.path`."""

    table: ManifestTable
    ref: TableRef
    access: Access
    variants: tuple[Mapping[str, Any], ...]  # column -> contract value, one for each chain of calls
    is_fanned: bool  # one chain for each row of the parent
    grades: tuple[Grade, ...]
    params: Mapping[str, list[str]] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)  # path -> value
    verify: tuple[tuple[str, frozenset[Any]], ...] = ()  # the row's own values must be these
    pushed: tuple[Predicate, ...] = ()  # sent as filters, exact ones
    order: tuple[Order, ...] = ()  # what is left to be sorted among rows that the service holds for equal
    sorted_by: tuple[Order, ...] = ()  # sent, or the service's own order
    takes_order: bool = False
    takes_limit: bool = False
    limit: int | None = None  # rows after which reading stops, offset included
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """What of the connection shapes a plan."""

    properties: Mapping[str, str]  # texts of the properties, secrets included
    max_calls: int = MAX_CALLS
    refused: frozenset[tuple[str, str]] = frozenset()  # (table, column) that the service turned out not to filter or sort

    def refused_of(self, table: ManifestTable) -> frozenset[str]:
        """Return the columns of a table that the service does not filter or sort."""
        return frozenset(column for name, column in self.refused if name == table.name)


def plan(scan: Scan, table: ManifestTable, settings: Settings) -> Plan:
    """Return the best plan; raise SourceRejected naming the column that no access path can do without."""
    fixed = {name: item for name, item in fixed_values(scan.where).items() if not is_pinned(table, name, settings)}
    found: list[tuple[tuple[Any, ...], Plan]] = []
    lacking: list[list[str]] = []
    for access in table.accesses:
        values, missing = values_of(access, table, scan.table.ref.schema, fixed, settings)
        if missing:
            lacking.append(missing)
            continue
        candidate = planned(scan, table, access, values, fixed, settings)
        if candidate is not None:
            found.append((cost(candidate, values, fixed), candidate))
    if not found:
        raise demanded(table, lacking)
    return min(found, key=lambda item: item[0])[1]


def cost(candidate: Plan, values: Mapping[str, Any], fixed: Mapping[str, tuple[int, tuple[Any, ...]]]) -> tuple[Any, ...]:
    """Return what orders plans: fresh before stale, one row before lists, no fan-out, columns fixed by the query, filters taken."""
    access = candidate.access
    fixing = sum(1 for name in access.needs if name in fixed)
    exact = sum(1 for grade in candidate.grades if grade is Grade.EXACT)
    some = sum(1 for grade in candidate.grades if grade is Grade.SUPERSET)
    return (bool(access.spec.get("stale")), not access.is_single, candidate.is_fanned, -fixing, -exact, -some, len(candidate.variants))


def demanded(table: ManifestTable, lacking: Sequence[Sequence[str]]) -> SourceRejected:
    """Return the refusal that names the columns of the path that needs fewest."""
    names = min(lacking, key=len) if lacking else ["a value"]
    if unset := [name for name in names if name not in table.columns and lacking]:
        return SourceRejected(f"{table.name} can only be read where {unset[0]} is set.", hint=f"Set {unset[0]} in the connection.")
    what = " and ".join(names)
    verb = "a value" if len(names) == 1 else "values"
    return SourceRejected(
        f"{table.name} can only be read with {verb} for {what}.", hint=f"Filter by {names[0]} eq ..., or set a default in the connection."
    )


def fixed_values(where: Sequence[Predicate]) -> dict[str, tuple[int, tuple[Any, ...]]]:
    """Return column -> (number of the conjunct, its possible values) for eq and in."""
    found: dict[str, tuple[int, tuple[Any, ...]]] = {}
    for number, conjunct in enumerate(where):
        compare = as_in(conjunct)
        if isinstance(compare, Compare) and compare.operator in ("eq", "in") and compare.column not in found:
            found[compare.column] = (number, tuple(compare.value) if compare.operator == "in" else (compare.value,))
    return found


def values_of(
    access: Access, table: ManifestTable, schema: str, fixed: Mapping[str, tuple[int, tuple[Any, ...]]], settings: Settings
) -> tuple[dict[str, tuple[Any, ...]], list[str]]:
    """Return the values of the columns in a path (none for those that a parent gives) and what has no value."""
    values: dict[str, tuple[Any, ...]] = {}
    missing = []
    binds = (access.spec.get("parent") or {}).get("binds", {})
    for name in access.needs:
        column = table.columns.get(name)
        if column is None:
            if not settings.properties.get(name):
                missing.append(name)
            continue
        default = "" if name == table.bound else default_of(table, name, settings)
        if name == table.bound:
            values[name] = (schema,)
        elif name in fixed:
            values[name] = fixed[name][1]
        elif default:
            values[name] = (default,)
        elif name in binds:
            values[name] = ()
        else:
            missing.append(name)
    for name in access.takes:
        if items := fixed[name][1] if name in fixed else tuple(filter(None, (default_of(table, name, settings),))):
            values[name] = items
    return values, missing


def is_pinned(table: ManifestTable, name: str, settings: Settings) -> bool:
    """Claim that the connection says the column's value, and a query can't say another."""
    return name in table.columns and table.columns[name].is_pinned and bool(default_of(table, name, settings))


def default_of(table: ManifestTable, name: str, settings: Settings) -> str:
    """Return the value that the manifest or the connection gives a column, or ''."""
    text = table.defaults.get(name) or table.columns[name].default or "{" + name + "}"
    try:
        return fill(text, settings.properties.get)
    except Missing:
        return ""


def planned(
    scan: Scan,
    table: ManifestTable,
    access: Access,
    values: Mapping[str, tuple[Any, ...]],
    fixed: Mapping[str, tuple[int, tuple[Any, ...]]],
    settings: Settings,
) -> Plan | None:
    """Return the plan of one access path; None where it takes too many calls."""
    is_fanned = any(not items for items in values.values())
    known = {name: items for name, items in values.items() if items}
    variants = variants_of(known, settings.max_calls)
    if variants is None or (access.is_single and has_no_address(table, known)):
        return None
    verify = [(name, frozenset(items)) for name, items in known.items() if name in fixed and not is_echo(table, name)]
    by_path = {fixed[name][0] for name in known if name in fixed and name != table.bound}
    refused = settings.refused_of(table)
    filtering = Filtering(table, access, refused)
    grades = tuple(Grade.EXACT if number in by_path else filtering.take(conjunct) for number, conjunct in enumerate(scan.where))
    is_chain = len(variants) == 1 and not is_fanned
    ordered = order_of(scan.order, table, access, refused) if is_chain else None
    takes_order = bool(scan.order) and ordered is not None
    takes_limit = all(grade is Grade.EXACT for grade in grades) and (not scan.order or takes_order)
    return Plan(
        table=table,
        ref=scan.table.ref,
        access=access,
        variants=variants,
        is_fanned=is_fanned,
        grades=grades,
        params={**filtering.params, **(ordered.params if ordered else {})},
        body={**filtering.body, **(ordered.body if ordered else {})},
        verify=tuple(verify),
        pushed=tuple(scan.where[place] for place, grade in enumerate(grades) if grade is Grade.EXACT and place not in by_path),
        order=ordered.rest if ordered else (),
        sorted_by=ordered.sent if ordered else (),
        takes_order=takes_order,
        takes_limit=takes_limit,
        limit=scan.limit + scan.offset if takes_limit and scan.limit is not None else None,
        offset=scan.offset if takes_limit else 0,
    )


def has_no_address(table: ManifestTable, known: Mapping[str, tuple[Any, ...]]) -> bool:
    """Claim that no address looks up one of the values, though the list may have it."""
    return any(name not in table.key and not all(map(can_be_in_path, items)) for name, items in known.items())


def is_echo(table: ManifestTable, name: str) -> bool:
    """Claim that the column shows the value that the call was made with, so that it need not be compared."""
    return table.columns[name].is_given and not table.columns[name].steps


def variants_of(known: Mapping[str, tuple[Any, ...]], most: int) -> tuple[Mapping[str, Any], ...] | None:
    """Return every combination of the values, without those that no path can hold; None when there are too many."""
    count = 1
    for items in known.values():
        count *= len(items)
    if count > most:
        return None
    combinations = itertools.product(*known.values())
    return tuple(dict(zip(known, items, strict=True)) for items in combinations if all(map(can_be_in_path, items)))


def can_be_in_path(value: Any) -> bool:
    """Claim that a row may have this value in its address: no empty text, none that is no Unicode."""
    return not isinstance(value, str) or (value != "" and not any(0xD800 <= ord(c) < 0xE000 for c in value))


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order that the service keeps to: its parameter, what was sent, what is left to sort among equals."""

    params: Mapping[str, list[str]]
    sent: tuple[Order, ...]
    rest: tuple[Order, ...]
    body: Mapping[str, str] = field(default_factory=dict)


def order_of(wished: Sequence[Order], table: ManifestTable, access: Access, refused: frozenset[str]) -> Ordered | None:
    """Return how the service comes to the wished order; None when it can't."""
    order = until_unique(wished, table)
    if not order or access.is_single:
        return Ordered({}, (), ())
    if natural_order(access) == order:
        return Ordered({}, order, ())
    spec = access.spec.get("sort")
    sortable = list(itertools.takewhile(lambda item: can_sort(item, table, spec or {}, refused), order))
    if not spec or not sortable:
        return None
    sent = tuple(sortable[: spec.get("max", 1)])
    texts = [
        (spec.get("descending", "-{field}") if item.is_descending else spec.get("ascending", "{field}")).replace(
            "{field}", table.columns[item.column].sort
        )
        for item in sent
    ]
    text = spec.get("separator", ",").join(texts)
    if place_of(spec) == "body":
        return Ordered({}, sent, order[len(sent) :], {spec["param"]: text})
    return Ordered({spec["param"]: [text]}, sent, order[len(sent) :])


def until_unique(wished: Sequence[Order], table: ManifestTable) -> tuple[Order, ...]:
    """Return the order up to where it is total: what follows a whole key changes nothing."""
    for count in range(1, len(wished) + 1):
        if table.key and set(table.key) <= {item.column for item in wished[:count]}:
            return tuple(wished[:count])
    return tuple(wished)


def natural_order(access: Access) -> tuple[Order, ...]:
    """Return the order in which rows come by themselves."""
    return tuple(Order(name.lstrip("-"), name.startswith("-")) for name in access.spec.get("natural_order", ()))


def can_sort(item: Order, table: ManifestTable, spec: Mapping[str, Any], refused: frozenset[str]) -> bool:
    """Claim that the service sorts by the column as we do: text only where it is said to, nulls lowest."""
    column = table.columns.get(item.column)
    if column is None or not column.sort or item.column in refused or (column.is_text and not column.is_exact_text):
        return False
    nulls = spec.get("nulls", "unknown")
    if not column.column.is_nullable or nulls == "lowest":
        return True
    return nulls == ("last" if item.is_descending else "first")


def texts_of(plan: Plan, given: Mapping[str, Any], properties: Mapping[str, str]) -> dict[str, str]:
    """Return what the names of the manifest stand for in one chain of calls."""
    columns = plan.table.columns
    return {**properties, **{name: columns[name].as_text(value) for name, value in given.items() if value is not None}}
