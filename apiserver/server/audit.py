"""The audit trail: one record for each change and each secret shown."""

from __future__ import annotations

from typing import Any

from apiserver.server.models import Audit


def record(action: str, *, who: str, subject: str = "", address: str = "", **detail: Any) -> None:
    """Write one record; texts are cut to their columns."""
    Audit.objects.create(who=who[:150], action=action[:60], subject=subject[:200], address=address[:60], detail=detail)
