"""A folder of files, a session over it, and all rows of a table of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connections.connectors.files.connector import FilesConnector
from connections.connectors.files.session import FilesSession
from connections.contract.context import Context
from connections.contract.scan import Offer, Order, Predicate, Scan
from connections.contract.table import Table


def session(folder: Path, own: tuple[str, ...] = (), **values: Any) -> FilesSession:
    return FilesConnector().open({"URI": ".", **values}, context=Context(folders=(folder,), own=own))


def table(opened: FilesSession, name: str) -> Table:
    ref = next(item.ref for item in opened.list_tables() if item.ref.name == name)
    return opened.describe([ref])[0]


def types(found: Table) -> dict[str, str]:
    """Return the type of each column of the file."""
    return {column.name: column.type.value for column in found.columns[1:]}


def offer(
    opened: FilesSession, found: Table, *columns: str, where: tuple[Predicate, ...] = (), order: tuple[Order, ...] = (), **more: Any
) -> Offer:
    return opened.offer(Scan(found, columns or tuple(found.by_name), where, order, **more))


def rows(opened: FilesSession, found: Table, *columns: str, **more: Any) -> list[tuple[Any, ...]]:
    asked = columns or tuple(column.name for column in found.columns[1:])
    return [row for batch in opened.read(offer(opened, found, *asked, **more)) for row in batch.rows]


def read(folder: Path, name: str, **values: Any) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    """Return types and rows of one table."""
    opened = session(folder, **values)
    found = table(opened, name)
    return types(found), rows(opened, found)
