"""What of a definition is said to people only: two documents that differ in nothing else are one contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEXTS = frozenset(
    {
        "summary",
        "description",
        "title",
        "tags",
        "externalDocs",
        "example",
        "examples",
        "x-ms-summary",
        "x-ms-trigger-hint",
        "x-ms-connector-metadata",
        "x-ms-docs",
        "x-ms-keywords",
        "x-ms-api-annotation",
        "x-ms-name-for-model",
        "x-ms-description-for-model",
        "x-ms-deployment-version",
    }
)
# Below these the keys are names that somebody gave: a column may be called title.
NAMED = frozenset({"properties", "definitions", "paths", "responses", "headers", "securityDefinitions", "scopes"})


def without_texts(node: Any, *, is_named: bool = False) -> Any:
    """Return the part of a document without its texts."""
    if isinstance(node, Mapping):
        kept = {key: value for key, value in node.items() if is_named or key not in TEXTS}
        return {
            key: without_texts(value, is_named=not is_named and key in NAMED and isinstance(value, Mapping)) for key, value in kept.items()
        }
    if isinstance(node, list):
        return [without_texts(item) for item in node]
    return node


def is_same_but_texts(old: Any, new: Any) -> bool:
    """Claim that two parts differ in texts at most."""
    return bool(old == new or without_texts(old) == without_texts(new))
