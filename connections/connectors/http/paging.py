"""Paging by name: how the next page is asked for, and the guards that end a service's endless list in an error instead of a loop.

The state between two pages is plain JSON, so that reading can go on elsewhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connections.connectors.http.paths import find, steps_of
from connections.contract.errors import BadAnswer

State = dict[str, Any]  # params, body and url of the next call; seen: rows so far
LINK = re.compile(r"<([^>]*)>([^,<]*)")
MAX_EMPTY = 20
# Where services put the next address or cursor; asked in this order by `auto`.
NEXT_URLS = (
    "@odata.nextLink", "next", "links.next", "_links.next.href", "paging.next", "pagination.next", "meta.next", "next_page_url", "nextLink",
    "next_url", "nextPageUrl", "links.next.href", "pagination.next_url", "page.next",
)  # fmt: skip
NEXT_CURSORS = {
    "next_cursor": "cursor", "nextCursor": "cursor", "meta.next_cursor": "cursor", "response_metadata.next_cursor": "cursor",
    "pagination.next_cursor": "cursor", "paging.cursors.after": "after", "paging.next.after": "after", "nextPageToken": "pageToken",
    "next_page_token": "page_token", "nextToken": "nextToken", "next_token": "next_token", "continuation": "continuation",
}  # fmt: skip
# Flags that say that there are more rows, without saying how to get them.
MORE = (
    "has_more", "hasMore", "has_next", "hasNext", "has_next_page", "hasNextPage", "meta.has_more", "pagination.has_more",
    "pagination.has_next", "paging.has_more", "pageInfo.hasNextPage",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """What one answer holds, as far as paging is concerned."""

    document: Any
    headers: Mapping[str, str]
    rows: list[Any]
    asked: int | None  # rows asked for, None where that can't be said
    total: int | None


def node(page: Page, path: Any) -> Any:
    """Return what stands at a path of the answer; the odata name with a dot is one step."""
    steps = ("@odata.nextLink",) if path == "@odata.nextLink" else steps_of(path)
    return find(page.document, steps)


def linked(headers: Mapping[str, str]) -> str:
    """Return the address of a Link header with rel=next, or ''."""
    for address, attributes in LINK.findall(headers.get("Link", "")):
        if re.search(r'rel="?[^";]*\bnext\b', attributes):
            return str(address)
    return ""


def address(value: Any, page: Page) -> State | None:
    """Return the state of a next address."""
    if value in (None, "", False):
        return None
    if not isinstance(value, str):
        raise BadAnswer("The address of the next page is no text.", hint="The service changed its paging, or `next` is wrong.")
    return {"url": value}


def cursor(spec: Mapping[str, Any], value: Any) -> State | None:
    """Return the state of a cursor."""
    if value in (None, "", False):
        return None
    if isinstance(value, dict | list):
        raise BadAnswer("The cursor of the next page is no text.", hint="The service changed its paging, or `next` is wrong.")
    return {place_of(spec): {spec["param"]: value}}


def place_of(spec: Mapping[str, Any]) -> str:
    """Return where a value goes: among the parameters, or into the body."""
    return "body" if spec.get("in") == "body" else "params"


def has_more(spec: Mapping[str, Any], page: Page) -> bool | None:
    """Return what the answer says of further pages; None where it says nothing."""
    if "more" not in spec:
        return None
    found = node(page, spec["more"])
    return None if found is None else str(found).lower() not in ("false", "0", "")


def next_of(spec: Mapping[str, Any], page: Page, state: State) -> State | None:
    """Return the state of the next page; None when this was the last."""
    kind = spec["type"]
    if kind in ("none", "unknown"):
        return None
    if kind == "auto":
        return auto(page, place_of(spec))
    if kind in ("next_url", "odata"):
        return address(node(page, spec.get("next", "@odata.nextLink" if kind == "odata" else "next")), page)
    if kind == "link_header":
        return address(linked(page.headers), page)
    if kind in ("cursor", "graphql_cursor"):
        if has_more(spec, page) is False:
            return None
        value = page.headers.get(spec["next_header"]) if "next_header" in spec else node(page, spec.get("next"))
        return {"variables": {spec["param"]: value}} if kind == "graphql_cursor" and value else cursor(spec, value)
    return counted(spec, page, state)


def counted(spec: Mapping[str, Any], page: Page, state: State) -> State | None:
    """Return the next page of last_id, page and offset: these end by a flag, a total or an empty page."""
    more = has_more(spec, page)
    seen = int(state.get("seen", 0)) + len(page.rows)
    number = int(state.get("page", spec.get("start", 1)))
    pages = last_number(spec, page)
    lacks = page.total is not None and seen < page.total
    if not page.rows and not (more or lacks or (pages is not None and number < pages)):
        return None
    if not page.rows and spec["type"] != "page" and "last" not in spec:
        raise BadAnswer("The service says that there are more rows, but its page holds none.", hint="Try again later.")
    is_short = bool(spec.get("short_is_last")) and page.asked is not None and len(page.rows) < page.asked
    if more is False or (is_short and not lacks) or (page.total is not None and not lacks):
        return None
    where = place_of(spec)
    if spec["type"] == "last_id":
        last = node(page, spec["last"]) if "last" in spec else find(page.rows[-1], steps_of(spec.get("id", "id")))
        if last is None:
            raise BadAnswer("The last row of a page has no id to go on from.", hint="Choose another kind of paging for this table.")
        return {where: {spec["param"]: last}, "seen": seen}
    if spec["type"] == "offset":
        return {where: {spec["param"]: int(spec.get("start", 0)) + seen}, "seen": seen}
    if pages is not None and number >= pages:
        return None
    return {where: {spec["param"]: number + 1}, "page": number + 1, "seen": seen}


def last_number(spec: Mapping[str, Any], page: Page) -> int | None:
    """Return the number of the last page, None where the answer doesn't tell it."""
    told = page.headers.get(spec["pages_header"]) if "pages_header" in spec else node(page, spec["pages"]) if "pages" in spec else ""
    found = str(told)
    return int(found) + int(spec.get("start", 1)) - 1 if found.isdecimal() else None


def auto(page: Page, where: str = "params") -> State | None:
    """Return the next page by what the answer shows: a Link header, an address, a cursor."""
    if linked(page.headers):
        return {"url": linked(page.headers)}
    for path in NEXT_URLS:
        found = node(page, path)
        if isinstance(found, str) and ("/" in found or "?" in found):
            return {"url": found}
    for path, param in NEXT_CURSORS.items():
        found = node(page, path)
        if isinstance(found, str | int) and not isinstance(found, bool) and found != "":
            return {where: {param: found}}
    return None


def is_settled(page: Page) -> bool:
    """Claim that `auto` knows how this list goes on: it shows the way, or shows that there is none."""
    if auto(page) is not None:
        return True
    if promises_more(page) or (page.total is not None and page.total > len(page.rows)):
        return False
    if page.total is not None:
        return True
    if "rel=" in page.headers.get("Link", ""):
        return True
    return any(shows(page.document, path) for path in (*NEXT_URLS, *NEXT_CURSORS))


def promises_more(page: Page) -> bool:
    """Claim that an answer that `auto` can't follow says that there are more rows."""
    return any(goes_on(node(page, path)) for path in (*NEXT_URLS, *NEXT_CURSORS)) or any(node(page, path) is True for path in MORE)


def goes_on(value: Any) -> bool:
    """Claim that what stands in the place of a next page is one: an object without its address is none."""
    if isinstance(value, dict):
        addresses = [value[name] for name in ("href", "url", "after", "cursor") if name in value]
        return any(goes_on(item) for item in addresses or value.values())
    return value not in (None, "", "0", 0, [])


def shows(document: Any, path: str) -> bool:
    """Claim that an answer has the member, be it null or empty."""
    steps = (path,) if path.startswith("@") else steps_of(path)
    parent = find(document, steps[:-1])
    return isinstance(parent, dict) and steps[-1] in parent


def first_state(spec: Mapping[str, Any]) -> State:
    """Return the state of the first page."""
    if spec["type"] == "page" and "param" in spec:
        start = int(spec.get("start", 1))
        return {place_of(spec): {spec["param"]: start}, "page": start}
    if spec["type"] == "offset" and "param" in spec and "start" in spec:
        return {place_of(spec): {spec["param"]: int(spec["start"])}}
    return {}


class Guard:
    """Ends a list that doesn't end: repeated addresses and cursors, pages without a new row, too many pages."""

    def __init__(self, table: str, most: int) -> None:
        self.table, self.most = table, most
        self.pages = self.empty = self.repeated = 0
        self._asked: set[bytes] = set()
        self._last: bytes = b""

    def ask(self, state: State) -> None:
        """Raise BadAnswer when this page was asked for before."""
        self.pages += 1
        if self.pages > self.most:
            raise BadAnswer(
                f"The list of {self.table} has more than {self.most:,} pages.", hint="Ask for less, or raise the manifest's limits.pages."
            )
        mark = hashlib.blake2b(repr(sorted((k, v) for k, v in state.items() if k != "seen")).encode(), digest_size=12).digest()
        if mark in self._asked:
            raise BadAnswer(f"The list of {self.table} leads back to a page that was read before.", hint="The service's paging is broken.")
        self._asked.add(mark)

    def got(self, rows: list[Any], new: int | None, is_last: bool) -> None:
        """Take note of a page: `new` rows of it weren't seen before, None where there is no key to tell."""
        if not rows:
            self.empty += 1
            if self.empty > MAX_EMPTY and not is_last:
                raise BadAnswer(f"The list of {self.table} goes on with empty pages.", hint="The service's paging is broken.")
            return
        self.empty = 0
        mark = b"" if new is not None else hashlib.blake2b(repr(rows).encode(), digest_size=12).digest()
        is_repeated = new == 0 if new is not None else mark == self._last
        self._last = mark
        self.repeated = self.repeated + 1 if is_repeated else 0
        if self.repeated > 1 or (self.repeated and not is_last and len(rows) > 1 and new is None):
            raise BadAnswer(f"The list of {self.table} repeats its rows page after page.", hint="The service's paging is broken.")
