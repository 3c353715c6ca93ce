"""What one request may ask for: each limit holds at its number, is refused beyond it by name, and follows its setting."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from apiserver.odata.parser_errors import DEFAULT_LIMITS
from apiserver.server.options import REQUEST_LIMITS
from tests import databases
from tests.compliance import rows
from tests.compliance.conftest import TOKEN, Client, quote_path
from tests.served import manage, publish

EVERY = ["GET", "POST", "PATCH", "PUT", "DELETE"]
# Small enough that each side of a limit is short; bounds of bytes leave room for what every request has.
SMALL = {
    "url_bytes": 3000,
    "header_bytes": 500,
    "header_block_bytes": 1024,
    "header_count": 20,
    "body_bytes": 1024,
    "json_depth": 6,
    "filter_nodes": 5,
    "filter_depth": 4,
    "in_values": 3,
    "lambda_depth": 1,
    "expand_depth": 2,
    "expand_levels": 2,
    "orderby_items": 2,
    "select_items": 3,
    "path_segments": 5,
    "number_digits": 8,
}
# test_deadline.py, test_page_bytes.py, test_slow_clients.py, tests/connectors
TRIED_ELSEWHERE = {"request_seconds", "page_bytes", "reader_seconds", "source_calls", "source_rows", "source_memory", "upload_megabytes"}
Send = tuple[str, str, dict[str, str], bytes | None]


def get(path: str, **headers: str) -> Send:
    return "GET", path, headers, None


def post(body: str) -> Send:
    return "POST", "things", {"Content-Type": "application/json"}, body.encode()


def expand(depth: int) -> str:
    return "boss($expand=" * depth + "boss" + ")" * depth


def any_of(depth: int) -> str:
    """Return any nested in any: orders of the customer of the order, and so on."""
    return "".join(f"{f'x{n - 1}/customer/' if n else ''}orders/any(x{n}:" for n in range(depth)) + f"x{depth - 1}/id gt 0" + ")" * depth


# limit -> the request that asks for `n`
ASKS: dict[str, Callable[[int], Send]] = {
    "url_bytes": lambda n: get("customers?x=" + "a" * (n - len("/api.rsc/customersx="))),
    "header_bytes": lambda n: get("customers", X_Long="a" * n),
    "header_block_bytes": lambda n: get("customers", **{f"X_{number}": "a" * 200 for number in range(n // 230 if n < 1025 else n // 195)}),
    "header_count": lambda n: get("customers", **{f"X_{number}": "a" for number in range(n - 5 if n < 21 else n)}),
    "body_bytes": lambda n: post('{"id": 700, "name": "x"}'.ljust(n)),
    "json_depth": lambda n: post('{"id": 701, "name@x": ' + "[" * (n - 1) + "]" * (n - 1) + "}"),
    "filter_nodes": lambda n: get("customers?$filter=" + " or ".join(["id"] * (n + 1)).replace("id", "vip")),
    "filter_depth": lambda n: get("customers?$filter=" + "(" * n + "vip" + ")" * n),
    "in_values": lambda n: get("customers?$filter=id in (" + ",".join(["1"] * n) + ")"),
    "lambda_depth": lambda n: get("customers?$filter=" + any_of(n)),
    "expand_depth": lambda n: get("staff?$expand=" + expand(n)),
    "expand_levels": lambda n: get(f"staff?$expand=boss($levels={n})"),
    "orderby_items": lambda n: get("customers?$orderby=" + ",".join(["id", "name", "email"][:n])),
    "select_items": lambda n: get("customers?$select=" + ",".join(["id", "name", "email", "country"][:n])),
    "path_segments": lambda n: get("staff/5" + "/boss" * (n - 2)),
    "number_digits": lambda n: get("customers?$filter=id eq " + "9" * n),
}


@pytest.fixture(scope="module")
def limited(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("request-limits")
    database = databases.make("sqlite", "request_limits", request, folder)
    rows.fill(database)
    configuration = {
        "server": {"request_limits": SMALL},
        "connections": {"shop": database.connection},
        "resources": {
            table: {"connection": "shop", "table": table, "methods": EVERY} for table in ("customers", "orders", "things", "staff")
        },
        "users": {"judge": {"role": "query", "privileges": EVERY, "authtoken": TOKEN}},
    }
    served = publish(configuration, folder / "data")
    yield Client(served, "sqlite")
    served.dismiss()


def send(client: Client, ask: Send) -> tuple[int, Any]:
    """Send exactly this, with few headers of our own."""
    method, path, headers, body = ask
    connection = HTTPConnection(urlsplit(client.served.base).netloc, timeout=30)
    sent = {"x-cdata-authtoken": TOKEN, **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request(method, f"/api.rsc/{quote_path(path)}", body, sent)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


def test_every_limit_is_a_setting_with_one_default() -> None:
    fields = {name: getattr(DEFAULT_LIMITS, name) for name in DEFAULT_LIMITS.__slots__}

    assert fields == REQUEST_LIMITS
    assert set(ASKS) | TRIED_ELSEWHERE == set(REQUEST_LIMITS)


@pytest.mark.parametrize("name", ASKS)
def test_limit_holds_and_names_itself_and_its_setting(limited: Client, name: str) -> None:
    status, within = send(limited, ASKS[name](SMALL[name]))
    refused, beyond = send(limited, ASKS[name](SMALL[name] + 1))

    assert status in (200, 201, 204), within
    assert refused == {"url_bytes": 414, "body_bytes": 413}.get(name, 431 if name.startswith("header") else 400), beyond
    assert str(SMALL[name]) in beyond["error"]["message"]
    assert f"server.request_limits.{name}" in beyond["error"]["message"]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, identity"])
def test_compressed_bodies_are_refused(limited: Client, coding: str) -> None:
    method, path, headers, body = post('{"id": 702, "name": "x"}')

    status, answer = send(limited, (method, path, {**headers, "Content-Encoding": coding}, body))

    assert (status, answer["error"]["code"]) == (415, "UnsupportedMediaType")


def test_running_server_follows_a_raised_limit(limited: Client) -> None:
    file = limited.served.data_dir / "raised.json"
    file.write_text(json.dumps({"server": {"request_limits": {"in_values": 4}}}), encoding="utf-8")
    assert manage(limited.served.data_dir, "apply", str(file)).returncode == 0

    assert status_in_time(limited, ASKS["in_values"](4), 200) == 200
    assert send(limited, ASKS["in_values"](5))[0] == 400


def status_in_time(client: Client, ask: Send, wanted: int) -> int:
    """Return the status once it is the wanted one, or after five seconds: workers look twice a second."""
    deadline = time.monotonic() + 5
    while (found := send(client, ask)[0]) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"in_values": 0}, "between 1 and 10000"),
        ({"body_bytes": 2**31}, "between 1024 and"),
        ({"in_value": 3}, "in_values"),
        ({"header_count": "20"}, "whole number"),
    ],
)
def test_values_out_of_bounds_are_refused_by_name(limited: Client, values: dict[str, Any], said: str) -> None:
    file = limited.served.data_dir / "wrong.json"
    file.write_text(json.dumps({"server": {"request_limits": values}}), encoding="utf-8")

    done = manage(limited.served.data_dir, "apply", str(file))

    assert done.returncode == 1
    assert f"server.request_limits.{next(iter(values))}" in done.stdout + done.stderr
    assert said in done.stdout + done.stderr
