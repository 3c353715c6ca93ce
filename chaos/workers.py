"""R17: each setting acts on every worker within a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from chaos.promises import promise, require
from chaos.site import EVERY, HEADERS, configuration, database, folder, serving
from tests.served import Served

WORKERS = 4
ROUND = 40  # requests over new connections, which reach every worker all but surely
READER = "reader-token-0123456789abcdef"
Probe = Callable[[Served], Any]


def got(served: Served, path: str, source: str = "127.0.0.1", **headers: str) -> tuple[int, str, bytes]:
    """Return status, allowed origin and body of one request over a connection of its own."""
    connection = HTTPConnection(urlsplit(served.base).netloc, timeout=30, source_address=(source, 0))
    sent = {"x-cdata-authtoken": READER, **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request("GET", path, headers=sent)
    answer = connection.getresponse()
    found = answer.status, answer.getheader("Access-Control-Allow-Origin") or "", answer.read()
    connection.close()
    return found


def status(path: str, source: str = "127.0.0.1") -> Probe:
    """Return what asks for a status."""
    return lambda served: got(served, path, source)[0]


def told(path: str, name: str, **headers: str) -> Probe:
    """Return what asks for a header of an answer."""

    def probe(served: Served) -> str:
        connection = HTTPConnection(urlsplit(served.base).netloc, timeout=30)
        sent = {"x-cdata-authtoken": READER, **{key.replace("_", "-"): value for key, value in headers.items()}}
        connection.request("GET", path, headers=sent)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return f"{answer.status} {answer.getheader(name)}"

    return probe


def origin(served: Served) -> str:
    """Return the origin that is allowed."""
    return got(served, "/api.rsc/items", Origin="https://shop.example")[1]


def rows(served: Served) -> int:
    """Return the rows of a page."""
    return got(served, "/api.rsc/items?$select=id")[2].count(b'"id"')


# what is changed: address, body, what is asked, the answer afterwards
CHANGES: tuple[tuple[str, str, Mapping[str, Any], Probe, Any], ...] = (
    ("page_size", "server/", {"page_size": 3}, rows, 3),
    ("request_limits", "server/", {"request_limits": {"in_values": 1}}, status("/api.rsc/items?$filter=id%20in%20(1,2)"), 400),
    ("cors", "server/", {"cors": {"enabled": True, "allow_origins": ["https://shop.example"]}}, origin, "https://shop.example"),
    ("trusted_addresses", "server/", {"trusted_addresses": ["127.0.0.1"]}, status("/api.rsc/items", "127.0.0.2"), 403),
    ("allow_authtoken_in_url", "server/", {"allow_authtoken_in_url": True}, status(f"/api.rsc/@{READER}/items"), 200),
    ("triggers", "server/", {"triggers": {"interval_seconds": 47}}, told("/api.rsc/$poll/items/created", "Retry-After"), "202 47"),
    (
        "long reads",
        "server/",
        {"long_reads": {"per_user": 0}},
        told("/api.rsc/items?$top=1", "Preference-Applied", Prefer="respond-async"),
        "200 None",
    ),
    ("published table", "resources/extra/", {"connection": "source", "table": "extra"}, status("/api.rsc/extra"), 200),
    ("columns", "resources/items/", {"columns": {"id": "id"}}, status("/api.rsc/items?$select=name"), 400),
    ("limits", "users/reader/", {"requests_per_hour": 0}, status("/api.rsc/items"), 429),
    ("right", "users/reader/", {"requests_per_hour": -1, "resources": {"extra": {"methods": ["GET"]}}}, status("/api.rsc/items"), 404),
    ("privilege", "users/reader/", {"privileges": ["POST"]}, status("/api.rsc/extra"), 403),
    ("user switched off", "users/reader/", {"active": False}, status("/api.rsc/extra"), 401),
)


def changed(served: Served, name: str, path: str, body: Mapping[str, Any], probe: Probe, wanted: Any) -> float:
    """Change a setting; return the seconds until the last answer that was still the old one."""
    require(all(probe(served) != wanted for _ in range(5)), f"{name}: it was so before")
    method = "PUT" if path == "resources/extra/" else "PATCH"
    answer, _, text = served.get(f"/manage/api/{path}", HEADERS, method, body)
    require(answer in (200, 201), f"{name}: {answer} {text!r}")
    begun = last = time.monotonic()
    seen = 0
    while seen < ROUND:
        right = probe(served) == wanted
        seen = seen + 1 if right else 0
        last = last if right else time.monotonic()
        require(time.monotonic() - begun < 10, f"{name}: not within 10 s")
    return last - begun


@promise("R17")
def settings_act_everywhere() -> str:
    with folder() as where:
        source = database("sqlite", "workers", where)
        for table in ("items", "extra"):
            source.run(f"CREATE TABLE {table} (id integer PRIMARY KEY, name varchar(9))")
            source.run(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e')")
        file = configuration(source, ("items",), trusted_addresses=["127.0.0.0/8"])
        file["users"]["reader"] = {"role": "query", "privileges": EVERY, "authtoken": READER}
        with serving(file, where, APISERVER_WEB_WORKERS=str(WORKERS)) as served:
            taken = {change[0]: changed(served, *change) for change in CHANGES}
    slowest = max(taken, key=lambda name: taken[name])
    require(taken[slowest] <= 1, f"{slowest} took {taken[slowest]:.2f} s")
    return f"{len(taken)} settings on {WORKERS} workers: the slowest, {slowest}, {taken[slowest]:.2f} s"
