"""The tabular protocol over services and files: what they can't do themselves is claimed all the same, and done here."""

from __future__ import annotations

from pathlib import Path

import pytest

from apiserver.resources.catalog import Catalog
from connections.engine.session import EngineSession
from tests.connectors.sources import SOURCES, Place
from tests.odata.service_harness import Service, published
from tests.powerplatform.tabular_judge import Judge


@pytest.mark.parametrize("kind", ["openapi", "rest", "files"])
def test_a_client_written_from_the_rules_objects_to_nothing(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SOURCES[kind](kind, Place(tmp_path, request, monkeypatch)) as opened:
        session = opened.session if isinstance(opened.session, EngineSession) else EngineSession(opened.session)
        (table,) = session.describe([opened.ref])
        resource = published(table, [table], session.dialect.name)
        service = Service(session, Catalog({resource.name: resource}, f"tabular:{kind}", page_size=100, max_page_size=500))

        def get(path: str) -> tuple[int, bytes]:
            answer = service.get(f"$tabular{path}")
            return answer.status, answer.body

        judge = Judge(get)

        assert judge.all() == []
        assert judge.asked > 20
