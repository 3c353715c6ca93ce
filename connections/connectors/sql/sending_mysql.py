"""Rows that MySQL and MariaDB read as a file (LOAD DATA LOCAL), made here: no file is ever opened, whatever a server asks for.

LOCAL lets a server take a wrong value or a second key for a warning. Who sends rows must look at the counts and undo what is not right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pymysql.connections import Connection, MySQLResult

from connections.contract.table import Column, Type

PACKET = 2**20  # bytes that are sent at once
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\0": "\\0"})
SIGNS = frozenset("\\\t\n\0")
NULL = "\\N"


@dataclass(frozen=True, slots=True)
class Sent:
    """What the server made of rows."""

    rows: int
    warnings: int


class SendingConnection(Connection):
    """A connection that answers the server's wish for a file with rows that wait for it, and refuses any other wish."""

    _waiting: bytes | None = None

    def send(self, sql: str, block: bytes) -> Sent:
        """Run a LOAD DATA LOCAL over rows that `block_of` made."""
        self._waiting = block
        try:
            self._execute_command(3, sql)  # COM_QUERY
            result = Sending(self, block)
            result.read()
            self._result = result
        finally:
            self._waiting = None
        return Sent(int(result.affected_rows or 0), int(result.warning_count or 0))


class Sending(MySQLResult):
    """The answer to one such statement."""

    def __init__(self, connection: Connection, block: bytes) -> None:
        super().__init__(connection)
        self._block = block

    def _read_load_local_packet(self, first_packet: Any) -> None:
        """Send the rows; which file the server names does not matter."""
        for begun in range(0, len(self._block), PACKET):
            self.connection.write_packet(self._block[begun : begun + PACKET])
        self.connection.write_packet(b"")
        self._read_ok_packet(self.connection._read_packet())


def statement(name: str, columns: Sequence[tuple[str, Column]], binary: str) -> str:
    """Return the statement that reads such rows into a table; `columns`: as quoted, `binary`: around the mark of bytes."""
    listed = [f"@b{place}" if column.type == Type.BINARY else quoted for place, (quoted, column) in enumerate(columns)]
    sets = [f"{quoted} = {binary.format(f'@b{place}')}" for place, (quoted, column) in enumerate(columns) if column.type == Type.BINARY]
    return (
        f"LOAD DATA LOCAL INFILE 'rows' INTO TABLE {name} CHARACTER SET utf8mb4 "
        f"FIELDS TERMINATED BY X'09' ESCAPED BY X'5C' LINES TERMINATED BY X'0A' ({', '.join(listed)})"
        + (f" SET {', '.join(sets)}" if sets else "")
    )


def block_of(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> bytes:
    """Return rows of driver values as lines."""
    fields = [list(texts(column, values)) for column, values in zip(columns, zip(*rows, strict=True), strict=True)]
    return "".join(["\t".join(line) + "\n" for line in zip(*fields, strict=True)]).encode()


def texts(column: Column, values: Sequence[Any]) -> Iterator[str]:
    """Give the values of a column as they stand in a line."""
    if column.type != Type.STRING:
        return (NULL if value is None else str(value) for value in values)
    if SIGNS.isdisjoint("".join([value for value in values if value is not None])):
        return (NULL if value is None else value for value in values)
    return (NULL if value is None else value.translate(ESCAPES) for value in values)
