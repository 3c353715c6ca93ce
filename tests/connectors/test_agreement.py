"""Every source without SQL, held to the oracle of pushdown: its answers are the same when it is asked for nothing."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compliance.filter_expressions import make_rows
from tests.connectors.agreement import check_agreement, service_of
from tests.connectors.files import folder
from tests.connectors.http.notes import BLUE, NOTEBOOKS, NOTES, Notes, open_session
from tests.fakes.upstream import Upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        running.notes = Notes(running, count=12)  # type: ignore[attr-defined]
        yield running


@pytest.mark.parametrize("ref", [BLUE, NOTES, NOTEBOOKS], ids=str)
def test_service_of_a_manifest(upstream: Upstream, ref: str) -> None:
    shares = check_agreement(open_session(upstream), ref, examples=10)

    assert any(0 < share < 1 for share in shares)


@pytest.mark.parametrize(
    ("path", "calls"),
    [
        ("Notes(3)?$select=Id", ["GET /v2/w/acme/notebooks/blue/notes/3"]),
        ("Notes?$select=Id&$filter=Id eq 3", ["GET /v2/w/acme/notebooks/blue/notes/3"]),
        ("Notes?$select=Id&$top=5", ["GET /v2/w/acme/notebooks/blue/notes"]),
        ("Notes?$select=Id&$filter=Id eq 3&$count=true", ["GET /v2/w/acme/notebooks/blue/notes/3"] * 2),
    ],
)
def test_service_of_a_manifest_is_asked_as_little_as_can_be(upstream: Upstream, path: str, calls: list[str]) -> None:
    service = service_of(open_session(upstream), [BLUE])
    upstream.calls.clear()

    reply = service.get(path)

    assert reply.status == 200, reply.body
    assert upstream.paths() == calls


def test_pages_of_a_service_are_the_whole_once(upstream: Upstream) -> None:
    service = service_of(open_session(upstream), [NOTES])
    found = []
    reply = service.get("Notes?$select=NotebookSlug,Id", Prefer="maxpagesize=7")
    while True:
        found += [(row["NotebookSlug"], row["Id"]) for row in reply.rows]
        if "@odata.nextLink" not in reply.json:
            break
        reply = service.follow(reply.json["@odata.nextLink"], Prefer="maxpagesize=7")

    assert len(found) == len(set(found)) == 36


@pytest.mark.parametrize("name", ["facts.csv", "facts.ndjson"])
def test_files(tmp_path: Path, name: str) -> None:
    rows = [{key: None if value is None else str(value) for key, value in row.items()} for row in make_rows()]
    with (tmp_path / name).open("w", newline="", encoding="utf-8") as file:
        if name.endswith("csv"):
            written = csv.DictWriter(file, list(rows[0]))
            written.writeheader()
            written.writerows(rows)
        else:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    session = folder.session(tmp_path)

    shares = check_agreement(session, folder.table(session, name).ref, examples=40)

    assert any(0 < share < 1 for share in shares)
