"""What a client of the tabular protocol checks of a service, written from its published rules; knows nothing of the server.

Rules: microsoft/Power-Fx docs/enhanced-connectors.md and the validator of microsoft/power-fx-enhanced-connector.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Get = Callable[[str], tuple[int, bytes]]
LOGICAL = re.compile(r"[a-zA-Z0-9_\-\\/.:\[\]{}]{2,72}")
COLUMN = re.compile(r"[a-zA-Z0-9_]{1,72}")
WORDS = """eq ne lt le gt ge and or not null contains startswith endswith indexof substringof length tolower toupper trim year month day
hour minute second date add sub mul div sum min max average count countdistinct top distinct cdsin arraylookup astype"""
FUNCTIONS = frozenset(WORDS.split())
# type, format -> what a value of JSON is
KINDS: dict[str, type | tuple[type, ...]] = {"string": str, "integer": int, "number": (int, float, str), "boolean": bool, "array": list}
TABLE_KEYS = {
    "filterable": ["nonFilterableProperties", "requiredProperties"],
    "sortable": ["unsortableProperties", "ascendingOnlyProperties"],
}
LITERALS: dict[str, Callable[[Any], str]] = {
    "string": lambda value: "'" + value.replace("'", "''") + "'",
    "integer": str,
    "number": repr,
    "boolean": lambda value: str(value).lower(),
}
BARE = ("date", "date-time", "uuid")


def twice(text: str) -> str:
    """Return a name as clients put it where the service asks for double encoding."""
    return quote(quote(text, safe=""), safe="")


@dataclass
class Judge:
    """Asks a service all that an app would and notes what it objects to."""

    get: Get
    complaints: list[str] = field(default_factory=list)
    asked: int = 0

    def json(self, path: str, status: int = 200) -> Any:
        """Return the body of an answer of the status."""
        self.asked += 1
        found, body = self.get(path)
        value = json.loads(body)
        if found != status:
            self.complaints.append(f"{path}: {found} instead of {status}: {body[:300]!r}")
        if status >= 400 and (value.get("statusCode") != status or not value.get("message") or "error" not in value):
            self.complaints.append(f"{path}: an error without statusCode or message")
        return value

    def all(self) -> list[str]:
        """Judge every table of every dataset; return the complaints."""
        about = self.json("/$metadata.json/datasets")["tabular"]
        self.holds((about["source"], about["urlEncoding"]) == ("mru", "double"), f"metadata of datasets: {about}")
        datasets = self.json("/datasets")["value"]
        self.names("datasets", datasets)
        for dataset in datasets:
            tables = self.json(f"/datasets/{twice(dataset['Name'])}/tables")["value"]
            self.names(dataset["Name"], tables)
            for table in tables:
                self.table(dataset["Name"], table)
            unknown = f"/$metadata.json/datasets/{twice(dataset['Name'])}/tables/{uuid.uuid4().hex}?api-version=2015-09-01"
            self.json(unknown, 404)
        return self.complaints

    def holds(self, claim: bool, complaint: str) -> None:
        if not claim:
            self.complaints.append(complaint)

    def names(self, where: str, listed: list[dict[str, str]]) -> None:
        """Judge logical and display names."""
        self.holds(bool(listed), f"{where}: nothing is there")
        for kind in ("Name", "DisplayName"):
            found = [item[kind] for item in listed]
            self.holds(len(set(found)) == len(found) and all(item.strip() for item in found), f"{where}: {kind} blank or twice: {found}")
        wrong = [item["Name"] for item in listed if not LOGICAL.fullmatch(item["Name"])]
        self.holds(not wrong, f"{where}: not logical names: {wrong}")
        taken_apart = [item["DisplayName"] for item in listed if set(item["DisplayName"]) & set(".[]{}")]
        self.holds(not taken_apart, f"{where}: clients would take apart {taken_apart}")

    def table(self, dataset: str, table: dict[str, str]) -> None:
        """Judge one table: its description, then its rows."""
        found = self.json(f"/$metadata.json/datasets/{twice(dataset)}/tables/{twice(table['Name'])}?api-version=2015-09-01")
        where = table["Name"]
        self.holds((found["name"], found["title"]) == (table["Name"], table["DisplayName"]), f"{where}: named otherwise in its description")
        schema = found["schema"]
        columns = schema["items"]["properties"]
        self.holds((schema["type"], schema["items"]["type"]) == ("array", "object") and bool(columns), f"{where}: no table")
        self.keys(where, found, schema["items"].get("required", []))
        self.columns(where, columns)
        self.capabilities(where, found["x-ms-capabilities"], columns)
        self.rows(dataset, where, columns)

    def keys(self, where: str, found: dict[str, Any], required: list[str]) -> None:
        """Judge which columns are the key and who gives their values."""
        columns = found["schema"]["items"]["properties"]
        keys = [name for name, item in columns.items() if item["x-ms-keyType"] == "primary"]
        self.holds(list(columns)[: len(keys)] == keys, f"{where}: the key does not come first")
        orders = [columns[name]["x-ms-keyOrder"] for name in keys]
        self.holds(orders == sorted(set(orders)), f"{where}: orders of the key: {orders}")
        for name in keys:
            pair = columns[name]["x-ms-permission"], name in required
            self.holds(pair in (("read-only", False), ("read-write", True)), f"{where}.{name}: who gives the key? {pair}")
        self.holds(found["x-ms-permission"] in ("read-only", "read-write"), f"{where}: {found['x-ms-permission']}")
        self.holds(bool(keys) or found["x-ms-permission"] == "read-only", f"{where}: writable without a key")
        self.holds(set(required) <= set(columns) and "required" not in found["schema"], f"{where}: requires {required}")
        if found["x-ms-permission"] == "read-only":
            self.holds({item["x-ms-permission"] for item in columns.values()} == {"read-only"}, f"{where}: columns of a read-only table")

    def columns(self, where: str, columns: dict[str, dict[str, Any]]) -> None:
        """Judge names, types and claims of columns."""
        titles = [item["title"] for item in columns.values()]
        self.holds(len(set(titles)) == len(titles), f"{where}: columns shown alike: {titles}")
        for name, item in columns.items():
            self.holds(bool(COLUMN.fullmatch(name)), f"{where}.{name}: not a logical name")
            self.holds(item["type"] in KINDS and item["x-ms-sort"] in ("asc,desc", "none"), f"{where}.{name}: {item}")
            functions = item.get("x-ms-capabilities", {}).get("filterFunctions")
            if functions is not None:
                self.holds(
                    bool(functions) and set(functions) <= FUNCTIONS and len(set(functions)) == len(functions),
                    f"{where}.{name}: {functions}",
                )

    def capabilities(self, where: str, found: dict[str, Any], columns: dict[str, dict[str, Any]]) -> None:
        """Judge what the table claims against what its columns claim."""
        for key, (restricted, _) in TABLE_KEYS.items():
            part = found["filterRestrictions" if key == "filterable" else "sortRestrictions"]
            if not part[key]:
                self.holds(list(part) == [key], f"{where}: {part}")
                continue
            able = [
                name
                for name, item in columns.items()
                if (item["x-ms-sort"] != "none" if key == "sortable" else "x-ms-capabilities" in item)
            ]
            self.holds(sorted([*able, *part[restricted]]) == sorted(columns), f"{where}: {restricted} and the columns differ")
        union = {name for item in columns.values() for name in item.get("x-ms-capabilities", {}).get("filterFunctions", [])}
        self.holds(set(found["filterFunctionSupport"]) == union, f"{where}: functions of the table and of its columns differ")
        self.holds(found["odataVersion"] in (3, 4) and "top" in found["serverPagingOptions"], f"{where}: {found}")

    # ---- rows ----

    def items(self, dataset: str, table: str, query: str, status: int = 200) -> list[dict[str, Any]]:
        found = self.json(f"/datasets/{twice(dataset)}/tables/{quote(table, safe='')}/items?api-version=2015-09-01&{query}", status)
        return list(found["value"]) if status == 200 else []

    def rows(self, dataset: str, table: str, columns: dict[str, dict[str, Any]]) -> None:
        """Judge pages, selections, filters and orders as far as they are claimed."""
        for top in (1, 100, 5000):
            self.holds(len(self.items(dataset, table, f"$top={top}")) <= min(top, 2100), f"{table}: more than {top} rows or no pages")
        rows = self.items(dataset, table, "$top=100")
        for row in rows:
            self.types(table, row, columns)
        for names in (list(columns)[:1], list(columns)[:2]):
            for row in self.items(dataset, table, f"$top=10&$select={','.join(names)}"):
                self.holds({name for name in row if name[0] != "@"} == set(names), f"{table}: selected {names}, got {row}")
        self.items(dataset, table, "$filter=%20&$top=10", 400)
        self.items(dataset, table, "$filter=NoSuchColumn%20eq%201", 400)
        self.items(dataset, table, f"$filter=nosuchfunction({next(iter(columns))})%20eq%201", 400)
        self.items(dataset, table, "$orderby=NoSuchColumn", 400)
        self.items(dataset, table, "$select=NoSuchColumn", 400)
        for name, item in columns.items():
            self.filters(dataset, table, name, item, rows)
            self.orders(dataset, table, name, item)

    def types(self, table: str, row: dict[str, Any], columns: dict[str, dict[str, Any]]) -> None:
        unknown = {name for name in row if name[0] != "@"} - set(columns)
        self.holds(not unknown, f"{table}: not in its description: {unknown}")
        for name, value in row.items():
            if value is not None and name in columns:
                kind = columns[name]["type"]
                self.holds(
                    isinstance(value, KINDS[kind]) and (kind == "boolean" or value is not True), f"{table}.{name}: {value!r} is no {kind}"
                )

    def filters(self, dataset: str, table: str, name: str, item: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        """Ask for values that are known to be there, by each comparison that is claimed."""
        functions = item.get("x-ms-capabilities", {}).get("filterFunctions", [])
        if "eq" not in functions:
            return
        for value in list(dict.fromkeys(row[name] for row in rows))[:3]:
            text = "null" if value is None else str(value) if item.get("format") in BARE else LITERALS[item["type"]](value)
            found = self.items(dataset, table, f"$top=100&$filter={quote(f'{name} eq {text}', safe='')}")
            self.holds(bool(found) and all(row[name] == value for row in found), f"{table}.{name} eq {text}: {found[:2]}")

    def orders(self, dataset: str, table: str, name: str, item: dict[str, Any]) -> None:
        """Ask for the order that is claimed: blanks lowest, text by code points."""
        if item["x-ms-sort"] == "none":
            return
        for direction in item["x-ms-sort"].split(","):
            values = [row[name] for row in self.items(dataset, table, f"$top=100&$orderby={name}%20{direction}&$select={name}")]
            wanted = sorted(values, key=lambda value: (value is not None, value if value is not None else 0), reverse=direction == "desc")
            self.holds(values == wanted, f"{table}.{name} {direction}: {values[:5]}")
