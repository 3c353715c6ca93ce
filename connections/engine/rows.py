"""Path B: the rows of a plan from sources that give rows; what the source did not do is done here, and reading stops early."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from connections.contract.scan import AllOf, AnyOf, Compare, Order, Page, Predicate
from connections.contract.table import Table
from connections.engine.paged import Paged
from connections.engine.predicates import fitting
from connections.engine.reading import Mark, Reading, Source, reading_values
from connections.engine.residual import Row, Run
from connections.engine.rows_plan import Key, Related, RowPlan
from connections.engine.scans import Step, is_pinned, steps_of

HELD = 2000  # rows, and keys of related rows, that are held beyond those wanted


class Execution:
    """One run of a plan."""

    def __init__(self, plan: RowPlan, source: Source, run: Run) -> None:
        self.plan = plan
        self.source = source
        self.run = run
        self.reading = Reading(source, plan.level, run)
        self.may_forget = True  # related rows of rows that are through

    def value(self, slot: int | None) -> Any:
        """Return the value of a slot."""
        return None if slot is None else self.run.values[slot]

    def batches(self) -> Generator[Sequence[Sequence[Any]], None, None]:
        """Give the rows that are shown, in batches."""
        if self.plan.is_count:
            yield [(self.count(),)]
            return
        for rows in self.chosen():
            if rows:
                for related in self.plan.late:
                    self.prepare(related, rows)
                project, run = self.plan.project, self.run
                with reading_values():
                    shown = [project(row, run) for row in rows]
                self.source.budget.given()
                yield shown

    # ---- counting ----

    def count(self) -> int:
        """Return the number of rows; the source's own count where it is exact."""
        steps = steps_of(self.source.session, self.reading.scan(wants_count=True))
        is_exact = not self.plan.deep and self.source.pushdown
        total = 0
        for step in steps:
            if is_exact and step.offer.takes_count and not self.reading.conditions_left(step) and not list(step.parts()):
                self.source.budget.spend(0)
                self.source.explain += step.offer.explain
                total += self.source.session.count(step.offer)
            else:
                whole = replace(step, offer=self.source.session.offer(replace(step.offer.scan, wants_count=False)))
                total += sum(len(self.deepened(rows)) for rows in self.reading.batches(whole))
                self.reading.refuse_part(whole, 0)
        return total

    # ---- rows ----

    def chosen(self) -> Iterator[list[Row]]:
        """Give the rows in order, between offset and limit."""
        limit, offset = self.value(self.plan.limit), self.value(self.plan.offset) or 0
        if limit == 0:
            return
        steps, is_ordered, is_limited = self.steps(limit, offset)
        if not is_ordered and self.plan.paging is not None:
            rows = Paged(self, self.plan.paging).rows(None if limit is None else offset + limit)
            if rows is not None:
                yield from cut(iter([rows]), offset, limit)
                return
        self.may_forget = is_ordered  # an order is made when all rows are there
        self.source.budget.foresee(len(steps) if len(steps) > 1 else 0)
        most = None if limit is None else limit if is_limited else offset + limit
        found = self.through(steps, most if is_ordered else None)
        if not is_ordered:
            found = iter([self.sorted(found, most)])
        if is_limited or (limit is None and not offset):
            yield from found
            return
        yield from cut(found, offset, limit)

    def steps(self, limit: int | None, offset: int) -> tuple[list[Step], bool, bool]:
        """Return how the source is asked, whether the rows come in order, and whether limit and offset are its work."""
        session, scan = self.source.session, self.reading.scan()
        if self.plan.order and not is_pinned(scan) and self.source.pushdown and all(key.column for key in self.plan.order):
            scan = replace(scan, order=tuple(Order(key.column or "", key.is_descending) for key in self.plan.order))
        scan = replace(scan, page=self.page())
        # What goes on by a position is asked for in the same words on each page: without a limit.
        is_placed = self.plan.has_position or self.plan.behind is not None
        can_limit = self.source.pushdown and not self.plan.deep and not is_placed and limit is not None
        asked = replace(scan, limit=limit, offset=offset) if can_limit else scan
        steps = steps_of(session, asked)
        is_whole = len(steps) == 1 and not self.reading.conditions_left(steps[0])
        is_ordered = not self.plan.order or is_pinned(scan) or (len(steps) == 1 and bool(scan.order) and steps[0].offer.takes_order)
        if can_limit and not (is_whole and is_ordered and steps[0].offer.takes_limit):
            # The source is told how many rows are wanted only where each that it gives is one of them.
            hint = replace(scan, limit=(limit or 0) + offset) if is_whole and is_ordered else scan
            return steps_of(session, hint), is_ordered, False
        return steps, is_ordered, can_limit

    def page(self) -> Page | None:
        """Return which page of several this is."""
        plan = self.plan
        if plan.has_position or plan.behind is not None:
            return Page(self.value(plan.behind) is not None)
        if plan.paging is None or not self.source.pushdown:
            return None
        return Page(bool(plan.paging.beyond), len(plan.paging.beyond))

    def through(self, steps: Sequence[Step], enough: int | None) -> Iterator[list[Row]]:
        """Give the rows of all steps that meet every condition; a partial source must have given enough."""
        total = 0
        first = Mark.of(self.value(self.plan.behind))
        is_placed = self.plan.has_position or self.plan.behind is not None
        for number, step in enumerate(steps[first.step :], first.step):
            found = 0
            for rows in self.reading.batches(step, (first if number == first.step else Mark(number)) if is_placed else None):
                deepened = self.deepened(rows)
                found += len(deepened)
                yield deepened
                if found and is_pinned(step.offer.scan):
                    break  # no other row has this key
            total += found
            if enough is None or total < enough:
                self.reading.refuse_part(step, found)

    def deepened(self, rows: list[Row]) -> list[Row]:
        """Return the rows that also meet the conditions over related rows."""
        if rows:
            for related in self.plan.early:
                self.prepare(related, rows)
        return self.reading.kept(rows, self.plan.deep)

    # ---- order ----

    def sorted(self, batches: Iterator[list[Row]], most: int | None) -> list[Row]:
        """Return all rows in order; of many only the first `most` are held."""
        held: list[Row] = []
        for rows in batches:
            held += rows
            self.trim(held, most)
        self.sort(held)
        return held

    def trim(self, held: list[Row], most: int | None) -> None:
        """Drop what can't be among the first `most` rows, once there is much of it."""
        if most is not None and len(held) > most + HELD:
            self.sort(held)
            del held[most:]

    def sort(self, rows: list[Row]) -> None:
        """Sort in place; nulls are lowest."""
        for key in reversed(self.plan.order):
            with reading_values():
                rows.sort(key=self.rank_of(key), reverse=key.is_descending)

    def rank_of(self, key: Key) -> Callable[[Row], Any]:
        """Return what a key sorts by."""
        cell, run = key.cell, self.run
        return lambda row: rank(cell(row, run))

    # ---- related rows ----

    def prepare(self, related: Related, rows: Sequence[Row]) -> None:
        """Read the rows that are tied to these, in batches of keys."""
        known = self.run.related.setdefault(related.number, {})
        if self.may_forget and len(known) > HELD:
            known.clear()
        keys = dict.fromkeys(key for row in rows if None not in (key := related.key(row)) and key not in known)
        if keys:
            known.update({key: [] for key in keys})
            for key, row in self.tied(related, list(keys)):
                known[key].append(row)
        if related.nested:
            both = [(*row, *there) for row in rows for there in known.get(related.key(row), ())]
            for nested in related.nested:
                self.prepare(nested, both)

    def tied(self, related: Related, keys: list[tuple[Any, ...]]) -> Iterator[tuple[tuple[Any, ...], Row]]:
        """Give key and row of the rows of these keys."""
        names = [name for name, _ in related.ties]
        level = replace(related.level, columns=tuple(dict.fromkeys([*related.level.columns, *names])))
        asked = tie_predicates(self.source.table_of(level.ref, level.columns), names, keys)
        if names and not getattr(asked[0], "value", None):
            return  # no row there can have such values
        reading = Reading(self.source, level, self.run, asked)
        pick = [level.columns.index(name) for name in names]
        wanted = set(keys)
        steps = steps_of(self.source.session, reading.scan())
        self.source.budget.foresee(len(steps))
        for step in steps:
            for rows in reading.batches(step):
                yield from ((key, row) for row in rows if (key := tuple(row[place] for place in pick)) in wanted)
            reading.refuse_part(step, 0)


def tie_predicates(table: Table, names: Sequence[str], keys: Sequence[tuple[Any, ...]]) -> tuple[Predicate, ...]:
    """Return what rows of these keys meet: a list of values for each column, and which belong together."""
    columns = [table.by_name[name] for name in names]
    fit = [key for key in keys if all(fitting(value, column) is not None for value, column in zip(key, columns, strict=True))]
    lists = tuple(Compare(name, "in", tuple(dict.fromkeys(key[place] for key in fit))) for place, name in enumerate(names))
    if len(names) < 2:
        return lists
    return (*lists, AnyOf(tuple(AllOf(tuple(Compare(n, "eq", v) for n, v in zip(names, key, strict=True))) for key in fit)))


def rank(value: Any) -> tuple[int, Any]:
    """Return what sorts a value: nulls first, NaN last."""
    if value is None:
        return (0, 0)
    if isinstance(value, float | Decimal) and math.isnan(value):
        return (2, 0)
    return (1, value)


def cut(batches: Iterator[list[Row]], offset: int, limit: int | None) -> Iterator[list[Row]]:
    """Give the rows behind the offset, at most `limit`; stops reading when it has them."""
    left = limit
    for rows in batches:
        if offset:
            skipped = min(offset, len(rows))
            rows, offset = rows[skipped:], offset - skipped
        if left is not None:
            rows = rows[:left]
            left -= len(rows)
        yield rows
        if left == 0:
            return
