"""Clients that hold connections and send slowly: others are answered, and who stalls is cut off once places are short."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from apiserver.server import slow_clients
from apiserver.server.slow_clients import PLACES, Places, TooManyBodies
from tests.contract.small import HEADERS, TOKEN, small
from tests.served import Served, publish

FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
HEAD = b"Host: x\r\nx-cdata-authtoken: " + TOKEN.encode() + b"\r\nContent-Type: application/json\r\n"
STARTS = {
    "idle": b"",
    "headers": b"GET /api.rsc/items HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    "body": b"POST /api.rsc/items HTTP/1.1\r\n" + HEAD + b"Content-Length: 1000\r\n\r\n{",
    "chunks": b"POST /api.rsc/items HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    "sign-in": b"POST /console/sign-in/ HTTP/1.1\r\nHost: x\r\n" + FORM + b"Content-Length: 99\r\n\r\na",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("slow")
    server = publish(small(folder), folder / "data")
    yield server
    server.dismiss()


def connections(served: Served, start: bytes, count: int, stack: ExitStack) -> list[socket.socket]:
    """Open connections that begin like this and go no further."""
    found = []
    for _ in range(count):
        made = stack.enter_context(closing(socket.create_connection(("127.0.0.1", urlsplit(served.base).port or 0), timeout=10)))
        made.sendall(start)
        found.append(made)
    return found


@pytest.mark.parametrize("kind", STARTS)
def test_slow_clients_hold_up_nobody(served: Served, kind: str) -> None:
    with ExitStack() as stack:
        connections(served, STARTS[kind], 300, stack)

        statuses = [served.get("/api.rsc/items", HEADERS)[0] for _ in range(10)]

    assert statuses == [200] * 10


def test_bodies_beyond_the_places_are_503_with_retry_after(served: Served) -> None:
    with ExitStack() as stack:
        connections(served, STARTS["body"], 300, stack)
        client = HTTPConnection(urlsplit(served.base).netloc, timeout=30)
        client.request("POST", "/api.rsc/items", b'{"id": 900, "name": "x"}', HEADERS | {"Content-Type": "application/json"})
        answer = client.getresponse()

        assert answer.status == 503
        assert answer.getheader("Retry-After") == "2"
        assert b"bodies come slowly" in answer.read()


def test_whoever_stalls_is_cut_off_when_another_waits(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "PATIENCE_SECONDS", 0.05)
    places, (ours, theirs), cut = Places(1), socket.socketpair(), threading.Event()

    def break_it(address: str, port: str) -> None:
        cut.set()
        ours.shutdown(socket.SHUT_RDWR)

    monkeypatch.setattr(slow_clients, "cut_off", break_it)

    def stall() -> None:
        with places.one("10.0.0.1", "80"):
            theirs.recv(1)

    stalled = threading.Thread(target=stall)
    stalled.start()
    cut.wait(0.2)  # the time that a body may take
    with ours, theirs, places.one("10.0.0.2", "80"):
        stalled.join(10)

    assert cut.is_set()
    assert not stalled.is_alive()


def test_a_place_is_given_back_whatever_happens() -> None:
    places = Places(1)

    with pytest.raises(OSError, match="broke"), places.one("10.0.0.1", "80"):
        raise OSError("broke")
    with places.one("10.0.0.1", "80"), pytest.raises(TooManyBodies), places.one("10.0.0.1", "80"):
        pass

    assert PLACES > 1


def test_answers_that_nobody_reads_hold_up_nobody(tmp_path: Path) -> None:
    file = small(tmp_path, page_size=0, max_page_size=0)
    with closing(sqlite3.connect(tmp_path / "small.db")) as database, database:
        database.executemany("INSERT INTO items VALUES (?, ?, 1)", [(n, "x" * 40) for n in range(100, 60_000)])
    served = publish(file, tmp_path / "data")
    ask = b"GET /api.rsc/items HTTP/1.1\r\n" + HEAD + b"\r\n"
    with ExitStack() as stack:
        unread = connections(served, ask, 120, stack)
        heads = [made.recv(12) for made in unread]

        status = served.get("/api.rsc/items?$top=2", HEADERS)[0]
    served.stop()

    assert status == 200
    assert set(heads) == {b"HTTP/1.1 200", b"HTTP/1.1 503"}


def test_who_takes_nothing_of_an_answer_is_cut_off(tmp_path: Path) -> None:
    file = small(tmp_path, page_size=0, max_page_size=0, request_limits={"reader_seconds": 1})
    with closing(sqlite3.connect(tmp_path / "small.db")) as database, database:
        database.executemany("INSERT INTO items VALUES (?, ?, 1)", [(n, "x" * 40) for n in range(100, 60_000)])
    served = publish(file, tmp_path / "data")
    served.get("/api.rsc/items?$top=1", HEADERS)  # the first request tells the listening socket
    with ExitStack() as stack:
        silent = connections(served, b"GET /api.rsc/items HTTP/1.1\r\n" + HEAD + b"\r\n", 40, stack)
        heads = [made.recv(12) for made in silent]
        refused = served.get("/api.rsc/items", HEADERS)[0]
        given_up = time.monotonic() + 20  # far below the default
        while (status := served.get("/api.rsc/items", HEADERS)[0]) == 503 and time.monotonic() < given_up:
            time.sleep(0.2)
    served.stop()

    assert b"HTTP/1.1 200" in heads
    assert (refused, status) == (503, 200)
