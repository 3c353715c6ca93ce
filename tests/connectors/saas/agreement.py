"""What of a manifest its service's published document doesn't say: paths, parameters, values, columns, writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from connections.connectors.http.columns import ManifestColumn
from connections.connectors.http.manifest import Manifest
from connections.connectors.http.paths import find, spread
from connections.connectors.http.tables import Access, ManifestTable, kinds_of, table_of
from tests.connectors.saas.documents import Document, Node, choices

INNER = re.compile(r"\[(\w*)\]")


def tables(manifest: Manifest) -> Iterator[ManifestTable]:
    """Give every table once, as its first schema has it."""
    for name in manifest.tables:
        yield table_of(manifest, name, kinds_of(manifest, name)[0])


def expanded_by(access: Access) -> str:
    """Return the property that a path asks to be whole: `data.discounts` is that of each row."""
    return str(access.spec["params"].get("expand[]", "")).rpartition(".")[2]


def differences(manifest: Manifest, document: Document) -> Iterator[str]:
    """Give what the document doesn't say, a line each."""
    for table in tables(manifest):
        for access in table.accesses:
            if document.operation(access.path, access.spec.get("method", "get")) is None:
                yield f"{table.name}: no GET {access.path}"
                continue
            yield from of_parameters(table, access, document)
            yield from of_columns(table, access, document)
        for verb, spec in (table.spec.get("write") or {}).items():
            yield from of_write(table, verb, spec, document, manifest)


def of_parameters(table: ManifestTable, access: Access, document: Document) -> Iterator[str]:
    """Give parameters, and values of them, that an operation doesn't have."""
    known = document.parameters(access.path)
    language = access.spec.get("filter") or {"language": "params"}
    wanted: set[str] = set(access.spec.get("params", ()))
    if language["language"] == "params":
        for name, filters in access.filters.items():
            for spec in (item if isinstance(item, Mapping) else {"param": item} for item in filters.values()):
                wanted.add(spec["param"])
                yield from of_values(
                    table, f"{name} -> {spec['param']}", spec.get("values", {}).values(), inner(document, known, spec["param"]), document
                )
    elif access.filters and not access.is_single:
        wanted.add(language["param"])
    if not access.is_single:
        wanted |= {access.paging["size"]["param"]} if "size" in access.paging else set()
        wanted |= {access.paging["param"]} if "param" in access.paging else set()
        is_sorted = any(column.sort for column in table.columns.values())
        wanted |= {access.spec["sort"]["param"]} if access.spec.get("sort") and is_sorted else set()
    for name in sorted(wanted):
        if inner(document, known, name) is None:
            yield f"{table.name}: GET {access.path} has no parameter {name}"


def inner(document: Document, known: Mapping[str, Node], name: str) -> Node | None:
    """Return the schema of `created[gte]` or `types[]` within the parameter; None where there is none."""
    parameter = known.get(name) or known.get(name.partition("[")[0])
    if parameter is None:
        return None
    node = document.merged(parameter.get("schema", {}))
    if name not in known:
        for step in INNER.findall(name):
            found = node.get("items") if step == "" else node.get("properties", {}).get(step)
            if found is None:
                return None
            node = document.merged(found)
    return node


def of_values(table: ManifestTable, what: str, given: Any, node: Node | None, document: Document) -> Iterator[str]:
    """Give values that the document doesn't name where it names some."""
    known = choices(document, node or {})
    if known and (unknown := sorted(set(map(str, given)) - set(map(str, known)))):
        yield f"{table.name}: {what} has no {', '.join(unknown)}"


def of_columns(table: ManifestTable, access: Access, document: Document) -> Iterator[str]:
    """Give columns that a row doesn't have, and values that it can't have."""
    answer = document.sample(document.answer(access.path) or {}, expanded=expanded_by(access))
    found = answer if access.is_single else spread(answer, access.rows)
    row = find(found if access.is_single else found[0] if found else None, access.row)
    prose = document.prose(access.path, "get")
    for column in table.columns.values():
        if not column.steps or column.lookup or (column.is_given and access.is_single) or is_written_only(table, column):
            continue
        if find(row, column.steps) is None and not is_named(prose, column.steps):
            yield f"{table.name}: GET {access.path} answers with no {column.field}"


def is_named(prose: str, steps: tuple[str | int, ...]) -> bool:
    """Claim that every step of a path stands in quotation marks in a text."""
    return all(f'"{step}"' in prose.replace("\\\\", "").replace("'", '"').replace("`", '"') for step in steps)


def is_written_only(table: ManifestTable, column: ManifestColumn) -> bool:
    """Claim that nobody expects the column in answers: secrets, and what only creates."""
    is_alone = column.write == {"insert"} or column.column.comment.startswith("Only written")
    return is_alone and column.name not in table.key and not column.is_given


def of_write(table: ManifestTable, verb: str, spec: Mapping[str, Any], document: Document, manifest: Manifest) -> Iterator[str]:
    """Give what a write sends and the document doesn't take, and what that demands and isn't demanded here."""
    update = manifest.part("defaults").get("update_method", "PATCH")
    method = spec.get("method") or {"insert": "POST", "delete": "DELETE"}.get(verb, update)
    if document.operation(spec["path"], method) is None:
        yield f"{table.name}: no {method} {spec['path']}"
        return
    body = document.body(spec["path"], method)
    prose = document.prose(spec["path"], method)
    columns = [column for column in table.columns.values() if verb in column.write]
    for column in columns:
        if in_body(document, body, column.write_steps) is None:
            if not is_named(prose, column.write_steps):
                yield f"{table.name}: {method} {spec['path']} takes no {'.'.join(map(str, column.write_steps))}"
        else:
            node = in_body(document, body, column.write_steps)
            yield from of_values(table, f"{method} {column.name}", column.column.allowed_values, node, document)
    required = {column.write_steps[0] for column in columns if column.is_required}
    known = document.sample({"properties": body.get("properties", {})}) if body else {}
    if verb == "insert":
        for name in sorted(set(body.get("required", ())) - required - set(spec.get("body", ())) - {"type"}):
            yield f"{table.name}: {method} {spec['path']} demands {name}" + ("" if name in known else " (not described)")


def in_body(document: Document, node: Node, steps: tuple[str | int, ...]) -> Node | None:
    """Return the schema of a value of a body; what is a free map takes any name."""
    for step in steps:
        node = document.merged(node)
        below = node.get("properties", {}).get(step)
        if below is None:
            return {} if node.get("additionalProperties") else None
        node = below
    return document.merged(node)
