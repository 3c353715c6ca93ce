"""What the next run of a task would do, as data."""

from __future__ import annotations

import math
from datetime import date, datetime, time
from typing import Any

from apiserver.jobs.models import Task
from apiserver.jobs.moving import dry_run
from apiserver.jobs.orders import order_to_try
from apiserver.jobs.replicate_types import type_text

LONGEST = 500  # characters of one value


def as_data(task: Task) -> dict[str, Any]:
    """Return what would be done; raise ConnectorError where source or destination can't say."""
    found = dry_run(order_to_try(task))
    return {
        "key": task.key,
        "statement": task.statement,
        "table": found.table,
        "mode": found.mode,
        "note": found.note,
        "count": found.count,
        "ddl": list(found.ddl),
        "columns": [{"name": column.name, "type": type_text(column)} for column in found.columns],
        "primary_key": list(found.key),
        "rows": [[plain(value) for value in row] for row in found.rows],
        "warnings": list(found.warnings),
    }


def plain(value: Any) -> Any:
    """Return a value as JSON has it: binary as hex, what is long is cut."""
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)[: LONGEST // 2].hex()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)[:LONGEST]
