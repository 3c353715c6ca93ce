"""A service of notes on loopback, and the manifest over it: notebooks, notes in them, every kind of column and filter."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from connections.connectors.http.connector import ManifestConnector
from connections.connectors.http.manifest import Manifest, load
from connections.connectors.http.session import HttpSession
from connections.contract.context import Call, Context
from connections.contract.scan import Offer, Order, Predicate, Scan
from connections.contract.table import TableRef
from tests.fakes.upstream import Answer, Seen, Upstream

MANIFEST = """
manifest: 1
key: notes
label: Notes
description: Notes of a team.
base_url: https://api.notes.example/v2
properties:
  - {name: Workspace, required: true}
  - {name: APIToken, secret: true, group: Authentication}
auth:
  schemes:
    Token: {type: bearer, value: "{APIToken}"}
headers: {Notes-Version: "2026-01-01"}
test: {path: /me}
schemas:
  property: Schema
  fixed: [Information]
  listed:
    notebook: {table: Notebooks, column: Slug, binds: NotebookSlug}
defaults:
  rows: values
  total: size
  paging: {type: next_url, next: next, size: {param: pagelen, max: 10}}
  sort: {param: sort}
idempotency: {header: Idempotency-Key}
errors:
  - {status: [400], path: error.message, matches: "^Unknown field", is: unknown_field}
tables:
  Notebooks:
    in: {Information: {}}
    key: [Slug]
    read:
      - {path: "/w/{Workspace}/notebooks"}
      - {path: "/w/{Workspace}/notebooks/{Slug}", single: true}
    columns:
      Slug: {path: slug}
      Name: {path: name, filter: {eq: name, contains: name_like}}
      Tags: {path: tags, type: json}
  Notes:
    in:
      Information: {key: [NotebookSlug, Id]}
      notebook: {key: [Id], hides: [NotebookSlug]}
    check_column: UpdatedOn
    read:
      - path: "/w/{Workspace}/notebooks/{NotebookSlug}/notes"
        parent: {table: Notebooks, schema: Information, binds: {NotebookSlug: Slug}}
      - {path: "/w/{Workspace}/notebooks/{NotebookSlug}/notes/{Id}", single: true}
    gone: {status: [410], message: "Notes were moved elsewhere by the service on 2026-08-20."}
    columns:
      NotebookSlug: {given: true}
      Id: {path: id, type: int64, generated: true, sort: true, filter: {eq: id, in: id, lt: id_lt, gt: id_gt}}
      Title: {path: title, write: [insert, update], required: true, filter: {eq: title, contains: title_like, startswith: title_like}}
      ContentRaw: {path: content.raw, write: [insert, update]}
      Price: {path: price, type: decimal, minor_units_of: Currency, write: [insert, update]}
      Currency: {path: currency, write: [insert, update], filter: {eq: currency}, grade: exact}
      Rate: {path: rate, type: decimal}
      IsOpen: {path: open, type: boolean, filter: {eq: open}, write: [update]}
      UpdatedOn: {path: updated, type: timestamp, format: unix, sort: true, nullable: false,
                  filter: {gt: "updated[gt]", ge: "updated[gte]", lt: "updated[lt]", le: "updated[lte]"}}
      Owner: {path: owner, id_of: id, filter: {eq: owner, is_null: {param: owner, value: none}}}
      Size: {path: bytes, type: int64, lookup: details}
    lookups:
      details: {path: "/w/{Workspace}/notebooks/{NotebookSlug}/notes/{Id}/details"}
    write:
      insert: {path: "/w/{Workspace}/notebooks/{NotebookSlug}/notes"}
      update: {path: "/w/{Workspace}/notebooks/{NotebookSlug}/notes/{Id}", method: PATCH}
      delete: {path: "/w/{Workspace}/notebooks/{NotebookSlug}/notes/{Id}"}
"""


def note(number: int) -> dict[str, Any]:
    """Return a note as the service has it: nulls, equal values, objects in place of ids among them."""
    return {
        "id": number,
        "title": f"{'Ab' if number % 2 else 'aB'} note {number % 7}",
        "content": None if number % 5 == 0 else {"raw": f"text {number}"},
        "price": None if number % 4 == 0 else number * 101,
        "currency": ["usd", "jpy", "kwd"][number % 3],
        "rate": number / 8,
        "open": None if number % 6 == 0 else number % 2 == 0,
        "updated": 1_700_000_000 + number // 3,
        "owner": None if number % 4 == 1 else {"id": f"u{number % 3}"} if number % 4 == 2 else f"u{number % 3}",
    }


class Notes:
    """The service: filters, sort and pages as its manifest says. `ignores_case`: as real services do with text."""

    def __init__(self, upstream: Upstream, count: int = 35) -> None:
        self.upstream = upstream
        self.notebooks = [{"slug": slug, "name": slug.title(), "tags": {"x": [1, 2.5, None]}} for slug in ("blue", "green", "Red/1")]
        self.notes = {book["slug"]: [note(number + at * 100) for number in range(1, count + 1)] for at, book in enumerate(self.notebooks)}
        self.unknown: set[str] = set()
        upstream.fallback = self.answer

    def answer(self, seen: Seen) -> Answer:
        if seen.headers.get("authorization") != "Bearer secret-token":
            return Answer({"error": {"message": "Wrong token secret-token given"}}, 401)
        parts = seen.path.strip("/").split("/")
        if parts == ["v2", "me"]:
            return Answer({"name": "me"})
        if parts[:3] != ["v2", "w", "acme"] or len(parts) < 4 or parts[3] != "notebooks":
            return Answer({"error": {"message": "Nothing here"}}, 404)
        if len(parts) == 4:
            name, like = seen.params.get("name"), seen.params.get("name_like", "")
            found = [b for b in self.notebooks if (name is None or b["name"].lower() == name.lower()) and like.lower() in b["name"].lower()]
            return self.page(seen, found)
        slug = parts[4].replace("%2F", "/")
        if len(parts) == 5:
            book = next((b for b in self.notebooks if b["slug"] == slug), None)
            return Answer(book) if book else Answer({"error": {"message": "No such notebook"}}, 404)
        if slug not in self.notes:
            return Answer({"error": {"message": "No such notebook"}}, 404)
        return self.of_notes(seen, self.notes[slug], parts[6:])

    def of_notes(self, seen: Seen, notes: list[dict[str, Any]], rest: list[str]) -> Answer:
        if not rest:
            return self.create(seen, notes) if seen.method == "POST" else self.listed(seen, notes)
        found = next((item for item in notes if str(item["id"]) == rest[0]), None)
        if found is None:
            return Answer({"error": {"message": "No such note"}}, 404)
        if rest[1:] == ["details"]:
            return Answer({"bytes": found["id"] * 10})
        if seen.method == "PATCH":
            found.update(json.loads(seen.body))
        if seen.method == "DELETE":
            notes.remove(found)
            return Answer(None, 204)
        return Answer(found)

    def create(self, seen: Seen, notes: list[dict[str, Any]]) -> Answer:
        made = {**note(7), **json.loads(seen.body), "id": max(item["id"] for item in notes) + 1}
        notes.append(made)
        return Answer(made, 201)

    def listed(self, seen: Seen, notes: list[dict[str, Any]]) -> Answer:
        refused = self.unknown & {*seen.params, seen.params.get("sort", "").lstrip("-")}
        if refused:
            return Answer({"error": {"message": f"Unknown field {min(refused)}"}}, 400)
        tests: Mapping[str, Callable[[dict[str, Any], list[str]], bool]] = {
            "id": lambda n, v: str(n["id"]) in v,
            "id_lt": lambda n, v: n["id"] < int(v[0]),
            "id_gt": lambda n, v: n["id"] > int(v[0]),
            "title": lambda n, v: n["title"].lower() == v[0].lower(),
            "title_like": lambda n, v: v[0].lower() in n["title"].lower(),
            "currency": lambda n, v: n["currency"] == v[0],
            "open": lambda n, v: n["open"] is (v[0] == "true"),
            "updated[gt]": lambda n, v: n["updated"] > int(v[0]),
            "updated[gte]": lambda n, v: n["updated"] >= int(v[0]),
            "updated[lt]": lambda n, v: n["updated"] < int(v[0]),
            "updated[lte]": lambda n, v: n["updated"] <= int(v[0]),
            "owner": lambda n, v: owner_of(n) == (None if v[0] == "none" else v[0]),
        }
        found = notes
        for name in seen.params:
            if name in tests:
                values = [value for other, value in seen.query if other == name]
                found = [item for item in found if tests[name](item, values)]
        sort = seen.params.get("sort")
        if sort:
            found = sorted(found, key=lambda item: item[sort.lstrip("-")], reverse=sort.startswith("-"))
        return self.page(seen, found)

    def page(self, seen: Seen, rows: list[dict[str, Any]]) -> Answer:
        size, number = min(int(seen.params.get("pagelen", 10)), 10), int(seen.params.get("page", 1))
        body: dict[str, Any] = {"values": rows[(number - 1) * size : number * size], "size": len(rows)}
        if number * size < len(rows):
            others = [(name, value) for name, value in seen.query if name != "page"]
            from urllib.parse import urlencode

            body["next"] = f"{self.upstream.url}{seen.path}?{urlencode([*others, ('page', number + 1)])}"
        return Answer(body)


def owner_of(item: dict[str, Any]) -> str | None:
    owner = item["owner"]
    return owner["id"] if isinstance(owner, dict) else owner


def manifest(text: str = MANIFEST, **changes: Any) -> Manifest:
    """Return the manifest, with sections replaced."""
    return load({**yaml.safe_load(text), **changes})


def open_session(upstream: Upstream, given: Manifest | None = None, *, heard: list[Call] | None = None, **values: Any) -> HttpSession:
    """Return a session on the service."""
    connector = ManifestConnector(given or manifest())
    properties = {"URL": f"{upstream.url}/v2", "Workspace": "acme", "APIToken": "secret-token", "Timeout": 5, **values}
    known = {item.name for item in connector.properties}
    context = Context(outgoing=upstream.allow, heard=heard.append if heard is not None else lambda call: None)
    return connector.open(connector.clean({n: v for n, v in properties.items() if n in known}), context=context)


def offered(
    session: HttpSession, ref: TableRef, *where: Predicate, columns: tuple[str, ...] = (), order: tuple[Order, ...] = (), **more: Any
) -> Offer:
    """Return the offer of a scan over a table; without `columns` all that aren't costly."""
    table = session.describe([ref])[0]
    wanted = columns or tuple(column.name for column in table.columns if not column.is_costly)
    return session.offer(Scan(table, wanted, tuple(where), tuple(order), **more))


def rows_of(session: HttpSession, offer: Offer) -> list[tuple[Any, ...]]:
    """Return all rows of an offer."""
    return [row for batch in session.read(offer) for row in batch.rows]


NOTES = TableRef("Information", "Notes")
BLUE = TableRef("blue", "Notes")
NOTEBOOKS = TableRef("Information", "Notebooks")
