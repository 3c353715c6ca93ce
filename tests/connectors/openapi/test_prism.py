"""An imported document against Prism's mock of the same document: typed rows, refusals, lists without end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from connections.connectors.openapi.connector import OpenapiConnector
from connections.connectors.openapi.session import OpenapiSession
from connections.contract.context import Context
from connections.contract.errors import AuthenticationFailed, BadAnswer
from connections.contract.scan import Scan
from tests.connectors.openapi.documents import TEXT, WHOLE, array, document, get, query, thing
from tests.connectors.openapi.service import described
from tests.fakes.installed import prism

PET = thing(
    id=WHOLE,
    name={"type": "string", "example": "Rex"},
    born={"type": "string", "format": "date", "example": "2020-02-29"},
    seen={"type": "string", "format": "date-time", "example": "2026-01-02T03:04:05Z"},
    owner=thing(email=TEXT),
    tags=array(TEXT),
)
KEY = {"type": "apiKey", "in": "header", "name": "X-Key"}
DOCUMENT = document(
    {"/pets": get(thing(data=array(PET), next_cursor=TEXT), query("cursor")), "/pets/{petId}": get(PET)},
    components={"securitySchemes": {"key": KEY}},
    security=[{"key": []}],
    servers=[{"url": "/"}],
)
for operations in DOCUMENT["paths"].values():
    operations["get"]["security"] = [{"key": []}]
DOCUMENT["paths"]["/pets/{petId}"]["get"]["parameters"] = [{"name": "petId", "in": "path", "required": True, "schema": WHOLE}]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prism")
    path = Path(folder) / "pets.json"
    path.write_text(json.dumps(DOCUMENT))
    with prism(path, folder) as address:
        yield address


def opened(url: str, **more: str) -> OpenapiSession:
    connector = OpenapiConnector()
    host = url.removeprefix("http://")
    return connector.open(connector.clean({"Document": json.dumps(DOCUMENT), "URL": url, **more}), context=Context(outgoing=(host,)))


def test_rows_of_the_mock_are_typed(url: str) -> None:
    session = opened(url, ApiKey="key")
    table = described(session, "Pets")

    rows = next(iter(session.read(session.offer(Scan(table, ("Name", "Born", "Seen", "TagsAggregate")))))).rows

    assert [str(value) for value in rows[0]] == ["Rex", "2020-02-29", "2026-01-02 03:04:05+00:00", '["string"]']
    assert table.primary_key == ("Id",)


def test_a_list_without_end_ends_in_an_error(url: str) -> None:
    session = opened(url, ApiKey="key")

    with pytest.raises(BadAnswer, match=r"read before|repeats"):
        list(session.read(session.offer(Scan(described(session, "Pets"), ("Id",)))))


def test_a_missing_key_is_told(url: str) -> None:
    session = opened(url)

    with pytest.raises(AuthenticationFailed):
        list(session.read(session.offer(Scan(described(session, "Pets"), ("Id",)))))
