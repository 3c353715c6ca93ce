"""Writes of the same row at the same time: each is done, one after another, and none is a timeout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from apiserver.odata.service_write import TRIES, in_turn
from connections.contract.errors import ConstraintViolated, Overtaken
from tests import databases
from tests.odata.service_harness import Service, open_service

WRITERS, ROUNDS = 6, 4


@pytest.fixture(params=databases.KINDS)
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Service:
    database = databases.make(request.param, "races", request, tmp_path)
    database.create("rooms", {"id": "integer PRIMARY KEY", "code": "varchar(20) UNIQUE", "name": "varchar(20)"})
    database.insert("rooms", [[1, "one", "first"]])
    return open_service(database, ("rooms",))


def at_once(write: Callable[[int], int]) -> Counter[int]:
    """Return how often each status came of writes that begin together."""
    barrier = Barrier(WRITERS)

    def begin(number: int) -> int:
        barrier.wait(30)
        return write(number)

    with ThreadPoolExecutor(WRITERS) as pool:
        return Counter(pool.map(begin, range(WRITERS)))


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_one_creates_the_row_and_the_others_change_it(api: Service, method: str) -> None:
    for key in range(100, 100 + ROUNDS):
        found = at_once(lambda number, key=key: api.request(method, f"rooms({key})", {"name": str(number)}).status)  # type: ignore[misc]

        assert found == {201: 1, 204: WRITERS - 1}


def test_one_creates_the_row_that_must_not_be_there(api: Service) -> None:
    for key in range(200, 200 + ROUNDS):
        found = at_once(lambda number, key=key: api.request("PUT", f"rooms({key})", {"name": "x"}, If_None_Match="*").status)  # type: ignore[misc]

        assert found == {201: 1, 412: WRITERS - 1}


def test_another_row_in_the_way_stays_a_duplicate(api: Service) -> None:
    answer = api.request("PATCH", "rooms(2)", {"code": "one"})

    assert (answer.status, answer.error["code"]) == (409, "DuplicateKey")


def test_a_write_that_was_overtaken_is_done_again() -> None:
    met: list[Exception | None] = [Overtaken("Later."), Overtaken("Later."), None]

    def write() -> Callable[[], str]:
        error = met.pop(0)
        if error:
            raise error
        return lambda: "done"

    assert in_turn(write)() == "done"  # type: ignore[arg-type,comparison-overlap]


@pytest.mark.parametrize("cause", [None, ConstraintViolated("Twice.", kind="unique")])
def test_a_write_that_is_overtaken_for_ever_says_why(cause: Exception | None) -> None:
    times = []

    def write() -> Callable[[], str]:
        times.append(1)
        raise Overtaken("Later.") from cause

    with pytest.raises(ConstraintViolated if cause else Overtaken):
        in_turn(write)  # type: ignore[arg-type]
    assert len(times) == TRIES
