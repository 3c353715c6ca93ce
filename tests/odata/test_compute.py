"""$compute on every database: shown, filtered, ordered, paged, nested, written; $schemaversion."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests import databases
from tests.compliance import rows
from tests.odata.service_harness import ROOT, Service, open_service


@pytest.fixture(scope="module", params=databases.KINDS)
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    database = databases.make(request.param, "compute", request, tmp_path_factory.mktemp("compute"))
    rows.fill(database)
    service = open_service(database, ("customers", "orders", "items", "staff"))
    yield service
    service.session.close()


def test_computed_properties_stand_beside_the_others(api: Service) -> None:
    reply = api.get("customers?$compute=id mul 2 as twice,toupper(country) as land,rank gt 0 as good&$select=id,twice,land,good&$top=3")

    assert reply.json["@odata.context"] == f"{ROOT}/$metadata#customers(id,twice,land,good)"
    shown = [(row["id"], row["twice"], row["land"], row["good"]) for row in reply.rows]
    assert shown == [(1, 2, "JP", True), (2, 4, "US", False), (3, 6, "US", False)]


DECIMALS = [
    ("orders(4)", "total mul 2", "80.0008"),
    ("customers(1)", "credit mul 2", "200.20"),
    ("customers(8)", "credit add credit", "7.00"),
    ("customers(8)", "credit sub id", "-4.50"),
    ("customers(8)", "credit mul credit", "12.2500"),
    ("customers(1)", "credit mod 3", "1.10"),
    ("customers(8)", "credit mul 1.50", "5.25"),
    ("customers(8)", "credit div 2", "1.75"),
    ("customers(8)", "id divby 4", "2"),
    ("customers(8)", "id mul 1000000", "8000000"),
    ("customers(8)", "round(credit)", "4"),
    ("customers(1)", "fractionalseconds(seen)", "0.789"),
    ("customers(8)", "case(id gt 1:credit)", "3.5"),
    ("customers(3)", "credit mul 2", "0.00"),
]


@pytest.mark.parametrize(("path", "expression", "shown"), DECIMALS, ids=[item[1] for item in DECIMALS])
def test_decimals_are_written_alike_by_all_databases(api: Service, path: str, expression: str, shown: str) -> None:
    reply = api.get(f"{path}?$compute={expression} as found&$select=found")

    assert re.search(rb'"found":([^,}]*)', reply.body).group(1).decode() == shown  # type: ignore[union-attr]


def test_without_select_they_come_with_all(api: Service) -> None:
    row = api.get("staff(2)?$compute=concat(name,'!') as loud").json

    assert (row["name"], row["loud"]) == ("Anna", "Anna!")
    assert row["@odata.context"] == f"{ROOT}/$metadata#staff(*,loud)/$entity"


def test_select_leaves_them_out(api: Service) -> None:
    row = api.get("staff?$compute=id add 1 as next&$select=id&$filter=next eq 3").rows[0]

    assert (row["id"], "next" in row) == (2, False)


def test_they_filter_order_page_and_count(api: Service) -> None:
    address = "customers?$compute=id mod 3 as third&$filter=third ne 0&$orderby=third desc,id desc&$select=id,third&$count=true"

    first = api.get(address, Prefer="maxpagesize=4")
    second = api.follow(first.json["@odata.nextLink"], Prefer="maxpagesize=4")

    assert first.json["@odata.count"] == 6
    assert [row["id"] for row in [*first.rows, *second.rows]] == [8, 5, 2, 7, 4, 1]
    assert api.get("customers/$count?$compute=id mod 3 as third&$filter=third eq 0").body == b"3"


def test_a_later_one_uses_an_earlier_one_only(api: Service) -> None:
    row = api.get("staff?$compute=id add 1 as one,one mul 10 as ten&$top=1").rows[0]

    assert (row["one"], row["ten"]) == (2, 20)
    assert api.get("staff?$compute=ten add 1 as one,id mul 10 as ten").status == 400
    assert api.get("staff?$compute=one add 1 as one").status == 400


def test_literals_are_not_kept_with_the_statement(api: Service) -> None:
    for number in (3, 7, 3):
        assert api.get(f"staff?$compute=id add {number} as sum&$filter=sum gt {number + 4}&$select=sum").rows[0]["sum"] == number + 5


def test_they_nest_in_expand(api: Service) -> None:
    reply = api.get(
        "customers?$filter=id eq 1&$select=id&$expand=orders($compute=total mul 2 as twice;$filter=twice gt 50;$select=id,twice)"
    )

    assert [(row["id"], float(row["twice"])) for row in reply.rows[0]["orders"]] == [(6, 120.0012)]
    boss = api.get("staff(2)?$expand=boss($compute=concat(name,'?') as who;$select=who)").json["boss"]
    assert boss["who"] == "Root?"


def test_an_update_shows_them_too(api: Service) -> None:
    reply = api.request("PATCH", "staff(3)?$compute=concat(name,'!') as loud", {"name": "Ben"}, Prefer="return=representation")

    assert (reply.status, reply.json["loud"]) == (200, "Ben!")


@pytest.mark.parametrize(
    "options",
    [
        "id add 1 as name",
        "id add 1 as orders",
        "id as a,id as a",
        "nothing add 1 as n",
        "name add 1 as n",
        "id add 1",
        "id add 1 as a b",
        "",
    ],
)
def test_what_makes_no_sense_is_refused(api: Service, options: str) -> None:
    reply = api.get(f"customers?$compute={options}")

    assert reply.status == 400
    assert reply.error["message"]


def test_doubling_again_and_again_is_refused_at_once(api: Service) -> None:
    chain = ",".join(["id add id as c0", *[f"c{n} add c{n} as c{n + 1}" for n in range(40)]])

    reply = api.get(f"staff?$compute={chain}")

    assert (reply.status, "200 times" in reply.error["message"]) == (400, True)


@pytest.mark.parametrize("address", ["staff", "staff(1)", "staff/$count", "staff(1)/name", ""])
def test_a_schema_version_that_is_none_is_not_found(api: Service, address: str) -> None:
    assert api.get(f"{address}?$schemaversion=*").status == 200
    assert api.get(f"{address}?$schemaversion=2.0").status == 404
