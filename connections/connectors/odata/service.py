"""Calls to one OData service: addresses, bodies, and what its error answers mean; the HTTP engine signs, repeats and counts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from connections.connectors.exact_json import DECODER, json_text
from connections.connectors.http.calls import LOOK, UNCLEAR, Caller, Target
from connections.connectors.http.replies import DEFAULT_WAIT, ELSEWHERE, no_json, wait_of, without_secrets
from connections.contract.errors import (
    AddressRefused,
    AuthenticationFailed,
    BadAnswer,
    ChangeUnknown,
    ConnectionFailed,
    ConnectorError,
    ConstraintViolated,
    NotSupported,
    RateLimited,
    SourceRejected,
    SourceTimeout,
    TableGone,
)
from connections.outgoing import Reply, joined, origin_of

# Characters that stay in a query as they are; all others are percent-encoded, & + # = and quotes' neighbours among them.
PLAIN = "'(),:/$@*!"
LONGEST_TEXT = 300

Query = Mapping[str, str]


class Service:
    """One service root, called as all HTTP services are: within the shared budget, repeated where that is safe. Thread-safe."""

    def __init__(self, caller: Caller, *, page_size: int = 0) -> None:
        self.root = caller.service.base_url.split("?")[0].rstrip("/") + "/"
        self._caller = caller
        self._page_size = page_size
        scheme = caller.service.scheme
        self._key_option = str(scheme["name"]) if scheme["type"] == "query" else ""

    def address(self, path: str, query: Query | None = None) -> str:
        """Return the address of a path below the root; every character of a value that could mean something is encoded."""
        text = "&".join(f"{name}={quote(value, safe=PLAIN)}" for name, value in (query or {}).items())
        return self.root + quote(path, safe="/'(),=$-_.~") + (f"?{text}" if text else "")

    def get_json(self, address: str) -> Any:
        """Return the JSON of an address, tried again while the service asks for patience."""
        prefer = {"Prefer": f"odata.maxpagesize={self._page_size}"} if self._page_size else {}
        return json_of(self._got(address, {"Accept": "application/json;odata.metadata=minimal", **prefer}), self.host())

    def get_text(self, address: str, accept: str) -> bytes:
        """Return the body of an address."""
        return self._got(address, {"Accept": accept}).body

    def get_row(self, address: str) -> Reply | None:
        """Return the answer with one row; None where there is none."""
        reply = self._caller.reply(Target(address, headers={"Accept": "application/json;odata.metadata=minimal"}))
        return None if reply.status in (204, 404, 410) else self.good(reply)

    def write(self, method: str, address: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a change once: nobody knows whether one that was not answered was made."""
        try:
            content, kind = (None, "") if body is None else (json_text(body).encode(), "application/json")
        except RecursionError as error:
            raise SourceRejected("The values are nested too deeply to be sent.", hint="Send flatter JSON.") from error
        target = Target(address, method, {}, headers or {}, content, kind, is_repeatable=False, adds=method == "POST")
        reply = self._caller.reply(target)
        if target.adds and reply.status in UNCLEAR:
            raise ChangeUnknown(f"{self.host()} answered {reply.status}: nobody knows whether it made the change.", hint=LOOK)
        return reply

    def follow(self, base: str, link: object) -> str:
        """Return the address of a next link; raise for one that leads to another service."""
        if not isinstance(link, str):
            raise BadAnswer(f"{self.host()} gives a next page that is no address.", hint="The service's paging is broken; tell its owner.")
        found = joined(base, link)
        if origin_of(found) != origin_of(self.root):
            raise AddressRefused(
                f"The next page of {self.host()} is said to be at {origin_of(found)[1]}, another service.",
                hint="Give the address in URL that the service itself uses in its links.",
            )
        address, _, query = found.partition("?")
        kept = [piece for piece in query.split("&") if piece and unquote(piece.split("=")[0]) != self._key_option]
        return address + ("?" + "&".join(kept) if kept else "")

    def row_address(self, name: str, key: str) -> str:
        """Return the address of one row; `key` is in parentheses."""
        return self.root + quote(name, safe="") + quote(key, safe="'(),=:")

    def good(self, reply: Reply) -> Reply:
        """Return the answer; raise what a failure means."""
        return succeeded(reply, self.host(), self._caller.secrets)

    def host(self) -> str:
        """Return the service's host, for messages."""
        return urlsplit(self.root).hostname or "The service"

    def close(self) -> None:
        """Close the connections."""
        self._caller.outgoing.close()

    def _got(self, address: str, headers: Mapping[str, str]) -> Reply:
        reply = self._caller.reply(Target(address, headers=headers))
        if reply.status in (404, 410):
            text = f"{self.host()} has nothing at this address any more: it answered {reply.status}."
            raise TableGone(text, hint="Reload the list of tables, or check URL.")
        return self.good(reply)


def succeeded(reply: Reply, host: str, secrets: frozenset[str]) -> Reply:
    """Return the answer; raise what a failure means."""
    if reply.status < 300:
        return reply
    told = without_secrets(message_of(reply), secrets)
    text = f"{host} answered {reply.status}" + (f": {told}" if told else ".")
    if reply.status == 429:
        raise RateLimited(text, retry_after=wait_of(reply, "") or DEFAULT_WAIT, hint="The service asks to wait.")
    for statuses, error, hint in MEANINGS:
        if reply.status in statuses:
            raise error(text, hint=hint)
    if reply.status == 409:
        raise ConstraintViolated(text, kind="unique", hint="A row with this key may exist, or the row is in use.")
    if reply.status < 400:
        raise BadAnswer(text, hint=ELSEWHERE)
    if reply.status < 500:
        raise SourceRejected(text, hint="Check the values, and the connection's properties.")
    raise ConnectionFailed(text, hint="Try again; the service has a fault.")


Failure = Callable[..., ConnectorError]
MEANINGS: tuple[tuple[frozenset[int], Failure, str], ...] = (
    (frozenset({401, 403}), AuthenticationFailed, "Check AuthScheme and its properties, and what this user may do at the service."),
    (frozenset({408, 504}), SourceTimeout, "Ask for less, or try again."),
    (frozenset({501}), NotSupported, "The service does not offer this; switch Pushdown off where a filter or order is meant."),
)


def message_of(reply: Reply) -> str:
    """Return what an OData error body says, cut to one line."""
    try:
        found = DECODER.decode(reply.body[:100_000].decode())
        error = found["error"]
        text = error["message"] if isinstance(error["message"], str) else error["message"]["value"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return " ".join(str(text).split())[:LONGEST_TEXT]


def json_of(reply: Reply, host: str) -> Any:
    """Return the JSON of an answer."""
    try:
        return DECODER.decode(reply.body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise no_json(reply, host) from error
