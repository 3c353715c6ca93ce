"""Values to choose from for a property of a stored connection: rows of a table, or the schemas. The form's field asks for them."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from apiserver.ui.access import console_page
from apiserver.ui.said import said
from connections import services
from connections.connectors.registry import get_connector
from connections.contract.errors import ConnectorError
from connections.contract.property import Picks
from connections.contract.table import TableRef
from connections.models import Connection
from connections.opening import context_of, opened

MOST = 500


@console_page
def picks(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Show the values that a property can have; for the form's script only their list."""
    connection = get_object_or_404(Connection, pk=pk)
    item = next((item for item in get_connector(connection.connector).properties if item.name == name and item.picks), None)
    if item is None or item.picks is None:
        raise Http404
    values: list[str] = []
    failure = ""
    try:
        values = values_of(connection, name, item.picks)
    except ConnectorError as failed:
        failure = " ".join(said(text) for text in (failed.message, failed.hint) if text)
    template = "connections/_picks.html" if request.headers.get("HX-Request") else "connections/picks.html"
    return render(request, template, {"connection": connection, "name": name, "values": values, "failure": failure})


def values_of(connection: Connection, name: str, wanted: Picks) -> list[str]:
    """Return the values, as they are when the property itself is empty: it must not hide its own choices."""
    given = {**services.values_of(connection), name: ""}
    session: Any = opened(connection, given, context_of(connection, tuple(services.own_databases())))
    try:
        if not wanted.table:
            return sorted({info.ref.schema for info in session.list_tables() if info.ref.schema})
        table = session.describe([TableRef(wanted.schema, wanted.table)])[0]
        place = [column.name for column in table.columns].index(wanted.column)
        rows = services.first_rows(session, table, MOST)
        return sorted({str(row[place]) for row in rows if row[place] is not None})
    finally:
        session.close()
