"""Reads the rows of a plan: chains of pages, one for each value of the path or row of the parent."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from connections.connectors.http import local, pages
from connections.connectors.http.calls import Target
from connections.connectors.http.paging import Guard, Page, State, first_state, next_of, promises_more
from connections.connectors.http.paths import find
from connections.connectors.http.plan import Plan, texts_of
from connections.connectors.http.replies import NoRows, UnknownField, parsed
from connections.connectors.http.templates import fill_path, fill_values
from connections.connectors.http.values import Inexact
from connections.contract.errors import BadAnswer, SourceRejected, TableGone
from connections.contract.scan import Batch, Scan
from connections.outgoing import Reply

if TYPE_CHECKING:
    from connections.connectors.http.session import HttpSession

MAX_PAGES = 100_000
OTHER_ROWS = "The service changed its answer: correct the manifest or refresh."
Row = tuple[Any, ...]


class Reading:
    """One run of a plan."""

    def __init__(self, session: HttpSession, plan: Plan, scan: Scan) -> None:
        self.session, self.plan, self.scan = session, plan, scan
        self.table = plan.table
        self.tests: list[local.Test] = []
        self.names = list(dict.fromkeys([*scan.columns, *self._extra()]))
        self.columns = [self.table.columns[name] for name in self.names]
        self.seen = pages.Seen()
        self.has_key = bool(self.table.key)
        self.asked = session.asked(self.table, plan.access)

    def _extra(self) -> list[str]:
        """Return the columns needed besides those asked for: key, conditions, ties, paths of lookups."""
        plan, table = self.plan, self.table
        wanted = {*table.key, *(name for name, _ in plan.verify), *(item.column for item in (*plan.sorted_by, *plan.order))}
        for predicate in plan.pushed:
            wanted |= local.columns_of(predicate)
        for name in self.scan.columns:
            lookup = table.columns[name].lookup
            wanted |= {item for item in self.session.names_of_lookup(table, lookup) if item in table.columns} if lookup else set()
        return [name for name in table.columns if name in wanted]

    def batches(self, resume: str | None) -> Iterator[Batch]:
        """Give the rows, in the order of the scan's columns."""
        count, width = 0, len(self.scan.columns)
        plan, skipped = self.plan, self.plan.offset
        if resume:
            place = json.loads(resume)
            count, skipped = int(place.get("count", 0)), 0
        for rows, mark in self.grouped(resume):
            ready = rows if len(self.names) == width else [row[:width] for row in rows]
            if plan.limit is not None:
                ready = ready[: max(0, plan.limit - plan.offset - count) + skipped] if plan.offset else ready[: max(0, plan.limit - count)]
            taken, skipped = ready[skipped:], max(0, skipped - len(ready))
            count += len(taken)
            if taken:
                yield Batch(taken, json.dumps({**mark, "count": count}) if mark is not None else None)
            if plan.limit is not None and count >= plan.limit - plan.offset:
                return

    def grouped(self, resume: str | None) -> Iterator[tuple[list[Row], dict[str, Any] | None]]:
        """Give the rows with ties sorted: rows that the service's order holds for equal are gathered and sorted here."""
        if not self.plan.takes_order or not self.plan.order:
            yield from self.chained(resume)
            return
        same = [self.names.index(item.column) for item in self.plan.sorted_by]
        rest = local.places(self.plan.order, self.names)
        rows = (row for page, _ in self.chained(resume) for row in page)
        for _, group in itertools.groupby(rows, key=lambda row: tuple(row[place] for place in same)):
            ties = list(group)
            if len(ties) > 1:
                local.sort_rows(ties, rest)
            yield ties, None

    def chained(self, resume: str | None) -> Iterator[tuple[list[Row], dict[str, Any] | None]]:
        """Give the pages of every chain, each with the mark of the place behind it."""
        place = json.loads(resume) if resume else None
        gone: TableGone | None = None
        answered = False
        for given in self.variants():
            texts = {name: self.table.columns[name].as_text(value) for name, value in given.items() if value is not None}
            if place is not None and place["given"] != texts:
                continue
            state, place = (place["state"] if place else None), None
            if state is not None and state.get("end"):
                continue
            try:
                for rows, following in self.pages(given, state):
                    answered = True
                    yield rows, {"given": texts, "state": following if following is not None else {"end": True}}
            except TableGone as error:
                if not self.plan.is_fanned:
                    raise
                gone = error
        if place is not None:
            raise SourceRejected("The place to go on from is not there any more.", hint="Read from the start.")
        if gone is not None and not answered:
            raise gone

    def variants(self) -> Iterator[Mapping[str, Any]]:
        """Give the values that each chain is called with."""
        if not self.plan.is_fanned:
            yield from self.plan.variants
            return
        for variant in self.plan.variants:
            for bound in self.session.parents(self.plan, self.scan, variant):
                yield {**variant, **bound}

    def pages(self, given: Mapping[str, Any], state: State | None) -> Iterator[tuple[list[Row], State | None]]:
        """Give the pages of one chain, each with the state of the next."""
        spec = self.plan.access.paging
        size = pages.page_size(self.plan, self.session.page_size)
        guard = Guard(self.table.name, int(self.session.limits.get("pages", MAX_PAGES)))
        state = state or first_state(spec)
        while True:
            guard.ask(state)
            try:
                page, reply, address = self.page(given, state, size)
            except NoRows:
                return
            rows, new = self.rows(page.rows, given, reply)
            following = next_of(spec, page, state)
            if following is not None and "url" in following:
                following["from"] = address
            if following is None:
                self.check_end(page)
            # Rows below what is paged may be none for long; the guard of addresses ends what goes in circles.
            guard.got(page.rows, new, following is None or "last" in spec)
            yield rows, following
            if following is None:
                return
            state = following

    def check_end(self, page: Page) -> None:
        """Raise BadAnswer where the last page that can be found says that there are others; a table marked partial is known for it."""
        ref = self.scan.table.ref
        if self.plan.access.paging["type"] != "auto" or self.scan.table.partial or self.session.partial.get(ref):
            return
        if promises_more(page):
            text = f"The answer for {self.table.name} says that there are more rows, but not how to ask for them."
            raise BadAnswer(text, hint="Say in Paging how page two is asked for.")

    def page(self, given: Mapping[str, Any], state: State, size: int | None) -> tuple[Page, Reply, str]:
        """Return one page as it came. A field that the service doesn't know is asked for no more, and judged here."""
        plan, access = self.plan, self.plan.access
        direct = [column for column in self.columns if not column.lookup]
        fields = pages.fields(access, direct, len(self.table.columns)) if (self.table.name, "*") not in self.session.refused else []
        target = pages.target(plan, given, state, self.session.texts, size, fields)
        is_exact = (self.table.name, "#") in self.session.refused

        def count(document: Any) -> int:
            found = find(document, access.rows)
            return len(found) if isinstance(found, list) else 1

        asked = replace(self.asked, texts=texts_of(plan, given, self.session.shown_texts))
        try:
            document, reply, address = self.session.caller.call(target, asked, is_exact=is_exact, rows=count)
        except UnknownField as error:
            self.downgrade(error, bool(fields))
            return self.page(given, state, size)
        total = pages.total_in(document, reply.headers, access.spec.get("total"))
        rows = pages.rows_in(document, access, reply.status, self.table.name, total)
        pages.check_objects(rows, self.table.name, direct)
        return Page(document, reply.headers, rows, size, total), reply, address

    def downgrade(self, error: UnknownField, had_fields: bool) -> None:
        """Give up what the service refused: the choice of fields first, then filters, then the order."""
        session, name = self.session, self.table.name
        if had_fields:
            session.refused.add((name, "*"))
            return
        if self.plan.pushed or self.plan.params or self.plan.body:
            used = {column for predicate in self.scan.where for column in local.columns_of(predicate)} | {
                o.column for o in self.plan.sorted_by
            }
            named = {
                column for column in used if self.table.columns[column].field and self.table.columns[column].field in error.said
            } or used
            session.refused.update((name, column) for column in named)
            if self.plan.takes_order and self.plan.sorted_by and named & {o.column for o in self.plan.sorted_by}:
                raise SourceRejected(
                    f"{session.service.label} does not sort {name} by {', '.join(sorted(named))} ({error.said}).",
                    hint="Ask again: it is sorted here then.",
                )
            self.tests = [local.test_of(predicate) for predicate in self.plan.pushed]
            self.plan = session.without_filters(self.plan, self.scan, self.plan.pushed)
            return
        raise SourceRejected(f"{session.service.label} does not know a field of {name} ({error.said}).", hint="Correct the manifest.")

    def rows(self, raw: list[Any], given: Mapping[str, Any], reply: Reply) -> tuple[list[Row], int | None]:
        """Return a page's rows as tuples, and how many of them weren't there before."""
        try:
            return self.values(raw, given)
        except Inexact:
            self.session.refused.add((self.table.name, "#"))
            document = parsed(reply, self.asked, is_exact=True)
            return self.values(pages.rows_in(document, self.plan.access, reply.status, self.table.name, None), given)

    def values(self, raw: list[Any], given: Mapping[str, Any]) -> tuple[list[Row], int | None]:
        """Return the rows that were asked for and not given before."""
        direct = [column for column in self.columns if not column.lookup]
        lists = {column.name: column.read(raw, given) for column in direct}
        plan, chosen, new = self.plan, None, None
        if plan.verify or self.tests:
            chosen = pages.kept(lists, len(raw), self.tests, plan.verify)
        if self.has_key:
            keys = list(zip(*(lists[name] for name in self.table.key), strict=True))
            self.check_keys(keys)
            places = self.seen.fresh(keys, raw if self.session.guesses_key(self.table) else None)
            new = len(places)
            if new < len(keys):
                self.seen.check(keys, raw, self.table.key, self.table.name)
                wanted = set(places)
                chosen = [number for number in (chosen if chosen is not None else range(len(raw))) if number in wanted]
        if chosen is not None:
            lists = {name: [column[number] for number in chosen] for name, column in lists.items()}
        if len(direct) < len(self.columns):
            self.look_up(lists, given)
        return list(zip(*(lists[name] for name in self.names), strict=True)), new

    def check_keys(self, keys: list[Row]) -> None:
        """Raise TableGone for rows none of which has a key: what the service gives now are other rows."""
        if keys and all(all(value is None for value in key) for key in keys):
            names = ", ".join(self.table.key)
            raise TableGone(f"The rows of {self.table.name} have no {names}, their key.", hint=OTHER_ROWS)

    def look_up(self, lists: dict[str, list[Any]], given: Mapping[str, Any]) -> None:
        """Fill the columns that take one more call a row."""
        count = len(next(iter(lists.values()), []))
        for lookup in {column.lookup for column in self.columns if column.lookup}:
            found = [self.session.looked_up(self.table, lookup, {**given, **{n: v[i] for n, v in lists.items()}}) for i in range(count)]
            for column in self.columns:
                if column.lookup == lookup:
                    lists[column.name] = column.read(found, given)


def lookup_target(spec: Mapping[str, Any], texts: Mapping[str, str]) -> Target:
    """Return the call of a lookup."""
    return Target(fill_path(spec["path"], texts.get), params=fill_values(spec.get("params", {}), texts.get))
