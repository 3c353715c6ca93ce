"""From a document to rows: every paging style, writes, sign-in, overlay, the document's own whereabouts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connections.connectors.openapi.connector import OpenapiConnector
from connections.contract.errors import AddressRefused, ConnectorError, InvalidProperties, SourceRejected
from connections.contract.scan import Compare
from tests.connectors.openapi.documents import ROW, array, document, get
from tests.connectors.openapi.service import COUNT, Pets, described, rows
from tests.fakes.upstream import Answer, Upstream

CONNECTOR = OpenapiConnector()


@pytest.fixture
def pets() -> Iterator[Pets]:
    with Upstream() as running:
        yield Pets(running)


@pytest.mark.parametrize("style", ["PagePets", "ZeroPets", "OffsetPets", "CursorPets", "LinkPets", "NextPets", "LastPets"])
def test_every_row_is_read_in_every_style(pets: Pets, style: str) -> None:
    session = pets.open()

    assert [row["Id"] for row in rows(session, style)] == list(range(1, COUNT + 1))
    assert described(session, style).partial == ""


def test_a_table_whose_paging_is_unknown_says_so(pets: Pets) -> None:
    session = pets.open()
    table = described(session, "WholePets")

    assert "Page two can't be found" in table.partial


def test_one_row_is_one_call(pets: Pets) -> None:
    session = pets.open()
    pets.upstream.calls.clear()

    assert rows(session, "MadePets", Compare("Id", "eq", 7)) == [{"Id": 7, "Name": "pet 7"}]
    assert pets.upstream.paths() == ["GET /made_pets/7"]


def test_writes_reach_the_service(pets: Pets) -> None:
    session = pets.open()
    table = described(session, "MadePets")

    assert table.writes == {"insert", "update", "delete"}
    assert session.insert(table, {"Name": "new"}, idempotency="1")["Id"] == 99
    assert session.update(table, {"Id": 7}, {"Name": "other"}, idempotency="2") is not None
    assert session.delete(table, {"Id": 7}, idempotency="3") is True
    assert [f"{call.method} {call.path}" for call in pets.upstream.calls if call.method != "GET"] == [
        "POST /made_pets",
        "PATCH /made_pets/7",
        "DELETE /made_pets/7",
    ]


@pytest.mark.parametrize(
    ("given", "header", "value"),
    [
        ({"AccessToken": "t0ken"}, "authorization", "Bearer t0ken"),
        ({"ApiKey": "k3y"}, "x-api-key", "k3y"),
        ({"ApiKey": "k3y", "ApiKeyName": "X-Mine", "AuthScheme": "APIKey"}, "x-mine", "k3y"),
        ({"User": "u", "Password": "p"}, "authorization", "Basic " + base64.b64encode(b"u:p").decode()),
        ({"Headers": "X-One: 1\nX-Two: two words"}, "x-two", "two words"),
    ],
)
def test_ways_to_sign_in(pets: Pets, given: dict[str, str], header: str, value: str) -> None:
    session = pets.open(**given)

    rows(session, "WholePets")

    assert pets.upstream.calls[-1].headers[header] == value


def test_the_overlay_corrects(pets: Pets) -> None:
    overlay = "tables:\n  WholePets: {rename: Animals, paging: {type: none}, columns: {Name: {rename: Title}}}\n  PagePets: {hide: true}\n"

    session = pets.open(Overlay=overlay)

    assert [info.ref.name for info in session.list_tables()] == [
        "Animals",
        "CursorPets",
        "LastPets",
        "LinkPets",
        "MadePets",
        "NextPets",
        "OffsetPets",
        "ZeroPets",
    ]
    assert described(session, "Animals").partial == ""
    assert rows(session, "Animals")[0] == {"Id": 1, "Title": "pet 1"}


@pytest.mark.parametrize(
    ("overlay", "says"),
    [
        ("tables: [", "no YAML"),
        ("- 1", "must be a mapping"),
        ("wrong: 1", "no such key"),
        ("tables: {WholePets: 1}", "must map"),
        ("tables: {WholePets: {key: [Nothing]}}", "there is no column Nothing"),
        ("tables: {WholePets: {paging: {type: odd}}}", "tables.WholePets.read.0.paging.type"),
    ],
)
def test_a_wrong_overlay_is_refused_at_its_place(pets: Pets, overlay: str, says: str) -> None:
    with pytest.raises(InvalidProperties, match=says):
        pets.values(Overlay=overlay)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"Parameters": "no equals sign"}, "Parameters"),
        ({"Headers": "no colon"}, "Headers"),
        ({"Document": "{}"}, "Document"),
        ({"Document": '{"openapi": "3.0.0", "paths": {}}'}, "Document"),
        ({"Dokument": "x"}, "Dokument"),
    ],
)
def test_wrong_properties_are_named(values: dict[str, str], name: str) -> None:
    with pytest.raises(InvalidProperties) as caught:
        CONNECTOR.clean({"Document": json.dumps(document({"/pets": get(array(ROW))})), **values})

    assert name in caught.value.errors


def test_a_document_in_a_folder_is_read_and_followed(pets: Pets, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    folder = tmp_path / "allowed"
    folder.mkdir()
    (folder / "api.json").write_text(json.dumps(pets.document()))
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    context = pets.context(folders=(folder,))

    session = CONNECTOR.open(CONNECTOR.clean({"Document": "api.json"}), context=context)

    assert "WholePets" in [info.ref.name for info in session.list_tables()]
    for name in ("../secret.json", str(tmp_path / "secret.json"), "link.json", "none.json", "a\0b"):
        with pytest.raises((SourceRejected, InvalidProperties)):
            CONNECTOR.open(CONNECTOR.clean({"Document": name}), context=context).list_tables()


def test_a_document_at_an_address_is_kept_for_when_it_is_away(pets: Pets, tmp_path: Path) -> None:
    content: list[Any] = [Answer(pets.document())]
    pets.upstream.route("/openapi.json", lambda seen: content[0])
    values = CONNECTOR.clean({"Document": f"{pets.upstream.url}/openapi.json"})
    context = pets.context(shared=tmp_path)

    CONNECTOR.open(values, context=context).list_tables()
    content[0] = Answer({}, 503)

    session = CONNECTOR.open(values, context=context)
    assert len(rows(session, "PagePets")) == COUNT
    with pytest.raises(ConnectorError, match="status 503"):
        session.list_tables()


def test_a_document_at_a_private_address_is_not_asked_for(pets: Pets) -> None:
    values = CONNECTOR.clean({"Document": f"{pets.upstream.url}/openapi.json"})

    with pytest.raises(AddressRefused):
        CONNECTOR.open(values).list_tables()

    assert pets.upstream.calls == []


def test_save_and_test_tells_what_was_found(pets: Pets) -> None:
    steps = CONNECTOR.test(pets.values(), context=pets.context())

    assert [(step.name, step.ok) for step in steps] == [
        ("document", True),
        ("resolve", True),
        ("connect", True),
        ("sign_in", True),
        ("list_tables", True),
    ]
    assert steps[0].message == "Small gives 9 tables; 2 of them may not be whole"


def test_save_and_test_ends_at_a_document_without_an_address_of_the_service() -> None:
    steps = CONNECTOR.test({"Document": json.dumps(document({"/pets": get(array(ROW))}, servers=[]))})

    assert [(step.name, step.ok) for step in steps] == [("document", False)]
    assert "does not say where the API is" in steps[0].message


def test_parameters_stand_for_path_parameters() -> None:
    with Upstream() as running:
        running.route("/w/acme/pets", [{"id": 1, "name": "x"}])
        text = json.dumps(document({"/w/{workspace}/pets": get(array(ROW))}, servers=[{"url": running.url}]))
        values = CONNECTOR.clean({"Document": text, "Parameters": "workspace=acme"})
        session = CONNECTOR.open(values, context=type(Pets(running).context())(outgoing=running.allow))

        assert rows(session, "Pets") == [{"Workspace": "acme", "Id": 1, "Name": "x"}]
        assert described(session, "Pets").primary_key == ("Id",)
