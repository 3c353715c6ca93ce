"""$schemaversion: which version of the schema a request was made for (OData Protocol 4.01, 11.2.12)."""

from __future__ import annotations

from apiserver.odata.errors import NotFound
from apiserver.odata.nodes import Options


def check_version(options: Options) -> None:
    """Refuse a schema version: the schema publishes none, so only `*`, the newest, exists."""
    wished = options.schemaversion
    if wished not in (None, "*"):
        raise NotFound(f"There is no schema version {wished[:40]}.", target="$schemaversion", hint="Leave the option out, or write *.")
