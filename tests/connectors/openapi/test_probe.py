"""The live probe: what page two tells of a table whose document is silent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connections.connectors.openapi.connector import OpenapiConnector
from connections.connectors.openapi.overlay import with_changes
from connections.connectors.openapi.probe import probe
from connections.connectors.openapi.session import OpenapiSession
from connections.contract.context import Context
from connections.contract.errors import BadAnswer
from connections.contract.scan import Scan
from tests.connectors.openapi.documents import ROW, array, document, get
from tests.connectors.openapi.service import COUNT, PETS, Pets, described, rows
from tests.fakes.upstream import Answer, Seen, Upstream


@pytest.fixture
def silent() -> Iterator[Pets]:
    with Upstream() as running:
        yield Pets(running, silent=True)


def opened(upstream: Upstream, paths: dict[str, Any], overlay: str = "") -> OpenapiSession:
    """Return a session over a document of these paths."""
    connector = OpenapiConnector()
    text = json.dumps(document(paths, servers=[{"url": upstream.url}]))
    return connector.open(connector.clean({"Document": text, "Overlay": overlay}), context=Context(outgoing=upstream.allow))


@pytest.mark.parametrize(
    ("name", "paging"),
    [
        ("PagePets", {"type": "page", "param": "page", "start": 1}),
        ("ZeroPets", {"type": "page", "param": "page", "start": 0}),
        ("OffsetPets", {"type": "offset", "param": "offset", "start": 0}),
        ("CursorPets", {"type": "auto"}),
        ("LinkPets", {"type": "auto"}),
        ("NextPets", {"type": "auto"}),
        ("LastPets", {"type": "last_id", "param": "starting_after", "id": ["id"]}),
        ("WholePets", {"type": "none"}),
    ],
)
def test_a_silent_documents_paging_is_settled_and_then_read_whole(silent: Pets, name: str, paging: dict[str, Any]) -> None:
    session = silent.open()
    assert described(session, name).partial != ""

    verdict = probe(session, name)

    assert (verdict.is_settled, verdict.changes) == (True, {"paging": paging})
    after = silent.open(Overlay=with_changes("", name, verdict.changes))
    assert [row["Id"] for row in rows(after, name)] == list(range(1, COUNT + 1))
    assert described(after, name).partial == ""


@pytest.mark.parametrize("name", ["PagePets", "OffsetPets", "CursorPets", "LinkPets", "NextPets", "LastPets"])
def test_what_the_document_tells_is_confirmed(name: str) -> None:
    with Upstream() as running:
        pets = Pets(running)

        verdict = probe(pets.open(), name)

    assert verdict.is_settled
    assert verdict.text.startswith("Page two was read")


def test_a_round_number_of_rows_settles_nothing() -> None:
    with Upstream() as running:
        running.route("/pets", PETS[:20])

        verdict = probe(opened(running, {"/pets": get(array(ROW))}), "Pets")

    assert (verdict.is_settled, verdict.changes) == (False, {})
    assert "same 20 rows" in verdict.text


def test_an_empty_table_settles_nothing() -> None:
    with Upstream() as running:
        running.route("/pets", [])

        assert not probe(opened(running, {"/pets": get(array(ROW))}), "Pets").is_settled


@pytest.mark.parametrize("body", [PETS, {"data": PETS}, {"result": {"pets": PETS}, "ok": True}])
def test_an_undescribed_table_is_described_by_its_rows(body: Any) -> None:
    paths = {"/pets": {"get": {"responses": {"200": {"description": "ok"}}}}}
    with Upstream() as running:
        running.route("/pets", body)

        verdict = probe(opened(running, paths), "Pets")
        after = opened(running, paths, with_changes("", "Pets", verdict.changes))

        assert rows(after, "Pets")[0] == {"Id": 1, "Name": "pet 1"}
        assert described(after, "Pets").primary_key == ("Id",)


def test_a_refusal_is_told() -> None:
    with Upstream() as running:
        running.route("/pets", lambda seen: Answer(PETS[:20]) if not seen.params else Answer({"message": "unknown parameter"}, 400))

        verdict = probe(opened(running, {"/pets": get(array(ROW))}), "Pets")

    assert not verdict.is_settled
    assert "unknown parameter" in verdict.text


@pytest.mark.parametrize(("told", "path"), [(array(ROW), ["data"]), (ROW, [])])
def test_rows_that_are_elsewhere_than_the_document_says_are_found(told: Any, path: list[str]) -> None:
    made = [{"id": number, "name": "x"} for number in range(1, 8)]

    def answer(seen: Seen) -> Answer:
        page = int(seen.params.get("page", 1))
        cut = made[page * 5 - 5 : page * 5]
        return Answer({"data": cut, "meta": {"page": page}} if path else cut)

    with Upstream() as running:
        running.route("/pets", answer)
        before = opened(running, {"/pets": get(told)})
        verdict = probe(before, "Pets")
        after = opened(running, {"/pets": get(told)}, with_changes("", "Pets", verdict.changes))
        table = described(after, "Pets")
        found = [row[0] for batch in after.read(after.offer(Scan(table, ("Id",)))) for row in batch.rows]

    assert (verdict.is_settled, verdict.changes["rows"]) == (True, path)
    assert (found, table.partial) == ([1, 2, 3, 4, 5, 6, 7], "")


def test_an_answer_without_rows_is_told() -> None:
    with Upstream() as running:
        running.route("/pets", {"state": "broken"})

        with pytest.raises(BadAnswer, match="no list of rows"):
            probe(opened(running, {"/pets": get(array(ROW))}), "Pets")
