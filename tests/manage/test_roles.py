"""Who may do what: administrators, operators as on the console, nobody else; how requests are refused."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apiserver.server import options, requestlog
from tests.manage.conftest import ROOT, Caller, error
from users.limits import Board, Boards
from users.models import User

OPERATORS = ("/", "/connections/", "/resources/", "/log/", "/schema/", "/docs/")
ADMINISTRATORS = ("/users/", "/groups/", "/server/", "/audit/", "/export/", "/users/ada/", "/users/ada/authtokens/", "/groups/x/")
WRITES = [
    ("POST", "/users/"),
    ("PUT", "/users/olga/"),
    ("PATCH", "/users/olga/"),
    ("DELETE", "/users/rita/"),
    ("POST", "/users/ada/authtokens/"),
    ("POST", "/users/ada/authtokens/rotate/"),
    ("POST", "/users/ada/authtokens/1/reveal/"),
    ("DELETE", "/users/ada/authtokens/1/"),
    ("POST", "/groups/"),
    ("PATCH", "/server/"),
    ("POST", "/apply/"),
    ("POST", "/export/"),
]


@pytest.mark.parametrize("path", [*OPERATORS, *ADMINISTRATORS])
def test_administrators_read_everything(admin: Caller, path: str) -> None:
    assert admin("GET", path).status_code == (404 if path == "/groups/x/" else 200)


@pytest.mark.parametrize("path", OPERATORS)
def test_operators_read_what_the_console_shows_them(operator: Caller, path: str) -> None:
    assert operator("GET", path).status_code == 200


@pytest.mark.parametrize(("method", "path"), [*(("GET", path) for path in ADMINISTRATORS), *WRITES])
def test_operators_do_no_more(admin: Caller, operator: Caller, reader: Caller, method: str, path: str) -> None:
    before = list(User.objects.values())

    answer = operator(method, path, {"role": "admin", "name": "x"})

    assert (answer.status_code, error(answer)["code"]) == (403, "Forbidden")
    assert list(User.objects.values()) == before
    print("1 attempts beyond a role: 0 passed")


@pytest.mark.parametrize(("method", "path"), [*(("GET", path) for path in (*OPERATORS, *ADMINISTRATORS)), *WRITES])
def test_others_do_nothing(reader: Caller, nobody: Caller, method: str, path: str) -> None:
    assert (reader(method, path, {}).status_code, nobody(method, path, {}).status_code) == (403, 401)
    print("2 attempts beyond a role: 0 passed")


def test_index_names_what_the_role_may_use(admin: Caller, operator: Caller) -> None:
    assert set(operator("GET", "/").json()) == {"connections", "resources", "jobs", "runs", "log", "schema", "docs"}
    assert set(admin("GET", "").json()) > {"users", "groups", "server", "audit", "apply", "export"}


@pytest.mark.parametrize("path", ["/nowhere/", "/users/ada/nothing/", "/connections/a/b/c/"])
def test_unknown_addresses_are_answered_in_json(admin: Caller, path: str) -> None:
    answer = admin("GET", path)

    assert (answer.status_code, error(answer)["code"]) == (404, "NotFound")


def test_unknown_methods_and_options(admin: Caller, nobody: Caller) -> None:
    refused, options_ = admin("DELETE", "/connections/"), nobody("OPTIONS", "/connections/")

    assert (refused.status_code, error(refused)["code"]) == (405, "MethodNotAllowed")
    assert (options_.status_code, options_["Allow"]) == (200, "GET, POST, HEAD, OPTIONS")


def basic(admin: Caller) -> str:
    return "Basic " + base64.b64encode(f"ada:{admin.headers['x-cdata-authtoken']}".encode()).decode()


def test_credentials_are_those_of_the_api(admin: Caller) -> None:
    token = admin.headers["x-cdata-authtoken"]
    nobody = Caller(None)

    assert nobody("GET", "/", Authorization=f"Bearer {token}").status_code == 200
    assert nobody("GET", "/", Authorization=basic(admin)).status_code == 200
    assert nobody("GET", f"/?@authtoken={token}").status_code == 401
    assert nobody("GET", "/", Authorization="Bearer " + "x" * 43).status_code == 401


@pytest.mark.parametrize(("origin", "status"), [("https://evil.example", 403), ("null", 403), ("http://testserver", 422)])
def test_page_of_another_site_can_not_use_credentials_that_a_browser_keeps(admin: Caller, origin: str, status: int) -> None:
    answer = Caller(None)("POST", "/connections/", {"name": ""}, Authorization=basic(admin), Origin=origin, Host="testserver")

    assert answer.status_code == status
    assert admin("POST", "/connections/", {"name": ""}, Origin=origin).status_code == 422


def test_cookies_of_the_console_are_no_credentials(admin: Caller) -> None:
    browser = Client()
    browser.force_login(User.objects.get(name="ada"))

    assert browser.get(f"{ROOT}/connections/").status_code == 401


def test_untrusted_address_comes_first(nobody: Caller) -> None:
    answer = Client(REMOTE_ADDR="203.0.113.9").get(f"{ROOT}/connections/")

    assert (answer.status_code, error(answer)["code"], "OData-Version" in answer) == (403, "AddressNotTrusted", False)


@pytest.fixture
def counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts of requests that nobody else adds to."""
    monkeypatch.setattr(Boards, "board", Board(tmp_path / "limits.bin"), raising=False)
    monkeypatch.setattr(Boards, "pid", os.getpid())


def test_limits_count_here_too(admin: Caller, counts: None) -> None:
    User.objects.filter(name="ada").update(requests_per_hour=2)

    first, second, third = (admin("GET", "/") for _ in range(3))

    assert (first.status_code, first["RateLimit-Remaining"], second.status_code) == (200, "1", 200)
    assert (third.status_code, error(third)["code"], third["RateLimit-Remaining"]) == (429, "TooManyRequests", "0")
    assert int(third["Retry-After"]) > 0


def test_requests_at_once_are_given_back_after_errors_too(admin: Caller, counts: None) -> None:
    User.objects.filter(name="ada").update(concurrent_requests=1)

    statuses = [admin("GET", path).status_code for path in ("/", "/nowhere/", "/docs/", "/users/none/", "/")]

    assert statuses == [200, 404, 200, 404, 200]


def test_headers_of_security_and_cors(admin: Caller) -> None:
    options.save({"cors": {**options.CORS, "enabled": True}})

    answer = admin("GET", "/connections/", Origin="https://tool.example")

    assert (answer["Access-Control-Allow-Origin"], answer["Cache-Control"]) == ("*", "no-store")
    assert ("'unsafe" in answer["Content-Security-Policy"], answer["Referrer-Policy"]) == (False, "no-referrer")


def test_requests_are_logged(operator: Caller) -> None:
    since = time.time() - 1
    operator("GET", "/connections/?q=a&@authtoken=hidden")
    requestlog.WRITER.flush_and_end()
    requestlog.WRITER = requestlog.Writer()

    found = requestlog.search(since=since, text="/manage/api")

    assert (found[0]["path"], found[0]["query"], found[0]["status"]) == ("/manage/api/connections/", "q=a&@authtoken=***", 401)


def log(caller: Caller, query: str) -> Any:
    return json.loads(caller("GET", f"/log/?{query}").content)


def test_log_is_read_page_by_page(operator: Caller, own_log: Callable[[], sqlite3.Connection]) -> None:
    with own_log() as made:
        made.executemany(
            "INSERT INTO requests (at, user, method, path, status) VALUES (?, ?, 'GET', '/api.rsc/A', ?)",
            [(1_700_000_000 + number, f"u{number % 2}", 200 + 204 * (number % 2)) for number in range(5)],
        )

    first = log(operator, "limit=2")
    second = log(operator, f"limit=2&before={first['next']}")

    assert [entry["at"][:19] for entry in (*first["results"], *second["results"])] == [f"2023-11-14T22:13:2{n}" for n in (4, 3, 2, 1)]
    assert len(log(operator, "status=4xx")["results"]) == len(log(operator, "user=u1")["results"]) == 2
    assert (
        len(log(operator, "since=2023-11-14T22:13:23Z")["results"])
        == len(log(operator, "since=2023-11-14T23:13:23%2B01:00")["results"])
        == 2
    )


@pytest.mark.parametrize("query", ["status=abc", "since=yesterday", "until=2023-99-99T00:00:00Z", "limit=0x", "before=-1", "user=%00"])
def test_log_refuses_filters_that_say_nothing(operator: Caller, query: str) -> None:
    answer = operator("GET", f"/log/?{query}")

    assert (answer.status_code, error(answer)["target"]) == (400, query.split("=")[0])
