"""The part of a published document that a manifest calls, for Prism: requests as published, answers made of the published schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from connections.connectors.http.manifest import Manifest
from tests.connectors.saas.agreement import expanded_by, tables
from tests.connectors.saas.documents import Document, Node


def operations(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Give path and method of each call that a manifest makes."""
    update = manifest.part("defaults").get("update_method", "PATCH")
    for table in tables(manifest):
        yield from ((access.path, "get") for access in table.accesses)
        for verb, spec in (table.spec.get("write") or {}).items():
            yield spec["path"], (spec.get("method") or {"insert": "POST", "delete": "DELETE"}.get(verb, update)).lower()


def slice_of(document: Document, manifest: Manifest) -> Node:
    """Return a document of those operations that the published one has."""
    paths: dict[str, Node] = {}
    accesses = (access for table in tables(manifest) for access in table.accesses)
    expanded = {access.path: expanded_by(access) for access in accesses if expanded_by(access)}
    for path, method in operations(manifest):
        known = document.known(path)
        if known and (operation := document.operation(path, method)):
            answer = answered(document, known, method, operation, expanded.get(path, ""))
            if method not in paths.setdefault(known, {}) or expanded.get(path):
                paths[known][method] = answer
            if "parameters" in document.item(path):
                paths[known]["parameters"] = document.item(path)["parameters"]
    components = {name: part for name, part in document.content["components"].items() if name != "schemas"}
    found = {"openapi": "3.0.0", "info": {"title": manifest.label, "version": "1"}, "servers": [{"url": "/"}], "paths": paths}
    found |= {"components": {**components, "schemas": {}}}
    if "security" in document.content:
        found["security"] = document.content["security"]
    schemas = found["components"]["schemas"]
    while missing := references(found) - schemas.keys():
        schemas |= {name: document.content["components"]["schemas"][name] for name in missing}
    return without_kind(found)


def without_kind(node: Any) -> Any:
    """Return a document where nothing must say its own `type`: Bitbucket's document asks for it and its own examples leave it out."""
    if isinstance(node, dict):
        found = {name: without_kind(item) for name, item in node.items()}
        return (
            found | {"required": [item for item in found["required"] if item != "type"]}
            if isinstance(found.get("required"), list)
            else found
        )
    return [without_kind(item) for item in node] if isinstance(node, list) else node


def readable(schema: Node, *, is_inner: bool = False) -> Node:
    """Return the schema of a form as far as Prism reads forms: of lists of objects nothing, of objects none that must have a part.

    It makes an empty object of each one that isn't sent, and then misses what that must have.
    """
    found = {name: schema[name] for name in schema if not (name == "required" and is_inner)}
    properties = {name: readable(node, is_inner=True) for name, node in schema.get("properties", {}).items()}
    unreadable = {name for name, node in properties.items() if is_list_of_objects(node)}
    if properties:
        found["properties"] = {name: node for name, node in properties.items() if name not in unreadable}
    for name in ("anyOf", "oneOf", "allOf"):
        if name in found:
            found[name] = [readable(node, is_inner=True) for node in found[name]]
    if unreadable:
        found.pop("additionalProperties", None)
        found["required"] = [name for name in found.get("required", ()) if name not in unreadable]
    return found


def is_list_of_objects(node: Node) -> bool:
    """Claim that a value may be a list of objects."""
    return "properties" in node.get("items", {}) or any(map(is_list_of_objects, node.get("anyOf", ())))


def parameter(node: Node) -> Node:
    """Return a parameter of the query; one that "can be repeated" is a list."""
    schema = node.get("schema", {})
    if "can be repeated" in node.get("description", "") and schema.get("type") != "array":
        return {**node, "schema": {"type": "array", "items": schema}}
    return {**node, "schema": readable(schema, is_inner=True)}


def answered(document: Document, path: str, method: str, operation: Node, expanded: str) -> Node:
    """Return an operation whose only answer is an example: a row, or a page that is the last one."""
    schema = document.answer(path, method)
    found = {key: operation[key] for key in ("parameters", "requestBody", "security", "operationId") if key in operation}
    example = None if schema is None else answer_of(document.sample(schema, expanded=expanded), method)
    content = {} if example is None else {"content": {"application/json": {"example": example}}}
    found["parameters"] = [parameter(document.resolved(item)) for item in operation.get("parameters", ())]
    for kind, form in found.get("requestBody", {}).get("content", {}).items():
        if "form" in kind:
            found["requestBody"] = {"content": {kind: {**form, "schema": readable(form["schema"])}}}
    if method in ("post", "put") and "requestBody" not in found:  # written down as an example only
        found["requestBody"] = {"content": {"application/json": {"schema": {"type": "object"}}}}
    status = next((status for status in operation["responses"] if status.startswith("2")), "200")
    return {**found, "responses": {status: {"description": "", **content}}}


def answer_of(example: Any, method: str) -> Any:
    """Return an answer that is the last page, and no row that was deleted."""
    if not isinstance(example, dict):
        return example
    ends = {name: value for name, value in {"has_more": False, "next": None}.items() if name in example}
    return {name: value for name, value in {**example, **ends}.items() if name != "deleted" or method == "delete"}


def references(node: Any) -> set[str]:
    """Return the schemas that a tree refers to."""
    return {part.partition('"')[0] for part in json.dumps(node).split('"#/components/schemas/')[1:]}
