"""Who looks at which table: side by side, few of one connection, leases kept while a source is slow."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apiserver.resources.services import publish_tables
from apiserver.triggers import looking, watching
from apiserver.triggers.leases import LEASES
from apiserver.triggers.models import Watch
from connections.contract.table import TableRef
from connections.services import save_connection
from tests import databases
from tests.triggers.conftest import COLUMNS


@pytest.fixture
def tables(db: Any, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Watch]]:
    """Watch four tables of one connection and one of another, all due."""
    watches = []
    for name, count in (("many", 4), ("one", 1)):
        database = databases.make("sqlite", name, request, tmp_path)
        for number in range(count):
            database.create(f"{name}{number}", COLUMNS)
        connection = save_connection(name=name, connector="sqlite", values=database.connection["properties"])
        refs = [TableRef("", f"{name}{number}") for number in range(count)]
        for resource in publish_tables(connection, refs, now=timezone.now()):
            watches.append(watching.ensure(resource, "created", now=timezone.now()))
    yield watches


def names(watches: list[Watch]) -> list[str]:
    return sorted(watch.resource.name for watch in watches)


def test_few_of_one_connection_are_looked_at_at_once(tables: list[Watch]) -> None:
    first = looking.claim((), 8, now=timezone.now())
    second = looking.claim(first, 8, now=timezone.now())

    assert (names(first), second) == (["many0", "many1", "one0"], [])
    assert names(looking.claim([item for item in first if item.resource.name != "many0"], 8, now=timezone.now())) == ["many2"]


def test_no_more_than_there_are_threads(tables: list[Watch]) -> None:
    first = looking.claim((), 2, now=timezone.now())

    assert (len(first), looking.claim(first, 2, now=timezone.now())) == (2, [])


def test_a_slow_look_keeps_its_lease_and_a_finished_one_gets_none(tables: list[Watch]) -> None:
    slow, done = looking.claim((), 2, now=timezone.now())
    soon = timezone.now() + timedelta(seconds=1)
    for watch in (slow, done):
        watch.lease_until = soon
    Watch.objects.filter(pk=slow.pk).update(lease_until=soon)
    Watch.objects.filter(pk=done.pk).update(lease_until=None)

    looking.prolong([slow, done])

    kept = Watch.objects.get(pk=slow.pk).lease_until
    assert kept is not None and kept - timezone.now() > LEASES[Watch] * 0.9
    assert Watch.objects.get(pk=done.pk).lease_until is None


@pytest.mark.django_db(transaction=True)
def test_a_source_that_hangs_holds_up_no_other(
    transactional_db: None, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = request.getfixturevalue("tables")
    released, seen, finished = threading.Event(), [], threading.Event()

    def look(watch: Watch) -> None:
        if watch.resource.name.startswith("many"):
            released.wait(30)
        else:
            seen.append(watch.resource.name)
            finished.set()

    monkeypatch.setattr(looking, "look", look)
    looker = looking.Looker()

    looker.fill()
    others = finished.wait(30)
    still = sorted(watch.resource.name for watch in looker.active() if watch.resource.name.startswith("many"))
    released.set()
    while looker.active():
        threading.Event().wait(0.01)

    assert (others, seen, still, len(tables)) == (True, ["one0"], ["many0", "many1"], 5)
