"""Probes of a stored OpenAPI connection, as steps of `manage.py check_connector`."""

from __future__ import annotations

import time

from connections import services
from connections.connectors.openapi.probe import probe
from connections.connectors.openapi.session import OpenapiSession
from connections.contract.connector import TestStep
from connections.contract.errors import ConnectorError
from connections.models import Connection

MOST_TABLES = 5


def probes(connection: Connection) -> list[TestStep]:
    """Probe the first tables whose paging is open; nothing is stored. Other connectors have no probes."""
    if connection.connector != "openapi":
        return []
    session = getattr(services.session_for(connection.pk), "rows", None)
    if not isinstance(session, OpenapiSession):
        return []
    open_tables = [name for name, table in session.derived.manifest["tables"].items() if table.get("partial") and demands_nothing(table)]
    return [probed(session, name) for name in open_tables[:MOST_TABLES]]


def demands_nothing(table: dict[str, object]) -> bool:
    """Claim that the table can be read without a value in the query."""
    columns = table["columns"]
    return isinstance(columns, dict) and not any(
        isinstance(column, dict) and column.get("given") and "default" not in column for column in columns.values()
    )


def probed(session: OpenapiSession, name: str) -> TestStep:
    """Return one probe as a step; that nothing is settled is no failure."""
    begun = time.perf_counter()
    try:
        verdict = probe(session, name)
    except ConnectorError as error:
        return TestStep(f"probe {name}", False, time.perf_counter() - begun, error.message, error.hint)
    return TestStep(f"probe {name}", True, time.perf_counter() - begun, verdict.text)
