"""Answers that come later in $oas: operations that list rows take the header Prefer and may answer 202, whose schema is that of 200."""

from __future__ import annotations

from typing import Any

from apiserver.odata.swagger_operations import parameter, percent
from apiserver.resources.catalog import PublishedResource
from apiserver.server import options

LATER = {"description": "The answer comes later: ask for it at the Location."}
PREFER = parameter(
    "Prefer",
    "Prefer",
    "Choose respond-async for a read that takes minutes: its answer comes later, whole.",
    enum=["respond-async"],
    **{"in": "header", "x-ms-visibility": "advanced"},
)


def add(paths: dict[str, Any], definitions: dict[str, Any], resource: PublishedResource) -> None:
    """Add what one resource's list takes and answers."""
    found = paths.get(f"/{percent(resource.name)}", {}).get("get")
    if found is None or not options.current().long_reads["per_user"]:
        return
    found["parameters"].append(dict(PREFER))
    default = found["responses"].pop("default")
    found["responses"] |= {"202": LATER, "default": default}
