"""Where callbacks may go: public https addresses, those that `outgoing.allow` names, of these only `triggers.hosts` where listed."""

from __future__ import annotations

from functools import lru_cache

from apiserver.server import options
from connections.contract.errors import AddressRefused
from connections.outgoing import Outgoing, Reply, Settings, origin_of

SECONDS = 20.0
MOST_BYTES = 2**20  # of an answer, which nobody reads
AT_ONCE = 16  # calls to one host from this process


@lru_cache(maxsize=4)
def client(allow: tuple[str, ...]) -> Outgoing:
    """Return the outgoing client under the server's rules; it is shared by all deliveries of the process."""
    return Outgoing(Settings(allow=allow, timeout=SECONDS, max_bytes=MOST_BYTES, max_connections=AT_ONCE))


def current() -> Outgoing:
    """Return the client under the rules of the moment."""
    return client(tuple(options.current().outgoing.get("allow", ())))


def host_of(url: str) -> str:
    """Return `host:port` of an address; raise AddressRefused for one that can't be called at all."""
    _, host, port = origin_of(url)
    return f"{host}:{port}"


def check(url: str) -> None:
    """Raise AddressRefused for a callback that may not be called."""
    check_listed(url)
    current().check(url)


def check_listed(url: str) -> None:
    """Raise AddressRefused for a host that the administrator did not list."""
    listed = [str(item).strip().lower() for item in options.current().triggers["hosts"]]
    _, host, _ = origin_of(url)
    if listed and not any(is_named(host, item) for item in listed):
        raise AddressRefused(f"{host} is no host that callbacks may go to.", hint="An administrator can add it to triggers.hosts.")


def is_named(host: str, entry: str) -> bool:
    """Claim that an entry of the list names the host: itself, or `*.example.com` for all below."""
    return host.endswith(entry[1:]) if entry.startswith("*.") else host == entry


def post(url: str, body: bytes, headers: dict[str, str]) -> Reply:
    """Send a message; redirects are answers like any other. Raise ConnectorError where there is none."""
    check_listed(url)
    return current().send("POST", url, headers={"Content-Type": "application/json", **headers}, body=body, is_redirected=False)
