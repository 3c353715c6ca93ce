"""Long reads under the rights of the moment, and the worker's part: limits, turns, workers that end, statements that stop."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from apiserver.powerplatform import long_read_doing, long_read_results, long_reads
from apiserver.powerplatform.long_read_doing import carry_out, claim
from apiserver.powerplatform.long_read_models import LongRead, LongReadPiece
from apiserver.powerplatform.long_read_results import reseal
from apiserver.powerplatform.long_read_under_way import Running
from apiserver.powerplatform.long_read_work import chosen
from apiserver.resources.services import publish_tables
from apiserver.server import options, registry, stamp
from connections import vault
from connections.contract.errors import ConnectionFailed, RateLimited, SourceTimeout
from connections.contract.table import TableRef
from connections.models import Connection
from tests.powerplatform.long_work import NAMES, asked, got, only, settings, shop, small, work
from tests.triggers.conftest import Shop
from users.models import User

__all__ = ["shop", "small"]


def change(name: str, **rights: Any) -> None:
    User.objects.filter(name=name).update(**rights)
    stamp.changed()


# ---- rights of the moment ----


@pytest.mark.parametrize(
    ("rights", "status"),
    [
        ({"privileges": []}, 403),
        ({"resources": {}}, 404),
        ({"resources": {"orders": {"columns": ["id"]}}}, 400),
        ({"is_active": False}, 401),
    ],
)
@pytest.mark.parametrize("is_done", [False, True])
def test_a_right_that_was_withdrawn_meanwhile_holds(small: Shop, rights: dict[str, Any], status: int, is_done: bool) -> None:
    client = small.user("flow")
    where = asked(client, "orders?$select=name")
    if is_done:
        work()
    change("flow", **rights)

    if is_done and status != 401:
        assert client.get(where).status_code == 202
    work()
    answer = client.get(where)

    assert (answer.status_code, b"bee" in answer.content) == (status, False)


def test_a_row_filter_that_came_meanwhile_holds(small: Shop) -> None:
    client = small.user("flow")
    where = asked(client, "orders")
    work()
    assert len(client.get(where).json()["value"]) == len(NAMES)

    change("flow", resources={"orders": {"filter": "name eq 'bee'"}})
    again = client.get(where).status_code
    work()

    assert (again, [row["name"] for row in client.get(where).json()["value"]]) == (202, ["bee"])


def test_a_change_elsewhere_keeps_the_result(small: Shop) -> None:
    client = small.user("flow")
    where = asked(client, "orders")
    work()
    small.user("other")
    options.save({"page_size": 3})
    stamp.changed()

    assert client.get(where).status_code == 200


# ---- the work ----


def test_a_result_beyond_the_limit_is_refused(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_read_results, "MEGABYTE", 3)

    answer = got(small.user("flow"), "orders")

    assert (answer.status_code, "larger than the limit" in answer.json()["error"]["message"]) == (400, True)


def test_the_oldest_results_of_a_user_go_first(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_read_results, "MEGABYTE", 1100)
    settings(kept_megabytes=1, megabytes=5)
    client = small.user("flow")

    places = [asked(client, "orders") for _ in range(3)]
    work()

    assert [client.get(where).status_code for where in places] == [410, 410, 200]


def test_a_read_that_ends_many_workers_is_given_up(small: Shop) -> None:
    client = small.user("flow")
    where = asked(client, "orders")

    rests = []
    for _ in range(long_read_doing.MOST_ATTEMPTS):
        assert claim(only(), now=timezone.now())
        rests.append((only().due - timezone.now()).total_seconds())
        LongRead.objects.update(lease_until=timezone.now() - timedelta(seconds=1), due=timezone.now())
    work()
    answer = client.get(where)

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "Abandoned")
    assert f"ended {long_read_doing.MOST_ATTEMPTS} times" in answer.json()["error"]["message"]
    assert max(rests[:2]) <= 0 < min(rests[2:])  # at first at once, then not together with the same ones again


def test_a_source_that_is_away_is_asked_again_before_its_error_is_the_result(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    client = small.user("flow")
    where = asked(client, "orders")
    told = []

    def away(running: Running, sink: Any) -> None:
        raise ConnectionFailed("The source is away.")

    monkeypatch.setattr(long_read_doing, "import_string", lambda _: away)
    for _ in long_read_doing.TRIED_AGAIN:
        work()
        told.append((client.get(where).status_code, only().attempts, only().due > timezone.now()))
        LongRead.objects.update(due=timezone.now())
    monkeypatch.undo()
    work()

    assert told == [(202, 0, True)] * len(long_read_doing.TRIED_AGAIN)
    assert (client.get(where).status_code, only().pieces_count) == (200, 1)


def test_a_source_that_stays_away_is_the_result(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    client = small.user("flow")
    where = asked(client, "orders")

    def busy(running: Running, sink: Any) -> None:
        raise RateLimited("The source is busy.", retry_after=7)

    monkeypatch.setattr(long_read_doing, "import_string", lambda _: busy)
    for _ in range(len(long_read_doing.TRIED_AGAIN) + 1):
        work()
        LongRead.objects.update(due=timezone.now())
    answer = client.get(where)

    assert (answer.status_code, answer.json()["error"]["code"], answer["Retry-After"]) == (503, "SourceBusy", "7")


def test_a_worker_that_was_taken_for_dead_publishes_nothing(small: Shop) -> None:
    client = small.user("flow")
    where = asked(client, "orders")
    claim(only(), now=timezone.now())
    late = Running(only())
    LongRead.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    small.add("fox")

    work()
    carry_out(late)

    assert len(client.get(where).json()["value"]) == len(NAMES) + 1
    assert {piece.fence for piece in LongReadPiece.objects.all()} == {only().fence}


def test_our_own_database_away_is_no_fault_of_the_read(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    client = small.user("flow")
    where = asked(client, "orders")

    def away(*_: object) -> None:
        raise OperationalError("away")

    for _ in range(5):
        monkeypatch.setattr(long_read_doing, "import_string", lambda _: away)
        work()
        LongRead.objects.update(due=timezone.now())
    monkeypatch.undo()
    work()

    assert client.get(where).status_code == 200


def test_work_beyond_its_time_is_stopped(small: Shop) -> None:
    client = small.user("flow")
    where = asked(client, "orders")
    claim(only(), now=timezone.now())
    running = Running(only())
    running._ends = 0

    running.beat()
    carry_out(running)
    answer = client.get(where)

    assert (answer.status_code, "did not end within 3600 s" in answer.json()["error"]["message"]) == (504, True)


def test_an_unexpected_error_is_the_result_and_tells_nothing(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(long_read_doing, "import_string", lambda _: broken)

    answer = got(small.user("flow"), "orders")

    assert (answer.status_code, b"secret detail" in answer.content) == (500, False)


def test_other_rooms_bring_work_of_their_own(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    client = small.user("flow")
    user = User.objects.get(name="flow")
    monkeypatch.setitem(registry.LONG_WORK, "job", "tests.powerplatform.test_long_read_work.job")
    read = long_reads.start("job", vault.seal("nightly"), user_id=user.pk, subject="nightly", now=timezone.now())

    before = client.get(f"/api.rsc/$async/{read.public_id}")
    work()
    after = client.get(f"/api.rsc/$async/{read.public_id}")

    assert (before.status_code, after.status_code, after.json()) == (202, 201, {"run": "nightly"})


def job(running: Running, sink: Any) -> tuple[int, dict[str, str]]:
    """Do work that is no read."""
    sink.write(json.dumps({"run": vault.reveal(running.read.asked)}).encode())
    return 201, {"Content-Type": "application/json"}


def test_users_take_turns_and_none_takes_all_places(small: Shop) -> None:
    settings(at_once=3)
    busy, calm = small.user("busy"), small.user("calm")
    for _ in range(4):
        asked(busy, "orders")
    asked(calm, "orders")
    ids = dict(User.objects.values_list("name", "pk"))

    first = [read.user_id for read in chosen({}, now=timezone.now())]
    second = [read.user_id for read in chosen({ids["busy"]: 2}, now=timezone.now())]

    assert (first, second) == ([ids["busy"], ids["calm"], ids["busy"]], [ids["calm"]])


def test_what_is_asked_and_found_is_sealed_and_follows_new_keys(small: Shop) -> None:
    client = small.user("flow")
    where = asked(client, "orders?$filter=name ne 'zebra'")
    work()
    ring = vault.RING
    keys, first = dict(ring.ciphers), ring.first
    try:
        vault.configure(["a new key of the test"])
        ring.ciphers |= keys
        resealed = reseal()
        found = only()
        answer = client.get(where)
        stored = bytes(LongReadPiece.objects.get().data)
    finally:
        ring.ciphers, ring.first = keys, first

    assert (resealed, answer.status_code, b"bee" in answer.content) == (2, 200, True)
    assert ("zebra" in found.asked, b"bee" in stored) == (False, False)


SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500000000) SELECT count(*) AS id, 'x' AS name FROM n",
    "postgresql": "SELECT 1 AS id, pg_sleep(60)::text AS name",
    "mysql": "SELECT 1 AS id, SLEEP(60) AS name",
}


def test_a_statement_that_runs_is_stopped(shop: Shop) -> None:
    shop.database.run(f"CREATE VIEW slow AS {SLOW[shop.database.kind]}")
    connection = Connection.objects.get()
    publish_tables(connection, [TableRef(shop.resource.schema, "slow")], now=timezone.now())
    stamp.changed()
    where = asked(shop.user("flow"), "slow")
    claim(only(), now=timezone.now())
    running = Running(only())
    begun = time.monotonic()

    threading.Timer(1, running.end, [SourceTimeout("Stopped by the test.")]).start()
    carry_out(running)
    answer = shop.users["flow"].get(where)

    assert (answer.status_code, answer.json()["error"]["message"]) == (504, "Stopped by the test.")
    assert time.monotonic() - begun < 30
