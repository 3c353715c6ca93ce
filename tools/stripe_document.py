"""Stripe's published OpenAPI document, as tools/stripe_manifest.py asks it."""

from __future__ import annotations

import json
from typing import Any

PAGING = {"limit", "starting_after", "ending_before", "expand"}

Node = dict[str, Any]


class Document:
    """The published document."""

    def __init__(self, text: str) -> None:
        self.whole = json.loads(text)
        self.paths: dict[str, Node] = self.whole["paths"]

    def resolved(self, node: Node) -> Node:
        """Return what a reference leads to."""
        while "$ref" in node:
            node = self.whole["components"]["schemas"][node["$ref"].rsplit("/", 1)[1]]
        return node

    def choices(self, node: Node) -> list[Node]:
        """Return what a value may be, without the empty string that unsets it."""
        node = self.resolved(node)
        found = [self.resolved(item) for item in node.get("anyOf", [node])]
        return [item for item in found if item.get("enum") != [""]]

    def row(self, path: str) -> dict[str, Node]:
        """Return the properties of a list's rows; those of every kind of row where they differ."""
        answer = self.paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        items = self.resolved(answer)["properties"]["data"]["items"]
        merged: dict[str, Node] = {}
        for kind in self.choices(items):
            merged = {**kind.get("properties", {}), **merged}
        return merged

    def query(self, path: str) -> dict[str, Node]:
        """Return the parameters of a list."""
        return {item["name"]: item for item in self.paths[path]["get"].get("parameters", []) if item["in"] == "query"}

    def parameters(self, path: str) -> dict[str, Node]:
        """Return the filters of a list."""
        return {name: item for name, item in self.query(path).items() if name not in PAGING}

    def body(self, path: str) -> tuple[dict[str, Node], list[str]]:
        """Return what a POST takes, and what of it must be given."""
        content = self.paths.get(path, {}).get("post", {}).get("requestBody", {}).get("content", {})
        schema = next((item["schema"] for item in content.values()), {})
        return schema.get("properties", {}), schema.get("required", [])
