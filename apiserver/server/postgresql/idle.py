"""Transactions of the product's own database that nobody goes on with."""

from __future__ import annotations

from django.db import connection


def end_when_idle(seconds: float) -> None:
    """Let the database end the transaction at hand, and its connection, when nothing comes for so many seconds.

    A process that stands still (a frozen machine) would keep the rows that it changed from all others; SQLite's processes share a machine.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('idle_in_transaction_session_timeout', %s, true)", [str(round(seconds * 1000))])
