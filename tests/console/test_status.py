"""Status: the first steps, the last hour, what is open and may not be meant."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.test import Client

from apiserver.console import overview
from apiserver.server import options, requestlog
from connections.models import Connection

PAGE = "/console/"


@pytest.fixture(autouse=True)
def fresh(db: None, own_log: object) -> Iterator[None]:
    options.Cache.known = None
    yield
    options.Cache.known = None


def insert(*times: tuple[int, float]) -> None:
    with requestlog.connect() as log:
        sql = "INSERT INTO requests (at, method, path, query, status, ms) VALUES (?, 'GET', '/api.rsc/X', '', ?, ?)"
        log.executemany(sql, [(time.time(), status, ms) for status, ms in times])


def test_steps_follow_what_was_done(connection: Connection) -> None:
    insert((200, 1.0))

    assert [step.is_done for step in overview.steps("admin")] == [True, False, False, True]


def test_steps_lead_operators_nowhere_they_may_not_go() -> None:
    assert [step.url for step in overview.steps("operator")][2] == ""


def test_status_of_an_empty_server_says_what_comes_first(as_admin: Client) -> None:
    page = as_admin.get(PAGE).content.decode()

    assert all(text in page for text in ("First steps", 'href="/console/connections/add"', "/api.rsc/$oas", "No connection yet."))


def test_summary_counts_and_takes_the_95th_of_100() -> None:
    insert(*[(200 if ms < 98 else 404 if ms < 100 else 500, float(ms)) for ms in range(1, 101)])

    assert requestlog.summary(time.time() - 60) == {"total": 100, "refused": 2, "failed": 1, "p95": 95.0}


def test_summary_counts_what_is_not_supported_as_refused() -> None:
    insert((501, 1.0), (503, 1.0))

    found = requestlog.summary(time.time() - 60)

    assert (found["refused"], found["failed"]) == (1, 1)


def test_summary_of_nothing_has_no_time() -> None:
    assert requestlog.summary(time.time()) == {"total": 0, "refused": 0, "failed": 0, "p95": None}


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ({"trusted_addresses": ["127.0.0.1", "0.0.0.0/0"]}, "Every address is trusted"),
        ({"allow_authtoken_in_url": True}, "taken from URLs"),
        ({"anonymous": True}, "without an authtoken"),
        ({"cors": {"enabled": True}}, "CORS is on for every domain"),
        ({"page_size": 0}, "Page size is 0"),
    ],
)
def test_warnings_name_what_is_open(setting: dict[str, object], word: str) -> None:
    options.save(setting)
    options.Cache.known = None

    assert [word in text for text in overview.warnings()] == [True]


def test_failed_connections_come_first(connection: Connection) -> None:
    Connection.objects.create(name="zzz", connector="sqlite", properties={}, last_test={"ok": False, "at": "2026-01-01T00:00:00+00:00"})

    assert [(row["name"], row["test"]) for row in overview.health()] == [("zzz", {"ok": False}), ("shop", None)]
