"""Who asks for derived views over the real service: one who may do everything, one with rights to a part of `Late`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from tests.served import Served

BOSS = {"x-cdata-authtoken": "derived-views-token-of-boss-01"}
LEAD = {"x-cdata-authtoken": "derived-views-token-of-lead-01"}


def users(columns: Sequence[str], row_filter: str) -> dict[str, Any]:
    """Return the users of the configuration file; the lead sees these columns and rows of `Late`."""
    late = {"columns": list(columns), "filter": row_filter}
    every = ["GET", "POST", "PATCH", "PUT", "DELETE"]
    return {
        "boss": {"role": "query", "privileges": every, "authtoken": BOSS["x-cdata-authtoken"]},
        "lead": {"role": "query", "privileges": ["GET"], "authtoken": LEAD["x-cdata-authtoken"], "resources": {"Late": late}},
    }


def answer(served: Served, path: str, who: dict[str, str] = BOSS, status: int = 200) -> Any:
    """Return the JSON or the text of an answer with this status."""
    got, _, body = served.get(f"/api.rsc/{quote(path, safe='/?&=()$,@:')}", who)
    assert got == status, body
    return json.loads(body) if body[:1] == b"{" else body.decode()
