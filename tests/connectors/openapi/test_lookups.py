"""Addresses of one row by another column than the key: which are taken for that, and that they give what the listing gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest

from connections.connectors.openapi.connector import OpenapiConnector
from connections.contract.context import Context
from connections.contract.table import TableRef
from tests.connectors.agreement import service_of
from tests.connectors.openapi.documents import TEXT, WHOLE, array, derived, document, get, query, thing
from tests.fakes.upstream import Answer, Seen, Upstream

USER = thing(id=WHOLE, email=TEXT, login=TEXT, city=TEXT)
USERS = [{"id": n, "email": f"u{n}@x.org", "login": f"U{n}", "city": "Bonn"} for n in range(1, 4)]
NAMELESS = {"id": 4, "email": "", "login": "", "city": "Rome"}


def given(path: str, **more: Any) -> dict[str, Any]:
    name = path.rpartition("{")[2].rstrip("}")
    found = get(USER, **more)
    found["get"]["parameters"] = [
        *found["get"].get("parameters", ()),
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}},
    ]
    return found


def paths(*others: str) -> dict[str, Any]:
    return {"/users": get(array(USER)), **{path: given(path) for path in ("/users/{id}", *others)}}


def reads(found: dict[str, Any]) -> list[str]:
    return [read["path"] for read in derived(found).manifest["tables"]["Users"]["read"]]


@pytest.mark.parametrize(
    ("path", "column"),
    [
        ("/users/by-email/{email}", "Email"),
        ("/users/{login}", "Login"),
        ("/users/find/{city}", None),
        ("/users/by-key/{id}", None),
        ("/users/by-phone/{phone}", None),
    ],
)
def test_what_an_address_looks_up(path: str, column: str | None) -> None:
    more = [path.rpartition("{")[0] + "{" + column + "}"] if column else []

    assert reads(paths(path)) == ["/users", "/users/{Id}", *more]


def test_address_that_gives_less_or_asks_for_more_is_none() -> None:
    less = {**paths(), "/users/by-email/{email}": given("/users/by-email/{email}")}
    less["/users/by-email/{email}"]["get"]["responses"] = get(thing(email=TEXT))["get"]["responses"]
    more = {**paths(), "/users/by-email/{email}": given("/users/by-email/{email}")}
    more["/users/by-email/{email}"]["get"]["parameters"].append(query("tenant", required=True))

    assert (reads(less), reads(more)) == (["/users", "/users/{Id}"],) * 2


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        running.route("/users", [*USERS, NAMELESS])

        def by_email(seen: Seen) -> Answer:
            asked = unquote(seen.path.rpartition("/")[2]).lower()
            found = next((user for user in USERS if seen.path.startswith("/users/by-email/") and user["email"] == asked), None)
            return Answer(found) if found else Answer({"message": "nobody"}, 404)

        running.fallback = by_email
        yield running


@pytest.mark.parametrize(
    ("where", "found", "called"),
    [
        ("Email eq 'u2@x.org'", [2], ["/users/by-email/u2%40x.org"]),
        ("Email eq 'U2@X.ORG'", [], ["/users/by-email/U2%40X.ORG"]),
        ("Email eq 'no@x.org'", [], ["/users/by-email/no%40x.org"]),
        ("Email in ('u1@x.org','u3@x.org')", [1, 3], ["/users/by-email/u1%40x.org", "/users/by-email/u3%40x.org"]),
        ("Email eq ''", [4], ["/users"]),
        ("City eq 'Bonn'", [1, 2, 3], ["/users"]),
    ],
)
def test_row_is_one_call_and_the_one_asked_for(upstream: Upstream, where: str, found: list[int], called: list[str]) -> None:
    text = json.dumps({**document(paths("/users/by-email/{email}")), "servers": [{"url": upstream.url}]})
    connector = OpenapiConnector()
    session = connector.open(
        connector.clean({"Document": text, "Overlay": "tables: {Users: {paging: {type: none}}}"}), context=Context(outgoing=upstream.allow)
    )
    service = service_of(session, [TableRef("", "Users")])
    upstream.calls.clear()

    rows = service.get(f"Users?$select=Id&$filter={where}").rows

    assert ([row["Id"] for row in rows], [seen.path for seen in upstream.calls]) == (found, called)
