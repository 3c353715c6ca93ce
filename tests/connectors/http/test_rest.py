"""The generic REST connector and manifests given as text: sampled columns, found rows and paging, several tables, what is refused."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest

from connections.connectors.http import sample
from connections.connectors.registry import get_connector
from connections.contract.context import Context
from connections.contract.errors import BadAnswer, InvalidProperties
from connections.contract.scan import Compare, Scan
from connections.contract.table import TableRef, Type
from tests.connectors.http.notes import MANIFEST, Notes
from tests.fakes.upstream import Answer, Seen, Upstream

ROW = {
    "id": 1,
    "name": "A",
    "at": "2026-01-02T03:04:05Z",
    "day": "2026-01-02",
    "price": 1.5,
    "ok": True,
    "owner": {"id": "u1", "team": {"x": 1}},
    "tags": ["a"],
}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def session_of(upstream: Upstream, connector: str = "rest", **values: Any) -> Any:
    found = get_connector(connector)
    given = found.clean({"URL": upstream.url, **values})
    return found.open(given, context=Context(outgoing=upstream.allow))


def read(session: Any, name: str = "Rows", *where: Any) -> list[tuple[Any, ...]]:
    table = session.describe([TableRef("", name)])[0]
    return [row for batch in session.read(session.offer(Scan(table, tuple(c.name for c in table.columns), where))) for row in batch.rows]


def test_columns_come_from_the_first_rows(upstream: Upstream) -> None:
    upstream.route(
        "/things", {"meta": {"n": 1}, "data": {"items": [ROW, {**ROW, "id": 2, "name": None, "owner": None, "price": 2, "more": 1}]}}
    )
    session = session_of(upstream, Path="/things", Paging="None")

    table = session.describe([TableRef("", "Rows")])[0]

    assert {c.name: c.type for c in table.columns} == {
        "Id": Type.INT64, "Name": Type.STRING, "At": Type.TIMESTAMP, "Day": Type.DATE, "Price": Type.DOUBLE,
        "Ok": Type.BOOLEAN, "OwnerId": Type.STRING,
        "OwnerTeamAggregate": Type.STRING, "TagsAggregate": Type.STRING, "More": Type.INT64,
    }  # fmt: skip
    assert (table.primary_key, table.partial, table.writes) == (("Id",), "", frozenset())
    assert read(session)[0] == (
        1, "A", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), dt.date(2026, 1, 2), 1.5, True, "u1", '{"x":1}', '["a"]', None,
    )  # fmt: skip


def test_table_whose_page_two_is_not_found_is_partial(upstream: Upstream) -> None:
    upstream.route("/", [ROW])
    session = session_of(upstream)
    table = session.describe([TableRef("", "Rows")])[0]

    assert "Page two" in table.partial
    assert "Page two" in session.offer(Scan(table, ("Id",))).is_partial


def linked(seen: Seen, header: bool, url: str) -> Answer:
    number = int(seen.params.get("page", 1))
    rows = [{"id": number * 2 - 1}, {"id": number * 2}]
    following = f"{url}/list?page={number + 1}"
    if header:
        return Answer(rows, headers={"Link": f'<{following}>; rel="next"' if number < 3 else f'<{url}/list?page=1>; rel="first"'})
    return Answer({"results": rows, "count": 6, "next": following if number < 3 else None})


@pytest.mark.parametrize("header", [True, False])
def test_auto_follows_what_the_answer_shows(upstream: Upstream, header: bool) -> None:
    upstream.route("/list", lambda seen: linked(seen, header, upstream.url))
    session = session_of(upstream, Path="/list")

    assert session.describe([TableRef("", "Rows")])[0].partial == ""
    assert read(session) == [(number,) for number in range(1, 7)]


def test_cursor_is_found(upstream: Upstream) -> None:
    pages = {"": ([1, 2], "b"), "b": ([3], None)}

    def answer(seen: Seen) -> Answer:
        numbers, cursor = pages[seen.params.get("cursor", "")]
        return Answer({"items": [{"id": number} for number in numbers], "next_cursor": cursor})

    upstream.route("/list", answer)

    assert read(session_of(upstream, Path="/list")) == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"Paging": "Page", "PageParameter": "p"}, ["", "p=2", "p=3", "p=4"]),
        ({"Paging": "Offset", "PageParameter": "skip"}, ["", "skip=2", "skip=4", "skip=5"]),
        ({"Paging": "LastId", "PageParameter": "after"}, ["", "after=2", "after=4", "after=5"]),
    ],
)
def test_counted_paging_ends_at_an_empty_page(upstream: Upstream, values: dict[str, str], names: list[str]) -> None:
    def answer(seen: Seen) -> Answer:
        start = (int(seen.params.get("p", 1)) - 1) * 2 + int(seen.params.get("skip", 0)) + int(seen.params.get("after", 0))
        return Answer([{"id": number} for number in range(start + 1, min(start + 2, 5) + 1)])

    upstream.route("/list", answer)
    session = session_of(upstream, Path="/list", **values)
    session.describe([TableRef("", "Rows")])
    upstream.calls.clear()

    assert read(session) == [(number,) for number in range(1, 6)]
    asked = ["&".join(f"{name}={value}" for name, value in seen.query) for seen in upstream.calls]
    assert [item.replace("p=1", "") for item in asked] == names


def test_several_tables_as_yaml(upstream: Upstream) -> None:
    upstream.route("/a", [{"id": 1}])
    upstream.route("/b", {"list": [{"code": "x", "n": 2}]})
    text = """
A: {read: [{path: /a, paging: {type: none}}]}
B: {key: [Code], read: [{path: /b, rows: list, paging: {type: none}}], columns: {Code: code, N: {path: n, type: int32}}}
"""
    session = session_of(upstream, Tables=text)

    assert [str(item.ref) for item in session.list_tables()] == ["A", "B"]
    assert (read(session, "A"), read(session, "B", Compare("Code", "eq", "x"))) == ([(1,)], [("x", 2)])


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"URL": ""}, "URL"),
        ({"URL": "example.com"}, "URL"),
        ({"URL": "https://u:p@example.com"}, "URL"),
        ({"Tables": "{"}, "Tables"),
        ({"Tables": "A: {reed: []}"}, "Tables"),
        ({"Tables": "[1]"}, "Tables"),
        ({"Paging": "Cursor"}, "PageParameter"),
        ({"AuthScheme": "OAuth"}, "OAuthAccessTokenURL"),
        ({"Headers": "no colon"}, "Headers"),
        ({"Pathh": "/x"}, "Pathh"),
    ],
)
def test_wrong_property_is_named(values: dict[str, str], named: str) -> None:
    with pytest.raises(InvalidProperties) as caught:
        get_connector("rest").clean({"URL": "https://api.example.com", **values})

    assert named in caught.value.errors


def test_test_steps(upstream: Upstream) -> None:
    upstream.route("/", [ROW])
    rest = get_connector("rest")

    good = rest.test({"URL": upstream.url}, context=Context(outgoing=upstream.allow))
    refused = rest.test({"URL": upstream.url})

    assert [(step.name, step.ok) for step in good] == [("resolve", True), ("connect", True), ("sign_in", True), ("list_tables", True)]
    assert [(step.name, step.ok) for step in refused] == [("resolve", True), ("connect", False)]
    assert "private address" in refused[-1].message
    assert [step.name for step in rest.test({"URL": ""})] == ["properties"]


def test_basic_header_and_query_sign_in(upstream: Upstream) -> None:
    upstream.route("/", [ROW])
    for values in (
        {"AuthScheme": "Basic", "User": "u", "Password": "p"},
        {"AuthScheme": "APIKey", "Token": "k1"},
        {"AuthScheme": "Query", "Token": "k2", "TokenName": "key"},
    ):
        if values["AuthScheme"] == "APIKey":
            values = {**values, "AuthScheme": "Header"}
        read(session_of(upstream, **values))

    headers = [(seen.headers.get("authorization"), seen.headers.get("x-api-key"), seen.params.get("key")) for seen in upstream.calls]
    assert set(headers) == {("Basic dTpw", None, None), (None, "k1", None), (None, None, "k2")}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([1], []),
        ({"values": []}, ["values"]),
        ({"a": {"items": [{}]}, "tags": ["x"]}, ["a", "items"]),
        ({"things": [{"a": 1}], "links": []}, ["things"]),
    ],
)
def test_rows_are_found(document: Any, path: list[str]) -> None:
    assert sample.rows_path(document) == path


@pytest.mark.parametrize("document", [{}, 1, None, "x", {"a": [{"x": 1}], "b": [{"y": 1}]}])
def test_rows_that_can_not_be_found_are_an_error(document: Any) -> None:
    with pytest.raises(BadAnswer):
        sample.rows_path(document)


def test_sample_merges_types_and_ignores_nulls() -> None:
    rows = [
        {"a": 1, "b": None, "c": "2026-01-01", "d": {"x": 1}, "e-f": 1},
        {"a": 2.5, "b": True, "c": "word", "d": "text", "E f": 2},
        {"a": None, "d": None},
    ]

    found = {name: spec["type"] for name, spec in sample.columns_of(rows).items()}

    assert found == {"A": "double", "B": "boolean", "C": "string", "DAggregate": "json", "EF": "int64", "EF2": "int64"}


def test_manifest_of_ones_own(upstream: Upstream) -> None:
    Notes(upstream)
    values = {"Manifest": MANIFEST, "URL": f"{upstream.url}/v2", "Parameters": "Workspace=acme", "Secrets": "APIToken=secret-token"}
    connector = get_connector("manifest")

    steps = connector.test(values, context=Context(outgoing=upstream.allow))
    session = session_of(upstream, "manifest", **values)

    assert [step.ok for step in steps] == [True] * 5
    assert steps[0].message == f"2 tables; calls go to 127.0.0.1:{upstream.port}"
    assert len(session.list_tables()) == 5
    assert "secret-token" in session.service.secrets


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"Manifest": ""}, "Manifest"),
        ({"Manifest": "manifest: 1"}, "Manifest"),
        ({"Manifest": "a: &a [*a, *a]"}, "Manifest"),
        ({"Manifest": MANIFEST, "Parameters": "Workspace=acme\nOther=1", "Secrets": "APIToken=x"}, "Parameters"),
        ({"Manifest": MANIFEST, "Secrets": "APIToken=x"}, "Parameters"),
        ({"Manifest": MANIFEST, "Parameters": "Workspace=acme", "AuthScheme": "Nope"}, "AuthScheme"),
        ({"Manifest": MANIFEST.replace("key: [Slug]", "key: [Slugg]"), "Parameters": "Workspace=acme"}, "Manifest"),
        ({"Manifest": MANIFEST.replace("https://api.notes.example/v2", "file:///etc"), "Parameters": "Workspace=acme"}, "Manifest"),
    ],
)
def test_wrong_manifest_is_named(values: dict[str, str], named: str) -> None:
    with pytest.raises(InvalidProperties) as caught:
        get_connector("manifest").clean(values)

    assert list(caught.value.errors) == [named]


def test_manifest_of_many_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    with pytest.raises(InvalidProperties, match="too many parts"):
        get_connector("manifest").clean({"Manifest": "\n".join(lines)})


def test_manifest_as_json_is_taken(upstream: Upstream) -> None:
    content = {
        "manifest": 1,
        "key": "x",
        "label": "X",
        "base_url": upstream.url,
        "tables": {"A": {"read": [{"path": "/a"}], "columns": {"Id": "id"}}},
    }
    upstream.route("/a", [{"id": "x"}])

    assert read(session_of(upstream, "manifest", Manifest=json.dumps(content)), "A") == [("x",)]
