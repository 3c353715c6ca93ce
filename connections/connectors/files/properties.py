"""The properties of file connections, and what they mean to the formats."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Any

from connections.connectors.files.formats import Options
from connections.connectors.sql.properties import TUNING
from connections.connectors.sql.values import zone_of
from connections.contract.errors import InvalidProperties
from connections.contract.property import Property
from connections.contract.table import Type

ENDINGS = ("CSV", "TSV", "TAB", "TXT", "JSON", "NDJSON", "JSONL", "PARQUET", "XLSX", "XLSM")
ROW_SCAN, NO_TYPES = "RowScan", "None"
DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
# "Orders.csv: Zip = String", or "Zip = String" for every table.
TYPE_LINE = re.compile(r"(?:(?P<table>[^:=]+):)?(?P<column>[^=]+)=(?P<type>[^=]+)")
TYPES = {item.value.lower(): item for item in Type if item is not Type.BINARY}

PROPERTIES = (
    Property(
        "URI",
        "File, folder or pattern",
        placeholder="sales/2026/*.csv",
        help="Path on the server, below a folder that it allows; * and ? fit names, ** any folders. Empty: the files uploaded here.",
    ),
    Property(
        "IncludeFiles", "Kinds of file", default=",".join(ENDINGS), help="Endings of the files that become tables, with commas between."
    ),
    Property(
        "IncludeSubdirectories",
        "Folders below",
        kind="boolean",
        default=False,
        help="Files of the folders below become tables too; their folder is the schema.",
    ),
    Property("Delimiter", group="Advanced", is_advanced=True, help="Between two fields: a character, or tab. Empty: found out."),
    Property(
        "Encoding",
        group="Advanced",
        is_advanced=True,
        placeholder="shift_jis",
        help="Of text files, such as windows-1252, shift_jis, utf-16. Empty: found out.",
    ),
    Property("HasHeader", "First row has the names", kind="boolean", default=True, group="Advanced", is_advanced=True),
    Property(
        "NullValues",
        "Words for null",
        group="Advanced",
        is_advanced=True,
        placeholder="NULL,N/A",
        help="With commas between. An empty field is always null.",
    ),
    Property("JSONPath", "Path of the rows", group="Advanced", is_advanced=True, placeholder="$.data.items", help="In JSON files."),
    Property("Sheet", "Sheets", group="Advanced", is_advanced=True, help="Names of the sheets to show, with commas between. Empty: all."),
    Property(
        "TypeDetectionScheme",
        "Types",
        kind="choice",
        choices=(ROW_SCAN, NO_TYPES),
        default=ROW_SCAN,
        group="Schema",
        is_advanced=True,
        help="RowScan finds the types out from the rows. None: all columns of CSV, JSON and Excel are text.",
    ),
    Property(
        "RowScanDepth",
        "Rows to find types from",
        kind="integer",
        default=0,
        minimum=0,
        group="Schema",
        is_advanced=True,
        help="With 0 all rows are looked at, so that every value fits.",
    ),
    Property(
        "ColumnTypes",
        "Types of columns",
        kind="text",
        group="Schema",
        is_advanced=True,
        placeholder="Orders.csv: Zip = String",
        help="One a line, for CSV, JSON and Excel: Column = Type, or Table: Column = Type.",
    ),
    *(item for item in TUNING if item.name == "TimeZone"),
)


def check(values: Mapping[str, Any]) -> None:
    """Raise InvalidProperties for values that can't work."""
    wrong: dict[str, str] = {}
    for name, read in (("Delimiter", delimiter), ("Encoding", encoding), ("IncludeFiles", endings), ("ColumnTypes", column_types)):
        try:
            read(str(values.get(name) or ""))
        except ValueError as error:
            wrong[name] = str(error)
    if wrong:
        raise InvalidProperties(wrong)


def options_of(values: Mapping[str, Any]) -> Options:
    """Return what the properties say to the formats."""
    return Options(
        delimiter=delimiter(values["Delimiter"] or ""),
        encoding=encoding(values["Encoding"] or ""),
        has_header=values["HasHeader"],
        nulls=frozenset(("", *words(values["NullValues"]))),
        json_path=tuple(part for part in (values["JSONPath"] or "").removeprefix("$").split(".") if part),
        scan_depth=values["RowScanDepth"],
        is_typed=values["TypeDetectionScheme"] == ROW_SCAN,
        zone=zone_of(values["TimeZone"]),
    )


def words(text: str | None) -> tuple[str, ...]:
    """Return what stands between commas."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def delimiter(text: str) -> str:
    """Return the character between fields."""
    found = DELIMITERS.get(text.strip().lower(), text)
    if len(found) > 1 or found in ('"', "\r", "\n"):
        raise ValueError("must be one character, or tab")
    return found


def encoding(text: str) -> str:
    """Return the encoding; raise ValueError for one that is not known or not of text."""
    if not text:
        return ""
    try:
        found = codecs.lookup(text.strip())
        "".encode(found.name)
    except (LookupError, TypeError, ValueError):
        raise ValueError(f"{text!r} is no known encoding, such as shift_jis") from None
    return found.name


def endings(text: str) -> frozenset[str]:
    """Return the endings of files to include."""
    found = frozenset(word.lstrip("*.").upper() for word in words(text))
    unknown = sorted(found - set(ENDINGS))
    if unknown:
        raise ValueError(f"{unknown[0]} is no kind of file that is read: known are {', '.join(ENDINGS)}")
    return found


def column_types(text: str) -> dict[tuple[str, str], Type]:
    """Return type by table ('' = every table) and column."""
    found: dict[tuple[str, str], Type] = {}
    for line in filter(str.strip, text.splitlines()):
        parts = TYPE_LINE.fullmatch(line.strip())
        type_ = TYPES.get(parts["type"].strip().lower()) if parts else None
        if parts is None or type_ is None:
            raise ValueError(
                f"{line.strip()!r} is not of the form Column = Type, with one of {', '.join(item.value for item in TYPES.values())}"
            )
        found[(parts["table"] or "").strip(), parts["column"].strip()] = type_
    return found
