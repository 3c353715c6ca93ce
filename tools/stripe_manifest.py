"""Write Stripe's manifest from its published OpenAPI document: tools/stripe_manifest.py DOCUMENT [OUTPUT].

Which lists are tables is in stripe_tables.yaml, what goes above them in stripe_head.yaml; columns, filters and writes come from the
document.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml
from stripe_document import Document, Node

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parent / "connections" / "connectors" / "http" / "manifests" / "stripe.yaml"
DEPTH = 2  # objects within objects that become columns of their own
WIDTH = 20  # columns of one such object; a wider one stays JSON
MONEY = re.compile(r"(^|_)(amount|total|subtotal|balance|fee|net|tax)(_|$)")
NO_MONEY = re.compile(r"count|usage|percent|decimal|number")
SEARCH: Node = {
    "params": {"query": "{Query}"},
    "needs": ["Query"],
    "paging": {"type": "cursor", "next": "next_page", "param": "page", "more": "has_more", "size": {"param": "limit", "max": 100}},
    "total": {"path": "total_count", "params": {"expand[]": "total_count"}},
    "filters": [],
}
QUERY = "In Stripe's own language, such as email:'a@example.com' AND created>1700000000."
ACCOUNT = "The connected account (acct_...) to read or write in; empty means the connection's own."
RANGES = {"gt": "gt", "ge": "gte", "lt": "lt", "le": "lte"}
TYPES = {"integer": "int64", "number": "double", "boolean": "boolean", "string": "string"}
NO_STATUS = {"all", "ended"}  # of subscriptions: ask for several statuses at once
PLURALS = {"lookup_keys": "lookup_key", "types": "type", "ids": "id"}
WRITTEN = "Only written; Stripe never tells it."
IDS_THAT_KEEP_THEIR_NAME = {"test_clock"}

Columns = dict[str, Node]


def pascal(path: str) -> str:
    """Return the column's name of a path: address.line1 -> AddressLine1."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[._]", path) if part)


class Columnist:
    """Makes the columns of one table."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.references: dict[str, str] = {}  # path -> the schema whose id stands there

    def columns(self, properties: dict[str, Node], prefix: str = "", depth: int = 0) -> Columns:
        """Return the columns of an object's properties; objects within are flattened, arrays and maps are JSON."""
        found: Columns = {}
        for name, node in properties.items():
            found |= self.column(f"{prefix}{name}", node, depth)
        return found

    def column(self, path: str, node: Node, depth: int) -> Columns:
        """Return what one property becomes."""
        kinds = self.document.choices(node)
        resources = [item["$ref"].rsplit("/", 1)[1] for item in node.get("x-expansionResources", {}).get("oneOf", ())]
        if len(living := [name for name in resources if not name.startswith("deleted_")]) == 1:
            self.references[path] = living[0]
        objects = [kind for kind in kinds if kind.get("type") == "object" or "properties" in kind]
        plain = [kind for kind in kinds if kind.get("type") in TYPES]
        if plain and objects:
            name = pascal(path) if path in IDS_THAT_KEEP_THEIR_NAME else pascal(path) + "Id"
            return {name: {"path": path, "id_of": "id"}}
        if len(objects) == 1 and not plain and objects[0].get("properties"):
            return self.embedded(path, objects[0], depth)
        if plain:
            return {pascal(path): self.scalar(path, plain[0])}
        return {pascal(path) + "Aggregate": {"path": path, "type": "json"}}

    def embedded(self, path: str, node: Node, depth: int) -> Columns:
        """Return what an object within a row becomes."""
        properties = node["properties"]
        if "has_more" in properties:
            return {pascal(path) + "Aggregate": {"path": f"{path}.data", "type": "json"}}  # the first ten: kept only where it is written
        if "id" in properties and "object" in properties:
            return {pascal(path) + "Id": {"path": f"{path}.id"}}
        inner = self.columns(properties, f"{path}.", depth + 1) if depth < DEPTH else {}
        return inner if 0 < len(inner) <= WIDTH else {pascal(path) + "Aggregate": {"path": path, "type": "json"}}

    def demanded(self, properties: dict[str, Node], required: list[str], prefix: str = "") -> set[str]:
        """Return the paths of a body that must be given; of an object that must, the parts that it can't do without."""
        found: set[str] = set()
        for name in required:
            node = self.document.choices(properties[name])[0]
            found |= {f"{prefix}{name}", *self.demanded(node.get("properties", {}), node.get("required", []), f"{prefix}{name}.")}
        return found

    def is_plain(self, column: Node) -> bool:
        """Claim that a column is one value, no object and no id in the place of one."""
        return "id_of" not in column and column.get("type") != "json"

    def takes(self, properties: dict[str, Node], path: str, kind: str) -> bool:
        """Claim that a value of a body may be of a column's type: some take an amount where rows show an id."""
        kinds = self.document.choices({"properties": properties})
        for step in path.split("."):
            inner = [kind["properties"][step] for kind in kinds if step in kind.get("properties", {})]
            kinds = [choice for node in inner for choice in self.document.choices(node)]
        plain = [found for found in kinds if found.get("type") in TYPES]
        free = any(found["type"] == "string" and "enum" not in found for found in plain)
        return not plain or free or kind in {self.scalar(path, found).get("type", "string") for found in plain}

    def scalar(self, path: str, node: Node) -> Node:
        """Return the column of a plain value."""
        if node.get("format") == "unix-time":
            return {"path": path, "type": "timestamp", "format": "unix"}
        if node.get("format") == "decimal":
            return {"path": path, "type": "decimal"}
        kind = TYPES[node["type"]]
        return {"path": path} if kind == "string" else {"path": path, "type": kind}


def with_money(columns: Columns) -> Columns:
    """Add to each amount in minor units the same in its currency; the currency beside it counts first."""
    found: Columns = {}
    for name, column in columns.items():
        found[name] = column
        last = str(column.get("path")).rsplit(".", 1)[-1]
        if column.get("type") != "int64" or "description" in column or not MONEY.search(last) or NO_MONEY.search(last):
            continue
        beside = pascal(str(column["path"])[: -len(last)] + "currency")
        currency = next((item for item in (beside, "Currency") if item in columns), "")
        if currency:
            found[name + "InCurrency"] = {"path": column["path"], "type": "decimal", "minor_units_of": currency}
    return found


def by_path(columns: Columns) -> dict[str, str]:
    """Return the column's name of each path; of two the one without a currency."""
    return {str(column["path"]): name for name, column in reversed(columns.items()) if "path" in column and "minor_units_of" not in column}


def add_filters(columns: Columns, parameters: dict[str, Node], document: Document) -> None:
    """Give the columns the list's filters."""
    names = by_path(columns)
    for parameter, node in parameters.items():
        for kind in document.choices(node["schema"]):
            for inner, leaf in kind.get("properties", {}).items():
                if name := names.get(f"{parameter}.{inner}"):
                    columns[name]["filter"] = filter_of(f"{parameter}[{inner}]", {"schema": leaf}, document)
        name = names.get(PLURALS.get(parameter, parameter))
        if name and (found := filter_of(parameter, node, document)):
            if "id_of" in columns[name] and "eq" in found:
                found["eq"]["grade"] = "exact"
            columns[name]["filter"] = found | columns[name].get("filter", {})


def filter_of(parameter: str, node: Node, document: Document) -> Node:
    """Return the operators that a parameter serves."""
    kinds = document.choices(node["schema"])
    ranges = next((kind for kind in kinds if "gte" in kind.get("properties", {})), None)
    if ranges:
        return {operator: f"{parameter}[{sign}]" for operator, sign in RANGES.items()}
    kind = kinds[0]
    if kind.get("type") == "array":
        both = {"param": f"{parameter}[]", "grade": "exact"}
        return {"eq": both, "in": {**both, "multiple": "repeat"}}
    if kind.get("enum"):
        return {"eq": {"param": parameter, "grade": "exact", "values": {value: value for value in kind["enum"] if value not in NO_STATUS}}}
    if kind.get("type") == "boolean":
        return {"eq": {"param": parameter}}
    if kind.get("type") in ("string", "integer"):
        is_id = "ID" in node.get("description", "") or "case-sensitive" in node.get("description", "") or kind["type"] == "integer"
        return {"eq": {"param": parameter, "grade": "exact" if is_id else "superset"}}
    return {}


def add_writes(columns: Columns, change: str, body: tuple[dict[str, Node], list[str]], columnist: Columnist) -> None:
    """Mark the columns that a POST takes; those that only a POST has are added where they must be given."""
    properties, required = body
    names = by_path(columns)
    demanded = columnist.demanded(properties, required)
    for name, column in columnist.columns(properties).items():
        path = str(column["path"])
        found = names.get(path) or names.get(f"{path}.data") or names.get(f"{path}.id")
        if found is None and (path in demanded or (change == "insert" and "." not in path and columnist.is_plain(column))):
            found, columns[name] = name, column | {"description": WRITTEN}
        if found is None:
            continue
        target = columns[found]
        if not columnist.takes(properties, path, target.get("type", "string")):
            continue
        target.setdefault("write", []).append(change)
        if target["path"] != path:
            target["write_path"] = path
        if change == "insert" and path in demanded:
            target["required"] = True


def parents(entry: Node, columns: Columns) -> tuple[Node, dict[str, str]]:
    """Return the fan-out of a table and the column of each of its parameters."""
    names: dict[str, str] = {}
    fan_out: Node = {}
    for parameter, table in {**entry.get("parent", {}), **entry.get("needs", {})}.items():
        root = {"id": {"ApplicationFees": "fee", "Transfers": "transfer"}.get(table, "id")}.get(parameter, parameter)
        name = pascal(root) + "Id"
        names[parameter] = name
        told = {pascal(root), name} & columns.keys()
        columns.pop(pascal(root), None)
        # Lines of invoices don't say of which invoice they are.
        columns[name] = {"path": root, "id_of": "id", "given": True} if told else {"given": True}
        fan_out = {"table": table, "binds": {name: "Id"}}
    return fan_out, names


def filled(path: str, names: dict[str, str]) -> str:
    """Return a path with columns for its parameters."""
    for parameter, name in names.items():
        path = path.replace(f"{{{parameter}}}", f"{{{name}}}")
    return path


def item_path(document: Document, path: str) -> str:
    """Return the path of one row, as the document writes it; '' without one."""
    return next((item for item in document.paths if re.fullmatch(re.escape(path) + r"/\{\w+\}", item)), "")


def changes(document: Document, entry: Node, path: str, item: str, names: dict[str, str], columns: Columns) -> Node:
    """Return the writes of a table, and mark its columns."""
    if entry.get("kind") == "view":
        return {}
    columnist, found = Columnist(document), {}
    insert = entry.get("insert", path)
    row = filled(path, names) + "/{Id}"
    if "post" in document.paths.get(insert, {}):
        add_writes(columns, "insert", document.body(insert), columnist)
        found["insert"] = {"path": filled(insert, names)}
    if item and "post" in document.paths[item]:
        add_writes(columns, "update", document.body(item), columnist)
        found["update"] = {"path": row}
    if item and "delete" in document.paths[item]:
        found["delete"] = {"path": row}
    return found


def owners(document: Document, tables: dict[str, Node]) -> dict[str, str]:
    """Return the table of each schema that has one whose rows an id alone names."""
    found: dict[str, str] = {}
    for name, entry in tables.items():
        answer = document.paths[entry["list"]]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        items = document.resolved(answer)["properties"]["data"]["items"]
        if "$ref" in items and "{" not in entry["list"] and item_path(document, entry["list"]):
            found[items["$ref"].rsplit("/", 1)[1]] = name
    return found


def foreign_keys(columns: Columns, fan_out: Node, references: dict[str, str], owner: dict[str, str]) -> list[Node]:
    """Return which columns lead to other tables: those of the parent, those that Stripe can expand."""
    found = [{"columns": [name], "table": fan_out["table"], "target": [target]} for name, target in fan_out.get("binds", {}).items()]
    known = {item["columns"][0] for item in found}
    for name, column in columns.items():
        table = owner.get(references.get(str(column.get("path")), ""))
        if table and name not in known:
            found.append({"columns": [name], "table": table, "target": ["Id"]})
    return found


def table(document: Document, entry: Node, owner: dict[str, str]) -> Node:
    """Return one table of the manifest."""
    path = entry["list"]
    columnist = Columnist(document)
    columns = columnist.columns({name: node for name, node in document.row(path).items() if name not in entry.get("drop", ())})
    fan_out, names = parents(entry, columns)
    add_filters(columns, {name: node for name, node in document.parameters(path).items() if name not in names}, document)
    item = item_path(document, path)
    writes = changes(document, entry, path, item, names, columns)
    columns = {name: column for name, column in columns.items() if "write" in column or not str(column.get("path")).endswith(".data")}
    sent = {column.get("write_path") for column in entry.get("columns", {}).values()}
    columns = {name: column for name, column in columns.items() if column.get("path", "") not in sent} | entry.get("columns", {})
    is_below = "{" in path
    read: Node = {"path": filled(path, names)}
    if entry.get("needs") or entry.get("params"):
        read["params"] = {**entry.get("params", {}), **{name: f"{{{names[name]}}}" for name in entry.get("needs", {})}}
    if entry.get("needs"):
        read["needs"] = list(names.values())
    if entry.get("search"):
        columns["Query"] = {"given": True, "description": QUERY}
        read |= SEARCH
    if fan_out:
        read["parent"] = fan_out
    if "starting_after" not in document.query(path) and not entry.get("search"):
        read["paging"] = {"type": "none"}
    if "Created" in columns and not entry.get("search"):
        read["natural_order"] = ["-Created"]
    reads = [read, {"path": filled(path, names) + "/{Id}", "single": True}] if item else [read]
    found: Node = {"kind": "view"} if entry.get("kind") == "view" else {}
    found |= {"description": entry["description"], "key": [*(names.values() if is_below else ()), "Id"]}
    if "Created" in columns:
        found["check_column"] = "Created"
        columns["Created"]["nullable"] = False
    if kind := entry.get("deleted"):
        found["deleted"] = {"table": "Events", "where": {"Type": kind}, "key": {"Id": "DataObjectId"}, "moment": "Created", "days": 30}
    if keys := foreign_keys(columns, fan_out, columnist.references, owner):
        found["foreign_keys"] = keys
    found |= {"read": reads, "columns": finished(with_money(in_order(columns)), bool(writes))}
    return found | ({"write": writes} if writes else {})


def in_order(columns: Columns) -> Columns:
    """Return the columns with those that say which row it is first."""
    return dict(sorted(columns.items(), key=lambda item: (not item[1].get("given"), item[0] != "Id")))


def finished(columns: Columns, is_written: bool) -> dict[str, Any]:
    """Return the columns as the manifest writes them; in tables that are written, the others are the service's."""
    found: dict[str, Any] = {}
    for name, column in columns.items():
        if is_written and not (column.keys() & {"write", "given", "minor_units_of"}):
            column = column | {"generated": True}
        found[name] = column["path"] if set(column) == {"path"} else column
    return found


def with_account(found: Node) -> None:
    """Let a table be read in a connected account, but for one whose rows have an account of their own."""
    if found.get("in"):
        return
    if "AccountId" not in found["columns"]:
        found["columns"]["AccountId"] = {"given": True, "pinned": True, "description": ACCOUNT}
        return
    for call in (*found["read"], *found.get("write", {}).values()):
        call["headers"] = {"Stripe-Account": None}
    for read in found["read"]:
        read["takes"] = []


class Lines(yaml.SafeDumper):
    """Writes a column on one line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def represented(dumper: yaml.SafeDumper, value: Node) -> yaml.Node:
    """Write short maps in one line."""
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=len(json.dumps(value)) < 170)


Lines.add_representer(dict, represented)


def manifest(document: Document) -> str:
    """Return the manifest's text."""
    head = (HERE / "stripe_head.yaml").read_text(encoding="utf-8")
    given = yaml.safe_load((HERE / "stripe_tables.yaml").read_text(encoding="utf-8"))
    owner = owners(document, given["tables"])
    tables = {name: table(document, entry, owner) for name, entry in given["tables"].items()} | json.loads(json.dumps(given["more"]))
    for found in tables.values():
        with_account(found)
    body = {"tables": {name: tables[name] for name in sorted(tables)}}
    return head + yaml.dump(body, Dumper=Lines, sort_keys=False, width=190, allow_unicode=True)


def main(source: str, output: str = str(OUTPUT)) -> None:
    raw = Path(source).read_bytes()
    text = gzip.decompress(raw) if source.endswith(".gz") else raw
    Path(output).write_text(manifest(Document(text.decode())), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
