"""The table that a task writes, by the name that it has at its destination."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from apiserver.jobs.moving import Silent, move
from apiserver.jobs.orders import order_of
from apiserver.jobs.publishing import publish_replica
from apiserver.jobs.replicas import replicas_at
from apiserver.jobs.services import Given, create_job
from connections.models import Connection
from tests.jobs.moves import pair

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("destination", "longest"), [("postgresql", 63), ("mysql", 64), ("duckdb", 1000)])
def test_a_table_whose_name_was_shortened_is_published(
    fresh: None, request: pytest.FixtureRequest, tmp_path: Path, destination: str, longest: int
) -> None:
    ends = pair(request, tmp_path, "sqlite", destination, "long")
    ends.source.run("CREATE TABLE items (id integer PRIMARY KEY)")
    source, copy = (Connection.objects.get(pk=key) for key in ends.ids)
    given = {"name": "long", "source": source, "destination": copy, "table_prefix": "番号_" * 12}
    job = create_job(who="admin", now=timezone.now(), tasks=[Given("REPLICATE [items]")], **given)
    task = job.tasks.get()

    move(order_of(task), Silent())
    resource, is_new = publish_replica(task, None)

    assert is_new
    assert len(resource.table.encode()) <= longest
    assert [item.target.name for item in replicas_at(copy)] == [resource.table]
