"""Writes to sources without SQL and without transactions: one row a request, refused before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connections.contract.errors import ConnectionFailed, RowChanged
from connections.contract.table import Column, ForeignKey, Table, TableRef, Type
from tests.connectors.agreement import service_of
from tests.connectors.memory import EVERYTHING, MemorySession
from tests.odata.service_harness import Service

PEOPLE, NOTES = TableRef("", "people"), TableRef("", "notes")
PEOPLE_TABLE = Table(
    PEOPLE,
    columns=(
        Column("id", Type.INT32, is_nullable=False, is_generated=True),
        Column("name", Type.STRING, is_nullable=False),
        Column("country", Type.STRING),
        Column("level", Type.INT32, has_default=True),
    ),
    primary_key=("id",),
)
NOTES_TABLE = Table(
    NOTES,
    columns=(Column("id", Type.INT32, is_nullable=False), Column("person_id", Type.INT32), Column("text", Type.STRING)),
    primary_key=("id",),
    foreign_keys=(ForeignKey("by", ("person_id",), "", "people", ("id",)),),
)


@pytest.fixture
def source() -> MemorySession:
    people = [{"id": 1, "name": "Aoi", "country": "JP", "level": 1}, {"id": 2, "name": "Ben", "country": "US", "level": 2}]
    return MemorySession([(PEOPLE_TABLE, people), (NOTES_TABLE, [{"id": 1, "person_id": 1, "text": "first"}])], EVERYTHING)


@pytest.fixture
def service(source: MemorySession) -> Iterator[Service]:
    yield service_of(source, [PEOPLE, NOTES])


def people(source: MemorySession) -> list[dict[str, Any]]:
    return source.rows[PEOPLE]


def test_post_creates_one_row_and_answers_it(service: Service, source: MemorySession) -> None:
    reply = service.request("POST", "people", {"name": "Cho", "country": "KR"})

    assert reply.status == 201
    assert reply.headers["Location"].endswith("/people(3)")
    assert {name: value for name, value in reply.json.items() if "@" not in name} == people(source)[2]
    assert source.calls == ["POST people", "GET people from 0"]


def test_the_same_request_never_makes_two_rows(service: Service, source: MemorySession) -> None:
    for _ in range(2):
        reply = service.request("POST", "people", {"name": "Cho"}, Repeatability_Request_ID="one")
        assert reply.status == 201

    service.request("POST", "people", {"name": "Cho"}, Repeatability_Request_ID="two")
    service.request("POST", "people", {"name": "Cho"})

    assert [row["id"] for row in people(source)] == [1, 2, 3, 4, 5]


def test_patch_changes_what_it_names(service: Service, source: MemorySession) -> None:
    reply = service.request("PATCH", "people(2)", {"country": None}, Prefer="return=representation")

    assert (reply.status, reply.json["country"], reply.json["name"]) == (200, None, "Ben")
    assert people(source)[1] == {"id": 2, "name": "Ben", "country": None, "level": 2}


def test_etag_is_checked_before_the_source_is_told(service: Service, source: MemorySession) -> None:
    tag = service.get("people(1)").headers["ETag"]
    people(source)[0]["name"] = "Aoi B"

    stale = service.request("PATCH", "people(1)", {"country": "FR"}, If_Match=tag)
    fresh = service.request("PATCH", "people(1)", {"country": "FR"}, If_Match=service.get("people(1)").headers["ETag"])

    assert (stale.status, fresh.status) == (412, 204)
    assert source.calls.count("PATCH people") == 1


class Versioned(MemorySession):
    """A source that tells versions of its rows; `meanwhile` is done by somebody else just before a write."""

    takes_expected = True

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.meanwhile: dict[str, Any] = {}
        self.expected: list[Any] = []

    def check(self, table: Table, key: Any, expected: Any) -> None:
        row = self.at(table, key)
        self.expected.append(expected)
        if row is not None and expected is not None:
            row.update(self.meanwhile)
            if row != expected:
                raise RowChanged("The row has changed.")

    def update(self, table: Table, key: Any, values: Any, *, idempotency: str, expected: Any = None) -> Any:
        self.check(table, key, expected)
        return super().update(table, key, values, idempotency=idempotency)

    def delete(self, table: Table, key: Any, *, idempotency: str, expected: Any = None) -> bool:
        self.check(table, key, expected)
        return super().delete(table, key, idempotency=idempotency)


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"country": "FR"}), ("DELETE", None)])
def test_source_is_told_which_row_the_etag_means(method: str, body: Any) -> None:
    row = {"id": 1, "name": "Aoi", "country": "JP", "level": 1}
    source = Versioned([(PEOPLE_TABLE, [dict(row)])], EVERYTHING)
    service = service_of(source, [PEOPLE])
    source.meanwhile = {"level": 2}

    stale = service.request(method, "people(1)", body, If_Match=service.get("people(1)").headers["ETag"])

    assert (stale.status, stale.error["code"], source.expected) == (412, "PreconditionFailed", [row])
    assert people(source) == [{**row, "level": 2}]
    assert service.request(method, "people(1)", body, If_Match="*").status == 204
    assert source.expected == [row, None]


def test_delete_removes_once(service: Service, source: MemorySession) -> None:
    assert [service.request("DELETE", "people(2)").status for _ in range(2)] == [204, 404]
    assert [row["id"] for row in people(source)] == [1]


def test_put_that_would_need_a_default_of_the_source_is_not_built(service: Service, source: MemorySession) -> None:
    reply = service.request("PUT", "people(1)", {"name": "Aoi", "country": "JP"})

    assert (reply.status, reply.error["code"]) == (501, "NotImplemented")
    assert service.request("PUT", "people(1)", {"name": "Aoi", "level": 5}).status == 204
    assert people(source)[0] == {"id": 1, "name": "Aoi", "country": None, "level": 5}


def test_patch_of_an_absent_row_is_404_where_the_source_makes_keys(service: Service, source: MemorySession) -> None:
    assert service.request("PATCH", "people(9)", {"name": "Nine"}).status == 404
    assert service.request("PATCH", "notes(9)", {"text": "nine"}).status == 201
    assert source.rows[NOTES][1] == {"id": 9, "person_id": None, "text": "nine"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "people", {"name": "Cho", "notes": [{"id": 5, "text": "x"}]}),
        ("POST", "people", {"name": "Cho", "notes@odata.bind": ["notes(1)"]}),
        ("POST", "notes", {"id": 5, "person": {"name": "Cho"}}),
        ("PATCH", "people(1)", {"notes@odata.bind": ["notes(1)"]}),
    ],
)
def test_more_than_one_row_is_not_built_and_nothing_is_sent(
    service: Service, source: MemorySession, method: str, path: str, body: dict[str, Any]
) -> None:
    reply = service.request(method, path, body)

    assert reply.status == 501, reply.body
    assert not [call for call in source.calls if not call.startswith("GET")]


def test_link_to_a_parent_is_one_write(service: Service, source: MemorySession) -> None:
    assert service.request("POST", "notes", {"id": 5, "person@odata.bind": "people(2)"}).status == 201
    assert service.request("PUT", "notes(1)/person/$ref", {"@odata.id": "people(2)"}).status == 204
    assert [row["person_id"] for row in source.rows[NOTES]] == [2, 2]


# ---- rights ----


@pytest.fixture
def japanese(service: Service) -> Service:
    return service.seen_with("people", "country eq 'JP'")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "people", {"name": "Cho", "country": "KR"}, 403),
        ("POST", "people", {"name": "Cho"}, 403),
        ("POST", "people", {"name": "Cho", "country": "JP"}, 201),
        ("PATCH", "people(1)", {"country": "KR"}, 403),
        ("PATCH", "people(1)", {"name": "A"}, 204),
        ("PATCH", "people(2)", {"name": "B"}, 404),
        ("DELETE", "people(2)", None, 404),
    ],
)
def test_row_filter_holds_before_anything_is_sent(
    japanese: Service, source: MemorySession, method: str, path: str, body: Any, status: int
) -> None:
    assert japanese.request(method, path, body).status == status
    assert len([call for call in source.calls if not call.startswith("GET")]) == (status < 300)


def test_row_filter_over_relations_can_not_be_checked_before(service: Service, source: MemorySession) -> None:
    seen = service.seen_with("notes", "person/country eq 'JP'")

    assert [row["id"] for row in seen.get("notes").rows] == [1]
    assert seen.request("POST", "notes", {"id": 5, "person_id": 1}).status == 501
    assert "POST notes" not in source.calls


# ---- what the source can't do ----


@pytest.mark.parametrize(
    ("offered", "method", "path", "allow"),
    [
        ({"GET"}, "POST", "people", "GET, HEAD, OPTIONS"),
        ({"GET"}, "PATCH", "people(1)", "GET, HEAD, OPTIONS"),
        ({"GET", "POST"}, "DELETE", "people(1)", "GET, HEAD, OPTIONS"),
        ({"GET", "PATCH", "PUT"}, "DELETE", "people(1)", "GET, HEAD, PATCH, PUT, OPTIONS"),
        ({"GET", "POST", "DELETE"}, "PUT", "people(1)/name", "GET, HEAD, OPTIONS"),
        ({"GET", "PATCH"}, "POST", "people", "GET, HEAD, OPTIONS"),
    ],
)
def test_method_that_the_source_lacks_is_405_whoever_asks(
    service: Service, source: MemorySession, offered: set[str], method: str, path: str, allow: str
) -> None:
    resources = {
        name: replace(item, offered=frozenset(offered), methods=item.methods & offered) for name, item in service.catalog.resources.items()
    }
    lacking = Service(service.session, replace(service.catalog, resources=resources, fingerprint="lacking"))
    body = {"value": "x"} if "/" in path else {"name": "x"}

    refused = lacking.request(method, path, body)
    forbidden = service.seen_with("people", methods=frozenset({"GET"})).request(method, path, body)

    assert (refused.status, refused.error["code"], refused.headers["Allow"]) == (405, "MethodNotAllowed", allow)
    assert (forbidden.status, forbidden.error["code"]) == (403, "Forbidden")
    assert source.calls == []


def test_row_written_along_that_its_source_does_not_take_is_400(service: Service, source: MemorySession) -> None:
    resources = {**service.catalog.resources}
    resources["notes"] = replace(resources["notes"], offered=frozenset({"GET"}), methods=frozenset({"GET"}))
    lacking = Service(service.session, replace(service.catalog, resources=resources, fingerprint="notes"))

    reply = lacking.request("PUT", "notes(1)/person/$ref", {"@odata.id": "people(2)"})

    assert (reply.status, source.rows[NOTES][0]["person_id"]) == (400, 1)


class Forgetful(MemorySession):
    """A source that goes away once it has written."""

    def read(self, offer: Any, *, resume: str | None = None) -> Any:
        if any(not call.startswith("GET") for call in self.calls):
            raise ConnectionFailed("The service is away.")
        return super().read(offer, resume=resume)


@pytest.mark.parametrize(("method", "path", "done"), [("POST", "people", "created"), ("PATCH", "people(1)", "changed")])
def test_row_that_was_written_but_can_not_be_read_back_is_said_to_be_written(method: str, path: str, done: str) -> None:
    source = Forgetful([(PEOPLE_TABLE, [{"id": 1, "name": "Aoi", "country": "JP", "level": 1}])], EVERYTHING)

    reply = service_of(source, [PEOPLE]).request(method, path, {"name": "Cho"}, Prefer="return=representation")

    assert (reply.status, reply.error["code"], "Retry-After" in reply.headers) == (502, "SourceChangeUnknown", False)
    assert f"was {done}, but it can't be read back" in reply.error["message"]
    assert "Cho" in [row["name"] for row in people(source)]
