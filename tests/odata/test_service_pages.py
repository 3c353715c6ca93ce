"""Pages in this process, on every database: next links, tokens, page sizes, pages of related rows."""

from __future__ import annotations

import pytest

from tests.odata.service_harness import Service


def test_paging_gives_each_row_once_and_keeps_the_options(api: Service) -> None:
    path = "customers?$filter=id gt 1&$select=id&$count=true&$top=7&$orderby=country desc&@authtoken=secret&x=%26"
    pages = api.pages(path, Prefer="odata.maxpagesize=3")
    whole = [row["id"] for row in api.get(path).rows]

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [row["id"] for page in pages for row in page] == whole
    first = api.get(path, Prefer="odata.maxpagesize=3")
    assert (first.json["@odata.count"], first.headers["Preference-Applied"]) == (8, "odata.maxpagesize=3")
    assert "x=%26" in first.json["@odata.nextLink"]


def test_paging_knows_its_options_however_they_are_written(api: Service) -> None:
    pages = api.pages("customers?s%6Bip=2&$orderby=id", Prefer="odata.maxpagesize=3")

    assert [row["id"] for page in pages for row in page] == [3, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    ("asked", "other"),
    [
        ("customers?$filter=id gt @n&@n=1", "customers?$filter=id gt @n&@n=2"),
        ("customers/$filter(id gt 1)", "customers/$filter(id gt 2)"),
        ("customers?$orderby=id", "customers?$orderby=id desc"),
        ("customers?$orderby=id", "orders?$orderby=id"),
    ],
)
def test_a_token_of_another_question_is_refused(api: Service, asked: str, other: str) -> None:
    link = api.get(asked, Prefer="odata.maxpagesize=3").json["@odata.nextLink"]
    token = link.partition("$skiptoken=")[2]

    reply = api.get(f"{other}{'&' if '?' in other else '?'}$skiptoken={token}")

    assert (reply.status, api.follow(link).status) == (400, 200)


def test_no_mark_of_a_token_can_be_another(api: Service) -> None:
    base, _, token = api.get("customers", Prefer="odata.maxpagesize=3").json["@odata.nextLink"].partition("$skiptoken=")
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    changed = [token[:-1] + digit for digit in digits if digit != token[-1]] + [token + "%3D", token + "A"]

    assert {api.follow(f"{base}$skiptoken={other}").status for other in changed} == {400}


def test_page_size_of_the_server_bounds_every_answer(api: Service) -> None:
    small = api.seen_with(page_size=4, max_page_size=5)

    assert [len(page) for page in small.pages("customers")] == [4, 4, 1]
    assert [len(page) for page in small.pages("customers?$top=6")] == [4, 2]
    assert [len(page) for page in small.pages("customers", Prefer="maxpagesize=100")] == [5, 4]
    assert small.get("customers", Prefer="maxpagesize=100").headers["Preference-Applied"] == "maxpagesize=5"


def test_page_size_zero_streams_everything(api: Service) -> None:
    reply = api.seen_with(page_size=0).get("customers?$count=true")

    assert (len(reply.rows), reply.json["@odata.count"]) == (9, 9)
    assert "@odata.nextLink" not in reply.json


def test_levels_go_on_behind_a_page_of_related_rows(api: Service) -> None:
    small = api.seen_with(page_size=1)

    first = small.get("staff(1)?$expand=staff($levels=2;$select=id)&$select=id").json
    rest = small.follow(first["staff@odata.nextLink"])

    assert [(row["id"], [under["id"] for under in row["staff"]]) for row in first["staff"]] == [(2, [4])]
    assert [(row["id"], row["staff"]) for row in rest.rows] == [(3, [])]


def test_pages_of_related_rows_that_would_lose_an_alias_are_refused(api: Service) -> None:
    path = "customers(1)?$expand=orders($filter=total gt @least)&@least=1"

    assert len(api.get(path).json["orders"]) == 3
    assert api.seen_with(page_size=1).get(path).status == 501
