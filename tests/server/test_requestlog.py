"""The request log: what it keeps, finds and forgets, and what never gets into it."""

from __future__ import annotations

import logging
import multiprocessing
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apiserver.server import requestlog
from apiserver.server.masking import MaskingFormatter, masked_path, masked_query

TOKEN = "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5"


@pytest.fixture
def writer(tmp_path: Path, settings: Any) -> Iterator[requestlog.Writer]:
    settings.DATA_DIR = tmp_path
    made = requestlog.Writer()
    yield made
    made.flush_and_end()


def entry(**values: Any) -> dict[str, Any]:
    return {"at": time.time(), "user": "ada", "method": "GET", "path": "/api.rsc/Orders", "query": "", "status": 200, **values}


def written(writer: requestlog.Writer, *entries: dict[str, Any]) -> None:
    for item in entries:
        writer.put(item)
    writer.flush_and_end()


def test_writer_writes_without_being_ended(writer: requestlog.Writer) -> None:
    writer.put(entry())
    end = time.monotonic() + 20
    while not requestlog.search(user="ada") and time.monotonic() < end:
        time.sleep(0.05)

    assert [row["user"] for row in requestlog.search(user="ada")] == ["ada"]


def test_half_a_character_does_not_end_the_log(writer: requestlog.Writer) -> None:
    written(writer, entry(error="no property \ud83d", path="/葵"), entry(path="/next"))

    assert [(row["path"], row["error"]) for row in requestlog.search(user="ada")] == [("/next", None), ("/葵", "no property ?")]


def test_worker_process_writes_what_is_left_when_it_ends(writer: requestlog.Writer) -> None:
    writer.put(entry(path="/parent"))
    worker = multiprocessing.get_context("fork").Process(target=writer.put, args=(entry(path="/worker"),))
    worker.start()
    worker.join(10)
    writer.flush_and_end()

    assert (worker.exitcode, sorted(row["path"] for row in requestlog.search(user="ada"))) == (0, ["/parent", "/worker"])


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["/c", "/b", "/a"]),
        ({"limit": 2}, ["/c", "/b"]),
        ({"user": "bob"}, ["/b"]),
        ({"status": "404"}, ["/b"]),
        ({"status": "4xx"}, ["/c", "/b"]),
        ({"status": "5xx"}, []),
        ({"status": "none"}, []),
        ({"text": "TOTAL"}, ["/a"]),
        ({"text": "no such"}, ["/b"]),
        ({"text": "name eq 'é"}, ["/c"]),
        ({"since": 150.0}, ["/c", "/b"]),
    ],
)
def test_search_finds_the_newest_that_fit(writer: requestlog.Writer, wanted: dict[str, Any], found: list[str]) -> None:
    first = entry(path="/a", at=100.0, query="$filter=Total gt 1")
    second = entry(path="/b", at=200.0, user="bob", status=404, error="NotFound: No such resource")
    written(writer, first, second, entry(path="/c", at=300.0, status=401, query="$filter=Name%20eq%20%27%C3%A9%27"))

    assert [row["path"] for row in requestlog.search(**wanted)] == found


def test_prune_drops_old_days_and_surplus_rows(writer: requestlog.Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requestlog, "KEEP_ROWS", 2)
    now = time.time()
    written(writer, entry(path="/old", at=now - 31 * 86400), *(entry(path=f"/{number}", at=now) for number in range(3)))

    requestlog.prune(now)

    assert ([row["path"] for row in requestlog.search()], requestlog.count(0)) == (["/2", "/1"], 2)


def test_writer_goes_on_after_a_log_that_could_not_be_written(
    writer: requestlog.Writer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(requestlog, "FLUSH_SECONDS", 0.02)
    monkeypatch.setattr(requestlog, "connect", refuse)
    writer.put(entry(path="/lost"))
    end = time.monotonic() + 20
    while not caplog.records and time.monotonic() < end:
        time.sleep(0.02)
    monkeypatch.undo()
    written(writer, entry(path="/kept"))

    assert [record.getMessage() for record in caplog.records] == ["1 entries of the request log could not be written."]
    with sqlite3.connect(requestlog.file()) as log:
        assert log.execute("SELECT path FROM requests").fetchall() == [("/kept",)]


def refuse() -> sqlite3.Connection:
    raise sqlite3.OperationalError("disk I/O error")


@pytest.mark.parametrize(
    ("path", "masked"),
    [
        (f"/api.rsc/@{TOKEN}/Orders", "/api.rsc/@***/Orders"),
        (f"/api.rsc/%40{TOKEN}/Orders", "/api.rsc/@***/Orders"),
        (f"/api.rsc//@{TOKEN}", "/api.rsc//@***"),
        (f"/api.rsc/%2540{TOKEN}/Orders", "/api.rsc/@***/Orders"),
        (f"/api.rsc/Orders/@{TOKEN}", "/api.rsc/Orders/@***"),
        ("/api.rsc/Orders('@x')", "/api.rsc/Orders('@x')"),
        ("/api.rsc/Or\nders", "/api.rsc/Or?ders"),
    ],
)
def test_masked_path_hides_the_authtoken(path: str, masked: str) -> None:
    assert masked_path(path) == masked


@pytest.mark.parametrize("name", ["@authtoken", "%40authtoken", "@AuthToken"])
def test_masked_query_hides_the_authtoken(name: str) -> None:
    assert masked_query(f"$top=1&{name}={TOKEN}&$skip=2") == f"$top=1&{name}=***&$skip=2"


def test_process_logs_mask_authtokens_in_text_and_traceback() -> None:
    try:
        raise RuntimeError(f"GET /api.rsc/@{TOKEN}/Orders?@authtoken={TOKEN}&$top=1")
    except RuntimeError as error:
        record = logging.LogRecord("x", 40, __file__, 1, "Failed: %s", (f"/api.rsc/%40{TOKEN}/$oas",), (RuntimeError, error, None))

    text = MaskingFormatter("%(message)s").format(record)

    assert (TOKEN in text, "/api.rsc/%40***/$oas" in text, "@authtoken=***&$top=1" in text) == (False, True, True)
