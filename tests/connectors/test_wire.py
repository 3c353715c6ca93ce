"""The wire to a database is cut, or falls silent, at the worst moments: each ends in time, and no lost change passes for a refused one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from connections.connectors.sql.session import SqlSession
from connections.contract.errors import ChangeUnknown, ConnectionFailed, ConnectorError, SourceTimeout
from tests.connectors.conftest import Source, rows_of
from tests.connectors.test_session import NUMBERS
from tests.fakes.wire import Wire

SERVERS = pytest.mark.parametrize("source", ["postgresql", "mysql"], indirect=True)


@pytest.fixture
def wire(source: Source) -> Iterator[Wire]:
    properties = source.database.connection["properties"]
    source.database.create("t", {"id": "integer PRIMARY KEY", "name": "varchar(10)"})
    with Wire(properties["Server"], properties["Port"]) as made:
        yield made


@pytest.fixture
def session(source: Source, wire: Wire) -> Iterator[SqlSession]:
    found = source.opened(Port=wire.port, Timeout=3, ConnectTimeout=3)
    yield found
    found.close()


def add(session: Any, source: Source, number: int) -> None:
    session.write([(f"INSERT INTO {source.name(source.table('t').ref)} (id) VALUES ({number})", ())])


@SERVERS
def test_commit_whose_answer_is_lost_is_in_doubt(source: Source, wire: Wire, session: SqlSession) -> None:
    add(session, source, 1)

    def lose(data: bytes) -> None:
        wire.is_deaf = wire.is_deaf or b"COMMIT" in data

    wire.on_sent = lose
    wire.on_told = lambda data: wire.cut() if wire.is_deaf else None

    with pytest.raises(ChangeUnknown) as told:
        add(session, source, 2)

    assert "Look whether it is there" in told.value.hint
    assert sorted(source.database.run("SELECT id FROM t")) == [(1,), (2,)]


@SERVERS
def test_change_that_is_cut_before_its_commit_is_not_made(source: Source, wire: Wire, session: SqlSession) -> None:
    add(session, source, 1)
    wire.on_sent = lambda data: wire.cut() if b"INSERT" in data else None

    with pytest.raises(ConnectionFailed):
        add(session, source, 2)

    wire.on_sent = lambda data: None
    add(session, source, 3)
    assert sorted(source.database.run("SELECT id FROM t")) == [(1,), (3,)]


@SERVERS
def test_rows_that_are_cut_in_the_middle_are_an_error(source: Source, wire: Wire, session: SqlSession) -> None:
    result = session.query(NUMBERS[source.kind].format(500_000), (), stream=True)
    batches = iter(result.batches)
    next(batches)
    wire.cut()

    with pytest.raises(ConnectionFailed):
        for _ in batches:
            pass

    assert rows_of(session, f"SELECT count(*) FROM {source.name(source.table('t').ref)}") == [(0,)]


@SERVERS
def test_wire_that_falls_silent_ends_in_time(source: Source, wire: Wire, session: SqlSession) -> None:
    table = source.name(source.table("t").ref)
    rows_of(session, f"SELECT id FROM {table}")
    wire.is_deaf = True
    begun = time.monotonic()

    with pytest.raises(ConnectorError) as told:
        rows_of(session, f"SELECT id FROM {table}")

    assert isinstance(told.value, SourceTimeout | ConnectionFailed)
    assert time.monotonic() - begun < 30
    wire.is_deaf = False
    wire.cut()
    assert rows_of(session, f"SELECT id FROM {table}") == []


@SERVERS
def test_rows_that_stop_coming_end_in_time(source: Source, wire: Wire, session: SqlSession) -> None:
    result = session.query(NUMBERS[source.kind].format(3_000_000), (), stream=True)
    batches = iter(result.batches)
    next(batches)
    wire.is_deaf = True
    begun = time.monotonic()

    with pytest.raises(ConnectorError) as told:
        for _ in batches:
            pass

    assert isinstance(told.value, SourceTimeout | ConnectionFailed)
    assert time.monotonic() - begun < 30


@SERVERS
def test_stream_is_left_although_the_wire_is_silent(source: Source, wire: Wire, session: SqlSession) -> None:
    result = session.query(NUMBERS[source.kind].format(3_000_000), (), stream=True)
    next(iter(result.batches))
    wire.is_deaf = True
    begun = time.monotonic()

    with suppress(ConnectorError):
        result.close()

    assert time.monotonic() - begun < 30
    wire.is_deaf = False
    assert rows_of(session, f"SELECT count(*) FROM {source.name(source.table('t').ref)}") == [(0,)]


@SERVERS
def test_commit_that_is_never_answered_is_in_doubt(source: Source, wire: Wire, session: SqlSession) -> None:
    add(session, source, 1)

    def lose(data: bytes) -> None:
        wire.is_deaf = wire.is_deaf or b"COMMIT" in data

    wire.on_sent = lose

    with pytest.raises(ChangeUnknown):
        add(session, source, 2)
