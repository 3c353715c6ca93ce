"""Rows of a PostgreSQL statement in the database's own binary form, on their way to another PostgreSQL: no value is made of them here."""

from __future__ import annotations

import re
import select
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

from connections.connectors.sql.direct_postgresql import CANCEL_SECONDS, Statements, awaited, seconds_of
from connections.contract.exact_types import TYPE
from connections.contract.table import Column

BLOCK = 256 * 1024
DIGITS = re.compile(r"\(\d+(?:,-?\d+)?\)")
# A cast to a type of a given length cuts without a word; these take any, and the column says what is too long.
ANY_LENGTH = {"character": "bpchar", "bit": "varbit"}


def binary_type(column: Column) -> str:
    """Return the type that a value must have so that a column takes it in binary, '' where that is not known."""
    if column.is_collection:
        return f"{column.native_type.removesuffix('[]')}[]"
    kind = column.native_type
    if not TYPE.fullmatch(kind):
        return ""
    name, brackets = DIGITS.sub("", kind).removesuffix("[]"), "[]" if kind.endswith("[]") else ""
    name = "interval" if name.startswith("interval") else name
    return ANY_LENGTH.get(name, name) + brackets


def copied(statements: Statements, sql: str, binds: Sequence[Any]) -> Iterator[tuple[int, bytes]]:
    """Give blocks of rows, each with their number. The server sends a row as one message, and one more behind the last."""
    connection = statements.connection
    text = psycopg.ClientCursor(connection).mogrify(f"COPY ({sql}) TO STDOUT (FORMAT binary)", tuple(binds))
    seconds = statements.lift_timeout()
    try:
        connection.pgconn.send_query(text.encode(connection.info.encoding))
        checked(connection, awaited(connection), ExecStatus.COPY_OUT)
        yield from blocks(connection)
        checked(connection, awaited(connection), ExecStatus.COMMAND_OK)
        ended(connection)
    finally:
        stop(connection)
        if seconds and not connection.closed:
            statements.set_timeout(seconds)


def checked(connection: psycopg.Connection[Any], result: Any, status: ExecStatus) -> None:
    """Raise psycopg's error of a result that is not the one that was expected."""
    if result is None:
        raise psycopg.OperationalError("the statement ended without a result")
    if result.status != status:
        ended(connection)
        raise psycopg.errors.error_from_result(result, connection.info.encoding)


def ended(connection: psycopg.Connection[Any]) -> None:
    """Take what comes until the statement is over."""
    while awaited(connection) is not None:
        pass


def blocks(connection: psycopg.Connection[Any]) -> Iterator[tuple[int, bytes]]:
    """Give what comes in blocks until there is no more."""
    read = connection.pgconn.get_copy_data
    held: list[Any] = []
    size, left = 0, 0
    while left >= 0:
        left, row = read(1)
        if left > 0:
            held.append(row)
            size += left
        elif left == 0:
            wait(connection)
        if size >= BLOCK or left < 0:
            yield len(held) - (left < 0), b"".join(held)
            held, size = [], 0


def wait(connection: psycopg.Connection[Any]) -> None:
    """Wait until more has come."""
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    if not poll.poll(seconds_of(connection) * 1000):
        connection.close()
        raise psycopg.OperationalError("the server does not answer")
    connection.pgconn.consume_input()


def stop(connection: psycopg.Connection[Any]) -> None:
    """Cancel what is left of the statement."""
    if connection.closed or connection.pgconn.transaction_status != TransactionStatus.ACTIVE:
        return
    connection.cancel_safe(timeout=CANCEL_SECONDS)
    with suppress(psycopg.OperationalError):  # the last row was taken, and the end of the statement was not
        while awaited_copy(connection):
            pass
    ended(connection)


def awaited_copy(connection: psycopg.Connection[Any]) -> bool:
    """Take the next row; return whether there was one."""
    left, _ = connection.pgconn.get_copy_data(1)
    if left == 0:
        wait(connection)
    return bool(left >= 0)
