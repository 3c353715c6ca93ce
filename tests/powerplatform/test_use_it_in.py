"""Use it in...: programs taken from the page run against the real server; addresses, files, rights and the authtoken's guard."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.installed import node_command
from tests.powerplatform.odd_shop import READ, READER, WRITE, WRITER, Person, field, served_shop  # noqa: F401 - a fixture
from tests.powerplatform.test_office import island, query
from tests.served import Served

CLIENTS = ("power-automate", "power-apps", "excel", "power-bi", "salesforce", "postman", "curl", "python", "javascript", "powershell")
SUFFIX = {"curl": ".sh", "python": ".py", "javascript": ".mjs"}


@pytest.fixture(scope="module")
def ada(shop: Served) -> Person:
    return Person(shop)


def revealed(person: Person, table: str, client: str, user: str) -> str:
    """Return the page on which the authtoken of the user was revealed a moment ago."""
    page = person.resource(table)
    answer = person.post(f"{page}?in={client}&user={user}", f"{page}/reveal", **{"in": client, "user": user})
    assert answer.status_code == 200
    return answer.text


def executed(text: str, client: str, folder: Path) -> str:
    """Return what the program prints, run as the page says."""
    file = folder / f"program{SUFFIX[client]}"
    file.write_text(text, encoding="utf-8")
    command = {"curl": ["sh"], "python": [sys.executable], "javascript": node_command()}[client]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def count(client: str, printed: str) -> int:
    """Return how many rows were printed."""
    return len(json.loads(printed)["value"]) if client == "curl" else printed.count("product_")


@pytest.mark.parametrize("client", SUFFIX)
@pytest.mark.parametrize("table", ["products", "注文", "codes"])
def test_program_reads_every_row(shop: Served, ada: Person, tmp_path: Path, client: str, table: str) -> None:
    page = revealed(ada, table, client, "reader")

    printed = executed(field(page, "snippet-read"), client, tmp_path)

    marks = {"products": "Product 10" if client == "curl" else "Product 25", "注文": "葵", "codes": "100%"}
    assert marks[table] in printed


@pytest.mark.parametrize("client", SUFFIX)
def test_program_reads_the_rows_that_meet_a_condition(shop: Served, ada: Person, tmp_path: Path, client: str) -> None:
    printed = executed(field(revealed(ada, "products", client, "reader"), "snippet-filter"), client, tmp_path)

    assert "Product 1" in printed


@pytest.mark.parametrize("client", SUFFIX)
def test_program_creates_a_row(shop: Served, ada: Person, tmp_path: Path, client: str) -> None:
    printed = executed(field(revealed(ada, "every", client, "writer"), "snippet-create"), client, tmp_path)

    rows = json.loads(shop.get("/api.rsc/every", READ)[2])["value"]
    assert ([row["day"] for row in rows], "2026-01-31" in printed) == (["2026-01-31"], True)
    assert shop.get(f"/api.rsc/every({rows[0]['id']})", WRITE, "DELETE")[0] == 204


def test_powershell_quotes_as_it_demands(ada: Person) -> None:
    page = revealed(ada, "products", "powershell", "writer")

    assert f"$headers = @{{ 'x-cdata-authtoken' = '{WRITER}' }}" in field(page, "snippet-read")
    assert f"$url = '{ada.served.base}/api.rsc/products'" in field(page, "snippet-read")
    assert "-Method Post" in field(page, "snippet-create")


@pytest.mark.parametrize("client", CLIENTS)
def test_page_hides_the_authtoken_until_it_is_revealed(ada: Person, client: str) -> None:
    page = ada.resource("products")

    hidden = ada.get(f"{page}?in={client}&user=reader")
    shown = revealed(ada, "products", client, "reader")
    again = ada.get(f"{page}?in={client}&user=reader")

    assert (hidden.status_code, READER in hidden.text, READER in again.text) == (200, False, False)
    assert READER in shown
    assert "no-store" in hidden.headers["Cache-Control"]


def test_revealing_is_recorded(ada: Person) -> None:
    revealed(ada, "codes", "curl", "writer")

    trail = ada.get("/console/logs/audit").text
    assert ("authtoken revealed" in trail or "Authtoken revealed" in trail, WRITER in trail) == (True, False)


def test_who_does_not_see_the_resource_is_told(ada: Person) -> None:
    answer = ada.get(f"{ada.resource('products')}?in=excel&user=nobody")

    assert (answer.status_code, "does not see the resource" in answer.text, "Download" in answer.text) == (200, True, False)


@pytest.mark.parametrize("path", ["?user=unknown", "/odc?user=nobody", "/odc?user=unknown", "/exe?user=reader"])
def test_what_is_not_there_is_not_found(ada: Person, path: str) -> None:
    assert ada.get(f"{ada.resource('products')}{path}").status_code == 404


def test_files_are_those_of_the_api(shop: Served, ada: Person) -> None:
    page = ada.resource("products")
    found = {kind: ada.get(f"{page}/{kind}?user=reader") for kind in ("swagger", "dynamic", "postman", "postman1", "pbids")}
    served = {
        "swagger": "$oas?resources=products",
        "dynamic": "$dynamic/$oas",
        "postman": "$postman?resources=products",
        "postman1": "$postman?version=1&resources=products",
        "pbids": "$pbids/products",
    }

    assert {kind: answer.content for kind, answer in found.items()} == {
        kind: shop.get(f"/api.rsc/{path}", READ)[2] for kind, path in served.items()
    }
    assert query(island(ada.get(f"{page}/odc?user=reader&all=1").text))[0] == "API Server"


def test_what_keeps_a_client_out_is_said(ada: Person) -> None:
    page = ada.get(f"{ada.resource('products')}?in=power-automate&user=reader").text
    curl = ada.get(f"{ada.resource('products')}?in=curl&user=reader").text

    said = ["CORS is off", "takes https addresses only", "of this machine alone"]
    assert [text in page for text in said] == [True] * 3
    assert [text in curl for text in said] == [False] * 3


def test_page_is_for_who_signed_in(shop: Served, ada: Person) -> None:
    path = ada.resource("products")

    assert "sign-in" in shop.open(path)
    assert "sign-in" in shop.open(f"{path}/odc?user=reader")
