"""Who calls from where: trusted addresses, trusted proxies, the address that clients use for us."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from django.http import HttpRequest

from apiserver.server import options

FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REAL_IP")
LAST_RANGE = re.compile(r"^(\d+\.\d+\.\d+\.)(\d+)-(\d+)$")
HOST = re.compile(r"^[A-Za-z0-9.\-_]+(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from; `is_spoofed` when an unlisted proxy says so."""

    address: str
    is_spoofed: bool = False
    is_proxied: bool = False


def parsed(text: str) -> Address | None:
    """Return an address; an IPv4 one written as IPv6 is the IPv4 one."""
    try:
        found = ipaddress.ip_address(text.strip().strip("[]").split("%")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def rule(text: str) -> Callable[[Address], bool]:
    """Return the test of one entry: address, CIDR, 100.10.100.1-15 or 100.10.100.*; raise ValueError for what is none."""
    text = text.strip()
    if "*" in text:
        pattern = re.compile("^" + re.escape(text).replace(r"\*", r"\d{1,3}") + "$")
        if not re.fullmatch(r"[\d.*]+", text) or text.count(".") > 3:
            raise ValueError(f"{text!r} is no address pattern such as 10.0.0.*")
        if text != "*" and text.count(".") != 3:
            raise ValueError(f"{text!r} is no address pattern such as 10.0.0.*")
        return (lambda address: True) if text == "*" else (lambda address: bool(pattern.match(str(address))))
    match = LAST_RANGE.match(text)
    if match:
        first, last = ipaddress.IPv4Address(match[1] + match[2]), ipaddress.IPv4Address(match[1] + match[3])
        if first > last:
            raise ValueError(f"{text!r} ends before it begins")
        return lambda address: address.version == 4 and first <= address <= last
    if "-" in text:
        low, high = (parsed(part) for part in text.split("-", 1))
        if low is None or high is None or low.version != high.version or int(low) > int(high):
            raise ValueError(f"{text!r} is no range of addresses")
        return lambda address: address.version == low.version and int(low) <= int(address) <= int(high)
    network = ipaddress.ip_network(text, strict=False)
    return lambda address: address.version == network.version and address in network


@lru_cache(maxsize=64)
def rules(entries: tuple[str, ...]) -> tuple[Callable[[Address], bool], ...]:
    """Return the tests of a list."""
    return tuple(rule(entry) for entry in entries)


def is_listed(text: str, entries: Iterable[str]) -> bool:
    """Claim that an address is in a list."""
    address = parsed(text)
    return address is not None and any(test(address) for test in rules(tuple(entries)))


def caller(request: HttpRequest) -> Caller:
    """Return where the request comes from; forwarded headers count only from listed proxies."""
    peer = request.META.get("REMOTE_ADDR", "") or "127.0.0.1"
    proxies = options.current().trusted_proxies
    if proxies and is_listed(peer, proxies):
        hops = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
        for hop in reversed(hops):
            if not is_listed(hop, proxies):
                return Caller(hop, is_proxied=True)
        return Caller(peer, is_proxied=True)
    is_forwarded = any(name in request.META for name in FORWARDED)
    address = parsed(peer)
    return Caller(peer, is_spoofed=is_forwarded and address is not None and address.is_loopback)


def site_root(request: HttpRequest) -> str:
    """Return scheme, host and path prefix that clients use, no trailing slash: as configured, as the proxy says, as asked."""
    configured = options.current().public_url
    if configured:
        return configured.rstrip("/")
    scheme, host = request.META.get("wsgi.url_scheme", "http"), request.META.get("HTTP_HOST", "")
    if caller(request).is_proxied:
        scheme = request.META.get("HTTP_X_FORWARDED_PROTO", scheme).split(",")[0].strip().lower()
        host = request.META.get("HTTP_X_FORWARDED_HOST", host).split(",")[0].strip()
    if scheme not in ("http", "https"):
        scheme = "http"
    if not HOST.match(host):
        host = f"{request.META.get('SERVER_NAME', 'localhost')}:{request.META.get('SERVER_PORT', '8153')}"
    return f"{scheme}://{host}{request.META.get('SCRIPT_NAME', '')}"


def service_root(request: HttpRequest, path_token: str | None) -> str:
    """Return the absolute address of the service, no trailing slash; with the token only when the path had it."""
    return f"{site_root(request)}/api.rsc" + (f"/@{path_token}" if path_token else "")
