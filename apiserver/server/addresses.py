"""Who calls from where: trusted addresses, trusted proxies, the address that clients use for us."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.urls import set_script_prefix

from apiserver.server import options
from apiserver.server.errors import NotReady

FORWARDED = frozenset(
    {"HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP", "HTTP_TRUE_CLIENT_IP", "HTTP_CF_CONNECTING_IP", "HTTP_X_CLUSTER_CLIENT_IP"}
)
UNKNOWN = "unknown"
LAST_RANGE = re.compile(r"^(\d+\.\d+\.\d+\.)(\d+)-(\d+)$")
HOST = re.compile(r"^[A-Za-z0-9.\-_]+(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$")
PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+")
OWN = frozenset({"api.rsc", "console", "manage", "static", "hooks", "oauth", "healthz", "readyz", ".well-known"})  # first segments of ours

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from; `is_spoofed` when an unlisted proxy says so."""

    address: str
    is_spoofed: bool = False
    is_proxied: bool = False


@lru_cache(maxsize=4096)
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
        return wildcard(text)
    match = LAST_RANGE.match(text)
    if match:
        return between(f"{match[1]}{match[2]}", f"{match[1]}{match[3]}")
    if "-" in text:
        low, _, high = text.partition("-")
        return between(low, high)
    single = parsed(text)
    if single is not None and "/" not in text:
        return lambda address: address == single
    network = ipaddress.ip_network(text, strict=False)
    return lambda address: address.version == network.version and address in network


def wildcard(text: str) -> Callable[[Address], bool]:
    """Return the test of 100.10.100.*, or of * for every address."""
    if text == "*":
        return lambda address: True
    if not re.fullmatch(r"(\d{1,3}|\*)(\.(\d{1,3}|\*)){3}", text):
        raise ValueError(f"{text!r} is no address pattern such as 10.0.0.*")
    pattern = re.compile(re.escape(text).replace(r"\*", r"\d{1,3}"))
    return lambda address: bool(pattern.fullmatch(str(address)))


def between(low: str, high: str) -> Callable[[Address], bool]:
    """Return the test of a range, both ends included."""
    first, last = parsed(low), parsed(high)
    if first is None or last is None or first.version != last.version or int(first) > int(last):
        raise ValueError(f"{low.strip()}-{high.strip()} is no range of addresses")
    return lambda address: address.version == first.version and int(first) <= int(address) <= int(last)


@lru_cache(maxsize=64)
def rules(entries: tuple[str, ...]) -> tuple[Callable[[Address], bool], ...]:
    """Return the tests of a list."""
    return tuple(rule(entry) for entry in entries)


def is_listed(text: str, entries: Iterable[str]) -> bool:
    """Claim that an address is in a list."""
    return is_among(text, tuple(entries))


@lru_cache(maxsize=4096)
def is_among(text: str, entries: tuple[str, ...]) -> bool:
    """Claim that an address is in a list; remembered, for the same callers come again and again."""
    address = parsed(text)
    return address is not None and any(test(address) for test in rules(entries))


def caller(request: HttpRequest) -> Caller:
    """Return where the request comes from; forwarded headers count only from listed proxies."""
    peer = request.META.get("REMOTE_ADDR", "")
    proxies = options.of(request).trusted_proxies
    if proxies and is_listed(peer, proxies):
        return Caller(forwarded_for(request, peer, proxies), is_proxied=True)
    direct = direct_caller(peer)
    return Caller(direct.address, is_spoofed=True) if is_loopback(peer) and is_forwarded(request) else direct


@lru_cache(maxsize=4096)
def direct_caller(peer: str) -> Caller:
    """Return who calls from an address without saying that it is for somebody else."""
    address = parsed(peer)
    return Caller(str(address) if address else UNKNOWN)


@lru_cache(maxsize=4096)
def is_loopback(peer: str) -> bool:
    """Claim that the address is this machine's own."""
    address = parsed(peer)
    return address is not None and address.is_loopback


def is_forwarded(request: HttpRequest) -> bool:
    """Claim that a proxy or tunnel says that it speaks for somebody else."""
    return not FORWARDED.isdisjoint(request.META) or "HTTP_X_FORWARDED_" in " ".join(request.META)


def forwarded_for(request: HttpRequest, peer: str, proxies: tuple[str, ...]) -> str:
    """Return the last address in the chain that is no listed proxy: what stands before it, anybody can write."""
    given = request.META.get("HTTP_X_FORWARDED_FOR", "")
    hops = [without_port(hop) for hop in given.split(",") if hop.strip()]
    standard = [without_port(hop) for hop in forwarded_values(request, "for")]
    if hops and standard and hops != standard:
        return UNKNOWN  # a proxy writes one of them, then the other is the client's own
    for hop in reversed(hops or standard):
        address = parsed(hop)
        if address is None:
            return UNKNOWN
        if not is_listed(hop, proxies):
            return str(address)
    return str(parsed(peer))


def forwarded_values(request: HttpRequest, name: str) -> list[str]:
    """Return the values of one parameter of the Forwarded header (RFC 7239, 4), in order."""
    found = []
    for element in request.META.get("HTTP_FORWARDED", "").split(","):
        for pair in element.split(";"):
            key, _, value = pair.partition("=")
            if key.strip().lower() == name:
                found.append(value.strip().strip('"'))
    return found


def without_port(hop: str) -> str:
    """Return the address of `1.2.3.4:5678`, `[::1]:443` or a bare one."""
    hop = hop.strip().strip('"')
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def adopt(request: HttpRequest) -> None:
    """Give a request of a listed proxy the scheme and host that its client used; Django's own checks read them too."""
    schemes = forwarded_values(request, "proto") or request.META.get("HTTP_X_FORWARDED_PROTO", "").split(",")
    hosts = forwarded_values(request, "host") or request.META.get("HTTP_X_FORWARDED_HOST", "").split(",")
    if schemes[0].strip().lower() in ("http", "https"):
        request.META["wsgi.url_scheme"] = schemes[0].strip().lower()
    if HOST.match(hosts[0].strip()):
        request.META["HTTP_HOST"] = hosts[0].strip()
    prefix = request.META.get("HTTP_X_FORWARDED_PREFIX", "").split(",")[0].strip().rstrip("/")
    if PREFIX.fullmatch(prefix):
        put_below(request, prefix + request.META.get("SCRIPT_NAME", ""))


def put_below(request: HttpRequest, prefix: str) -> None:
    """Let the addresses of pages begin with a path that stands before ours where clients are."""
    request.META["SCRIPT_NAME"] = prefix
    request.path = prefix + request.path_info
    set_script_prefix(f"{prefix}/")


@lru_cache(maxsize=16)
def public_prefix(public_url: str) -> str:
    """Return the path of the configured public address, no trailing slash; empty where it is none that can be taken off or put on."""
    found = urlsplit(public_url).path.rstrip("/")
    return found if PREFIX.fullmatch(found) and found.split("/")[1] not in OWN else ""


def without_public_prefix(path: str) -> str:
    """Return the path of a request without that of the public address: not every proxy takes it off, and nobody does on this machine."""
    try:
        prefix = public_prefix(options.current().public_url)
    except NotReady:
        return path
    return path[len(prefix) :] if prefix and path.startswith(f"{prefix}/") else path


def is_public_url(address: str) -> bool:
    """Claim that links can begin with it."""
    parts = urlsplit(address)
    return parts.scheme in ("http", "https") and bool(HOST.match(parts.netloc)) and not parts.query and not parts.fragment


def site_root(request: HttpRequest) -> str:
    """Return scheme, host and path prefix that clients use, no trailing slash: as configured, else as asked (`adopt`)."""
    configured = options.of(request).public_url
    if configured:
        return configured.rstrip("/")
    scheme, host = request.META.get("wsgi.url_scheme", "http"), request.META.get("HTTP_HOST", "")
    if not HOST.match(host):
        host = f"{request.META.get('SERVER_NAME', 'localhost')}:{request.META.get('SERVER_PORT', '8153')}"
    return f"{scheme}://{host}{request.META.get('SCRIPT_NAME', '')}"


def service_root(request: HttpRequest, path_token: str | None) -> str:
    """Return the absolute address of the service, no trailing slash; with the token only when the path had it."""
    return f"{site_root(request)}/api.rsc" + (f"/@{path_token}" if path_token else "")
