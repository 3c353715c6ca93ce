"""Which addresses the product may call: public ones, and private ones that the server's `outgoing.allow` names.

Asked by the client with the address that is about to be connected to, after the name was resolved.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from connections.contract.errors import AddressRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# What `is_global` of some Python calls public, or what leads to an inner address by another name.
NEVER_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "168.63.129.16/32",  # Azure's host service
        "192.0.0.0/24",  # 192.0.0.192: Oracle's metadata
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/3",
        "::/96",  # IPv4 in old notation
        "100::/64",
        "2001::/23",  # Teredo and other tunnels
        "fec0::/10",
        "ff00::/8",
    )
)
TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
TRANSLATED_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
SIX_TO_FOUR = ipaddress.ip_network("2002::/16")
HINT = "Public https addresses may be called; others only when the server's settings allow them: outgoing.allow, such as {entry}."


def plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in SIX_TO_FOUR:
        return ipaddress.IPv4Address((int(address) >> 80) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Claim that the address is one of the public internet."""
    found = plain(address)
    listed = any(found.version == network.version and found in network for network in NEVER_PUBLIC)
    return found.is_global and not found.is_multicast and not listed and found not in TRANSLATED_LOCAL


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of outgoing.allow: a network or a host name, one port or all."""

    network: Network | None
    name: str
    port: int | None
    is_plain: bool  # http:// was written: TLS is not asked for


def entry(text: str) -> Entry:
    """Return what an entry says: 127.0.0.1:9000, 10.0.0.0/8, [::1]:80, intern.example:8443, http://10.0.0.5; raise ValueError."""
    rest = text.strip().lower()
    is_plain = rest.startswith("http://")
    rest = rest.removeprefix("http://").removeprefix("https://").rstrip("/")
    host, port = split_port(rest)
    if not host or any(c.isspace() for c in host):
        raise ValueError(f"{text!r} is no address such as 127.0.0.1:9000, 10.0.0.0/8 or intern.example:8443")
    try:
        return Entry(ipaddress.ip_network(host.strip("[]"), strict=False), "", port, is_plain)
    except ValueError:
        if "/" in host or ":" in host:
            raise ValueError(f"{text!r} is no address such as 127.0.0.1:9000, 10.0.0.0/8 or intern.example:8443") from None
        return Entry(None, host, port, is_plain)


def split_port(text: str) -> tuple[str, int | None]:
    """Return host and port of `host:port`, `[::1]:port` or a bare host or IPv6 address."""
    if text.startswith("["):
        host, _, rest = text.partition("]")
        return host[1:], int(rest[1:]) if rest.startswith(":") and rest[1:].isdecimal() else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        if not port.isdecimal():
            raise ValueError(f"{text!r} has no port number")
        return host, int(port)
    return text, None


@dataclass(frozen=True, slots=True)
class Reach:
    """The rule of one connection."""

    entries: tuple[Entry, ...] = ()

    def check(self, host: str, address: str, port: int, *, is_plain: bool) -> None:
        """Raise AddressRefused unless this resolved address of `host` may be called; `is_plain` is without TLS."""
        found = plain(ipaddress.ip_address(address.split("%")[0]))
        allowing = [item for item in self.entries if allows(item, host, found, port)]
        if not allowing and not is_public(ipaddress.ip_address(address.split("%")[0])):
            raise AddressRefused(f"{host} is a private address, which this server may not call.", hint=HINT.format(entry=f"{host}:{port}"))
        if is_plain and not any(item.is_plain or found.is_loopback for item in allowing):
            raise AddressRefused(f"{host} would be called without TLS.", hint=HINT.format(entry=f"http://{host}:{port}"))


def allows(item: Entry, host: str, address: Address, port: int) -> bool:
    """Claim that the entry names this address."""
    if item.port not in (None, port):
        return False
    if item.network is None:
        return item.name == host.lower().rstrip(".")
    return item.network.version == address.version and address in item.network


@lru_cache(maxsize=256)
def reach(allow: Sequence[str] = ()) -> Reach:
    """Return the rule of these entries; raise ValueError for what is none."""
    return Reach(tuple(entry(text) for text in allow))
