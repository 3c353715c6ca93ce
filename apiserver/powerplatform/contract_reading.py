"""A Swagger 2.0 document as the comparison reads it: operations by id, references followed, `allOf` joined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

VERBS = ("get", "put", "post", "patch", "delete", "head", "options")
SHOWN = ("200", "201", "default")  # the answer that the designer shows, first come first
MOST_REFERENCES = 50
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation with its place."""

    id: str
    verb: str
    path: str
    data: Mapping[str, Any]
    item: Mapping[str, Any]  # of the path

    @property
    def title(self) -> str:
        """Return what makers see of it."""
        return str(self.data.get("summary") or self.id)


class Document:
    """A definition, with its operations in order."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.operations: dict[str, Operation] = {}
        for found in self._listed():
            self.operations.setdefault(found.id, found)

    def _listed(self) -> Iterator[Operation]:
        for path, item in mapping(self.data.get("paths")).items():
            for verb, data in mapping(item).items():
                if verb in VERBS and isinstance(data, Mapping):
                    yield Operation(str(data.get("operationId") or f"{verb} {path}"), verb, path, data, item)

    def followed(self, node: Any) -> Schema:
        """Return what a node refers to in the end; an empty schema where that is nothing of this document."""
        for _ in range(MOST_REFERENCES):
            if not isinstance(node, Mapping) or not isinstance(node.get("$ref"), str):
                return mapping(node)
            node = self._at(node["$ref"])
        return {}

    def _at(self, reference: str) -> Any:
        """Return the part of the document that a JSON pointer names (RFC 6901)."""
        found: Any = self.data
        for part in reference.removeprefix("#/").split("/") if reference.startswith("#/") else ():
            found = mapping(found).get(part.replace("~1", "/").replace("~0", "~"))
        return None if found is self.data else found

    def schema(self, node: Any, depth: int = 0) -> Schema:
        """Return a schema with its references followed and `allOf` joined."""
        found = dict(self.followed(node))
        for part in listed(found.pop("allOf", None)) if depth < MOST_REFERENCES else ():
            more = self.schema(part, depth + 1)
            found = {**more, **found, "properties": {**mapping(more.get("properties")), **mapping(found.get("properties"))}}
        return found

    def parameters(self, operation: Operation) -> dict[str, Schema]:
        """Return the parameters by name; those of the operation stand over those of its path."""
        given = [*listed(operation.item.get("parameters")), *listed(operation.data.get("parameters"))]
        return {str(found.get("name")): found for found in map(self.followed, given)}

    def answer(self, operation: Operation) -> tuple[str, Schema]:
        """Return code and response of success, as the designer chooses it."""
        responses = mapping(operation.data.get("responses"))
        found = {str(code): self.followed(item) for code, item in responses.items() if not str(code).startswith("x-")}
        if len(found) == 1 and (code := next(iter(found))).startswith(("2", "default")):
            return code, found[code]
        return next(((code, found[code]) for code in SHOWN if code in found), ("", {}))

    def needed(self, operation: Operation) -> frozenset[str]:
        """Return the security schemes and scopes that the operation asks for."""
        given = listed(operation.data.get("security", self.data.get("security")))
        schemes = [(name, listed(scopes) or [""]) for item in given for name, scopes in mapping(item).items()]
        return frozenset(f"{name} {scope}".strip() for name, scopes in schemes for scope in scopes)


def listed(value: Any) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}
