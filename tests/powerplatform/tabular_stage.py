"""Tables of every shape in one database, published in this process, for the tests of the generic connector and the tabular protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.engine.session import EngineSession
from tests import databases
from tests.compliance.filter_expressions import COLUMNS, make_rows
from tests.compliance.rows import seen_in
from tests.connectors.rows_sqlite import PlainRows
from tests.odata.service_harness import Service, open_service

KINDS = (*databases.KINDS, "rows")  # the last is read by the engine, as from a service without SQL
ROWS = make_rows()
GUIDS = [f"0f8fad5b-d9cb-469f-a165-70867728950{digit}" for digit in "ea0"]
COMPOSITE = [(1, "a/b", "slash"), (1, "a,b", "comma"), (2, "50%41", "per cent"), (2, "'q'", "quotes"), (3, "注文", "other script")]
TEXT_KEYS = ["a/b", "a%2Fb", "50%41", "50A", "it's", "注文 太郎", "x,y", "~W10", "?a=b&c", "#", "..", " "]


def open_stage(kind: str, request: pytest.FixtureRequest, folder: Path) -> Service:
    """Return the service over fresh tables."""
    is_rows = kind == "rows"
    database = databases.make("sqlite" if is_rows else kind, "tabular", request, folder)
    database.create("facts", COLUMNS)
    database.insert("facts", [[seen_in(database, row[name]) for name in COLUMNS] for row in ROWS])
    database.create("kinds", {"id": "serial", "g": "guid", "b": "blob", "価格": "numeric(8,3)", "real": "float"})
    database.insert("kinds", [(100 + number, guid, bytes([251, 255, number]), number * 1.5, 1e300) for number, guid in enumerate(GUIDS, 1)])
    database.create("lines", {"a": "integer", "b": "varchar(20)", "v": "varchar(20)"}, "PRIMARY KEY (a, b)")
    database.insert("lines", COMPOSITE)
    database.create("texts", {"code": "varchar(40) PRIMARY KEY", "n": "integer"})
    database.insert("texts", list(zip(TEXT_KEYS, range(len(TEXT_KEYS)), strict=True)))
    database.create("loose", {"x": "varchar(10)", "y": "integer"})
    database.insert("loose", [("a", 1), ("a", 1), ("b", 2), ("c", None), (None, 3)])
    names = ("facts", "kinds", "lines", "texts", "loose")
    return open_service(database, names, wrap=(lambda session: EngineSession(PlainRows(session))) if is_rows else None)
