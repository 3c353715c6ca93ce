"""Wrong secrets count over all workers, each once a worker, for a minute; whoever guesses elsewhere is not touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from users import throttle
from users.throttle import Counts, Throttle

NOW = 1_000_000.0


@pytest.fixture
def workers(tmp_path: Path, settings: pytest.FixtureRequest) -> tuple[Throttle, Throttle]:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    return Throttle("guesses.bin", 4), Throttle("guesses.bin", 4)


def test_guesses_at_several_workers_are_one_count(workers: tuple[Throttle, Throttle]) -> None:
    one, other = workers
    for number in range(2):
        one.failed("10.0.0.1", f"a{number}", now=NOW)
        other.failed("10.0.0.1", f"b{number}", now=NOW)

    assert [worker.wait("10.0.0.1", now=NOW + 10) for worker in workers] == [51, 51]
    assert [worker.wait("10.0.0.2", now=NOW + 10) for worker in workers] == [0, 0]
    assert one.wait("10.0.0.1", now=NOW + 60) == 0


def test_a_secret_repeated_counts_once_a_worker(workers: tuple[Throttle, Throttle]) -> None:
    for worker in workers:
        for number in range(50):
            worker.failed("10.0.0.1", "stale", now=NOW + number)

    assert workers[0].wait("10.0.0.1", now=NOW + 50) == 0


def test_a_network_of_ipv6_is_one_caller(workers: tuple[Throttle, Throttle]) -> None:
    for number in range(4):
        workers[0].failed(f"2001:db8::{number}", f"a{number}", now=NOW)

    assert workers[1].wait("2001:db8::ffff", now=NOW) > 0
    assert workers[1].wait("2001:db8:0:1::1", now=NOW) == 0


def test_forgotten_guesses_count_no_more(workers: tuple[Throttle, Throttle]) -> None:
    for number in range(4):
        workers[0].failed("10.0.0.1", f"a{number}", now=NOW)
    workers[0].forget()

    assert workers[1].wait("10.0.0.1", now=NOW) == 0


def test_more_addresses_than_places_lose_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "SLOTS", 16)
    counts = Counts(tmp_path / "few.bin")
    for number in range(17):
        counts.add(f"10.0.0.{number}", NOW + number)

    assert counts.of("10.0.0.0", NOW + 20)[1] == 0
    assert [counts.of(f"10.0.0.{number}", NOW + 20)[1] for number in range(1, 17)] == [1] * 16
