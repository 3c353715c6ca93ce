"""Every registered connector, held to the oracle of pushdown: random questions of OData, and random SQL, with it and without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connections.connectors.registry import connector_keys
from tests.connectors.agreement import check_agreement
from tests.connectors.sources import SOURCES, Opened, Place
from tests.connectors.sql_agreement import check_sql


@pytest.fixture(scope="module", params=sorted(SOURCES))
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with pytest.MonkeyPatch.context() as patch:
        place = Place(tmp_path_factory.mktemp(request.param), request, patch)
        with SOURCES[request.param](request.param, place) as opened:
            yield opened


ONLY_LOADED = {"databricks", "redshift"}


def test_every_registered_connector_is_asked() -> None:
    assert set(SOURCES) | ONLY_LOADED == set(connector_keys())


def test_odata_questions_have_the_same_rows(source: Opened) -> None:
    shares = check_agreement(source.rows, source.ref, examples=6)

    assert any(0 < share < 1 for share in shares)


def test_sql_has_the_same_rows_whole_pushed_and_alone(source: Opened) -> None:
    counts = check_sql(source, examples=25)

    assert any(counts)
