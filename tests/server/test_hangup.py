"""A source that dies in the middle of a streamed answer: the client can't take what came for the whole."""

from __future__ import annotations

import http.client
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests import databases
from tests.databases import Database
from tests.served import Served, publish

TOKEN = "stream-token-0123456789abcdefghij"
ROWS = 20_000
KINDS = ("postgresql", "mysql")
KILL = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "mysql": "SELECT concat('KILL ', id) FROM information_schema.processlist WHERE db = database() AND id <> connection_id()",
}


@pytest.fixture(scope="module", params=KINDS)
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Database]]:
    folder = tmp_path_factory.mktemp("stream")
    database = databases.make(request.param, "stream", request, folder)
    database.create("lines", {"id": "integer PRIMARY KEY", "text": "text"})
    database.insert("lines", [(number, "x" * 1000) for number in range(ROWS)])
    configuration = {
        "server": {"page_size": 0, "max_page_size": 0},
        "connections": {"long": database.connection},
        "resources": {"lines": {"connection": "long", "table": "lines"}},
        "users": {"reader": {"role": "query", "privileges": ["GET"], "authtoken": TOKEN}},
    }
    served = publish(configuration, folder / "data")
    yield served, database
    served.dismiss()


def opened(served: Served, **headers: str) -> http.client.HTTPResponse:
    """Return an answer whose rows are still on their way."""
    connection = http.client.HTTPConnection(served.base.removeprefix("http://"), timeout=30)
    connection.request("GET", "/api.rsc/lines", headers={"x-cdata-authtoken": TOKEN, **headers})
    return connection.getresponse()


def kill(database: Database) -> None:
    """End what the product is doing in the database."""
    for (line,) in database.run(KILL[database.kind]):
        if database.kind == "mysql":
            database.run(line)


def body_of(answer: http.client.HTTPResponse) -> tuple[bytes, bool]:
    """Return what came and whether the connection broke."""
    found = b""
    try:
        while part := answer.read1(65536):
            found += part
    except (http.client.IncompleteRead, ConnectionError) as error:
        return found + getattr(error, "partial", b""), True
    return found, False


def entry_since(served: Served, begun: float) -> dict[str, Any]:
    """Return the entry of the stream that was asked for after `begun`: broken ones end, and are written, later than they are read."""
    until, found = time.monotonic() + 20, None
    with sqlite3.connect(served.data_dir / "requests.sqlite3") as connection:
        connection.row_factory = sqlite3.Row
        while time.monotonic() < until:
            with suppress(sqlite3.OperationalError):  # the first entry makes the table
                found = connection.execute("SELECT * FROM requests WHERE path LIKE '%lines' AND at >= ?", [begun]).fetchone()
            if found:
                return dict(found)
            time.sleep(0.1)
    raise AssertionError("The request log has no entry of the stream.")


def broken_off(served: Served, database: Database) -> str:
    """Return what came of a stream whose source went away: never a whole document, and the connection broke."""
    answer = opened(served)
    first = answer.read(100_000)
    kill(database)
    rest, is_broken = body_of(answer)

    body = (first + rest).decode()
    assert answer.status == 200
    assert is_broken
    with pytest.raises(ValueError):
        json.loads(body)
    return body


def test_a_stream_that_breaks_off_breaks_the_connection(source: tuple[Served, Database]) -> None:
    served, database = source
    begun = time.time()

    # Half a second is left for the last bytes to leave: on a busy machine they may come too late, not every time.
    told = next((body for _ in range(5) if "\n" in (body := broken_off(served, database))), "")

    assert json.loads(told[told.rindex("\n") :])["error"]["code"] == "SourceUnavailable"
    assert entry_since(served, begun)["error"].startswith("SourceUnavailable: ")


def test_an_answer_to_the_same_address_goes_on(source: tuple[Served, Database]) -> None:
    served, database = source
    idle = http.client.HTTPConnection(served.base.removeprefix("http://"), timeout=30)
    idle.request("GET", "/healthz")
    idle.getresponse().read()
    time.sleep(0.1)  # else it could be the one that answers

    answer = opened(served)
    answer.read(100_000)
    kill(database)
    _, is_broken = body_of(answer)

    idle.request("GET", "/healthz")
    assert is_broken
    assert idle.getresponse().status == 200


def test_two_that_can_not_be_told_apart_are_malformed_and_not_broken(source: tuple[Served, Database]) -> None:
    served, database = source
    answers = [opened(served) for _ in range(4)]
    for answer in answers:
        answer.read(100_000)

    kill(database)
    found: list[tuple[bytes, bool]] = []
    readers = [threading.Thread(target=lambda answer=answer: found.append(body_of(answer))) for answer in answers]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    for body, _ in found:
        with pytest.raises(ValueError):
            json.loads(body)


def test_a_whole_stream_is_whole(source: tuple[Served, Database]) -> None:
    served, _ = source
    begun = time.time()

    answer = opened(served)
    body, is_broken = body_of(answer)

    assert not is_broken
    assert len(json.loads(body)["value"]) == ROWS
    assert entry_since(served, begun)["error"] is None
