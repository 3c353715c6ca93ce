"""The oracle of pushdown: the same question with pushdown on and off gives the same rows. Any source that gives rows can be held to it.

`check_agreement(session, ref)` asks random questions over the table's own columns and values.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from apiserver.odata.payload_values import plain_text
from apiserver.resources.catalog import Catalog
from apiserver.resources.names import identifier
from connections.contract.scan import RowSession
from connections.contract.table import NUMBERS, Column, Table, TableRef, Type
from connections.engine.session import EngineSession
from tests.connectors.rows_read import read_rows
from tests.odata.service_harness import Service, published

EXAMPLES = int(os.environ.get("APISERVER_PROPERTY_EXAMPLES", "0"))
QUOTED = frozenset({Type.STRING})
UNORDERED = frozenset({Type.BOOLEAN, Type.BINARY})
PARTS = {Type.TIMESTAMP: ("year", "month", "day", "hour"), Type.DATE: ("year", "month", "day"), Type.TIME: ("hour", "minute")}


def service_of(session: RowSession, refs: Sequence[TableRef], *, pushdown: bool = True, page_size: int = 100) -> Service:
    """Return the tables as an OData service in this process."""
    engine = EngineSession(session, pushdown=pushdown)
    tables = engine.describe(refs)
    resources = {identifier(table.ref.name): replace(published(table, tables, "rows"), name=identifier(table.ref.name)) for table in tables}
    return Service(engine, Catalog(resources, f"{id(session)}:{pushdown}:{page_size}", page_size=page_size, max_page_size=10_000))


@dataclass(frozen=True)
class Question:
    """Query options as text."""

    filter: str = ""
    orderby: str = ""
    top: int | None = None
    skip: int | None = None

    def path(self, resource: str, *, is_limited: bool = True) -> str:
        parts = {"$count": "true", "$filter": self.filter, "$orderby": self.orderby}
        if is_limited:
            parts |= {"$top": "" if self.top is None else str(self.top), "$skip": "" if self.skip is None else str(self.skip)}
        return f"{resource}?" + "&".join(f"{name}={quote(text, safe='')}" for name, text in parts.items() if text)


def literal(column: Column, value: Any) -> str:
    """Return a value as it stands in a $filter."""
    text = plain_text(column, value)
    if column.type is Type.DURATION:
        return f"duration'{text}'"
    if column.type is Type.BINARY:
        return f"binary'{text}'"
    return "'" + text.replace("'", "''") + "'" if column.type in QUOTED else text


def literals(column: Column, rows: Sequence[dict[str, Any]]) -> st.SearchStrategy[str]:
    """Return literals that some row has, and null."""
    found = sorted({literal(column, row[column.name]) for row in rows if row[column.name] is not None})
    return st.sampled_from([*found, "null"]) if found else st.just("null")


def conditions(column: Column, rows: Sequence[dict[str, Any]]) -> list[st.SearchStrategy[str]]:
    """Return conditions on one column."""
    name, values = column.name, literals(column, rows)
    operators = st.sampled_from(["eq", "ne"] if column.type in UNORDERED else ["eq", "ne", "lt", "le", "gt", "ge"])
    found = [st.builds(lambda o, v: f"{name} {o} {v}", operators, values)]
    found.append(st.lists(values, min_size=1, max_size=4).map(lambda items: f"{name} in ({','.join(items)})"))
    if column.type is Type.BOOLEAN:
        found.append(st.just(name))
    if column.type is Type.STRING:
        parts = st.sampled_from(sorted({(row[name] or "")[start : start + 2] for row in rows for start in (0, 1)})).map(
            lambda p: p.replace("'", "''")
        )
        functions = st.sampled_from(["contains", "startswith", "endswith"])
        found.append(st.builds(lambda f, p: f"{f}({name},'{p}')", functions, parts))
        found.append(st.builds(lambda v: f"tolower({name}) eq tolower({v})" if v != "null" else f"length({name}) gt 3", values))
    if column.type in NUMBERS:
        found.append(st.builds(lambda o, v: f"{name} add 1 {o} {v}", operators, values))
    for part in PARTS.get(column.type, ()):
        found.append(st.integers(0, 24).map(lambda n, part=part: f"{part}({name}) gt {n}"))
    return found


def filters(table: Table, rows: Sequence[dict[str, Any]], depth: int = 2) -> st.SearchStrategy[str]:
    """Return conditions over the table's columns, nested to `depth`."""
    asked = [column for column in table.columns if not column.is_collection and not column.is_costly and not column.is_demanded]
    leaves = st.one_of([item for column in asked for item in conditions(column, rows)])
    if depth == 0:
        return leaves
    inner = filters(table, rows, depth - 1)
    pairs = st.builds(lambda a, o, b: f"({a} {o} {b})", inner, st.sampled_from(["and", "and", "or"]), inner)
    return st.one_of(leaves, pairs, pairs, inner.map(lambda a: f"not ({a})"))


def questions(table: Table, rows: Sequence[dict[str, Any]], demands: str = "") -> st.SearchStrategy[Question]:
    """Return questions; `demands` gives demanded columns their values."""
    keys = [c.name for c in table.columns if not c.is_collection and c.type is not Type.BINARY and not c.is_costly]
    key = st.builds(lambda name, way: f"{name} {way}", st.sampled_from(keys), st.sampled_from(["asc", "desc"]))
    orders = st.lists(key, max_size=2, unique_by=lambda item: item.split()[0]).map(",".join)
    wanted = st.just("") | filters(table, rows)
    if demands:
        wanted = wanted.map(lambda text: f"{demands} and ({text})" if text else demands)
    return st.builds(Question, wanted, orders, st.none() | st.integers(0, 12), st.none() | st.integers(0, 5))


def check_agreement(session: RowSession, ref: TableRef, *, demands: str = "", examples: int = 60) -> list[float]:
    """Ask random questions with pushdown on and off; return which shares of the rows they chose."""
    on, off = service_of(session, [ref]), service_of(session, [ref], pushdown=False)
    table, name = session.describe([ref])[0], identifier(ref.name)
    rows = read_rows(off, name, demands)[:200]
    shares: list[float] = []

    @settings(
        max_examples=EXAMPLES or examples, derandomize=not EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(questions(table, rows, demands))
    def check(question: Question) -> None:
        note(question.path(name))
        whole = off.get(question.path(name, is_limited=False), Prefer="maxpagesize=10000")
        pushed = on.get(question.path(name, is_limited=False), Prefer="maxpagesize=10000")
        assert pushed.status == whole.status == 200, (question, pushed.body, whole.body)
        assert pushed.json["@odata.count"] == whole.json["@odata.count"] == len(whole.rows)
        limited = on.get(question.path(name), Prefer="maxpagesize=10000").rows
        first = question.skip or 0
        wanted = whole.rows[first:][: question.top]
        if question.orderby and table.primary_key:
            assert pushed.rows == whole.rows
            assert limited == wanted
        else:
            assert sorted(map(repr, pushed.rows)) == sorted(map(repr, whole.rows))
            assert len(limited) == len(wanted)
            assert all(row in whole.rows for row in limited)
        shares.append(len(whole.rows) / max(1, len(rows)))

    check()
    return shares
