"""Rows of a question: pages by keyset, one row, counts. Called by the service; knows no URLs and no models."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from apiserver.odata import computed, expander, page_bytes, skiptoken
from apiserver.odata.binder import Binder
from apiserver.odata.drift import not_unique
from apiserver.odata.nodes import Options
from apiserver.odata.reader_plan import Plan, Question, batches, count_plan, is_placed, order_keys, planned, run, run_straight, set_plan
from apiserver.odata.straight import StraightMaker
from apiserver.odata.straight_database import DatabaseJson, NotWritten
from apiserver.resources.catalog import Catalog, PublishedProperty, PublishedResource
from apiserver.resources.remembered import remembered
from apiserver.server.turns import Export, give_way
from connections.contract.errors import AnswerTooLarge

ALL_ROWS = 2**62
EXPAND_BATCH = 500
STREAM_BATCH = 200
JSON_BATCH = 500  # of rows that pass through as they came
Batches = Generator[Sequence[Sequence[Any]]]
MOST_HELD = 2000  # rows of an answer without pages that are read at once: a stream costs more than they do


@dataclass(slots=True)
class SetResult:
    """Rows by property name; `next` is known when they are through."""

    rows: Iterable[Any]
    count: int | None = None
    next: str | None = None
    is_streamed: bool = False  # rows are read while the answer is written
    is_json: bool = False  # rows are JSON objects already, ETags included
    text: bytes | None = None  # instead of rows: their JSON objects with commas between them
    row_count: int = 0  # of the text
    texts: Iterator[tuple[int, bytes]] | None = None  # instead of streamed rows: numbers of rows and their JSON objects with commas


@dataclass(frozen=True, slots=True)
class Page:
    """What rows become: JSON objects where `straight` is given; `has_next` = another page may follow, `is_one` = it is one row.

    `is_whole` = the page may come in one piece: nobody asks for its rows one by one.
    """

    straight: StraightMaker | None = None
    has_next: bool = False
    is_one: bool = False
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """The properties that are read, and their names."""

    properties: tuple[PublishedProperty, ...]
    names: tuple[str, ...]


def read_set(question: Question, *, size: int, names: Sequence[str], root: str, straight: StraightMaker | None = None) -> SetResult:
    """Return a page of at most `size` rows (0 = all of them, streamed) with the properties `names` and the expansions.

    With `straight` the rows are what that makes of them: JSON objects.
    """
    try:
        return read_page(question, size=size, names=names, root=root, straight=straight)
    except (NotWritten, AnswerTooLarge):  # read again: row by row, and for the error that names the row and the column
        if straight is None or not straight.is_by_database:
            raise
    return read_page(question, size=size, names=names, root=root, straight=replace(straight, is_by_database=False))


def read_page(
    question: Question, *, size: int, names: Sequence[str], root: str, straight: StraightMaker | None, is_long: bool = False
) -> SetResult:
    """Return the page as the source gives it; `is_long` = it is known to end before `size`."""
    options = question.options
    items = needed(question.catalog, question.resource, options, names)
    count = count_rows(question) if options.count else None
    mark = start(question)
    left = mark.left if options.skiptoken else options.top
    limit = page_limit(size, left)
    if limit == 0:
        return SetResult([], count)
    offset = mark.offset if options.skiptoken else options.skip or 0
    is_streamed = size == 0 and (limit is None or limit > MOST_HELD)
    is_last = limit is None or limit <= size if size else True
    page = Page(straight, has_next=not is_last or is_long, is_whole=is_last and not is_streamed and not is_long)
    plan, found = fetch(question, items, mark, limit, offset, stream=is_streamed, page=page)
    result = SetResult([], count, is_streamed=is_streamed, is_json=plan.straight is not None)
    if is_streamed and isinstance(plan.straight, DatabaseJson):
        result.texts = joined(plan.straight, found)
        return result
    if is_streamed:
        export = Export()
        result.rows = chain.from_iterable(streamed(question, plan, batch, root, export) for batch in found)
        return result
    if isinstance(plan.straight, DatabaseJson) and plan.straight.is_whole:
        result.row_count, result.text = plan.straight.text([row for batch in found for row in batch])
        return result
    rows, has_more = held(plan, found, size, is_weighed=plan.straight is None or plan.weight.may_exceed(limit or 0))
    result.rows = sent = paged(question, plan, rows, root)
    if has_more or len(sent) < len(rows):
        if not page.has_next:  # read again, with what a next link needs
            return read_page(question, size=size, names=names, root=root, straight=straight, is_long=True)
        result.next = next_token(question, plan, rows[len(sent) - 1], offset + len(sent), None if left is None else left - len(sent))
    return result


def next_token(question: Question, plan: Plan, row: Sequence[Any], offset: int, rest: int | None) -> str:
    """Return where the next page begins: behind this row, or behind so many where rows have no place of their own."""
    has_keys = bool(question.resource.key) or is_placed(question)
    last = skiptoken.texts(plan.order, last_keys(plan, row)) if has_keys else ()
    return skiptoken.write(question, skiptoken.Mark(last, 0 if has_keys else offset, rest))


def held(plan: Plan, found: Batches, size: int, *, is_weighed: bool) -> tuple[list[Sequence[Any]], bool]:
    """Return the rows of a page, as many as may be held, and whether more of them follow."""
    page_bytes.empty()
    rows: list[Sequence[Any]] = []
    with closing(found):
        for batch in found:
            if rows or len(batch) > page_bytes.BATCH_ROWS:
                give_way()
            wanted = batch[: size - len(rows)] if size else batch
            kept = page_bytes.fitting(plan.weight, wanted, is_first=not rows) if is_weighed else wanted
            rows += kept
            if len(kept) < len(batch):
                return rows, True
    return rows, False


def paged(question: Question, plan: Plan, rows: Sequence[Sequence[Any]], root: str) -> list[Any]:
    """Return the rows as they are shown; fewer where all that they expand to may not be held."""
    if not question.options.expand:
        return shown(question, plan, rows, root)
    page_bytes.empty()
    found: list[Any] = []
    while len(found) < len(rows) and not (found and page_bytes.is_full()):
        try:
            found += expanded(question, plan, rows[len(found) :][: expander.CHUNK], root)
        except page_bytes.TooMuch:
            if not found:
                raise
            break
    return found


def streamed(question: Question, plan: Plan, rows: Sequence[Sequence[Any]], root: str, export: Export) -> Iterator[Any]:
    """Give rows as they are shown, with no more of their expansions held than may be."""
    sent = 0
    while sent < len(rows):
        export.give_way()
        page_bytes.empty()
        found = expanded(question, plan, rows[sent:], root)
        sent += len(found)
        yield from found


def joined(straight: DatabaseJson, found: Batches) -> Iterator[tuple[int, bytes]]:
    """Give rows as they come, as one text a batch."""
    export = Export()
    with closing(found):
        for batch in found:
            export.give_way()
            yield len(batch), straight.joined(batch)


def expanded(question: Question, plan: Plan, rows: Sequence[Sequence[Any]], root: str) -> list[Any]:
    """Return the first of these rows with what they expand to: all of them, or as many as may be held; raise TooMuch."""
    before = page_bytes.RUNNING.held
    while True:
        try:
            return shown(question, plan, rows, root)
        except page_bytes.TooMuch:
            if len(rows) == 1:
                raise
        page_bytes.empty(before)
        rows = rows[: len(rows) // 2]


def shown(question: Question, plan: Plan, rows: Sequence[Sequence[Any]], root: str) -> list[Any]:
    """Return the rows by name with their expansions, or as JSON objects."""
    if plan.straight is not None:
        return plan.straight.objects(rows)
    return expander.Expander(question, root).rows([dict(zip(plan.names, row, strict=False)) for row in rows])


def last_keys(plan: Plan, row: Sequence[Any]) -> Sequence[Any]:
    """Return the order keys of a row."""
    width = len(plan.names)
    if plan.straight is None:
        return row[width:]
    decoders = zip(row[width:], plan.decoders[width:], strict=True)
    return [value if value is None or decode is None else decode(value) for value, decode in decoders]


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
    return len(order_keys(binder, question, computed.scope_of(binder, question.resource, question.options)))


def fetch(
    question: Question,
    items: Items,
    mark: skiptoken.Mark,
    limit: int | None,
    offset: int,
    *,
    stream: bool = False,
    page: Page,
) -> tuple[Plan, Batches]:
    """Run the page's statement; rows come in batches."""
    nulls = tuple(value is None for value in mark.values) if mark.values else None
    if offset and limit is None:
        limit = ALL_ROWS
    straight = page.straight
    flags = (limit is not None, offset > 0)
    shaping = (page.is_one, page.has_next, page.is_whole, None if straight is None else (straight.has_control, straight.is_by_database))

    def build(binder: Binder) -> Plan:
        last = None if nulls is None else [None if is_null else "" for is_null in nulls]
        made = straight.make(items.properties, is_page=not page.is_one, is_whole=page.is_whole) if straight else None
        return set_plan(
            binder, question, items.properties, last, is_limited=flags[0], is_skipping=flags[1], has_next=page.has_next, straight=made
        )

    plan, literals = planned(question, build, "set", items.names, nulls, flags, shaping)
    given = {f"={name}": value for name, value in question.where.items()} | {
        "$limit": limit,
        "$offset": offset,
        "$most": page_bytes.RUNNING.most,
    }
    if mark.values:
        given |= {f"^{place}": value for place, value in enumerate(skiptoken.values(plan.order, mark.values))}
    at_once = rows_at_once(question, plan, limit, is_streamed=stream)
    if plan.straight is not None:
        return plan, run_straight(question, plan, literals, given, stream=at_once)
    return plan, batches(run(question, plan, literals, given, stream=at_once), min(at_once or EXPAND_BATCH, EXPAND_BATCH))


def rows_at_once(question: Question, plan: Plan, limit: int | None, *, is_streamed: bool) -> int:
    """Return how many rows are taken from the source at a time, 0 = all: few where they can be long."""
    if isinstance(plan.straight, DatabaseJson) and plan.straight.is_whole:
        return 0
    if limit is not None and not is_streamed:
        return page_bytes.BATCH_ROWS if plan.weight.may_exceed(limit) else 0
    if plan.gives_bytes:
        return JSON_BATCH
    return page_bytes.BATCH_ROWS if question.options.compute else STREAM_BATCH


@remembered
def needed(catalog: Catalog, resource: PublishedResource, options: Options, names: Sequence[str]) -> Items:
    """Return the properties to read: the asked ones and what expansions hang on."""
    wanted = dict.fromkeys(names)
    for navigation, _ in expander.expansions(catalog, resource, options):
        wanted |= dict.fromkeys(resource.by_column[here].name for here, _ in navigation.pairs)
        wanted |= dict.fromkeys(resource.key)
    items = tuple(item for item in resource.properties if item.name in wanted)
    return Items(items, tuple(item.name for item in items))


def read_one(question: Question, *, names: Sequence[str], root: str, straight: StraightMaker | None = None) -> dict[str, Any] | None:
    """Return the one row that `question.where` names, None when there is none (or the row filter hides it)."""
    items = needed(question.catalog, question.resource, question.options, names)
    plan, found = fetch(question, items, skiptoken.Mark(), 2, 0, page=Page(straight, is_one=True))
    rows = [row for batch in found for row in batch]
    if len(rows) > 1:
        raise not_unique(question.resource)
    return shown(question, plan, rows, root)[0] if rows else None


def count_rows(question: Question) -> int:
    """Return how many rows meet $filter and $search."""
    plan, literals = planned(question, lambda binder: count_plan(binder, question), "count")
    given = {f"={name}": value for name, value in question.where.items()}
    return int(next(run(question, plan, literals, given))[0])
