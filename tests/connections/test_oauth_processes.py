"""One refresh for all processes, over SQLite and PostgreSQL; a killed one costs no grant, or the connection says so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import databases
from tests.connections.oauth_processes import crew, rounds
from tests.fakes.oauth_provider import Provider

CUT_OFF = "A renewal of the sign-in was cut off before its answer was stored. Open the connection and press Connect."


@pytest.fixture(params=["sqlite", "postgresql"])
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The product's own database."""
    if request.param == "sqlite":
        yield {}
        return
    database = databases.make("postgresql", "oauth_own", request, tmp_path)
    given = database.connection["properties"]
    yield {"APISERVER_DATABASE_URL": f"postgresql://{given['User']}@{given['Server']}:{given['Port']}/{given['Database']}"}


def test_four_processes_make_one_refresh_of_each_expiry(provider: Provider, own: dict[str, str], tmp_path: Path) -> None:
    with crew(provider, tmp_path, own) as found:
        workers = found.start(4)
        provider.pause = 0.05
        workers[0].ask("take 1")
        before = provider.refreshes

        wrong = rounds(found, workers, 4, (13, 13, 12, 12))

    assert (wrong, provider.refreshes - before, provider.refused) == ([], 4, [])


def test_process_killed_before_the_commit_leaves_its_answer_to_the_next(provider: Provider, own: dict[str, str], tmp_path: Path) -> None:
    with crew(provider, tmp_path, own) as found:
        one, two = found.start(2)
        one.ask("take 1")
        found.expire(one)
        one.ask("fall")

        gone = one.ask("take 1")
        answer = two.ask("take 3")

    assert (gone, answer, provider.refused) == (None, [[provider.families[0].access, ""]] * 3, [])


@pytest.mark.parametrize("grace", [0, 60])
def test_process_killed_while_the_service_answers_is_recovered_or_said(grace: float, tmp_path: Path) -> None:
    with Provider(grace=grace) as provider, crew(provider, tmp_path) as found:
        one, two = found.start(2)
        one.ask("take 1")
        found.expire(one)
        calls, provider.pause = len(provider.calls), 0.5
        one.tell("take 1")
        while len(provider.calls) == calls:
            time.sleep(0.01)
        one.kill()
        provider.pause = 0
        deadline = time.monotonic() + 10
        while provider.refreshes < 2 and time.monotonic() < deadline:
            time.sleep(0.01)

        answer = two.ask("take 1")

    assert answer == ([[provider.families[0].access, ""]] if grace else [["", CUT_OFF]])
