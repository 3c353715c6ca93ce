"""Jobs and tasks as schemas of the management API's description."""

from __future__ import annotations

from typing import Any

from apiserver.jobs.models import Job

TEXTS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
LOOSE: dict[str, Any] = {"type": "object", "additionalProperties": True}


def task_schema() -> dict[str, Any]:
    """Return the schema of a task."""
    return {
        "type": "object",
        "properties": {
            "key": {"type": "string", "readOnly": True, "description": "Stays for life: how far the task has come is kept under it."},
            "statement": {"type": "string", "description": "REPLICATE [Issues], or with columns, options and a SELECT."},
            "enabled": {"type": "boolean"},
            "settings": {**LOOSE, "description": "What differs from the job's settings."},
        },
        "required": ["statement"],
    }


def job_schema() -> dict[str, Any]:
    """Return the schema of a job."""
    task = {key: value for key, value in task_schema()["properties"].items() if key != "key"}
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 80},
            "kind": {"type": "string", "enum": list(Job.KINDS)},
            "source": {"type": "string", "nullable": True, "description": "A connection; null: the statements name connections."},
            "destination": {"type": "string", "description": "A connection."},
            **{name: {"type": "string"} for name in ("schema", "table_prefix", "schedule", "timezone")},
            "paused": {"type": "boolean"},
            "tasks": {
                "type": "array",
                "items": {"oneOf": [{"type": "string"}, {"type": "object", "properties": task, "required": ["statement"]}]},
            },
            "settings": LOOSE,
            "exclude": TEXTS,
            "events": {"type": "array", "items": LOOSE},
            "notify": LOOSE,
            "labels": TEXTS,
        },
        "required": ["destination"],
    }
