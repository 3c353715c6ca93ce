"""A table of Stripe joined with one of PostgreSQL, published as a derived view: asked over OData like any table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from apiserver.resources.configuration import relations_of
from apiserver.resources.models import Resource
from apiserver.server.configuration_protocol import ConfigurationError
from tests import databases
from tests.databases import Database
from tests.fakes.stripe import Stripe
from tests.served import Served, publish

TOKEN = {"x-cdata-authtoken": "stripe-join-token-0123456789"}
TEAMS = [(f"person{number}@example.com", ("North", "South", None)[number % 3]) for number in range(60)]
WORKERS = 2  # of the server: each keeps what it has read
SQL = """SELECT c.Id, c.Email, c.Delinquent, t.team AS Team FROM stripe.Stripe.Customers c
JOIN crm.teams t ON t.email = c.Email WHERE c.Delinquent = 'False'"""


@pytest.fixture(scope="module")
def stripe() -> Iterator[Stripe]:
    with Stripe() as fake:
        yield fake


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Database:
    found = databases.make("postgresql", "stripe_join", request, tmp_path_factory.mktemp("stripe_join"))
    found.create("teams", {"email": "varchar(60) PRIMARY KEY", "team": "varchar(10)"})
    found.insert("teams", TEAMS)
    return found


@pytest.fixture(scope="module")
def served(stripe: Stripe, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    properties = {"AuthScheme": "APIKey", "LiveAPIKey": "sk_live_abc123", "URL": stripe.url}
    told = {
        "server": {"outgoing": {"allow": [stripe.url.removeprefix("http://")]}},
        "connections": {"stripe": {"connector": "stripe", "properties": properties}, "crm": database.connection},
        "resources": {"Debtless": {"sql": SQL, "key": ["Id"]}},
        "users": {"boss": {"role": "query", "privileges": ["GET"], "authtoken": TOKEN["x-cdata-authtoken"]}},
    }
    server = publish(told, Path(tmp_path_factory.mktemp("served")))
    yield server
    assert server.stop() == 0


def rows(served: Served, query: str) -> list[dict[str, Any]]:
    status, _, body = served.get(f"/api.rsc/Debtless?{quote(query, safe='=&$,')}", TOKEN)
    assert status == 200, body
    found: list[dict[str, Any]] = json.loads(body)["value"]
    return found


def expected(stripe: Stripe) -> list[tuple[str, str, str | None]]:
    teams = dict(TEAMS)
    people = stripe.rows["customers"]
    return sorted((row["id"], row["email"], teams[row["email"]]) for row in people if row["email"] in teams and not row["delinquent"])


def test_the_join_answers_with_filter_order_and_top(served: Served, stripe: Stripe) -> None:
    wanted = expected(stripe)

    assert len(wanted) > 20
    assert [(row["Id"], row["Email"], row["Team"]) for row in rows(served, "$orderby=Id")] == wanted
    north = [row for row in wanted if row[2] == "North"]
    found = rows(served, "$filter=Team eq 'North'&$orderby=Email desc&$top=3&$select=Id")
    assert [row["Id"] for row in found] == [row[0] for row in sorted(north, key=lambda row: row[1], reverse=True)[:3]]
    homeless = rows(served, "$filter=Team eq null&$orderby=Id&$select=Id")
    assert [row["Id"] for row in homeless] == [row[0] for row in wanted if row[2] is None]


def test_a_row_has_its_own_address(served: Served, stripe: Stripe) -> None:
    key, email, _ = expected(stripe)[0]

    status, _, body = served.get(f"/api.rsc/Debtless('{key}')", TOKEN)

    assert (status, json.loads(body)["Email"]) == (200, email)


def page_through(served: Served, query: str, size: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    path = f"/api.rsc/Debtless?{quote(query, safe='=&$,')}"
    while path:
        status, _, body = served.get(path, {**TOKEN, "Prefer": f"odata.maxpagesize={size}"})
        assert status == 200, body
        page = json.loads(body)
        found += page["value"]
        path = page.get("@odata.nextLink", "").removeprefix(served.base)
    return found


@pytest.mark.parametrize(
    "query", ["", "$orderby=Email desc", "$filter=Team ne null&$orderby=Team,Email desc", "$filter=contains(Email,'1')"]
)
def test_pages_are_the_whole_once_and_read_the_service_once(served: Served, stripe: Stripe, query: str) -> None:
    whole = rows(served, query)
    stripe.forget()

    found = page_through(served, query, 4)

    assert found == whole
    assert len(found) > 9
    made = len(stripe.asked())
    assert 1 <= made <= WORKERS * calls_of(served, stripe, query)


def calls_of(served: Served, stripe: Stripe, query: str) -> int:
    """Return how many calls all rows in one answer take."""
    stripe.forget()
    rows(served, query)
    return len(stripe.asked())


@pytest.mark.parametrize(
    ("query", "choose"),
    [
        ("$orderby=Email&$skip=7&$top=3", lambda found: sorted(found, key=lambda row: row[1])[7:10]),
        ("$filter=startswith(Email,'person1') and Team ne 'South'&$orderby=Id", lambda found: [r for r in found if of_ones(r)]),
        ("$filter=tolower(Team) eq 'north'&$orderby=Id&$top=2", lambda found: [row for row in found if row[2] == "North"][:2]),
        ("$filter=Team in ('North','Nowhere')&$orderby=Id desc", lambda found: [r for r in found if r[2] == "North"][::-1]),
        ("$filter=length(Email) gt 100", lambda found: []),
    ],
)
def test_every_option_goes_into_the_plan(served: Served, stripe: Stripe, query: str, choose: Any) -> None:
    wanted = choose(expected(stripe))

    status, _, body = served.get(f"/api.rsc/Debtless?$count=true&{quote(query, safe='=&$,')}", TOKEN)
    page = json.loads(body)

    assert status == 200, body
    assert [(row["Id"], row["Email"], row["Team"]) for row in page["value"]] == wanted
    limit = "$top" in query
    assert page["@odata.count"] >= len(wanted) if limit else page["@odata.count"] == len(wanted)


def of_ones(row: tuple[str, str, str | None]) -> bool:
    return row[1].startswith("person1") and row[2] != "South"  # OData: null is not equal to it


def test_relations_of_a_view_over_several_connections_are_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"resources\.Debtless\.relations: relations of a view over several connections"):
        relations_of({"Team": {"to": "Teams", "columns": {"Team": "team"}}}, Resource(name="Debtless"), "resources.Debtless.relations")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Debtless?$apply=aggregate($count as n)", 501),
        ("Debtless?$expand=Teams", 400),
        ("Debtless?$select=Nothing", 400),
        ("Debtless('cus_none')", 404),
    ],
)
def test_what_a_view_does_not_answer_is_refused_by_name(served: Served, path: str, status: int) -> None:
    found, _, body = served.get(f"/api.rsc/{quote(path, safe='=&$,?()')}", TOKEN)

    assert found == status
    assert json.loads(body)["error"]["message"]


def test_an_address_of_one_row_takes_one_call(served: Served, stripe: Stripe) -> None:
    key = expected(stripe)[0][0]
    stripe.forget()

    served.get(f"/api.rsc/Debtless('{key}')", TOKEN)

    assert len(stripe.asked()) == 1
