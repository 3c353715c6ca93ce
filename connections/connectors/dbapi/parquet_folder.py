"""Parquet: a folder of the server that jobs fill, a file for each table. Other programs read the files.

Beside them, hidden, lies a DuckDB database with the same rows: loads are merged there in transactions, and this connection reads there.
"""

from __future__ import annotations

import copy
import os
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from connections.connectors.dbapi.connector import TUNING
from connections.connectors.dbapi.duckdb_file import CONFIG, DuckdbConnector, DuckdbSession
from connections.connectors.dbapi.loading_duckdb import DuckdbLoading
from connections.connectors.dbapi.loading_parquet import HIDDEN, MAKE_TABLES, TABLES, ParquetLoading
from connections.connectors.dbapi.rules import Catalog, Rules
from connections.connectors.files.guard import Guard, check
from connections.connectors.sql.values import zone_of
from connections.connectors.testing import Steps, listed
from connections.contract.connector import FILES
from connections.contract.context import NONE, Context
from connections.contract.errors import InvalidProperties, NotSupported, SourceRejected
from connections.contract.property import Property

FILE = "tables.duckdb"


class ParquetConnector(DuckdbConnector):
    """A folder of Parquet files."""

    key: ClassVar[str] = "parquet"
    label: ClassVar[str] = "Parquet folder"
    category: ClassVar[str] = FILES
    description: ClassVar[str] = "A folder of Parquet files that jobs fill, one file for each table."
    properties: ClassVar[tuple[Property, ...]] = (
        Property(
            "URI",
            "Folder",
            is_required=True,
            placeholder="lake/sales",
            help="Path on the server, below a folder that it allows; the first load makes it.",
        ),
        *TUNING,
    )
    url_schemes: ClassVar[tuple[str, ...]] = ()
    loading: ClassVar[type[DuckdbLoading]] = ParquetLoading
    # What a load takes of memory does not grow with the table: joins and sorts that are larger go to the disk.
    # UUIDs and JSON are written as such.
    config: ClassVar[Mapping[str, str]] = {**CONFIG, "memory_limit": "96MB", "threads": "1", "arrow_lossless_conversion": "true"}
    rules: ClassVar[Rules] = replace(DuckdbConnector.rules, writes=frozenset(), keys_hold=False)
    catalog: ClassVar[Catalog] = replace(
        DuckdbConnector.catalog,
        keys=f"SELECT schema_name, table_name, 'p', 'key', unnest(key), NULL, NULL, NULL FROM {TABLES} WHERE {{refs}}",  # noqa: S608
    )
    context: Context = NONE  # of the session that this one was copied for

    def check(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return what is wrong with the path."""
        try:
            check(values["URI"])
        except InvalidProperties as error:
            return error.errors
        return {}

    def from_url(self, url: str) -> dict[str, Any]:
        """Refuse: a folder has no address."""
        raise InvalidProperties({"URI": "must be a path on the server, not an address"})

    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Forbid nothing here: the product's own folder is refused when it is opened."""
        return ""

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> ParquetSession:
        """Return a session that rows can be loaded through, too."""
        values, placed = self.clean(values), copy.copy(self)
        placed.context = context
        return ParquetSession(placed, values, zone=zone_of(values["TimeZone"]), read_only=read_only, keeps_idle=False)

    def steps(self, values: Mapping[str, Any], context: Context) -> Steps:
        """Give: driver, open (the folder is allowed), list_tables."""
        session = self.open(values, context=context)
        yield "driver", self.found_driver
        yield "open", lambda: seen(session.folder())
        try:
            yield "list_tables", lambda: listed(session.list_tables() if (session.folder() / HIDDEN / FILE).exists() else [])
        finally:
            session.close()

    def folder(self, values: Mapping[str, Any]) -> Path:
        """Return the folder; raise for one that is not allowed."""
        guard = Guard(self.context.folders, self.context.own)
        return guard.writable(*guard.locate(values["URI"]))

    def connect(self, values: Mapping[str, Any], *, is_writer: bool) -> Any:
        """Return a connection to the hidden database, which is made where there is none."""
        path = self.folder(values) / HIDDEN / FILE
        if not path.exists():
            self._make(path)
        return super().connect({**values, "Database": str(path)}, is_writer=is_writer)

    def _make(self, path: Path) -> None:
        """Make the hidden database under another name first: it is there whole, or not at all."""
        made = path.with_name(f"{uuid.uuid4().hex}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self.driver().connect(str(made), config=dict(self.config)) as database:
                database.execute(MAKE_TABLES)
            with suppress(FileExistsError):  # another process made it meanwhile
                os.link(made, path)
        except OSError as error:
            folder = path.parent.parent
            raise SourceRejected(f"The folder {folder} can't be written.", hint="Give the server's own user the right to.") from error
        finally:
            made.unlink(missing_ok=True)


class ParquetSession(DuckdbSession):
    """A Parquet folder in use; also the writer that jobs load through."""

    _database: ParquetConnector

    def folder(self) -> Path:
        """Return the folder; raise for one that is not allowed."""
        return self._database.folder(self._values)

    def loading(self, seconds: int) -> ParquetLoading:
        """Return a writer whose statements may take so long each, and that waits as long for others to leave the folder."""
        if self._is_read_only:
            raise NotSupported("This connection is read-only.", hint="An administrator can allow writes on the connection's page.")
        values = {**self._values, "ConnectTimeout": max(seconds, self._values["ConnectTimeout"])}
        return self.writer(partial(ParquetLoading, self.folder), values, seconds)


def seen(folder: Path) -> str:
    """Return what there is of a folder."""
    return f"{folder} is there" if folder.is_dir() else f"{folder} is made by the first load"
