"""The files connector: a folder that the operator allowed, or uploads; each file or sheet a table, read-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from connections.connectors.cleaning import clean, wrong_zone
from connections.connectors.files import properties as own_properties
from connections.connectors.files.guard import NO_ADDRESS, Guard, check
from connections.connectors.files.paths import Wanted, files_of, nothing
from connections.connectors.files.session import FilesSession
from connections.connectors.testing import Steps, listed, tested
from connections.contract.connector import FILES, TestStep
from connections.contract.context import NONE, Context
from connections.contract.errors import InvalidProperties
from connections.contract.property import Property


class FilesConnector:
    """CSV, TSV, JSON, NDJSON, Parquet and Excel files."""

    key: ClassVar[str] = "files"
    label: ClassVar[str] = "Files"
    category: ClassVar[str] = FILES
    description: ClassVar[str] = "CSV, TSV, JSON, NDJSON, Parquet and Excel files of an allowed folder, or uploaded ones."
    properties: ClassVar[tuple[Property, ...]] = own_properties.PROPERTIES
    url_schemes: ClassVar[tuple[str, ...]] = ()
    takes_uploads: ClassVar[tuple[str, ...]] = own_properties.ENDINGS

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values typed and with defaults."""
        found = clean(self.properties, values)
        own_properties.check(found)
        check(found["URI"] or "")
        if wrong := wrong_zone(found):
            raise InvalidProperties(wrong)
        return found

    def from_url(self, url: str) -> dict[str, Any]:
        """Refuse: files have no address."""
        raise InvalidProperties({"URI": NO_ADDRESS})

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> FilesSession:
        """Return a session; files are opened when they are read."""
        values = self.clean(values)
        guard, wanted = places(values, context)
        types = own_properties.column_types(values["ColumnTypes"] or "")
        return FilesSession(guard, wanted, own_properties.options_of(values), own_properties.words(values["Sheet"]), types)

    def test(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> list[TestStep]:
        """Run the named steps; stop at the first that fails, or when the time is over."""
        return tested(lambda: self.clean(values), lambda found: self.steps(found, context))

    def steps(self, values: Mapping[str, Any], context: Context) -> Steps:
        """Give: open (the folder is allowed and there), list_tables."""
        session = self.open(values, context=context)

        def find() -> str:
            count = sum(1 for _ in files_of(*places(values, context)))
            if not count:
                raise nothing(values["URI"] or "")
            return "1 file was found" if count == 1 else f"{count} files were found"

        yield "open", find
        yield "list_tables", lambda: listed(session.list_tables())

    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Forbid nothing here: the guard refuses the product's own files when they are opened."""
        return ""


def places(values: Mapping[str, Any], context: Context) -> tuple[Guard, Wanted]:
    """Return the folders of the connection and what to look for in them."""
    uri = values["URI"] or ""
    wanted = Wanted(uri, own_properties.endings(values["IncludeFiles"]), values["IncludeSubdirectories"])
    roots = context.folders if uri else tuple(path for path in (context.uploads,) if path)
    return Guard(roots, context.own), wanted
