"""`$odc` and `$pbids`: read as Excel and Power BI do by their specifications; no authtoken inside, no resource that the user can't read."""

from __future__ import annotations

import json
import re
from html import unescape
from xml.etree import ElementTree

import pytest

from tests.powerplatform.odd_shop import READ, READER, served_shop  # noqa: F401 - a fixture
from tests.served import Served

ODC = "{urn:schemas-microsoft-com:office:odc}"
MASHUP = "{http://schemas.microsoft.com/DataMashup}"


def island(text: str) -> ElementTree.Element:
    """Return the connection: the XML island with the id msodc ([MS-ODCFF] 2.7)."""
    found = re.search(r"<xml id=msodc>(.*?)</xml>", text, re.DOTALL)
    assert found is not None
    return ElementTree.fromstring(found[1])


def query(connection: ElementTree.Element) -> tuple[str, str]:
    """Return name and formula of the only query ([MS-QDEIF])."""
    mashup = ElementTree.fromstring(connection.findtext(f"{ODC}PowerQueryMashupData") or "")
    [found] = mashup.findall(f"{MASHUP}Items/{MASHUP}Query")
    assert [child.tag.removeprefix(MASHUP) for child in mashup] == ["Client", "Version", "MinVersion", "Culture", "SafeCombine", "Items"]
    return found.attrib["Name"], found.findtext(f"{MASHUP}Formula") or ""


@pytest.mark.parametrize(
    ("path", "name", "address"),
    [
        ("$odc", "API Server", "/api.rsc/"),
        ("$odc/products", "products", "/api.rsc/products"),
        ("$odc/注文", "注文", "/api.rsc/%E6%B3%A8%E6%96%87"),
    ],
)
def test_excel_opens_a_query_over_the_feed(shop: Served, path: str, name: str, address: str) -> None:
    status, headers, body = shop.get(f"/api.rsc/{quoted(path)}", READ)

    connection = island(body.decode())
    assert (status, headers["content-type"]) == (200, "text/x-ms-odc; charset=utf-8")
    assert [child.tag for child in connection] == [f"{ODC}PowerQueryConnection", f"{ODC}PowerQueryMashupData"]
    part = connection[0]
    assert part.attrib == {f"{ODC}Type": "OLEDB"}
    assert part.findtext(f"{ODC}CommandText") == f"SELECT * FROM [{name}]"
    assert f'Location="{name}"' in (part.findtext(f"{ODC}ConnectionString") or "")
    formula = f'let\n    Source = OData.Feed("{shop.base}{address}", null, [Implementation="2.0"])\nin\n    Source'
    assert query(connection) == (name, formula)


@pytest.mark.parametrize(("path", "address"), [("$pbids", "/api.rsc/"), ("$pbids/products", "/api.rsc/products")])
def test_power_bi_opens_the_feed(shop: Served, path: str, address: str) -> None:
    status, headers, body = shop.get(f"/api.rsc/{path}", READ)

    details = {"protocol": "odata", "address": {"url": shop.base + address}}
    assert (status, json.loads(body)) == (200, {"version": "0.1", "connections": [{"details": details, "mode": "Import"}]})
    assert re.fullmatch(r'attachment; filename="[^"]+\.pbids"', headers["content-disposition"])


def test_address_in_the_file_gives_rows(shop: Served) -> None:
    address = json.loads(shop.get("/api.rsc/$pbids/products", READ)[2])["connections"][0]["details"]["address"]["url"]

    assert len(json.loads(shop.get(address.removeprefix(shop.base), READ)[2])["value"]) == 10


@pytest.mark.parametrize("path", ["$odc", "$odc/products", "$pbids", "$pbids/products"])
def test_file_holds_no_authtoken_and_comes_once(shop: Served, path: str) -> None:
    status, headers, body = shop.get(f"/api.rsc/{path}", READ)

    assert (status, READER in unescape(body.decode())) == (200, False)
    assert shop.get(f"/api.rsc/@{READER}/{path}")[2] == body
    assert shop.get(f"/api.rsc/{path}", READ | {"If-None-Match": headers["etag"]})[0] == 304


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("$odc/nothing", "GET", 404),
        ("$odc/products/1", "GET", 404),
        ("$pbids/products/1", "GET", 404),
        ("$odc/products?$top=1", "GET", 400),
        ("$odc/products", "POST", 405),
        ("$pbids", "PUT", 405),
    ],
)
def test_what_means_nothing_is_refused(shop: Served, path: str, method: str, status: int) -> None:
    found, _, body = shop.get(f"/api.rsc/{path}", READ, method)

    assert (found, bool(json.loads(body)["error"]["message"])) == (status, True)


def quoted(path: str) -> str:
    """Return a path as it is sent."""
    return "".join(letter if letter.isascii() else "".join(f"%{byte:02X}" for byte in letter.encode()) for letter in path)
