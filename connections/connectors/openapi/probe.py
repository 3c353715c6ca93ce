"""Asks a table for its first page and for page two, and says what that settles. Started by a person or by check_connector."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connections.connectors.http.session import HttpSession
from connections.connectors.openapi.overlay import correct, in_body
from connections.connectors.openapi.sample import WHOLE, described_by, is_undescribed
from connections.connectors.openapi.session import OpenapiSession
from connections.contract.errors import BadAnswer, ConnectorError, SourceRejected, TableGone
from connections.contract.scan import Scan
from connections.contract.table import TableRef

READ = ("path", "method", "params", "body", "needs", "headers", "parent")  # what a call is made of
SIZE = 5  # rows a page while probing, where the service lets itself be told
Rows = list[str]  # one text a row: compared, never shown


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a probe found."""

    is_settled: bool
    text: str
    changes: Mapping[str, Any] = field(default_factory=dict)  # of the table's overlay


@dataclass(frozen=True, slots=True)
class Pages:
    """What came of one way to ask."""

    first: Rows
    second: Rows
    is_repeated: bool = False


def probe(session: OpenapiSession, name: str) -> Verdict:
    """Return what the service tells of a table's rows and pages; raise ConnectorError where it can't be asked."""
    manifest = session.derived.manifest
    table = manifest["tables"].get(name)
    if table is None:
        raise TableGone(f"There is no table {name}.", hint="Read the document again.")
    changes: dict[str, Any] = {}
    if is_undescribed(table):
        found = described_by(whole_answer(session, name), table["read"][0]["path"])
        if found is None:
            return Verdict(False, "The answer holds no list of objects.")
        changes, table = found, correct(table, found)
    try:
        if table["read"][0].get("single"):
            return one_row(session, name, table)
        first = pages(session, name, table, {"type": "none"})
    except BadAnswer as error:
        changes, table = elsewhere(session, name, table, error)
        first = pages(session, name, table, {"type": "none"})
    if not first.first:
        return Verdict(False, "The table is empty now, so nothing can be told of its pages.", changes)
    verdict = settled(session, name, table, first.first)
    return Verdict(verdict.is_settled, verdict.text, {**changes, **verdict.changes})


def elsewhere(session: OpenapiSession, name: str, table: dict[str, Any], error: BadAnswer) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the corrections of a table whose rows are not where the document says, and the table with them."""
    found = described_by(whole_answer(session, name), table["read"][0]["path"])
    if found is None:
        raise error
    changes = {"rows": found["rows"]}
    return changes, correct(table, changes)


def one_row(session: OpenapiSession, name: str, table: dict[str, Any]) -> Verdict:
    """Read the one row of a view."""
    rows = pages(session, name, table, None).first
    return Verdict(bool(rows), "The row was read." if rows else "The service gave no row.")


def settled(session: OpenapiSession, name: str, table: dict[str, Any], base: Rows) -> Verdict:
    """Try one way after the other until page two differs from page one."""
    failures: list[str] = []
    for paging in ways(table):
        try:
            found = pages(session, name, table, paging)
        except BadAnswer:
            continue  # the service repeats itself: it does not know this way
        except SourceRejected as error:
            failures.append(error.message)
            continue
        verdict = judged(paging, found, base)
        if verdict is not None:
            return verdict
    if failures and len(base) % 5 == 0:
        return Verdict(False, f"Page two can't be found. The service says: {failures[0]}")
    if len(base) % 5:
        return Verdict(True, f"All ways gave the same {len(base)} rows: that is the whole table.", {"paging": {"type": "none"}})
    return Verdict(False, f"All ways gave the same {len(base)} rows. If that is the whole table, set paging to none.")


def judged(paging: dict[str, Any], found: Pages, base: Rows) -> Verdict | None:
    """Return what a way proves, None where it proves nothing."""
    kind = paging["type"]
    shown = {key: value for key, value in paging.items() if key != "size" or "max" in value}
    if found.is_repeated or (found.second and set(found.second) <= set(found.first)):
        return None
    if kind in ("page", "offset") and found.first[:1] != base[:1]:
        return None  # the first page is another one: counting begins elsewhere
    if found.second:
        return Verdict(True, f"Page two was read by {kind}: {len(found.first)} rows, then {len(found.second)} others.", {"paging": shown})
    if kind in ("page", "offset"):
        return Verdict(
            True, f"The service knows {paging['param']}: page two is empty, page one has {len(found.first)} rows.", {"paging": shown}
        )
    return None


def ways(table: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the ways to ask for pages, the derived one first."""
    told = {key: value for key, value in table["read"][0].get("paging", {}).items() if key != "reason"}
    kind = told.get("type")
    if kind not in (None, "unknown", "auto", "none"):
        yield told
    size = told.get("size")
    yield {"type": "auto"}
    if kind == "page":
        yield {**told, "start": 1 - int(told.get("start", 1))}
    for param in ("page", "page_number"):
        for start in (1, 0):
            yield {"type": "page", "param": param, "start": start, **({"size": size} if size else {})}
    key = table["columns"].get((table.get("key") or [""])[-1])
    if isinstance(key, dict) and key.get("path"):
        yield {"type": "last_id", "param": "starting_after", "id": key["path"]}
    for param in ("offset", "skip", "start"):
        yield {"type": "offset", "param": param, "start": 0, **({"size": size} if size else {})}


def pages(session: OpenapiSession, name: str, table: dict[str, Any], paging: dict[str, Any] | None) -> Pages:
    """Read two pages in one way; the key is left out, so that repeated rows are seen."""
    read = {key: value for key, value in table["read"][0].items() if key not in ("total",)}
    if paging is not None:
        size = paging.get("size")
        read["paging"] = {**paging, "size": {**size, "max": min(SIZE, size.get("max", SIZE))}} if size else paging
        if read.get("method") == "POST":
            read["paging"] = in_body(read["paging"])
    variant = {key: value for key, value in table.items() if key not in ("key", "partial", "write")}
    inner = varied(session, name, {**variant, "read": [read]})
    try:
        batches = batches_of(inner, name)
        first = next(batches, [])
        try:
            return Pages(first, next(batches, []))
        except BadAnswer:
            return Pages(first, [], is_repeated=True)
    finally:
        inner.close()


def batches_of(inner: HttpSession, name: str) -> Iterator[Rows]:
    """Give the pages of a table as comparable texts."""
    table = inner.describe([TableRef("", name)])[0]
    offer = inner.offer(Scan(table, tuple(column.name for column in table.columns if not column.is_costly)))
    reading = inner.read(offer)
    try:
        for batch in reading:
            yield [json.dumps(row, default=str) for row in batch.rows]
    finally:
        close = getattr(reading, "close", None)
        if close is not None:
            close()


def varied(session: OpenapiSession, name: str, table: dict[str, Any]) -> HttpSession:
    """Return a session whose manifest has this table in the place of the derived one."""
    manifest = session.derived.manifest
    return session.variant({**manifest, "tables": {**manifest["tables"], name: table}})


def whole_answer(session: OpenapiSession, name: str) -> Any:
    """Return the answer of an undescribed table, be it an array or an object."""
    table = session.derived.manifest["tables"][name]
    column = {WHOLE: {"path": [], "type": "json"}}
    given = {key: value for key, value in table["columns"].items() if value.get("given")}
    failure: ConnectorError | None = None
    for read in ({"rows": [], "paging": {"type": "none"}}, {"single": True}):
        kept = {key: value for key, value in table["read"][0].items() if key in READ}
        inner = varied(session, name, {"columns": {**given, **column}, "read": [{**kept, **read}]})
        try:
            described = inner.describe([TableRef("", name)])[0]
            batch = next(iter(inner.read(inner.offer(Scan(described, (WHOLE,))))), None)
            rows = [json.loads(row[0]) for row in batch.rows[:100] if row[0] is not None] if batch is not None else []
            return rows[0] if read.get("single") and rows else rows
        except BadAnswer as error:
            failure = error
        finally:
            inner.close()
    raise failure or BadAnswer("The service gave no list.")
