"""Schemathesis over the documents that the server serves: bounded here, many cases under `make chaos`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chaos import schemathesis_run
from chaos.schemathesis_run import DOCUMENTS, examine
from tests.served import Served

CASES = 160


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with schemathesis_run.server(tmp_path_factory.mktemp("schemathesis")) as found:
        yield found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_answers_are_as_described(served: Served, name: str) -> None:
    tally = examine(served, name, CASES)

    assert tally.failures == {}, str(tally)
    assert tally.cases >= CASES // 2 and sum(count for status, count in tally.statuses.items() if status < 300) >= 10, str(tally)
    assert 401 not in tally.statuses


def test_what_is_not_described_is_reported(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Served.get

    def poorer(self: Served, path: str, *given: object) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = whole(self, path, *given)  # type: ignore[arg-type]
        return status, headers, body.replace(b'"201":', b'"202":').replace(b'"integer"', b'"boolean"')

    monkeypatch.setattr(Served, "get", poorer)
    found = str(examine(served, "$openapi 3.0", 60))

    assert "Undocumented" in found or "violates schema" in found, found
