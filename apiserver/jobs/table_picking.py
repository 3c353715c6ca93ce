"""Tables of a source to choose from, by search, schema and kind, each with the statement that replicates it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils import timezone

from apiserver.jobs.replicate import named
from connections.contract.errors import ConnectorError
from connections.contract.table import TableInfo, TableRef
from connections.models import Connection
from connections.picking import MOST_TABLES, pick, schemas
from connections.services import list_tables

FIELDS = ("q", "within", "of", "table")


@dataclass(frozen=True, slots=True)
class Choice:
    """A table of the list. `value` is that of its tick; `is_taken`: the job has a task that reads it."""

    it: TableInfo
    value: str
    is_ticked: bool = False
    is_taken: bool = False


def value_of(ref: TableRef) -> str:
    """Return the value of a table's tick: schema and name, told apart by a bar."""
    return f"{ref.schema}|{ref.name}"


def statements(known: Iterable[TableInfo]) -> dict[str, str]:
    """Return the statement of each table by its value; tables of one name get their schema's before it at the destination."""
    infos = list(known)
    names = Counter(info.ref.name.lower() for info in infos)
    return {value_of(info.ref): statement_of(info.ref, is_alone=names[info.ref.name.lower()] == 1) for info in infos}


def statement_of(ref: TableRef, *, is_alone: bool) -> str:
    """Return the statement that replicates a table; alone of its name it needs no schema."""
    if is_alone:
        return f"REPLICATE {named([ref.name])}"
    return f"REPLICATE {named([f'{ref.schema}_{ref.name}'])} {named([ref.schema, ref.name])}"


def found_tables(source: Connection, given: Mapping[str, Any], *, taken: Collection[str] = (), refresh: bool = False) -> dict[str, Any]:
    """Return what the search finds, and the ticks of what it does not show, or why the source can't tell. `taken`: statements there are."""
    text, within, kind = (str(given.get(name, "") or "") for name in ("q", "within", "of"))
    context: dict[str, Any] = {"q": text, "within": within, "of": kind, "source": source, "most": MOST_TABLES}
    try:
        known = list_tables(source, now=timezone.now(), refresh=refresh)
    except ConnectorError as error:
        return context | {"failure": error}
    found = [info for info in pick(known, text, within) if kind in ("", info.kind)]
    written = statements(known)
    ticked = ticks(given) | ({value_of(info.ref) for info in found[:MOST_TABLES]} if "all" in given else set())
    rows = [
        Choice(info, value_of(info.ref), value_of(info.ref) in ticked, written[value_of(info.ref)] in taken) for info in found[:MOST_TABLES]
    ]
    shown = {row.value for row in rows}
    others = [value_of(info.ref) for info in known if value_of(info.ref) in ticked - shown]
    has_kinds = len({info.kind for info in known}) > 1
    return context | {"rows": rows, "others": others, "count": len(found), "schemas": schemas(known), "has_kinds": has_kinds}


def ticks(given: Mapping[str, Any]) -> set[str]:
    """Return the values of the tables that are ticked."""
    return set(given.getlist("table")) if isinstance(given, QueryDict) else set()


def ticked_statements(source: Connection, given: QueryDict) -> dict[str, str]:
    """Return the statements of the ticked tables by their values, in the order of the list; raise ConnectorError."""
    wanted = ticks(given)
    return {value: text for value, text in statements(list_tables(source, now=timezone.now())).items() if value in wanted}
