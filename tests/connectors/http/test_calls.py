"""Paging by every type, budgets, sign-in by OAuth, properties: what a session asks of its service."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connections.connectors.http.budget import Budget
from connections.connectors.http.connector import ManifestConnector
from connections.contract.context import Context
from connections.contract.errors import AuthenticationFailed, InvalidProperties, RateLimited, SourceRejected
from connections.contract.scan import Order, Scan
from connections.contract.table import Table, TableRef
from tests.connectors.http.notes import manifest, rows_of
from tests.fakes.upstream import Answer, Seen, Upstream

TEXT = """
manifest: 1
key: paged
label: Paged
base_url: https://api.example.com
properties: [{name: APIToken, secret: true}]
auth:
  default: Key
  schemes:
    Key: {type: header, name: X-Key, value: "{APIToken}"}
    OAuth: {type: oauth, flow: code, aliases: [Web]}
    Client: {type: oauth, flow: client}
    Query: {type: query, name: key, value: "{APIToken}"}
oauth: {authorize_url: "https://example.com/a", token_url: "https://example.com/t", scopes: [read, write], account_path: /me}
refuse: [{property: APIToken, matches: "^sk_test_", message: "Test keys are refused."}]
tables:
  Rows:
    key: [Id]
    read: [READ]
    columns: {Id: {path: id, type: int64}}
"""
TABLES = {"Rows": {"key": ["Id"], "read": [{"path": "/x"}], "columns": {"Id": {"path": "id", "type": "int64"}}}}
NUMBERS = list(range(1, 8))
REF = TableRef("", "Rows")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def session_of(upstream: Upstream, read: str, context: Context | None = None, changes: dict[str, Any] | None = None, **values: Any) -> Any:
    connector = ManifestConnector(manifest(TEXT.replace("READ", read), **(changes or {})))
    given = connector.clean({"URL": upstream.url, "APIToken": "secret", "Timeout": 5, **values})
    return connector.open(given, context=context or Context(outgoing=upstream.allow))


def read(session: Any) -> list[int]:
    return [row[0] for row in rows_of(session, session.offer(Scan(Table(REF), ("Id",))))]


def rows(start: int, size: int = 3) -> list[dict[str, int]]:
    return [{"id": number} for number in NUMBERS[start : start + size]]


def graphql(seen: Seen) -> Answer:
    variables = json.loads(seen.body)["variables"]
    start = int(variables.get("after") or 0)
    info = {"hasNextPage": start + 3 < len(NUMBERS), "endCursor": str(start + 3)}
    return Answer({"data": {"things": {"nodes": rows(start), "pageInfo": info}}})


def by_start(name: str, body: Any) -> Any:
    return lambda seen: Answer(body(int(seen.params.get(name, 0))))


def below(seen: Seen) -> Answer:
    """Forty pages of one group each, the first and the last of which hold rows."""
    at = int(seen.params.get("after", 0)) + 1
    inner = rows(0) if at == 1 else rows(3, 9) if at == 40 else None
    return Answer({"data": [{"id": at, "inner": inner}], "more": at < 40})


PAGED = {
    "cursor": (
        "{path: /x, rows: data, paging: {type: cursor, next: meta.next, param: at}}",
        by_start("at", lambda at: {"data": rows(at), "meta": {"next": at + 3 if at + 3 < 7 else None}}),
    ),
    "cursor with a flag": (
        "{path: /x, rows: data, paging: {type: cursor, next: next, more: has_more, param: at}}",
        by_start("at", lambda at: {"data": rows(at), "next": at + 3, "has_more": at + 3 < 7}),
    ),
    "cursor in a header": (
        "{path: /x, paging: {type: cursor, next_header: X-Next, param: at}}",
        lambda seen: Answer(
            rows(int(seen.params.get("at", 0))),
            headers={"X-Next": str(int(seen.params.get("at", 0)) + 3)} if int(seen.params.get("at", 0)) + 3 < 7 else {},
        ),
    ),
    "last id": (
        "{path: /x, rows: data, paging: {type: last_id, param: after, more: has_more}}",
        by_start("after", lambda at: {"data": rows(at), "has_more": at + 3 < 7}),
    ),
    "rows below what is paged": (
        "{path: /x, rows: data.*.inner, paging: {type: last_id, param: after, more: more, last: [data, -1, id]}}",
        below,
    ),
    "page with a number of pages": (
        "{path: /x, rows: data, paging: {type: page, param: page, pages: pages}}",
        lambda seen: Answer({"data": rows((int(seen.params["page"]) - 1) * 3), "pages": 3}),
    ),
    "page from zero with a total": (
        "{path: /x, rows: data, total: n, paging: {type: page, param: page, start: 0}}",
        lambda seen: Answer({"data": rows(int(seen.params["page"]) * 3), "n": 7}),
    ),
    "page whose short one is the last": (
        "{path: /x, paging: {type: page, param: page, short_is_last: true, size: {param: n, max: 3}}}",
        lambda seen: Answer(rows((int(seen.params["page"]) - 1) * 3, int(seen.params["n"]))),
    ),
    "offset with a total in a header": (
        "{path: /x, total: {header: X-Total}, paging: {type: offset, param: skip}}",
        lambda seen: Answer(rows(int(seen.params.get("skip", 0))), headers={"X-Total": "7"}),
    ),
    "link header": (
        "{path: /x, paging: {type: link_header}}",
        lambda seen: Answer(
            rows(int(seen.params.get("at", 0))),
            headers={"Link": f'</x?at=0>; rel="first", </x?at={int(seen.params.get("at", 0)) + 3}>; rel="next"'}
            if int(seen.params.get("at", 0)) + 3 < 7
            else {},
        ),
    ),
    "odata": (
        "{path: /x, rows: value, paging: {type: odata}}",
        by_start("at", lambda at: {"value": rows(at), **({"@odata.nextLink": f"x?at={at + 3}"} if at + 3 < 7 else {})}),
    ),
    "graphql": (
        "{path: /x, method: POST, body: {query: q, variables: {first: 3}}, rows: data.things.nodes,"
        " paging: {type: graphql_cursor, next: data.things.pageInfo.endCursor, more: data.things.pageInfo.hasNextPage, param: after}}",
        graphql,
    ),
    "one answer": ("{path: /x}", lambda seen: Answer(rows(0, 7))),
    "rows in groups": ("{path: /x, rows: groups.*.items}", lambda seen: Answer({"groups": [{"items": rows(0)}, {"items": rows(3, 9)}]})),
    "an object of rows": (
        "{path: /x, rows: {path: by, of: map}}",
        lambda seen: Answer({"by": {f"k{row['id']}": row for row in rows(0, 7)}}),
    ),
    "rows wrapped one by one": (
        "{path: /x, rows: edges, row: node}",
        lambda seen: Answer({"edges": [{"node": row} for row in rows(0, 7)]}),
    ),
}


@pytest.mark.parametrize("name", PAGED)
def test_every_paging_reads_all_rows(upstream: Upstream, name: str) -> None:
    declared, route = PAGED[name]
    upstream.route("/x", route)

    assert read(session_of(upstream, declared)) == NUMBERS


def test_first_page_of_unknown_paging_is_marked(upstream: Upstream) -> None:
    upstream.route("/x", lambda seen: Answer(rows(0)))
    session = session_of(upstream, "{path: /x, paging: {type: unknown, reason: No page two.}}")

    assert session.describe([REF])[0].partial == "No page two."
    assert session.offer(Scan(Table(REF), ("Id",))).is_partial == "No page two."


def test_key_in_the_query_is_in_no_log_and_on_no_next_page_of_another_origin(upstream: Upstream) -> None:
    upstream.route("/x", by_start("at", lambda at: {"d": rows(at), "next": f"{upstream.url}/x?at={at + 3}" if at + 3 < 7 else None}))
    heard: list[Any] = []
    context = Context(outgoing=upstream.allow, heard=heard.append)
    session = session_of(upstream, "{path: /x, rows: d, paging: {type: next_url}}", context, AuthScheme="Query")

    assert read(session) == NUMBERS
    assert [seen.params["key"] for seen in upstream.calls] == ["secret"] * 3
    assert "secret" not in repr(heard)


class Grant:
    """Tokens that the service refuses until they are refreshed."""

    def __init__(self) -> None:
        self.token, self.refreshed = "t1", 0

    def access(self) -> str:
        return self.token

    def refresh(self, stale: str) -> str:
        assert stale == self.token
        self.refreshed += 1
        self.token = f"t{self.refreshed + 1}"
        return self.token


@pytest.mark.parametrize(("good", "refreshes"), [("t1", 0), ("t2", 1)])
def test_refused_token_is_refreshed_once(upstream: Upstream, good: str, refreshes: int) -> None:
    upstream.route("/x", lambda seen: Answer(rows(0, 7)) if seen.headers["authorization"] == f"Bearer {good}" else Answer({}, 401))
    grant = Grant()
    session = session_of(upstream, "{path: /x}", Context(outgoing=upstream.allow, tokens=grant), AuthScheme="web")

    assert read(session) == NUMBERS
    assert grant.refreshed == refreshes


def test_token_that_stays_refused_is_an_error_after_one_refresh(upstream: Upstream) -> None:
    upstream.route("/x", lambda seen: Answer({}, 401))
    grant = Grant()

    with pytest.raises(AuthenticationFailed):
        read(session_of(upstream, "{path: /x}", Context(outgoing=upstream.allow, tokens=grant), AuthScheme="OAuth"))

    assert (grant.refreshed, len(upstream.calls)) == (1, 2)
    with pytest.raises(AuthenticationFailed, match="not signed in"):
        read(session_of(upstream, "{path: /x}", AuthScheme="OAuth"))


def test_oauth_service_of_the_values() -> None:
    connector = ManifestConnector(manifest(TEXT.replace("READ", "{path: /x}")))

    found = connector.oauth({"AuthScheme": "web", "OAuthClientId": "me", "OAuthAccessTokenURL": "https://other.example/t"})

    assert found is not None
    assert (found.flow, found.client_id, found.token_url, found.scopes) == ("code", "me", "https://other.example/t", ("read", "write"))
    assert found.account_url == "https://api.example.com/me"
    assert connector.oauth({"AuthScheme": "Key"}) is None
    assert getattr(connector.oauth({"AuthScheme": "Client"}), "flow", "") == "client"


def test_refused_credential_is_named() -> None:
    connector = ManifestConnector(manifest(TEXT.replace("READ", "{path: /x}")))

    with pytest.raises(InvalidProperties, match="Test keys are refused") as caught:
        connector.clean({"APIToken": "sk_test_abc"})

    assert "sk_test_abc" not in str(caught.value)
    assert connector.test({"APIToken": "sk_test_abc"})[0].message == "APIToken: Test keys are refused."


def test_budget_fills_again() -> None:
    budget = Budget("g", 100, "second", 2, None)

    assert [budget.take() for _ in range(2)] == [0.0, 0.0]
    wait = budget.take()
    assert 0 < wait <= 0.01
    time.sleep(wait + 0.002)
    assert budget.take() == 0.0


def test_pause_holds_everybody(tmp_path: Path) -> None:
    one, other = (Budget("g", 100, "second", 5, tmp_path) for _ in range(2))

    one.pause(60)

    assert 50 < other.take() <= 60
    assert Budget("another", 100, "second", 5, tmp_path).take() == 0.0


def take_all(folder: Path, found: Any) -> None:
    budget = Budget("shared", 1, "day", 40, folder)
    found.put(sum(1 for _ in range(30) if budget.take() == 0.0))


def test_processes_share_a_budget(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    found: Any = context.Queue()
    workers = [context.Process(target=take_all, args=(tmp_path, found)) for _ in range(2)]
    for worker in workers:
        worker.start()

    taken = [found.get(timeout=60) for _ in workers]

    assert sum(taken) == 40
    for worker in workers:
        worker.join()


def test_used_up_budget_is_told_without_a_call(upstream: Upstream, tmp_path: Path) -> None:
    upstream.route("/x", lambda seen: Answer(rows(0, 7)))
    context = Context(outgoing=upstream.allow, shared=tmp_path)
    session = session_of(upstream, "{path: /x}", context, {"rate": {"calls": 1, "per": "hour"}})

    assert read(session) == NUMBERS
    with pytest.raises(RateLimited) as caught:
        read(session)
    assert 3000 < caught.value.retry_after <= 3600
    assert len(upstream.calls) == 1


def test_needless_fields_are_not_asked_for(upstream: Upstream) -> None:
    upstream.route("/x", lambda seen: Answer({"values": [{"id": 1, "name": "n"}]}))
    columns = {"Id": {"path": "id", "type": "int64"}, "Name": "name", "Raw": "content.raw"}
    spec = {"path": "/x", "rows": "values", "fields": {"param": "fields", "item": "values.{path}", "always": ["next"]}}
    session = session_of(upstream, "{path: /x}", changes={"tables": {"Rows": {"key": ["Id"], "read": [spec], "columns": columns}}})

    rows_of(session, session.offer(Scan(Table(REF), ("Raw",))))
    rows_of(session, session.offer(Scan(Table(REF), ("Raw", "Id", "Name"))))

    assert [sorted(seen.params.get("fields", "").split(",")) for seen in upstream.calls] == [
        ["next", "values.content.raw", "values.id"],
        [""],
    ]


def test_write_on_a_read_only_connection_is_refused(upstream: Upstream) -> None:
    connector = ManifestConnector(
        manifest(
            TEXT.replace("READ", "{path: /x}"),
            tables={
                "Rows": {
                    "read": [{"path": "/x"}],
                    "columns": {"A": {"path": "a", "write": ["insert"]}},
                    "write": {"insert": {"path": "/x"}},
                }
            },
        )
    )
    session = connector.open(
        connector.clean({"URL": upstream.url, "APIToken": "x"}), read_only=True, context=Context(outgoing=upstream.allow)
    )

    with pytest.raises(SourceRejected, match="only reads"):
        session.insert(Table(REF), {"A": "1"}, idempotency="k")
    assert upstream.calls == []


def test_json_by_another_name_is_taken(upstream: Upstream) -> None:
    def negotiated(seen: Seen) -> Answer:
        accepted = {part.split(";")[0].strip() for part in seen.headers["accept"].split(",")}
        body = json.dumps(rows(0, 7)).encode()
        if not accepted & {"application/vnd.api+json", "*/*"}:
            return Answer({}, status=406)
        return Answer(body, headers={"Content-Type": "application/vnd.api+json"})

    upstream.route("/x", negotiated)

    assert read(session_of(upstream, "{path: /x}")) == NUMBERS


def test_one_row_below_each_row_of_a_parent_comes_in_no_order(upstream: Upstream) -> None:
    changes = {
        "Details": {
            "key": ["Of"],
            "read": [{"path": "/x/{Of}", "single": True, "parent": {"table": "Rows", "binds": {"Of": "Id"}}}],
            "columns": {"Of": {"given": True, "type": "int64"}, "Size": {"path": "size", "type": "int64"}},
        }
    }
    upstream.route("/x", lambda seen: Answer(rows(0)))
    upstream.fallback = lambda seen: Answer({"size": 10 - int(seen.path[-1])})
    session = session_of(upstream, "{path: /x}", changes={"tables": {**TABLES, **changes}})
    scan = Scan(Table(TableRef("", "Details")), ("Of", "Size"), (), (Order("Size"),), limit=1)

    offer = session.offer(scan)

    assert (offer.takes_order, offer.takes_limit) == (False, False)
    assert rows_of(session, offer) == [(1, 9), (2, 8), (3, 7)]
