"""Hostile requests for the management API, by family: names in paths, values of fields, queries, bodies."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from tests.hostile.bodies import JSON, KINDS, METHODS, RAW, VALUES_OF_JSON
from tests.hostile.payloads import CURATED, UNSTORABLE, encoded, marked
from tests.hostile.wire import Sent

ROOT = "/manage/api"
ROOMS = ("connections", "resources", "users", "groups")
SUFFIXES = {
    "connections": ("", "test/", "tables/", "uploads/", "uploads/x.csv", "manifest"),
    "resources": ("", "refresh/", "duplicate/", "repoint/"),
    "users": ("", "authtokens/", "authtokens/rotate/", "authtokens/1/reveal/", "authtokens/x/"),
    "groups": ("",),
}
FIELDS = {
    "connections": ("name", "connector", "labels", "properties", "secrets", "read_only", "max_rows"),
    "resources": (
        "name", "connection", "schema", "table", "sql", "key", "columns", "methods", "search", "relations", "etag", "serve", "check_column",
    ),
    "users": (
        "name", "role", "privileges", "resources", "authtoken", "requests_per_hour", "concurrent_requests", "groups", "email", "active",
    ),
    "groups": ("name", "privileges", "resources", "members", "description"),
    "server": (  # every setting but those that shut the tests out
        "public_url", "api", "trusted_proxies", "page_size", "max_page_size", "put_merges", "cors", "limits", "outgoing", "anonymous",
        "locked",
        "nothing",
    ),
    "notifications": ("smtp", "to", "on", "contract", "webhooks", "nothing"),
}  # fmt: skip
GOOD: dict[str, dict[str, Any]] = {
    "connections": {"connector": "sqlite", "properties": {"Database": "nothing"}},
    "resources": {"connection": "shop", "table": "items", "methods": ["GET"]},
    "users": {"role": "query", "privileges": ["GET"]},
    "groups": {"privileges": ["GET"]},
    "server": {},
    "notifications": {},
}
SINGLE = ("server", "notifications")
QUERIES = ("q", "limit", "offset", "before", "since", "until", "status", "user", "refresh", "dry_run", "nothing")
LISTS = ("connections/", "resources/", "users/", "groups/", "log/", "audit/", "connections/shop/tables/")


def of(method: str, path: str, body: Any, about: str) -> Sent:
    """Return a request; `path` is below the root."""
    raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    return Sent(f"{ROOT}/{path}".encode(), method, JSON if raw is not None else (), raw, about)


def names(kind: str = "") -> list[Sent]:
    """Return odd names in paths and as names of new entries."""
    found = []
    for number, text in enumerate([*CURATED, *marked(), *UNSTORABLE]):
        room = ROOMS[number % len(ROOMS)]
        suffix = SUFFIXES[room][number // 4 % len(SUFFIXES[room])]
        found.append(of("GET", f"{room}/{encoded(text)}/{suffix}", None, f"{room} {text!r}"))
        found.append(of("POST", f"{room}/{encoded(text)}/{suffix}", {}, f"{room} {text!r}"))
        for other in ROOMS:
            found.append(of("POST", f"{other}/", {**GOOD[other], "name": text}, f"new {other} {text!r}"))
        found.append(of("PATCH", f"{room}/{encoded(text)}/", {"name": text + "2"}, f"rename {room} {text!r}"))
        found.append(of("DELETE", f"{room}/{encoded(text)}/", None, f"delete {room} {text!r}"))
    return found


def fields(kind: str = "") -> list[Sent]:
    """Return every field with values of every type."""
    found = []
    for room, listed in FIELDS.items():
        for number, (name, value) in enumerate(itertools.product(listed, VALUES_OF_JSON)):
            body = {name: value} if room in SINGLE else {**GOOD[room], "name": f"f{number}", name: value}
            method, path = (
                ("PATCH", f"{room}/") if room in SINGLE else (("POST", f"{room}/") if number % 2 else ("PUT", f"{room}/f{number}/"))
            )
            found.append(of(method, path, body, f"{room} {name}={str(value)[:40]!r}"))
            if number % 4:
                continue
            nested = {name: {"Database": value, "x": value}} if number % 8 else {name: [value, value]}
            found.append(of(method, path, {**body, **nested}, f"{room} {name} nested {str(value)[:40]!r}"))
    return found


def queries(kind: str = "") -> list[Sent]:
    """Return lists with odd queries."""
    texts = [
        *CURATED[::3],
        *UNSTORABLE,
        "9" * 30,
        "-1",
        "2024-02-30",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "4xx",
        "99x",
        "1e5",
        "NaN",
    ]
    found = []
    for number, (name, text) in enumerate(itertools.product(QUERIES, texts)):
        found.append(of("GET", f"{LISTS[number % len(LISTS)]}?{name}={encoded(text)}", None, f"{name}={text!r}"))
    return found


def raw_bodies(kind: str = "") -> list[Sent]:
    """Return bodies that are no JSON, odd JSON, too deep or too large, every media type; the configuration file as YAML too."""
    places = [("POST", f"{room}/") for room in ROOMS] + [
        ("PUT", "users/f1/"),
        ("PATCH", "server/"),
        ("POST", "apply/?dry_run=true"),
        ("POST", "export/"),
    ]
    found = [
        of(*places[(number * 3 + step) % len(places)], body, f"body {body[:40]!r}") for number, body in enumerate(RAW) for step in range(3)
    ]
    for (method, path), media in itertools.product(places, (*KINDS, "application/yaml", "text/yaml")):
        found.append(
            Sent(
                f"{ROOT}/{path}".encode(),
                method,
                (("Content-Type", media),) if media else (),
                b'{"name":"x"}',
                f"Content-Type: {media[:40]}",
            )
        )
    for text in YAML:
        found.append(
            Sent(f"{ROOT}/apply/?dry_run=true".encode(), "POST", (("Content-Type", "application/yaml"),), text, f"YAML {text[:40]!r}")
        )
    return found


YAML = (
    b"a: &a [x]\nb: *a", b"!!python/object/apply:os.system ['id']", b"!!python/name:os.system", b"a: !!binary x", b"? a\n: b", b"a: b: c",
    b"\t- x", b"---\n---\n", b"- 1", b"server: {page_size: 1e999}", b"server: {page_size: .inf}", b"server: {page_size: 0x10}",
    b"server: 2024-01-01", b"connections: {x: {connector: !!str sqlite}}", b"\xff\xfe", b"users: {x: {authtoken: {env: HOME}}}",
    b"users: {x: {authtoken: {file: /etc/passwd}}}", b"users: {x: {authtoken: {env: SECRET_KEY}}}", b"a: \"\\ud800\"", b"a: \"\\0\"",
    b"{" * 5000, b"[" * 5000 + b"]" * 5000, b"- " * 5000, b"? " * 5000, b"{a: " * 5000, b"a: " * 300, b"a: |\n" + b" x\n" * 5000,
    b"<<: *x", b"<<: {a: 1}", b"1: 2", b"null: 2", b"[a]: 2", b"{a: 1}: 2", b"a: 1\na: 2", b"%TAG ! x\n---\na",
)  # fmt: skip


def methods(kind: str = "") -> list[Sent]:
    """Return every method at every kind of address."""
    places = (
        "",
        "server/",
        "log/",
        "audit/",
        "apply/",
        "export/",
        "schema/",
        "docs/",
        "nothing/",
        "connections/shop/",
        "users/authtokens/",
        "../console/",
        "//",
        "users//",
        "%2e%2e/",
    )
    return [
        of(method, place, {} if method in ("POST", "PUT", "PATCH") else None, method)
        for method, place in itertools.product(METHODS, places)
    ]


MANAGEMENT: dict[str, Callable[[str], list[Sent]]] = {
    "names": names,
    "fields": fields,
    "queries": queries,
    "raw bodies": raw_bodies,
    "methods": methods,
}
