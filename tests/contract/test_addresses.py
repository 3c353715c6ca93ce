"""Addresses and names of the API, each sentence of what clients may rely on, on a running server."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.small import EVERY
from tests.served import Served, manage, publish

TOKENS = {name: f"addresses-token-of-{name}-0123456789" for name in ("boss", "flow", "lead", "ops")}
SPOKEN = "price (USD)"


def header(user: str) -> dict[str, str]:
    return {"x-cdata-authtoken": TOKENS[user]}


def database(path: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(path)) as link:
        link.execute(f'CREATE TABLE issues (id INTEGER PRIMARY KEY, title VARCHAR(80), note TEXT, "{SPOKEN}" INTEGER, rank INTEGER)')
        rows = [(n, f"Issue {n}", f"100% of {n}_x" if n % 2 else "Said BOB", n * 10, None if n % 5 == 0 else n % 3) for n in range(1, 31)]
        link.executemany("INSERT INTO issues VALUES (?, ?, ?, ?, ?)", rows)
        link.execute("CREATE TABLE \"order details\" (id INTEGER PRIMARY KEY, title TEXT NOT NULL DEFAULT 'none', size INTEGER)")
        link.execute("INSERT INTO \"order details\" VALUES (1, 'one', 5), (2, 'two', 6)")
        link.commit()
    return {"connector": "sqlite", "properties": {"Database": str(path)}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("addresses")
    query = {"role": "query", "privileges": EVERY}
    server = publish(
        {
            "server": {"page_size": 5, "max_page_size": 8, "allow_authtoken_in_url": True},
            "connections": {"one": database(folder / "one.db"), "two": database(folder / "two.db")},
            "resources": {"Issues": {"connection": "one", "table": "issues", "search": ["title", "note"]}},
            "users": {
                "boss": {"role": "admin", "privileges": EVERY, "authtoken": TOKENS["boss"]},
                "flow": {**query, "authtoken": TOKENS["flow"]},
                "lead": {**query, "authtoken": TOKENS["lead"], "resources": {"Issues": {"filter": "id gt 3"}}},
                "ops": {"role": "operator", "privileges": ["GET"], "authtoken": TOKENS["ops"]},
            },
        },
        folder / "data",
    )
    yield server
    assert server.stop() == 0


def ask(served: Served, path: str, user: str = "flow", **more: Any) -> tuple[int, Any]:
    status, _, body = served.get(path, header(user), **more)
    return status, json.loads(body) if body[:1] in (b"{", b"[") else body


def rows(served: Served, query: str, user: str = "flow") -> list[int]:
    """Return the ids of every page."""
    path, found = f"/api.rsc/Issues?{query}", []
    while path:
        status, page = ask(served, path, user)
        assert status == 200, page
        found += [row["id"] for row in page["value"]]
        path = page.get("@odata.nextLink", "").removeprefix(served.base)
    return found


# ---- names ----


def test_resource_is_named_as_its_table_and_with_connection_and_schema_on_a_clash(served: Served) -> None:
    names = []
    for connection, table in (("one", "order details"), ("two", "issues"), ("two", "order details")):
        status, made = ask(served, "/manage/api/resources/", "boss", method="POST", body={"connection": connection, "table": table})
        assert status == 201, made
        names.append(made["name"])

    assert names == ["order_details", "two_issues", "two_order_details"]


def test_characters_that_clients_refuse_become_underscores_and_the_original_is_told(served: Served) -> None:
    metadata = served.get("/api.rsc/$metadata", header("flow"))[2].decode()
    status, page = ask(served, "/api.rsc/Issues?$select=price__USD_&$top=1")

    assert 'Namespace="API"' in metadata
    assert (status, page["value"][0]["price__USD_"]) == (200, 10)
    assert SPOKEN in metadata


def test_operations_are_called_as_flows_know_them(served: Served) -> None:
    oas = ask(served, "/api.rsc/$oas")[1]
    every = {path: item for path, item in oas["paths"].items() if path.startswith("/Issues")}
    ids = [operation["operationId"] for item in oas["paths"].values() for verb, operation in item.items() if not verb.startswith("x-")]

    assert every["/Issues"]["get"]["summary"] == "Return Issues"
    assert [item["get"]["summary"] for path, item in every.items() if path != "/Issues" and "get" in item] == ["Return one of Issues"]
    assert [name for name in ids if not re.fullmatch("[A-Za-z0-9]+", name)] == []
    assert sorted({verb for item in oas["paths"].values() for verb in item} & {"put", "patch", "merge"}) == ["patch"]


def test_operation_ids_outlive_a_rename(served: Served) -> None:
    before = ask(served, "/api.rsc/$oas")[1]["paths"]["/Issues"]["get"]["operationId"]
    renamed = ask(served, "/manage/api/resources/Issues/", "boss", method="PATCH", body={"name": "Tickets"})[0]
    time.sleep(1)
    after = ask(served, "/api.rsc/$oas")[1]["paths"]["/Tickets"]["get"]["operationId"]
    back = ask(served, "/manage/api/resources/Tickets/", "boss", method="PATCH", body={"name": "Issues"})[0]
    time.sleep(1)

    assert (renamed, back, after) == (200, 200, before)


# ---- query options ----


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("$unknown=1", 400),
        ("$Top=1", 200),
        ("top=1", 200),
        ("filter=id%20eq%201", 200),
        ("$top=1&top=1", 400),
        ("tracking=1&_=2", 200),
        ("@x-http-method=GET", 200),
        ("%40x-http-method=GET", 200),
    ],
)
def test_options_are_known_or_refused_and_other_names_ignored(served: Served, query: str, status: int) -> None:
    assert ask(served, f"/api.rsc/Issues?{query}")[0] == status


def test_name_without_dollar_is_the_option_and_other_names_are_logged(served: Served) -> None:
    assert len(ask(served, "/api.rsc/Issues?top=2&campaign=spring")[1]["value"]) == 2
    time.sleep(1.5)
    log = ask(served, "/manage/api/log/?limit=50", "boss")[1]

    assert "campaign=spring" in json.dumps(log)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("bob", list(range(2, 31, 2))),
        ("issue bob", list(range(2, 31, 2))),
        ("100% 3_x", [3, 13, 23]),
        ('"Issue 3"', [3, 30]),
        ("o_x", []),
        ("bob OR 7_x", [2, 4, 6, 7, 8, 10, 12, 14, 16, 17, 18, 20, 22, 24, 26, 27, 28, 30]),
        ("NOT bob", list(range(1, 31, 2))),
    ],
)
def test_search_finds_literal_text_in_any_case(served: Served, words: str, found: list[int]) -> None:
    assert rows(served, f"$search={quote(words)}") == found


def test_order_is_the_key_and_nulls_are_lowest(served: Served) -> None:
    everything = list(range(1, 31))
    ranks = {n: None if n % 5 == 0 else n % 3 for n in everything}

    assert rows(served, "") == everything
    assert rows(served, "$orderby=rank") == sorted(everything, key=lambda n: (-1 if ranks[n] is None else ranks[n], n))
    assert rows(served, "$orderby=rank%20desc") == sorted(everything, key=lambda n: (1 if ranks[n] is None else -ranks[n], n))


# ---- pages ----


def test_top_has_no_cap_and_the_link_goes_on(served: Served) -> None:
    status, page = ask(served, "/api.rsc/Issues?$top=12")

    assert (status, len(page["value"]), "@odata.nextLink" in page) == (200, 5, True)
    assert rows(served, "$top=12") == list(range(1, 13))


@pytest.mark.parametrize(("wished", "given"), [(3, 3), (8, 8), (500, 8)])
def test_page_size_that_is_preferred_is_clipped(served: Served, wished: int, given: int) -> None:
    _, headers, body = served.get("/api.rsc/Issues", {**header("flow"), "Prefer": f"maxpagesize={wished}"})

    assert (len(json.loads(body)["value"]), headers["preference-applied"]) == (given, f"maxpagesize={given}")


def test_link_is_bound_to_query_user_rights_and_its_own_text(served: Served) -> None:
    link = ask(served, "/api.rsc/Issues?$filter=id%20lt%2020")[1]["@odata.nextLink"].removeprefix(served.base)
    path, _, query = link.partition("?")
    changed = {
        "filter": f"{path}?{query.replace('20', '21')}",
        "order": f"{link}&$orderby=title",
        "token": link[:-3] + ("AAA" if not link.endswith("AAA") else "BBB"),
        "resource": link.replace("/Issues?", "/order_details?"),
    }

    assert ask(served, link)[0] == 200
    assert ask(served, link, "lead")[0] == 400
    for what, altered in changed.items():
        status, told = ask(served, altered)
        assert (what, status) == (what, 400), told


def test_links_carry_the_token_only_when_the_path_did(served: Served) -> None:
    token = TOKENS["flow"]
    by_path = json.loads(served.get(f"/api.rsc/%40{token}/Issues")[2])["@odata.nextLink"]
    by_query = json.loads(served.get(f"/api.rsc/Issues?@authtoken={token}")[2])["@odata.nextLink"]
    by_header = ask(served, "/api.rsc/Issues")[1]["@odata.nextLink"]
    location = served.get(f"/api.rsc/@{token}/order_details", method="POST", body={"id": 50})[1]["location"]

    assert by_path.startswith(f"{served.base}/api.rsc/@{token}/Issues?")
    assert token not in by_query + by_header
    assert location == f"{served.base}/api.rsc/@{token}/order_details(50)"
    assert json.loads(served.get(f"/api.rsc/@{token}/$oas")[2])["basePath"] == f"/api.rsc/@{token}"
    assert ask(served, "/api.rsc/$oas")[1]["basePath"] == "/api.rsc"


# ---- writes ----


def test_put_replaces_until_the_server_merges(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "merge.json"
    file.write_text(json.dumps({"server": {"put_merges": True}}), encoding="utf-8")

    put = ask(served, "/api.rsc/order_details(1)", method="PUT", body={"title": "x"})[0]
    replaced = ask(served, "/api.rsc/order_details(1)")[1]
    assert manage(served.data_dir, "apply", str(file)).returncode == 0
    time.sleep(1)
    merged_put = ask(served, "/api.rsc/order_details(2)", method="PUT", body={"title": "y"})[0]
    merged = ask(served, "/api.rsc/order_details(2)")[1]

    assert (put, replaced["title"], replaced["size"]) == (204, "x", None)
    assert (merged_put, merged["title"], merged["size"]) == (204, "y", 6)


# ---- who may come in ----


ENDPOINTS = ("", "$metadata", "$oas", "$openapi", "Issues", "Issues(1)", "Issues/$count", "Nothing", "$batch", "$entity", "%00", "a/b/c")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "MERGE", "DELETE", "TRACE"])
def test_nothing_is_answered_without_a_valid_token(served: Served, method: str) -> None:
    for path in (*(f"/api.rsc/{end}" for end in ENDPOINTS), "/api.rsc", "/manage/api/", "/manage/api/users/", "/manage/api/nothing"):
        for headers in ({}, {"x-cdata-authtoken": "x" * 30}):
            status, told, _ = served.get(path, headers, method)
            assert (path, status) == (path, 401)
            assert "www-authenticate" in told


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/console/sign-in"])
def test_what_is_open_answers_without_a_token(served: Served, path: str) -> None:
    assert served.get(path)[0] == 200


def test_preflights_are_open_and_root_leads_to_the_console(served: Served) -> None:
    assert served.get("/api.rsc/Issues", method="OPTIONS")[0] in (200, 204)
    assert served.open("/").startswith(f"{served.base}/console/")


@pytest.mark.parametrize(
    ("path", "policy"), [("/api.rsc/", "no-referrer"), ("/api.rsc/Issues", "no-referrer"), ("/console/sign-in", "same-origin")]
)
def test_referrers_are_kept_from_the_api_alone(served: Served, path: str, policy: str) -> None:
    assert served.get(path)[1]["referrer-policy"] == policy


@pytest.mark.parametrize(("user", "status"), [("boss", 200), ("ops", 200), ("flow", 403)])
def test_management_is_for_administrators_and_operators(served: Served, user: str, status: int) -> None:
    assert ask(served, "/manage/api/", user)[0] == status
