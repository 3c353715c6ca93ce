"""The periodic task: it cleans up once a minute however often it rings, and rings from beat when there is a broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from django.utils import timezone

from apiserver import celery
from apiserver.server import requestlog
from tests.served import serve
from tests.servers import Server
from users.models import SetupLink


@pytest.fixture
def rested(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that never cleaned up."""
    monkeypatch.setattr(celery.Housekeeping, "at", float("-inf"))
    yield


def link(hours: int) -> SetupLink:
    return SetupLink.objects.create(sha256="x", expires=timezone.now() + timedelta(hours=hours))


def test_tick_drops_what_expired_and_keeps_the_rest(rested: None) -> None:
    link(-1)
    alive = link(1)

    celery.tick()

    assert list(SetupLink.objects.all()) == [alive]


def test_tick_cleans_up_once_a_minute(rested: None, monkeypatch: pytest.MonkeyPatch) -> None:
    celery.tick()
    dead = link(-1)
    celery.tick()
    assert list(SetupLink.objects.all()) == [dead]

    monkeypatch.setattr(celery.Housekeeping, "at", time.monotonic() - celery.HOUSEKEEPING_SECONDS)
    celery.tick()

    assert not SetupLink.objects.exists()


def test_beat_holds_the_one_entry() -> None:
    assert [(entry["task"], entry["schedule"]) for entry in celery.app.conf.beat_schedule.values()] == [("apiserver.tick", 0.5)]


@pytest.mark.parametrize("has_broker", [False, True])
def test_served_worker_ticks(has_broker: bool, redis_server: Server, tmp_path: Path, settings: Any) -> None:
    settings.DATA_DIR = tmp_path
    with closing(requestlog.connect()) as log:
        log.execute("INSERT INTO requests (at, path) VALUES (1, '/old')")
    server = serve(data_dir=tmp_path, extra={"APISERVER_REDIS_URL": f"redis://127.0.0.1:{redis_server.port}/0"} if has_broker else {})
    try:
        end = time.monotonic() + 20
        while requestlog.count(0) and time.monotonic() < end:
            time.sleep(0.1)

        assert requestlog.count(0) == 0
    finally:
        assert server.stop() == 0


def test_worker_that_hears_no_bell_does_what_is_due_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beat goes by the time of day: one whose clock was set back a day sends nothing for a day. The broker may be away, too."""
    done = Event()
    monkeypatch.setattr(celery, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(celery, "ticks", lambda: (done.set,))
    monkeypatch.setattr(celery.Housekeeping, "at", time.monotonic())
    monkeypatch.setattr(celery.Bell, "ending", Event())
    monkeypatch.setattr(celery.Bell, "rung", time.monotonic())
    listener = Thread(target=celery.listen)
    listener.start()

    assert not done.wait(0.2)
    monkeypatch.setattr(celery.Bell, "rung", time.monotonic() - celery.SILENT_SECONDS)
    assert done.wait(10)
    assert time.monotonic() - celery.Bell.rung < celery.SILENT_SECONDS

    celery.claim_no_more()
    listener.join(10)
    assert not listener.is_alive()


@pytest.mark.django_db
def test_tick_that_fails_ends_no_bell(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(celery, "ticks", lambda: (fails,))

    celery.tick_unasked()

    assert "a tick failed" in caplog.text
