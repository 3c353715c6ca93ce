"""Pages end early where their rows hold too many bytes: each row comes exactly once, and what can't be parted is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apiserver.odata.parser_errors import Limits
from tests import databases
from tests.odata.service_harness import Service, open_service

PARENTS, CHILDREN = 700, 3
NOTE = 200
MOST = 30_000
FULL = {"Accept": "application/json;odata.metadata=full"}


@pytest.fixture(params=databases.KINDS)
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    made = databases.make(request.param, "page_bytes", request, tmp_path)
    made.create("parents", {"id": "integer PRIMARY KEY", "name": "varchar(40)", "note": "text"})
    made.create(
        "children",
        {"id": "integer PRIMARY KEY", "parent_id": "integer", "note": "text"},
        "FOREIGN KEY (parent_id) REFERENCES parents (id)",
    )
    made.create("keyless", {"id": "integer", "note": "text"})
    made.insert("parents", [(n, f"name {n % 7}", "x" * NOTE if n % 10 else None) for n in range(PARENTS)])
    made.insert("children", [(n, n % PARENTS, "y" * NOTE) for n in range(PARENTS * CHILDREN)])
    made.insert("keyless", [(n, "z" * NOTE) for n in range(PARENTS)])
    service = open_service(made, ("parents", "children", "keyless"))
    yield replace(service.seen_with(page_size=500), limits=Limits(page_bytes=MOST))
    service.session.close()


def walk(api: Service, path: str, **headers: str) -> tuple[list[dict[str, Any]], list[int]]:
    """Return the rows of all pages and the bytes of each page."""
    reply = api.get(path, **headers)
    found, sizes = list(reply.rows), [len(reply.body)]
    while "@odata.nextLink" in reply.json:
        reply = api.follow(reply.json["@odata.nextLink"], **headers)
        found += reply.rows
        sizes.append(len(reply.body))
    return found, sizes


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("parents", {}),
        ("parents", FULL),
        ("parents?$orderby=name desc,note", {}),
        ("parents?$top=450", {}),
        ("parents?$top=450&$skip=20&$select=note", {}),
        ("parents?$compute=concat(note,concat(note,note)) as longer&$select=id,longer", {}),
        ("parents?$expand=children", {}),
        ("parents?$expand=children($expand=parent)&$top=300", {}),
        ("children?$expand=parent", {}),
        ("keyless", {}),
    ],
)
def test_each_row_comes_once_and_no_page_is_much_beyond_the_limit(api: Service, path: str, headers: dict[str, str]) -> None:
    wide = replace(api.seen_with(page_size=5000, max_page_size=5000), limits=Limits())

    found, sizes = walk(api, path, **headers)

    assert found == wide.get(path, **headers).rows
    assert len(sizes) > 3
    assert max(sizes) < 3 * MOST  # rows, and what they expand to; links and names of full metadata


def test_answer_without_pages_is_whole(api: Service) -> None:
    reply = api.seen_with(page_size=0, max_page_size=0).get("parents?$expand=children")

    assert len(reply.rows) == PARENTS
    assert all(len(row["children"]) == CHILDREN for row in reply.rows)


def test_row_longer_than_the_limit_comes_alone(api: Service) -> None:
    found, sizes = walk(replace(api, limits=Limits(page_bytes=100)), "parents?$filter=id lt 6&$compute=length(note) as size")

    assert [row["id"] for row in found] == [0, 1, 2, 3, 4, 5]
    assert len(sizes) == 6


@pytest.mark.parametrize("path", ["parents?$expand=children", "parents(1)?$expand=children", "parents(1)/children?$expand=parent"])
def test_what_a_row_expands_to_beyond_the_limit_is_refused_by_name(api: Service, path: str) -> None:
    reply = replace(api, limits=Limits(page_bytes=150)).get(path)

    assert (reply.status, reply.error["code"]) == (400, "BadRequest")
    assert "the limit of 150 bytes" in reply.error["message"]
    assert "server.request_limits.page_bytes" in reply.error["message"]


def test_rows_that_the_database_writes_are_bounded_too(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    made = databases.make("postgresql", "page_bytes_json", request, tmp_path)
    made.run("CREATE TABLE parents (id integer PRIMARY KEY, note text)")
    made.run(f"INSERT INTO parents SELECT n, repeat('x', {NOTE}) FROM generate_series(1, {PARENTS}) n")
    made.connection["properties"]["BuildJSON"] = True
    seen = open_service(made, ("parents",)).seen_with("parents", methods=frozenset({"GET"}), page_size=500)
    service = replace(seen, limits=Limits(page_bytes=MOST))

    found, sizes = walk(service, "parents?$top=600")

    service.session.close()
    assert "row_to_json" in service.log["sql"]
    assert [row["id"] for row in found] == list(range(1, 601))
    assert max(sizes) < 1.2 * MOST
