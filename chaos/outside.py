"""S13: the server calls only where it may, whoever gives the address: a property, a document, a redirect or a page two."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from chaos.inner_addresses import LOOKED_UP, PORT, inner_addresses
from chaos.promises import promise, require
from connections.connectors.registry import get_connector
from connections.contract.context import Context, OAuthService
from connections.contract.errors import ConnectorError
from connections.contract.scan import Scan
from connections.contract.table import TableRef
from connections.oauth import calls
from connections.outgoing import Outgoing, Settings
from connections.outgoing.reach import is_public
from tests.connectors.odata.rich_service import METADATA
from tests.fakes.upstream import Answer, Upstream

QUICK = {"Timeout": 3, "ConnectTimeout": 1}
Entry = Callable[[str], None]


class Sentry:
    """Sees what sockets are opened to; nothing but the service on loopback is reached, names lead where LOOKED_UP says."""

    def __init__(self, allowed: int) -> None:
        self.allowed, self.inside, self.reached = allowed, list[tuple[str, int]](), 0
        self._turns: dict[str, int] = {}
        self._lock = threading.Lock()

    def look_up(self, host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        """Stand in for the system's resolver: names that nobody knows lead inside."""
        name = (host.decode() if isinstance(host, bytes) else str(host)).rstrip(".").lower()
        try:
            return REAL_LOOK_UP(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except OSError:
            given = LOOKED_UP.get(name, [["93.184.215.14"]] if name in ("example.com", "attacker.example") else [["127.0.0.1"]])
        with self._lock:
            turn = self._turns[name] = self._turns.get(name, -1) + 1
        return [item for address in given[turn % len(given)] for item in REAL_LOOK_UP(address, port, type=socket.SOCK_STREAM)]

    def connect(self, sock: socket.socket, address: Any) -> None:
        """Stand in for connect: keep what is inside, refuse all but the service."""
        host, port = str(address[0]).split("%")[0], int(address[1])
        if port == self.allowed:
            self.reached += 1
            return REAL_CONNECT(sock, address)
        if not is_public(ip(host)):
            self.inside.append((host, port))
        raise ConnectionRefusedError("nothing outside is reached in this check")


REAL_LOOK_UP, REAL_CONNECT = socket.getaddrinfo, socket.socket.connect


def ip(host: str) -> Any:
    """Return the address that a socket was opened to."""
    return ipaddress.ip_address(host)


@contextmanager
def watched(allowed: int) -> Iterator[Sentry]:
    """Put the sentry in the place of resolver and connect."""
    sentry = Sentry(allowed)
    socket.getaddrinfo = sentry.look_up
    socket.socket.connect = lambda sock, address: sentry.connect(sock, address)  # type: ignore[method-assign,assignment]
    try:
        yield sentry
    finally:
        socket.getaddrinfo, socket.socket.connect = REAL_LOOK_UP, REAL_CONNECT  # type: ignore[method-assign]


def read(connector: str, values: dict[str, Any], allow: tuple[str, ...] = (), table: TableRef | None = None) -> None:
    """Test a connection, list its tables and read one: whatever an administrator would do with it."""
    found, context = get_connector(connector), Context(outgoing=allow)
    found.forbidden(values, ("postgresql://127.0.0.1:5432/own",))
    found.test(values, context=context)
    session: Any = found.open(found.clean(values), context=context)
    try:
        first = table or session.list_tables()[0].ref
        described = session.describe([first])[0]
        list(session.read(session.offer(Scan(described, tuple(column.name for column in described.columns)[:1]))))
    finally:
        session.close()


def document(server: str) -> str:
    """Return an OpenAPI document whose API is there."""
    rows = {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "integer"}}}}
    answer = {"200": {"description": "", "content": {"application/json": {"schema": rows}}}}
    return json.dumps(
        {
            "openapi": "3.0.3",
            "info": {"title": "x", "version": "1"},
            "servers": [{"url": server}],
            "paths": {"/rows": {"get": {"responses": answer}}},
        }
    )


def sign_in(address: str, kind: str) -> None:
    """Ask an OAuth service for a token, the account, or the end of a token."""
    places = {"token_url": "https://example.com/token", "account_url": "", "revoke_url": "", kind: address}
    service = OAuthService("client", "https://example.com/authorize", client_id="a", client_secret="b", **places)
    outgoing = Outgoing(Settings(connect_timeout=1, timeout=3))
    {
        "token_url": lambda: calls.client_tokens(service, outgoing),
        "account_url": lambda: calls.account(service, outgoing, "access"),
        "revoke_url": lambda: calls.revoke(service, outgoing, "token"),
    }[kind]()


def proxied(proxy: str) -> None:
    """Call through a proxy."""
    read("rest", {"URL": "https://example.com/", "ProxyServer": proxy, "ProxyPort": PORT, **QUICK, "MaxRetries": 0})


def called_back(address: str) -> None:
    """Take the address of a callback and call it, as subscriptions and notifications do."""
    outgoing = Outgoing(Settings(connect_timeout=1, timeout=3))
    outgoing.check(address)
    outgoing.send("POST", address, headers={"Content-Type": "application/json"}, body=b"{}", is_redirected=False)


def host_of(address: str) -> str:
    """Return what stands between scheme and port, as somebody types it."""
    return address.partition("://")[2].rstrip("/").removesuffix(f":{PORT}") or address


def properties_of() -> dict[str, Entry]:
    """Return the places where somebody gives an address, by name."""
    bitbucket = {"AuthScheme": "AccessToken", "AccessToken": "t", "Workspace": "w", **QUICK, "MaxRetries": 0}
    stripe = {"LiveAPIKey": "sk_live_x", **QUICK, "MaxRetries": 0}
    return {
        "REST URL": lambda url: read("rest", {"URL": url, **QUICK, "MaxRetries": 0}),
        "Bitbucket URL": lambda url: read("bitbucket", {**bitbucket, "URL": url}, table=TableRef("Information", "Workspaces")),
        "Stripe URL": lambda url: read("stripe", {**stripe, "URL": url}),
        "OData URL": lambda url: read("odata", {"URL": url, **QUICK}),
        "OpenAPI document": lambda url: read("openapi", {"Document": url, **QUICK}),
        "OpenAPI servers": lambda url: read("openapi", {"Document": document(url), **QUICK, "MaxRetries": 0}),
        "OAuth token address": lambda url: sign_in(url, "token_url"),
        "OAuth account address": lambda url: sign_in(url, "account_url"),
        "OAuth revocation": lambda url: sign_in(url, "revoke_url"),
        "OpenAPI URL": lambda url: read("openapi", {"Document": document("https://example.com/"), "URL": url, **QUICK, "MaxRetries": 0}),
        "callback": called_back,
        "proxy's name": lambda url: proxied(host_of(url)),
        "proxy's address": proxied,
    }


class Leading:
    """A service on loopback that sends whoever asks elsewhere: /KIND/NUMBER/..., with the number of the address."""

    def __init__(self, upstream: Upstream, addresses: list[str]) -> None:
        self.upstream, self.addresses = upstream, addresses
        upstream.fallback = self.answer

    def answer(self, seen: Any) -> Answer:
        """Answer with a redirect, or a page whose next one is elsewhere."""
        _, kind, number, *rest = seen.path.split("/")
        if rest[-1:] == ["$metadata"]:
            return Answer(METADATA.encode())
        target = self.addresses[int(number)]
        if kind == "redirect":
            return Answer(None, 302, {"Location": target.translate({9: None, 10: None}).encode("ascii", "ignore").decode()})
        name = "@odata.nextLink" if kind == "odata" else "next"
        return Answer({"value" if kind == "odata" else "values": [{"id": 1, "Id": 1}], name: target})

    def entries(self) -> dict[str, Entry]:
        """Return what follows such a service, by name."""
        allow, base = self.upstream.allow, self.upstream.url

        def rest(kind: str, url: str) -> None:
            paging = {"Rows": "values", "Paging": "NextURL", "NextPath": "next"} if kind == "next" else {}
            read("rest", {"URL": f"{base}/{kind}/{self.addresses.index(url)}/rows", **paging, **QUICK, "MaxRetries": 0}, allow)

        def odata(url: str) -> None:
            read("odata", {"URL": f"{base}/odata/{self.addresses.index(url)}/", **QUICK}, allow, TableRef("", "People"))

        def callback(url: str) -> None:
            outgoing = Outgoing(Settings(allow=allow, connect_timeout=1, timeout=3))
            outgoing.send("POST", f"{base}/redirect/{self.addresses.index(url)}/hook", body=b"{}", is_redirected=False)

        return {
            "callback's redirect": callback,
            "redirect": lambda url: rest("redirect", url),
            "next page": lambda url: rest("next", url),
            "nextLink": odata,
        }


@promise("S13")
def only_where_it_may() -> str:
    addresses = inner_addresses()
    require(len(addresses) >= 150, len(addresses))
    with Upstream([{"id": 1}]) as upstream, watched(upstream.port) as sentry:
        entries = {**properties_of(), **Leading(upstream, addresses).entries()}
        pairs = [(name, entry, address) for name, entry in entries.items() for address in addresses]
        with ThreadPoolExecutor(8) as pool:
            unexpected = [text for text in pool.map(tried, pairs) if text]
        before = sentry.reached
        read("rest", {"URL": f"{upstream.url}/rows", **QUICK}, upstream.allow)
        require(sentry.reached > before, "the control, an address that may be called, was not reached")
    require(not sentry.inside, f"{len(sentry.inside)} inside: {sentry.inside[:5]}")
    require(not unexpected, unexpected[:40])
    found = f"{len(addresses)} addresses x {len(entries)} places: 0 of {len(pairs):,} reached the inside"
    return f"{found}, 0 unexpected errors; the control was reached"


def tried(pair: tuple[str, Entry, str]) -> str:
    """Return what was wrong about one try: an error that is none of the contract's."""
    name, entry, address = pair
    try:
        entry(address)
    except ConnectorError:
        return ""
    except Exception as error:  # noqa: BLE001 that is what is looked for
        return f"{name} {address!r}: {type(error).__name__}: {error}"
    return ""
