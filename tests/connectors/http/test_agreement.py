"""Pushdown of manifests is held to the oracle: random questions give the same rows with it and without; calls are as few as can be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connections.connectors.http.manifest import Manifest
from connections.contract.table import TableRef
from tests.connectors.agreement import check_agreement, service_of
from tests.connectors.http.notes import BLUE, NOTEBOOKS, NOTES, Notes, manifest, open_session
from tests.fakes.upstream import Upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        running.notes = Notes(running, 14)  # type: ignore[attr-defined]
        yield running


@pytest.mark.parametrize("ref", [BLUE, NOTES, NOTEBOOKS], ids=str)
def test_pushdown_changes_no_answer(upstream: Upstream, ref: TableRef) -> None:
    shares = check_agreement(open_session(upstream), ref, examples=60 if ref == BLUE else 25)

    assert any(0 < share < 1 for share in shares)


def test_pushdown_with_refused_fields_changes_no_answer(upstream: Upstream) -> None:
    upstream.notes.unknown = {"currency", "open", "updated[gt]"}  # type: ignore[attr-defined]

    shares = check_agreement(open_session(upstream), BLUE, examples=25)

    assert any(0 < share < 1 for share in shares)


@pytest.mark.parametrize(
    ("path", "calls"),
    [
        ("Notes(3)", ["notes/3"]),
        ("Notes?$filter=Id eq 3", ["notes/3"]),
        ("Notes?$filter=Id eq '3'", ["notes/3"]),
        ("Notes?$filter=Id in (3,4)", ["notes/3", "notes/4"]),
        ("Notes?$top=5&$select=Id", ["notes?pagelen=5"]),
        ("Notes?$filter=Currency eq 'usd'&$top=2&$select=Id", ["notes?currency=usd&pagelen=2"]),
        ("Notes/$count", ["notes?pagelen=1"]),
        ("Notes?$orderby=UpdatedOn desc&$top=2&$select=Id", ["notes?sort=-updated&pagelen=10"]),
    ],
)
def test_calls_are_the_fewest(upstream: Upstream, path: str, calls: list[str]) -> None:
    service = service_of(open_session(upstream), [BLUE])
    service.get("Notes?$top=1")
    upstream.calls.clear()

    reply = service.get(path)

    assert reply.status == 200, reply.body
    made = ["?".join(filter(None, (seen.path.split("/blue/")[1], "&".join(f"{n}={v}" for n, v in seen.query)))) for seen in upstream.calls]
    assert made == calls


def test_demanded_value_is_asked_for_by_name(upstream: Upstream) -> None:
    given = manifest()
    notes = {**given.tables["Notes"], "read": [{"path": "/w/{Workspace}/notebooks/{NotebookSlug}/notes"}]}
    session = open_session(upstream, Manifest({**given.content, "tables": {**given.tables, "Notes": notes}}))
    service = service_of(session, [NOTES])

    refused = service.get("Notes")

    assert refused.status == 400
    assert "NotebookSlug" in refused.error["message"]
    assert len(service.get("Notes?$filter=NotebookSlug eq 'blue'&$top=20").rows) == 14
