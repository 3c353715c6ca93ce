"""Calls to one OData service: its root, credentials, retries, and what its error answers mean."""

from __future__ import annotations

import base64
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from connections.connectors.exact_json import DECODER, json_text
from connections.contract.context import Call, Context
from connections.contract.errors import (
    AddressRefused,
    AuthenticationFailed,
    BadAnswer,
    ConnectionFailed,
    ConnectorError,
    NotSupported,
    RateLimited,
    SourceRejected,
    SourceTimeout,
)
from connections.outgoing import Outgoing, Reply, Settings, joined, origin_of

# Characters that stay in a query as they are; all others are percent-encoded, & + # = and quotes' neighbours among them.
PLAIN = "'(),:/$@*!"
PATIENT = frozenset({429, 502, 503, 504})
MOST_TRIES = 4
MOST_WAIT = 10.0
LONGEST_TEXT = 300

Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Credentials:
    """How each call shows who calls: headers, or query options that never enter messages."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)


class Service:
    """One service root. Thread-safe."""

    def __init__(self, root: str, credentials: Credentials, settings: Settings, context: Context, *, page_size: int = 0) -> None:
        self.root = root.split("?")[0].rstrip("/") + "/"
        self._credentials, self._context = credentials, context
        self._outgoing = Outgoing(settings)
        self._timeout = settings.timeout
        self._page_size = page_size
        self._lock = threading.Lock()

    def address(self, path: str, query: Query | None = None) -> str:
        """Return the address of a path below the root; every character of a value that could mean something is encoded."""
        text = "&".join(f"{name}={quote(value, safe=PLAIN)}" for name, value in (query or {}).items())
        return self.root + quote(path, safe="'(),=$-_.~") + (f"?{text}" if text else "")

    def get_json(self, address: str) -> Any:
        """Return the JSON of an address, tried again while the service asks for patience."""
        prefer = {"Prefer": f"odata.maxpagesize={self._page_size}"} if self._page_size else {}
        return json_of(self._patiently("GET", address, {"Accept": "application/json;odata.metadata=minimal", **prefer}), self.host())

    def get_text(self, address: str, accept: str) -> bytes:
        """Return the body of an address."""
        return self._patiently("GET", address, {"Accept": accept}).body

    def write(self, method: str, address: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a change once: nobody knows whether one that was not answered was made."""
        content = None if body is None else json_text(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        return self._once(method, address, {"Accept": "application/json", **kind, **(headers or {})}, content)

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
        kept = [piece for piece in query.split("&") if piece and unquote(piece.split("=")[0]) not in self._credentials.query]
        return address + ("?" + "&".join(kept) if kept else "")

    def row_address(self, name: str, key: str) -> str:
        """Return the address of one row; `key` is in parentheses."""
        return self.root + quote(name, safe="") + quote(key, safe="'(),=:")

    def host(self) -> str:
        """Return the service's host, for messages."""
        return urlsplit(self.root).hostname or "The service"

    def close(self) -> None:
        """Close the connections."""
        self._outgoing.close()

    def _patiently(self, method: str, address: str, headers: Mapping[str, str]) -> Reply:
        ends = time.monotonic() + self._timeout
        for attempt in range(MOST_TRIES):
            try:
                reply = self._once(method, address, headers, ends=ends)
            except ConnectionFailed:
                if attempt + 1 == MOST_TRIES or not pause(random.uniform(0, 0.5 * 2**attempt), ends):  # noqa: S311 no secret
                    raise
                continue
            wait = waiting(reply, attempt)
            if reply.status not in PATIENT or attempt + 1 == MOST_TRIES or not pause(wait, ends):
                return succeeded(reply, self.host())
        raise AssertionError("unreachable")

    def _once(self, method: str, address: str, headers: Mapping[str, str], body: bytes | None = None, ends: float = float("inf")) -> Reply:
        version = {"OData-Version": "4.0", "OData-MaxVersion": "4.01"}
        credentials = {**self._credentials.headers, **self._bearer()}
        begun = time.monotonic()
        try:
            reply = self._outgoing.send(
                method, self._signed(address), headers={**version, **headers}, credentials=credentials, body=body, ends=ends
            )
        except ConnectorError as error:
            self._context.heard(Call(method, address, 0, time.monotonic() - begun, error=error.message))
            raise
        self._context.heard(Call(method, address, reply.status, reply.seconds, size=len(reply.body)))
        return reply

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._context.tokens.access()}"} if self._context.tokens else {}

    def _signed(self, address: str) -> str:
        """Return the address with the key that the service wants in its query."""
        added = urlencode(list(self._credentials.query.items()))
        return address + ("&" if "?" in address else "?") + added if added else address


def pause(seconds: float, ends: float) -> bool:
    """Wait; claim that there was time for it."""
    if time.monotonic() + seconds >= ends:
        return False
    time.sleep(seconds)
    return True


def waiting(reply: Reply, attempt: int) -> float:
    """Return the seconds that the service asks for, else more with each attempt."""
    asked = reply.headers.get("Retry-After") or ""
    return min(float(asked), MOST_WAIT) if asked.isdigit() else random.uniform(0, 0.5 * 2**attempt)  # noqa: S311 no secret


def succeeded(reply: Reply, host: str) -> Reply:
    """Return the answer; raise what a failure means."""
    if reply.status < 300:
        return reply
    told = message_of(reply)
    text = f"{host} answered {reply.status}" + (f": {told}" if told else ".")
    if reply.status == 429:
        raise RateLimited(text, retry_after=waiting(reply, 0), hint="The service asks to wait.")
    for statuses, error, hint in MEANINGS:
        if reply.status in statuses:
            raise error(text, hint=hint)
    raise (SourceRejected if reply.status < 500 else ConnectionFailed)(text)


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
        raise BadAnswer(f"{host} answered with something that is no JSON.", hint="Check URL: it must be the service's root.") from error


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header of Basic authentication."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
