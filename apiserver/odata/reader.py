"""Rows of a question: pages by keyset, one row, counts. Called by the service; knows no URLs and no models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from apiserver.odata import expander, skiptoken
from apiserver.odata.binder import Binder, Scope
from apiserver.odata.reader_plan import Plan, Question, count_plan, order_keys, planned, run, set_plan
from apiserver.resources.catalog import PublishedProperty

ALL_ROWS = 2**62
EXPAND_BATCH = 500
MOST_HELD = 2000  # rows of an answer without pages that are read at once: a stream costs more than they do


@dataclass(slots=True)
class SetResult:
    """Rows by property name; `next` is known when they are through."""

    rows: Iterable[dict[str, Any]]
    count: int | None = None
    next: str | None = None
    sql: str = ""
    is_streamed: bool = False  # rows are read while the answer is written


def read_set(question: Question, *, size: int, names: Sequence[str], root: str) -> SetResult:
    """Return a page of at most `size` rows (0 = all of them, streamed) with the properties `names` and the expansions."""
    options, resource = question.options, question.resource
    items = needed(question, names)
    count = count_rows(question) if options.count else None
    mark = start(question)
    left = mark.left if options.skiptoken else options.top
    limit = page_limit(size, left)
    if limit == 0:
        return SetResult([], count)
    offset = mark.offset if options.skiptoken else options.skip or 0
    is_streamed = size == 0 and (limit is None or limit > MOST_HELD)
    plan, found = fetch(question, items, mark, limit, offset, stream=is_streamed)
    result = SetResult([], count, sql=plan.statement.sql, is_streamed=is_streamed)
    width = len(items)
    expand = expander.Expander(question, root)
    if is_streamed:
        result.rows = chain.from_iterable(
            expand.rows(batch) for batch in batches(dict(zip(plan.names, row, strict=False)) for row in found)
        )
        return result
    rows = list(found)
    if size and limit is not None and len(rows) > size:
        rows = rows[:size]
        rest = None if left is None else left - size
        last = skiptoken.texts(plan.order, rows[-1][width:]) if resource.key else ()
        result.next = skiptoken.write(question, skiptoken.Mark(last, 0 if resource.key else offset + size, rest))
    result.rows = expand.rows([dict(zip(plan.names, row, strict=False)) for row in rows])
    return result


def page_limit(size: int, left: int | None) -> int | None:
    """Return how many rows to fetch: one more than the page where the client may have more of them."""
    if size == 0:
        return left
    return size + 1 if left is None or left > size else left


def start(question: Question) -> skiptoken.Mark:
    """Return where the page begins."""
    token = question.options.skiptoken
    if token is None:
        return skiptoken.Mark()
    return skiptoken.read(question, token, key_count(question))


def key_count(question: Question) -> int:
    """Return how many order keys the question has."""
    binder = Binder(question.catalog, question.dialect, (), question.aliases)
    return len(order_keys(binder, question, Scope(question.resource, "t")))


def fetch(
    question: Question, items: Sequence[PublishedProperty], mark: skiptoken.Mark, limit: int | None, offset: int, *, stream: bool
) -> tuple[Plan, Iterator[list[Any]]]:
    """Run the page's statement."""
    nulls = tuple(value is None for value in mark.values) if mark.values else None
    if offset and limit is None:
        limit = ALL_ROWS
    flags = (limit is not None, offset > 0)

    def build(binder: Binder) -> Plan:
        last = None if nulls is None else [None if is_null else "" for is_null in nulls]
        return set_plan(binder, question, items, last, is_limited=flags[0], is_skipping=flags[1])

    plan, literals = planned(question, build, "set", tuple(item.name for item in items), nulls, flags)
    given = {f"={name}": value for name, value in question.where.items()} | {"$limit": limit, "$offset": offset}
    if mark.values:
        given |= {f"^{place}": value for place, value in enumerate(skiptoken.values(plan.order, mark.values))}
    return plan, run(question, plan, literals, given, stream=stream)


def batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Give the rows in lists, so that expansions are read for many at once."""
    while batch := list(islice(rows, EXPAND_BATCH)):
        yield batch


def needed(question: Question, names: Sequence[str]) -> list[PublishedProperty]:
    """Return the properties to read: the asked ones and what expansions hang on."""
    resource = question.resource
    wanted = dict.fromkeys(names)
    for navigation, _ in expander.expansions(question):
        wanted |= dict.fromkeys(resource.by_column[here].name for here, _ in navigation.pairs)
        wanted |= dict.fromkeys(resource.key)
    return [item for item in resource.properties if item.name in wanted]


def read_one(question: Question, *, names: Sequence[str], root: str) -> dict[str, Any] | None:
    """Return the one row that `question.where` names, None when there is none (or the row filter hides it)."""
    items = needed(question, names)
    plan, found = fetch(question, items, skiptoken.Mark(), 1, 0, stream=False)
    rows = [dict(zip(plan.names, row, strict=False)) for row in found]
    return next(iter(expander.Expander(question, root).rows(rows)), None)


def count_rows(question: Question) -> int:
    """Return how many rows meet $filter and $search."""
    plan, literals = planned(question, lambda binder: count_plan(binder, question), "count")
    given = {f"={name}": value for name, value in question.where.items()}
    return int(next(run(question, plan, literals, given, stream=False))[0])
