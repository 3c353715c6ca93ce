"""Two users with different rights never see each other's rows, columns or resources, through any option."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import databases
from tests.compliance import rows
from tests.compliance.conftest import Client
from tests.served import publish

JAPAN = "japan-token-0123456789abcdef"
ORDER_CLERK = "clerk-token-0123456789abcdef0"
WRITER = "writer-token-0123456789abcdef"


@pytest.fixture(scope="module", params=databases.KINDS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("rights")
    database = databases.make(request.param, "rights", request, folder)
    rows.fill(database)
    resources = {name: {"connection": "shop", "table": name, "methods": ["GET", "POST", "PATCH", "PUT", "DELETE"]} for name in TABLES}
    japan = {"customers": {"methods": ["GET"], "columns": ["id", "name"], "filter": "country eq 'JP'"}, "orders": {"methods": ["GET"]}}
    writer = {"customers": {"methods": ["GET", "POST", "PATCH", "DELETE"], "filter": "country eq 'JP'"}}
    users = {
        "japan": {"role": "query", "privileges": ["GET"], "authtoken": JAPAN, "resources": japan},
        "clerk": {"role": "query", "privileges": ["GET"], "authtoken": ORDER_CLERK, "resources": {"orders": {"methods": ["GET"]}}},
        "writer": {"role": "query", "privileges": ["GET", "POST", "PATCH", "DELETE"], "authtoken": WRITER, "resources": writer},
    }
    server = publish({"connections": {"shop": database.connection}, "resources": resources, "users": users}, folder / "data")
    yield Client(server, request.param, JAPAN)
    server.dismiss()


TABLES = ("customers", "orders", "items", "things")


@pytest.fixture
def japan(served: Client) -> Client:
    return served


@pytest.fixture
def clerk(served: Client) -> Client:
    return Client(served.served, served.kind, ORDER_CLERK)


@pytest.fixture
def writer(served: Client) -> Client:
    return Client(served.served, served.kind, WRITER)


def test_row_filter_holds_in_every_read(japan: Client) -> None:
    assert japan.get("customers").ids() == [1, 4, 9]
    assert japan.get("customers/$count").body == b"3"
    assert japan.get("customers?$count=true&$top=0").json["@odata.count"] == 3
    assert japan.get("customers(2)").status == 404
    assert japan.get("customers(2)/orders").status == 404
    assert japan.get("customers?$search=bob").ids() == []
    assert japan.filter("customers", "id eq 2 or true").ids() == [1, 4, 9]


def test_row_filter_holds_through_relations(japan: Client) -> None:
    owners = {order["id"]: order["customer_id"] for order in rows.ORDERS}

    expanded = japan.get("orders?$expand=customer&$orderby=id").json["value"]
    filtered = japan.filter("orders", "customer/name eq 'bob'").ids()
    counted = japan.filter("orders", "customer eq null", "&$orderby=id").ids()

    assert {row["id"]: bool(row["customer"]) for row in expanded} == {id: owner in (1, 4) for id, owner in owners.items()}
    assert filtered == []
    assert counted == [id for id, owner in owners.items() if owner not in (1, 4)]
    assert japan.get("orders(3)/customer").status in (204, 404)


def test_hidden_column_is_as_if_it_did_not_exist(japan: Client) -> None:
    row = japan.get("customers(1)").json

    assert {name for name in row if "@" not in name} == {"id", "name"}
    for option in ("$select=credit", "$filter=credit gt 1", "$orderby=credit", "$filter=country eq 'JP'"):
        answer, ghost = (
            japan.get(f"customers?{option}"),
            japan.get(f"customers?{option.replace('credit', 'ghost1').replace('country', 'ghosts1')}"),
        )
        assert answer.status == ghost.status == 400
    assert japan.get("customers(1)/credit").status == 404
    assert japan.get("customers?$search=alice@example.com").status in (200, 400)
    assert japan.get("customers?$search=US").ids() == []
    assert b"credit" not in japan.get("$metadata").body
    assert b"credit" not in japan.get("$oas").body


def test_hidden_resource_is_absent_everywhere(clerk: Client) -> None:
    assert [item["name"] for item in clerk.get("").json["value"]] == ["orders"]
    assert clerk.get("customers").status == 404
    assert clerk.get("customers(1)").status == 404
    assert clerk.get("orders(1)/customer").status == 404
    assert clerk.get("orders?$expand=customer").status == 400
    assert clerk.filter("orders", "customer/name eq 'Alice'").status == 400
    assert clerk.get("orders?$orderby=customer/name").status == 400
    assert {name for name in clerk.get("orders?$expand=*&$top=1").json["value"][0] if "@" not in name} == set(rows.ORDER_COLUMNS)
    for document in ("$metadata", "$oas", "$metadata?$format=json"):
        assert b"customers" not in clerk.get(document).body


def test_method_that_is_not_granted_is_403(japan: Client, clerk: Client) -> None:
    for method, path in (("POST", "orders"), ("PATCH", "orders(1)"), ("DELETE", "orders(1)"), ("PUT", "orders(1)")):
        assert clerk.request(method, path, {"note": "x"}).status == 403
    assert japan.request("POST", "orders(1)", {"note": "x"}, X_HTTP_Method="DELETE").status == 403
    assert japan.get("orders(1)?@x-http-method=DELETE").status == 403
    assert clerk.request("DELETE", "customers(1)").status == 404


def test_writes_stay_inside_the_row_filter(writer: Client) -> None:
    body: dict[str, Any] = {"id": 50, "name": "new"}

    assert writer.request("POST", "customers", {**body, "country": "US"}).status == 403
    assert writer.request("PATCH", "customers(1)", {"country": "US"}).status == 403
    assert writer.request("PATCH", "customers(2)", {"name": "mine"}).status == 404
    assert writer.request("DELETE", "customers(2)").status == 404
    assert writer.request("POST", "customers", {**body, "country": "JP"}).status == 201
    assert writer.request("DELETE", "customers(50)").status == 204
    assert writer.get("customers").ids() == [1, 4, 9]


@pytest.mark.parametrize("headers", [{}, {"If-None-Match": "*"}])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("body", [{"name": "mine", "country": "US"}, {"name": "mine"}, {"country": "JP"}, {"name": "mine", "visits": 1.5}])
def test_an_upsert_does_not_tell_hidden_rows_from_absent_ones(writer: Client, method: str, body: Any, headers: dict[str, str]) -> None:
    hidden, absent = (writer.request(method, f"customers({key})", body, **headers) for key in (2, 77))

    assert (hidden.status, hidden.error) == (absent.status, absent.error)


@pytest.mark.parametrize("token", ["", "x", "wrong-token-0123456789abcdef", JAPAN + "x", JAPAN.upper()])
@pytest.mark.parametrize("path", ["", "$metadata", "$oas", "customers", "nothing", "customers(1)/name"])
def test_no_valid_token_no_answer(served: Client, token: str, path: str) -> None:
    answer = Client(served.served, served.kind, token).get(path)

    assert answer.status == 401
    assert answer.error["message"]
    assert answer.headers["www-authenticate"]


def test_token_in_the_url_is_refused_until_allowed(served: Client) -> None:
    for path in (f"/api.rsc/@{JAPAN}/customers", f"/api.rsc/%40{JAPAN}/customers", f"/api.rsc/customers?@authtoken={JAPAN}"):
        status, _, body = served.served.get(path)

        assert status == 401
        assert JAPAN.encode() not in body
        assert b"allow_authtoken_in_url" in body
