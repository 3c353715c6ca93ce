"""What is read from a replica is what the source would have answered, to the byte, between kinds of databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.jobs.models import DONE, Job, Run, Task, TaskRun
from apiserver.jobs.moving import Order, move
from apiserver.jobs.replica_serving import KNOWN
from apiserver.jobs.replicate import replicate
from apiserver.resources import services
from apiserver.resources.services import publish_tables
from apiserver.server import stamp
from connections.services import SESSIONS, list_tables
from tests import databases
from tests.jobs.moves import Counting, connected
from users.models import User
from users.tokens import generate

pytestmark = pytest.mark.django_db
COLUMNS = {
    "id": "bigint PRIMARY KEY",
    "title": "varchar(80) NOT NULL",
    "body": "text",
    "price": "numeric(12,2)",
    "weight": "float",
    "made": "date",
    "changed": "timestamp",
    "local": "datetime",
    "small": "smallint",
    "code": "char(3)",
}
ROWS: list[list[Any]] = [
    [1, "plain", "Text", "10.50", 0.1, "2026-11-22", "2026-11-22 10:00:00.123456", "2026-11-22 10:00:00.5", 7, "abc"],
    [2, "日本語 'quoted'", None, "-0.01", -2.5e-7, "1999-12-31", "2026-01-01 00:00:00", "2026-01-01 00:00:00", -1, "xyz"],
    [9007199254740993, "ends ", "", "9999999999.99", 1e300, None, None, None, None, None],
]
PATHS = (
    "items?$orderby=id",
    "items?$filter=price gt 10 and changed ne null",
    "items?$orderby=title desc&$top=2",
    "items(1)",
    "items/$count",
)


@pytest.mark.parametrize(("kind", "into"), [("mysql", "postgresql"), ("postgresql", "sqlite"), ("sqlite", "mysql")])
def test_the_replica_answers_as_the_source(fresh: None, request: pytest.FixtureRequest, tmp_path: Path, kind: str, into: str) -> None:
    SESSIONS.close()
    KNOWN.forget()
    source, destination = databases.make(kind, "typed_source", request, tmp_path), databases.make(into, "typed_copy", request, tmp_path)
    source.create("items", COLUMNS)
    source.insert("items", ROWS)
    shop, copy = connected(source, "shop"), connected(destination, "copy")
    job = Job.objects.create(name="typed", source=shop, destination=copy)
    task = Task.objects.create(job=job, position=0, statement="REPLICATE [items]")
    now = timezone.now()
    move(Order(task.key, replicate(task.statement), shop.pk, copy.pk), Counting())
    run = Run.objects.create(job=job, job_name=job.name, reason="button", state=DONE, created=now, due=now)
    TaskRun.objects.create(run=run, task=task, key=task.key, position=0, title="items", statement=task.statement, state=DONE, started=now)
    (ref,) = (item.ref for item in list_tables(shop, now=now))
    (resource,) = publish_tables(shop, [ref], now=now)
    user = User.objects.create_user("reader", privileges=["GET", "PATCH"])
    reader = Client(headers={"x-cdata-authtoken": generate(user, now=now), "host": "testserver"})

    live = [reader.get(f"/api.rsc/{path}") for path in PATHS]
    services.update(resource, serve="replicated")
    stamp.forget()
    replicated = [reader.get(f"/api.rsc/{path}") for path in PATHS]

    assert [answer.content for answer in replicated] == [answer.content for answer in live]
    assert {answer.headers.get("Served-From") for answer in replicated} == {"replica"}
    assert [answer.status_code for answer in live] == [200] * len(PATHS)
