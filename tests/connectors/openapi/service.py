"""A service on loopback with one list for each style of paging, and the document over it: told, or silent about pages."""

from __future__ import annotations

import json
from typing import Any

from connections.connectors.openapi.connector import OpenapiConnector
from connections.connectors.openapi.session import OpenapiSession
from connections.contract.context import Context
from connections.contract.scan import Predicate, Scan
from connections.contract.table import Table, TableRef
from tests.connectors.openapi.documents import ROW, TEXT, WHOLE, answers, array, document, get, query, thing
from tests.fakes.upstream import Answer, Seen, Upstream

COUNT = 23
SIZE = 5
PETS = [{"id": number, "name": f"pet {number}"} for number in range(1, COUNT + 1)]
STYLES = ("page", "zero", "offset", "cursor", "link", "next", "last", "whole")


def cut(seen: Seen, first: int) -> list[dict[str, Any]]:
    """Return one page of the rows."""
    return PETS[max(first, 0) : max(first, 0) + min(int(seen.params.get("limit", SIZE)), SIZE)]


def paged(style: str, seen: Seen, url: str) -> Answer:
    """Return a page in a style."""
    params = seen.params
    if style in ("page", "zero"):
        base = 1 if style == "page" else 0
        return Answer(cut(seen, (int(params.get("page", base)) - base) * SIZE))
    if style == "offset":
        return Answer({"data": cut(seen, int(params.get("offset", 0)))})
    if style == "last":
        rows = cut(seen, int(params.get("starting_after", 0)))
        return Answer({"data": rows, "has_more": bool(rows) and rows[-1]["id"] < COUNT})
    if style == "whole":
        return Answer(PETS)
    first = int(params.get("cursor", 0))
    following = first + SIZE if first + SIZE < COUNT else None
    address = f"{url}/{style}_pets?cursor={following}" if following else None
    rows = cut(seen, first)
    if style == "link":
        return Answer(rows, headers={"Link": f'<{address}>; rel="next"'} if address else {})
    return Answer({"data": rows, **({"next": address} if style == "next" else {"next_cursor": str(following) if following else None})})


class Pets:
    """The service; `silent` leaves what tells of pages out of the document."""

    def __init__(self, upstream: Upstream, *, silent: bool = False) -> None:
        self.upstream = upstream
        self.silent = silent
        for style in STYLES:
            upstream.route(f"/{style}_pets", lambda seen, style=style: paged(style, seen, upstream.url))
        upstream.route("/made_pets", self.create)
        upstream.fallback = self.one

    def create(self, seen: Seen) -> Answer:
        if seen.method == "GET":
            return Answer({"data": PETS})
        return Answer({"id": 99, **json.loads(seen.body)}, 201)

    def one(self, seen: Seen) -> Answer:
        _, style, number = (*seen.path.split("/"), "", "")[:3]
        found = next((pet for pet in PETS if str(pet["id"]) == number), None) if style else None
        if found is None:
            return Answer({"message": "no such pet"}, 404)
        if seen.method == "DELETE":
            return Answer(None, 204)
        return Answer({**found, **(json.loads(seen.body) if seen.body else {})})

    def document(self) -> dict[str, Any]:
        """Return the document."""
        said = {
            "page": get(array(ROW), query("page", {"type": "integer", "default": 1}), query("limit", WHOLE)),
            "zero": get(array(ROW), query("page", {"type": "integer", "default": 0}), query("limit", WHOLE)),
            "offset": get(thing(data=array(ROW)), query("offset", WHOLE), query("limit", WHOLE)),
            "cursor": get(thing(data=array(ROW), next_cursor=TEXT), query("cursor")),
            "link": get(array(ROW), headers={"Link": {"schema": TEXT}}),
            "next": get(thing(data=array(ROW), next={"type": "string", "format": "uri"})),
            "last": get(thing(data=array(ROW), has_more={"type": "boolean"}), query("starting_after"), query("limit", WHOLE)),
            "whole": get(array(ROW)),
        }
        silent = {style: get(thing(data=array(ROW)) if style in ("offset", "cursor", "next", "last") else array(ROW)) for style in STYLES}
        paths = {f"/{style}_pets": operation for style, operation in (silent if self.silent else said).items()}
        body = {"requestBody": {"content": {"application/json": {"schema": thing(name=TEXT)}}}, "responses": answers(ROW)}
        one = {**get(ROW), "patch": body, "delete": {"responses": {"204": {"description": ""}}}}
        paths |= {"/made_pets": {**get(thing(data=array(ROW))), "post": body}, "/made_pets/{id}": one}
        return document(paths, servers=[{"url": self.upstream.url}])

    def context(self, **more: Any) -> Context:
        """Return what a connection to the service may use."""
        return Context(outgoing=self.upstream.allow, **more)

    def values(self, **more: Any) -> dict[str, Any]:
        """Return cleaned properties."""
        return OpenapiConnector().clean({"Document": json.dumps(self.document()), **more})

    def open(self, **more: Any) -> OpenapiSession:
        """Return a session."""
        return OpenapiConnector().open(self.values(**more), context=self.context())


def described(session: OpenapiSession, name: str) -> Table:
    """Return a table as the session describes it."""
    return session.describe([TableRef("", name)])[0]


def rows(session: OpenapiSession, name: str, *where: Predicate) -> list[dict[str, Any]]:
    """Return the rows of a table."""
    table = described(session, name)
    columns = tuple(column.name for column in table.columns)
    offer = session.offer(Scan(table, columns, where))
    return [dict(zip(columns, row, strict=True)) for batch in session.read(offer) for row in batch.rows]
