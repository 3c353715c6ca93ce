"""The product's own PostgreSQL when it accepts and does not answer: the wait ends, and nobody uses that connection again."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import psycopg
import pytest

from apiserver.server.postgresql.base import Connection, Limit, answer_within
from tests.servers import Server


@pytest.fixture
def impatient() -> Iterator[None]:
    before = Limit.seconds
    answer_within(0.3)
    yield
    answer_within(before)


def test_statement_without_an_answer_is_given_up(postgres_server: Server, impatient: None) -> None:
    own = Connection.connect(host=postgres_server.host, port=postgres_server.port, user=postgres_server.user, dbname="postgres")

    with pytest.raises(psycopg.OperationalError, match="does not answer"):
        own.execute("SELECT pg_sleep(30)")

    assert own.closed
    with pytest.raises(psycopg.OperationalError, match="closed"):
        own.execute("SELECT 1")


def test_server_that_accepts_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(psycopg.OperationalError, match="does not answer"):
        Connection.connect(host="127.0.0.1", port=silent.getsockname()[1], user="x", dbname="x", sslmode="disable")


def test_answers_that_come_are_taken(postgres_server: Server, impatient: None) -> None:
    with Connection.connect(host=postgres_server.host, port=postgres_server.port, user=postgres_server.user, dbname="postgres") as own:
        assert own.execute("SELECT 1").fetchone() == (1,)
