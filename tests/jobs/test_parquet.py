"""A Parquet folder as the destination of jobs: in the configuration file, on the wizard, loaded and read by others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from apiserver.jobs import starting
from apiserver.jobs.claiming import claim
from apiserver.jobs.claims import database_of
from apiserver.jobs.errors import InvalidJob
from apiserver.jobs.forms import destinations
from apiserver.jobs.models import Job, Run
from apiserver.jobs.running import carry_out
from apiserver.jobs.under_way import Running
from apiserver.server import configuration
from connections.models import Connection
from connections.services import session_for
from tests.jobs.conftest import NOW

pytestmark = pytest.mark.django_db
EVENT = {"when": "after", "if": "always", "sql": ["CREATE OR REPLACE TABLE sums AS SELECT count(*) AS n FROM sales.orders"]}


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """Return an allowed folder beside a shop of orders."""
    settings.ALLOWED_FOLDERS = (tmp_path / "allowed",)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        shop.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, buyer VARCHAR(40), changed INTEGER)")
        shop.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(number, f"b{number}", number) for number in range(1, 51)])
        shop.commit()
    data = {
        "connections": {
            "shop": {"connector": "sqlite", "properties": {"Database": str(tmp_path / "shop.db")}},
            "lake": {"connector": "parquet", "properties": {"URI": "lake"}},
        },
        "jobs": {
            "nightly": {
                "source": "shop",
                "destination": "lake",
                "schema": "sales",
                "events": [EVENT],
                "tasks": ["REPLICATE [orders] WITH IncrementalCheckColumns='changed'"],
            }
        },
    }
    configuration.apply(data, now=timezone.now())
    return tmp_path / "allowed" / "lake"


def ran(job: Job) -> str:
    """Run the job; return how that ended."""
    run = starting.start(job, reason="button", now=NOW)
    assert claim(run, now=NOW)
    carry_out(Running(run))
    return str(Run.objects.values_list("state", flat=True).get(pk=run.pk))


def test_job_of_the_file_fills_the_folder_and_others_read_it(folder: Path, tmp_path: Path) -> None:
    job = Job.objects.get()

    assert ran(job) == "done"
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        shop.execute("UPDATE orders SET buyer = 'new', changed = 60 WHERE id = 7")
        shop.execute("DELETE FROM orders WHERE id = 8")
        shop.commit()
    assert ran(job) == "done"

    found = {row["id"]: row["buyer"] for row in pq.read_table(folder / "sales" / "orders.parquet").to_pylist()}
    assert (len(found), found[7], 8 in found) == (49, "new", False)
    assert pq.read_table(folder / "sums.parquet").to_pylist() == [{"n": 49}]
    files = Connection.objects.create(name="files", connector="files", properties={"URI": "lake", "IncludeSubdirectories": True})
    assert [str(info.ref) for info in session_for(files.pk).list_tables()] == ["sums.parquet", "sales.orders.parquet"]


def test_it_is_offered_as_a_destination_and_two_jobs_write_no_table_of_it(folder: Path) -> None:
    assert {item.name for item in destinations()} == {"shop", "lake"}
    other = Connection.objects.create(name="other", connector="parquet", properties={"URI": str(folder)})
    assert database_of(other) == database_of(Connection.objects.get(name="lake"))
    with pytest.raises(InvalidJob, match="writes the table orders already"):
        data = {"jobs": {"twice": {"source": "shop", "destination": "other", "schema": "sales", "tasks": ["REPLICATE [orders]"]}}}
        try:
            configuration.apply(data, now=timezone.now())
        except Exception as error:
            raise InvalidJob({"tasks": str(error)}) from error


def test_files_of_a_folder_go_into_one_file(folder: Path, tmp_path: Path) -> None:
    incoming = tmp_path / "allowed" / "in"
    incoming.mkdir(parents=True)
    for name in ("a", "b"):
        (incoming / f"{name}.csv").write_text(f"id,name\n1,{name}1\n2,{name}2\n")
    data = {
        "connections": {"incoming": {"connector": "files", "properties": {"URI": "in"}}},
        "jobs": {"load": {"source": "incoming", "destination": "lake", "kind": "load_folder", "tasks": ["REPLICATE [people]"]}},
    }
    configuration.apply(data, now=timezone.now())

    assert ran(Job.objects.get(name="load")) == "done"

    rows = pq.read_table(folder / "people.parquet").to_pylist()
    assert sorted((row["FileName"], row["name"]) for row in rows) == [
        *(("a.csv", "a1"), ("a.csv", "a2")),
        *(("b.csv", "b1"), ("b.csv", "b2")),
    ]


def test_a_failed_load_leaves_the_old_file(folder: Path, tmp_path: Path) -> None:
    job = Job.objects.get()
    assert ran(job) == "done"
    before = pq.read_table(folder / "sales" / "orders.parquet")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        shop.execute("DELETE FROM orders")
        shop.commit()

    assert ran(job) == "failed"

    assert pq.read_table(folder / "sales" / "orders.parquet") == before
