"""How one scan is asked of a source: in one go, or in batches of the values of an `in`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from connections.contract.scan import AllOf, AnyOf, Compare, Grade, Offer, Predicate, RowSession, Scan
from connections.contract.table import Table

BATCH = 100  # values of one `in`
EACH = 50  # values that are asked for one by one where the source takes no `in`


@dataclass(frozen=True, slots=True)
class Step:
    """One reading of the source. `split` = the conjuncts, by place, that here ask for a part of their values."""

    offer: Offer
    split: tuple[int, ...] = ()

    def parts(self) -> Iterator[tuple[str, frozenset[object]]]:
        """Give column and values of each split conjunct that the source does not do exactly."""
        for place in self.split:
            item = self.offer.scan.where[place]
            if isinstance(item, Compare) and self.offer.grades[place] is not Grade.EXACT:
                yield item.column, frozenset(item.value if item.operator == "in" else (item.value,))


def steps_of(session: RowSession, scan: Scan) -> list[Step]:
    """Return the readings that together give the rows of the scan; raise SourceRejected where a demanded column has no value."""
    found = []
    for branch, added in branches_of(scan):
        found += [Step(session.offer(part), (*added, *split)) for part, split in split_scans(session, branch, 0)]
    return found


def branches_of(scan: Scan) -> list[tuple[Scan, tuple[int, ...]]]:
    """Return the scan once for each set of values that the branches of an `or` give its demanded columns."""
    given = {item.column for item in scan.where if isinstance(item, Compare) and item.operator == "eq"}
    names = [column.name for column in scan.table.columns if column.is_demanded and column.name not in given]
    for item in scan.where if names else ():
        values = pinned_by(item, names) if isinstance(item, AnyOf) else None
        if values:
            places = tuple(range(len(scan.where), len(scan.where) + len(names)))
            return [(with_values(scan, names, one_set), places) for one_set in values]
    return [(scan, ())]


def pinned_by(item: AnyOf, names: Sequence[str]) -> list[tuple[object, ...]]:
    """Return the sets of values that the branches give the columns; none where a branch leaves one open."""
    found: dict[tuple[object, ...], None] = {}
    for branch in item.items:
        parts = branch.items if isinstance(branch, AllOf) else (branch,)
        values = {part.column: part.value for part in parts if isinstance(part, Compare) and part.operator == "eq"}
        if not values.keys() >= set(names):
            return []
        found[tuple(values[name] for name in names)] = None
    return list(found)


def with_values(scan: Scan, names: Sequence[str], values: Sequence[object]) -> Scan:
    """Return the scan for one set of values: lists of them shrink to one, equalities come last."""
    asked = dict(zip(names, values, strict=True))
    where = [
        one(item, asked[item.column]) if isinstance(item, Compare) and item.operator == "in" and item.column in asked else item
        for item in scan.where
    ]
    return replace(scan, where=(*where, *(Compare(name, "eq", value) for name, value in asked.items())))


def split_scans(session: RowSession, scan: Scan, start: int) -> Iterator[tuple[Scan, tuple[int, ...]]]:
    """Give the scan, split at each `in` from `start` on that the source does only in parts."""
    for place in range(start, len(scan.where)):
        item = scan.where[place]
        if not isinstance(item, Compare) or item.operator != "in":
            continue
        parts = parts_of(session, scan, place, item)
        if len(parts) > 1 or parts[0] is not item:
            for part in parts:
                where = (*scan.where[:place], part, *scan.where[place + 1 :])
                for found, split in split_scans(session, replace(scan, where=where), place + 1):
                    yield found, ((place, *split) if len(parts) > 1 else split)
            return
    yield scan, ()


def parts_of(session: RowSession, scan: Scan, place: int, item: Compare) -> list[Compare]:
    """Return the conjunct as it is asked: whole, in batches, or value by value."""
    if len(item.value) == 1:
        return [one(item, item.value[0])]
    if scan.table.by_name[item.column].is_demanded:
        return [one(item, value) for value in item.value]
    if session.offer(demand_met(scan, place, item)).grades[place] is not Grade.NO:
        return [replace(item, value=item.value[first : first + BATCH]) for first in range(0, len(item.value), BATCH)]
    alone = demand_met(scan, place, one(item, item.value[0]))
    if len(item.value) <= EACH and session.offer(alone).grades[place] is not Grade.NO:
        return [one(item, value) for value in item.value]
    return [item]


def one(item: Compare, value: object) -> Compare:
    """Return the conjunct for one value."""
    return Compare(item.column, "eq", value)


def demand_met(scan: Scan, place: int, item: Predicate) -> Scan:
    """Return the scan with the conjunct in place and one value of each demanded column, for asking what the source would do."""
    where = [one(i, i.value[0]) if isinstance(i, Compare) and is_demand(scan.table, i) else i for i in scan.where]
    where[place] = item
    return replace(scan, where=tuple(where))


def is_demand(table: Table, item: Compare) -> bool:
    """Claim that the conjunct gives a demanded column several values."""
    return item.operator == "in" and table.by_name[item.column].is_demanded


def is_pinned(scan: Scan) -> bool:
    """Claim that the conjuncts name every column of a key: one row at most."""
    named = {item.column for item in scan.where if isinstance(item, Compare) and item.operator == "eq"}
    return any(key and named.issuperset(key) for key in (scan.table.primary_key, *scan.table.unique_keys))
