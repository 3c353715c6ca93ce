from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from django.test import Client

from apiserver.server import audit, options
from apiserver.server.csv_lines import harmless

PAGE = "/console/settings/"
LOGS = "/console/logs/"


def given(**changed: Any) -> dict[str, Any]:
    """Return the page's form as it stands without changes."""
    values = {
        "trusted_addresses": "127.0.0.1\n::1",
        "page_size": "1000",
        "max_page_size": "10000",
        "cors_allow_origins": "*",
        "cors_allow_methods": "GET, PUT, POST, OPTIONS",
        "cors_allow_headers": "x-ms-client-request-id, authorization, content-type",
        "cors_max_age": "3600",
        "limits_requests_per_hour": "-1",
        "limits_concurrent_requests": "-1",
        "limits_token_days": "0",
    }
    return {**values, **changed}


@pytest.fixture(autouse=True)
def fresh_options(db: None) -> Iterator[None]:
    options.Cache.known = None
    yield
    options.Cache.known = None


@pytest.mark.parametrize(("person", "status"), [("as_admin", 200), ("as_operator", 403), ("as_reader", 302)])
def test_settings_are_for_administrators(person: str, status: int, request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue(person).get(PAGE).status_code == status


def test_settings_show_data_directory_and_menu(as_admin: Client, settings: Any) -> None:
    page = as_admin.get(PAGE).content.decode()

    assert all(text in page for text in (str(settings.DATA_DIR), ">Connections<", ">Resources<", ">Users<", ">Server<"))


def test_save_of_no_change_stores_nothing(as_admin: Client) -> None:
    answer = as_admin.post(PAGE, given())

    assert (answer.status_code, options.stored()) == (302, {})


def test_save_stores_what_changed(as_admin: Client) -> None:
    as_admin.post(PAGE, given(trusted_addresses="127.0.0.1\n10.0.0.0/8", page_size="50", public_url="https://api.example.com/"))

    stored = options.stored()
    assert stored == {"trusted_addresses": ["127.0.0.1", "10.0.0.0/8"], "page_size": 50, "public_url": "https://api.example.com"}


@pytest.mark.parametrize(
    "changed",
    [
        {"trusted_addresses": "127.0.0.1\nnowhere"},
        {"public_url": "ftp://x"},
        {"cors_allow_origins": "no origin"},
        {"page_size": "10001"},
        {"limits_requests_per_hour": "-2"},
    ],
)
def test_save_shows_what_is_wrong(as_admin: Client, changed: dict[str, str]) -> None:
    answer = as_admin.post(PAGE, given(**changed))

    assert (answer.status_code, "errorlist" in answer.content.decode(), options.stored()) == (422, True, {})


def test_save_stores_limits_and_switches(as_admin: Client) -> None:
    as_admin.post(PAGE, given(limits_requests_per_hour="100", put_merges="on", anonymous="on"))

    current = options.current()
    assert (current.limits["requests_per_hour"], current.put_merges, current.anonymous) == (100, True, True)


def test_save_keeps_the_door_open_for_the_administrator(as_admin: Client) -> None:
    answer = as_admin.post(PAGE, given(trusted_addresses="10.0.0.1"))

    assert (answer.status_code, "you come from there" in answer.content.decode()) == (422, True)


def test_preset_sets_cors_for_power_automate(as_admin: Client) -> None:
    as_admin.post(PAGE, {"preset": "power-automate"})

    cors = options.stored()["cors"]
    assert (cors["enabled"], cors["allow_all_without_star"]) == (True, True)


def test_locked_setting_is_shown_with_its_origin(as_admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APISERVER_PUBLIC_URL", "https://locked.example")

    page = as_admin.get(PAGE).content.decode()
    answer = as_admin.post(PAGE, given(public_url="https://other.example", page_size="7"))

    assert ("Set by APISERVER_PUBLIC_URL" in page, "https://locked.example" in page) == (True, True)
    assert (answer.status_code, options.stored()) == (302, {"page_size": 7})


@pytest.fixture
def entries(own_log: Callable[[], sqlite3.Connection]) -> None:
    connection = own_log()
    for path, user, status in (("/api.rsc/Orders", "rob", 200), ("/api.rsc/<None>", "ann", 404)):
        sql = "INSERT INTO requests (at, user, method, path, query, status, ms) VALUES (?, ?, 'GET', ?, '', ?, 1)"
        connection.execute(sql, (time.time(), user, path, status))
    connection.close()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", (True, True)),
        ("?text=Orders", (True, False)),
        ("?user=ann", (False, True)),
        ("?status=4xx", (False, True)),
        ("?status=x", (False, False)),
    ],
)
def test_logs_are_filtered(as_operator: Client, entries: None, query: str, found: tuple[bool, bool]) -> None:
    page = as_operator.get(f"{LOGS}{query}").content.decode()

    assert ("/api.rsc/Orders" in page, "/api.rsc/&lt;None&gt;" in page) == found


@pytest.fixture
def many(own_log: Callable[[], sqlite3.Connection]) -> None:
    with closing(own_log()) as log:
        sql = "INSERT INTO requests (at, user, method, path, query, status, ms) VALUES (?, 'ann', 'GET', ?, '', 200, 1)"
        log.executemany(sql, [(1_700_000_000 + number, f"/api.rsc/N{number:03}") for number in range(150)])


def test_logs_go_on_with_older_entries(as_operator: Client, many: None) -> None:
    first = as_operator.get(f"{LOGS}?user=ann")
    second = as_operator.get(f"{LOGS}?{first.context['older']}")

    paths = [entry["path"] for answer in (first, second) for entry in answer.context["entries"]]
    assert paths == [f"/api.rsc/N{number:03}" for number in reversed(range(150))]
    assert second.context["older"] == ""


def test_logs_between_two_times(as_operator: Client, many: None) -> None:
    answer = as_operator.get(f"{LOGS}?since=2023-11-14T22:13:30&until=2023-11-14T22:13:32")

    assert [entry["path"] for entry in answer.context["entries"]] == ["/api.rsc/N011", "/api.rsc/N010"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("since=2023-11-14", 100),
        ("until=2023-11-14", 100),
        ("until=2023-11-13", 0),
        ("since=2023-11-15", 0),
        ("until=2023-11-14 22:13:22", 2),
    ],
)
def test_logs_take_days_and_minutes(as_operator: Client, many: None, query: str, count: int) -> None:
    assert len(as_operator.get(f"{LOGS}?{query}").context["entries"]) == count


def test_logs_ranges_keep_the_other_filters(as_operator: Client, many: None) -> None:
    found = as_operator.get(f"{LOGS}?user=ann&until=2023-11-14").context["ranges"]

    assert [item["query"].split("since=")[0] for item in found] == ["user=ann&"] * 3


def test_logs_refuse_a_time_that_is_none(as_operator: Client, many: None) -> None:
    assert "errorlist" in as_operator.get(f"{LOGS}?since=yesterday").content.decode()


def test_logs_download_as_csv(as_operator: Client, many: None) -> None:
    answer = as_operator.get(f"{LOGS}?download=csv&text=N149")

    lines = answer.getvalue().decode().splitlines()
    assert (lines[0][:16], lines[1][:40], len(lines)) == ("time,user,method", "2023-11-14T22:15:49.000+00:00,ann,GET,/a", 2)


def test_logs_download_as_json_lines(as_operator: Client, many: None) -> None:
    lines = as_operator.get(f"{LOGS}?download=jsonl").getvalue().decode().splitlines()

    assert (len(lines), json.loads(lines[0])["path"]) == (150, "/api.rsc/N149")


def test_download_runs_no_formula() -> None:
    assert [harmless(value) for value in ("=1+1", "@x", "plain", 7, None)] == ["'=1+1", "'@x", "plain", 7, None]


@pytest.mark.parametrize(("person", "status"), [("as_admin", 200), ("as_operator", 403)])
def test_audit_is_for_administrators(person: str, status: int, request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue(person).get(f"{LOGS}audit").status_code == status


def test_audit_is_searched(as_admin: Client) -> None:
    audit.record("user saved", who="ada", subject="rob")
    audit.record("signed in", who="olga")

    page = as_admin.get(f"{LOGS}audit?q=ROB").content.decode()

    assert ("user saved" in page, "signed in" in page) == (True, False)


def test_settings_of_triggers_are_saved_within_their_bounds(as_admin: Client) -> None:
    saved = as_admin.post(PAGE, given(triggers_interval_seconds="30", triggers_hosts="*.logic.azure.com\nexample.com"))
    refused = as_admin.post(PAGE, given(triggers_late_seconds="86401"))

    assert (saved.status_code, refused.status_code) == (302, 422)
    found = options.stored()["triggers"]
    assert (found["interval_seconds"], found["hosts"], found["late_seconds"]) == (30, ["*.logic.azure.com", "example.com"], 600)
    page = as_admin.get(PAGE).content.decode()
    assert all(f'name="triggers_{name}"' in page for name in options.TRIGGERS)
