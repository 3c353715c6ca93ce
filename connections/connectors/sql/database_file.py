"""What databases in one file have in common: the file must be there, and not be the product's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connections.connectors.sql.base import OWN
from connections.contract.errors import ConnectionFailed


def forbidden(values: Mapping[str, Any], own: Sequence[str]) -> str:
    """Return why the file of Database is the product's own, or ''; `own` names it sqlite:path."""
    path = Path(str(values.get("Database") or ""))
    places = [Path(place) for kind, _, place in (identity.partition(":") for identity in own) if kind == "sqlite"]
    return OWN if any(path.exists() and place.exists() and path.samefile(place) for place in places) else ""


def existing(path: Path, hint: str) -> str:
    """Return that the file is there; raise what to do otherwise: none is ever created."""
    if not path.is_file():
        raise ConnectionFailed(f"There is no file {path}.", hint=hint)
    return f"{path} is there"
