"""Moves that are killed anywhere, under changes of the source: the next one completes, nothing is lost, doubled or left behind."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apiserver.jobs import moving, moving_reading
from apiserver.jobs.moving import JobError
from connections.contract.errors import ConnectionFailed
from tests.jobs.moves import Counting, Pair, pair

pytestmark = pytest.mark.django_db
STATEMENTS = {
    "incremental": "REPLICATE [t] WITH IncrementalCheckColumns='changed'",
    "full": "REPLICATE [t]",
    "keyless": "REPLICATE [t] SELECT name, changed FROM [t]",
    "soft": "REPLICATE [t] WITH IncrementalCheckColumns='changed', SoftDelete",
}
ROUNDS = 8


class Killed(BaseException):
    """The worker is gone: nothing that follows in it happens."""


class Mortal:
    """A loading whose process is killed before or after one of its calls; what was not committed goes with its connection."""

    def __init__(self, real: Any, dies_at: int, *, is_after: bool) -> None:
        self._real = real
        self._left = dies_at
        self._is_after = is_after
        self._is_dead = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found) or name in ("stored",):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            if name == "close" or self._is_dead:
                return self._real.close()
            self._left -= 1
            if self._left == 0 and not self._is_after:
                self.die()
            result = found(*args, **kwargs)
            if self._left == 0:
                self.die()
            return result

        return call

    def die(self) -> None:
        self._is_dead = True
        self._real.close()
        raise Killed


@pytest.fixture(params=[("sqlite", "mysql"), ("mysql", "sqlite"), ("postgresql", "postgresql")], ids="-".join)
def ends(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    monkeypatch.setattr(moving_reading, "PAGE", 5)
    monkeypatch.setattr(moving, "FIRST_WAIT", 0.0)
    found = pair(request, tmp_path, *request.param)
    found.source.create("t", {"id": "integer", "name": "varchar(20)", "changed": "integer"}, "PRIMARY KEY (id)")
    return found


class Churn:
    """Random changes of the source, each with the same or a higher check value."""

    def __init__(self, ends: Pair, dice: random.Random) -> None:
        self.ends, self.dice = ends, dice
        self.ids, self.next, self.clock = [], 1, 1  # type: list[int], int, int

    def change(self, most: int) -> None:
        for _ in range(self.dice.randrange(most)):
            self.clock += self.dice.randrange(2)
            kind = self.dice.random()
            if kind < 0.6 or len(self.ids) < 30:
                self.ends.source.run(f"INSERT INTO t VALUES ({self.next}, 'n{self.clock}', {self.clock})")
                self.ids.append(self.next)
                self.next += 1
            elif kind < 0.85:
                self.ends.source.run(f"UPDATE t SET name = 'u{self.clock}', changed = {self.clock} WHERE id = {self.dice.choice(self.ids)}")
            else:
                self.ends.source.run(f"DELETE FROM t WHERE id = {self.ids.pop(self.dice.randrange(len(self.ids)))}")


def present(ends: Pair, mode: str) -> None:
    """Assert that the destination has the rows of the source, and no other."""
    columns = ["name", "changed"] if mode == "keyless" else ["id", "name", "changed"]
    listed = ", ".join(columns)
    here = ends.destination.run(f"SELECT {listed} FROM t{' WHERE _cdatasync_deleted IS NULL' if mode == 'soft' else ''}")
    assert sorted(here) == sorted(ends.source.run(f"SELECT {listed} FROM t"))


@pytest.mark.parametrize("mode", STATEMENTS)
def test_a_move_that_is_killed_anywhere_is_completed_by_the_next(ends: Pair, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(f"{mode}7")
    churn = Churn(ends, dice)
    churn.change(60)
    real = moving.loading_of
    died = 0
    for _ in range(ROUNDS):
        churn.change(8)
        mortal: Callable[..., Any] = lambda *args: Mortal(real(*args), dice.randrange(1, 40), is_after=dice.random() < 0.5)  # noqa: E731
        monkeypatch.setattr(moving, "loading_of", mortal)
        try:
            ends.move(STATEMENTS[mode], Changing(churn), batch_rows=10, overlap_seconds=1)
        except Killed:
            died += 1
        except JobError as error:
            raise AssertionError(error.message) from error
    monkeypatch.setattr(moving, "loading_of", real)
    ends.move(STATEMENTS[mode], batch_rows=10, may_shrink=True)

    assert died > ROUNDS // 4
    present(ends, mode)


class Changing(Counting):
    """A watch under which the source changes while it is read, and breaks off now and then."""

    def __init__(self, churn: Churn) -> None:
        super().__init__()
        self.churn = churn

    def read(self, rows: int, pages: int, size: int) -> None:
        super().read(rows, pages, size)
        if self.churn.dice.random() < 0.1:
            self.churn.change(3)
        if self.churn.dice.random() < 0.05:
            raise ConnectionFailed("The source broke off.")
