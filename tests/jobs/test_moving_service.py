"""A service as the source: the walkthrough's statements, a preset check column, expressions and groups over what it gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apiserver.jobs.moving import Moved, Order, move
from apiserver.jobs.replicate import replicate
from apiserver.server import options
from connections.services import save_connection
from tests.databases import sqlite
from tests.fakes.bitbucket import Bitbucket
from tests.fakes.bitbucket_data import text
from tests.jobs.moves import Counting, connected

pytestmark = pytest.mark.django_db
PROPERTIES = {"AuthScheme": "Basic", "User": "aoi@example.com", "APIToken": "api-token-1", "Workspace": "acme", "Schema": "shop"}


@pytest.fixture
def fake() -> Iterator[Bitbucket]:
    with Bitbucket() as running:
        yield running


def test_issues_come_once_and_then_what_changed(fake: Bitbucket, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    options.save({"outgoing": {"allow": [fake.address]}})
    source = save_connection(name="cloud", connector="bitbucket", values={**PROPERTIES, "URL": f"{fake.url}/2.0"})
    database = sqlite("warehouse", request, tmp_path)
    destination = connected(database, "warehouse")
    issues: list[dict[str, Any]] = next(rows for path, rows in fake.rows.items() if path.endswith("/issues"))

    def moved(statement: str, watch: Counting | None = None) -> Moved:
        return move(Order(statement[:60], replicate(statement), source.pk, destination.pk), watch or Counting())

    first = moved("REPLICATE [Issues]")
    assert (first.mode, first.inserted) == ("full", len(issues))
    issues[0]["title"], issues[0]["updated_on"] = "Changed", "2030-01-01T00:00:00.000000+00:00"
    then = moved("REPLICATE [Issues]")
    assert (then.mode, then.inserted, then.updated) == ("incremental", 0, 1)
    assert then.rows_read < len(issues)
    assert database.run("SELECT count(*) FROM Issues WHERE Title = 'Changed'") == [(1,)]

    issues[1]["content"] = text("Only this one")
    one = "REPLICATE [One] SELECT [Title], [ContentRaw] FROM [Issues] WHERE [Id] = 2"
    for _ in range(2):
        assert (moved(one).mode, database.run("SELECT count(*) FROM One")) == ("swap", [(1,)])
    counted = moved("REPLICATE [States] SELECT [State], COUNT(*) AS [Issues] FROM [Issues] GROUP BY [State] ORDER BY 2 DESC")
    assert "groups rows" in counted.note
    assert database.run("SELECT sum(Issues) FROM States") == [(len(issues),)]
