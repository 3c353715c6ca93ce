"""Django's PostgreSQL backend for the product's own database, which gives up a server that accepts and does not answer.

A stopped or frozen server keeps its sockets open: neither libpq's time limits nor PostgreSQL's own end a wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg import IsolationLevel
from psycopg.errors import _WaitTimeout

CONNECT_SECONDS = 0.8  # libpq's shortest is 2


class Limit:
    """How long this process waits for an answer: commands are patient, web workers are not."""

    seconds = 60.0


def answer_within(seconds: float) -> None:
    """Set how long this process waits."""
    Limit.seconds = seconds


class Connection(psycopg.Connection[Any]):
    """A connection whose waits end."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server; drop the connection when it does not answer, as nobody knows its state then."""
        try:
            return super().wait(gen, interval, Limit.seconds if timeout is None else timeout)
        except _WaitTimeout as error:
            self.pgconn.finish()
            raise psycopg.OperationalError("The server does not answer.") from error

    @classmethod
    def _connect_gen(cls, *arguments: Any, **named: Any) -> Generator[Any, Any, Any]:
        inner, ends = super()._connect_gen(*arguments, **named), time.monotonic() + CONNECT_SECONDS
        try:
            wanted = next(inner)
            while True:
                ready = yield wanted
                if time.monotonic() > ends:
                    raise psycopg.OperationalError("The server does not answer.")
                wanted = inner.send(ready)
        except StopIteration as end:
            return end.value


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, with connections of ours."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        """Connect."""
        self.isolation_level = IsolationLevel.READ_COMMITTED
        return Connection.connect(**conn_params)
