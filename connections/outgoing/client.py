"""The product's only HTTP client: connectors, imports, sign-in and callbacks call through it.

It calls where it may, for as long and as much as it may, follows redirects on the hosts that the caller names and takes the
credentials off on any other origin. Every failure is an error of the contract without secrets in it.
"""

from __future__ import annotations

import functools
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import urllib3
from urllib3 import exceptions as failures
from urllib3.util import Timeout, Url, make_headers, parse_url

from connections.contract.errors import AddressRefused, BadAnswer, ConnectionFailed, ConnectorError, SourceTimeout
from connections.outgoing.reach import reach
from connections.outgoing.sockets import MOMENT, check_behind_proxy, pool_classes

USER_AGENT = "APIServer/0.1.0"
MAX_BYTES = 64 * 2**20
MAX_REDIRECTS = 5
NO_ADDRESS = re.compile(r'[\x00-\x20\x7f"<>^`{|}\\]')
ONCE = urllib3.Retry(False, redirect=False, raise_on_status=False)
REDIRECTS = (301, 302, 303, 307, 308)
CHUNK = 2**16
PORTS = {"http": 80, "https": 443}
READABLE = "Correct the connection's addresses; where the service gave this one, tell its owner."
TLS_ENDED = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


@dataclass(frozen=True, slots=True)
class Settings:
    """How one connection calls."""

    allow: tuple[str, ...] = ()  # entries of outgoing.allow
    connect_timeout: float = 5.0
    timeout: float = 30.0  # of one call, from its first byte to its last
    max_bytes: int = MAX_BYTES
    max_connections: int = 10
    authority: str = ""  # PEM text; empty: the authorities that this machine trusts
    client_certificate: tuple[str, str] | None = None  # files
    proxy: str = ""  # http://proxy:8080
    proxy_user: str = ""
    proxy_password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]  # any case
    body: bytes
    url: str  # that answered, after redirects
    seconds: float


class CertificateRefused(ConnectionFailed):
    """TLS can't be agreed on; trying again won't help."""


class NoSuchHost(ConnectionFailed):
    """The name can't be resolved."""


class BrokeOff(ConnectionFailed):
    """The call may have arrived; its answer did not, or not whole."""


class NoAnswer(SourceTimeout):
    """The call may have arrived; its answer did not in time."""


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port."""
    return origin_in(checked(url))


def origin_in(url: Url) -> tuple[str, str, int]:
    """Return scheme, host and port of a parsed address."""
    return url.scheme or "", host_of(url), url.port or PORTS[url.scheme or ""]


def host_of(url: Url) -> str:
    """Return the host in one spelling."""
    return (url.host or "").lower().strip("[]").rstrip(".")


def late(host: str, kind: type[SourceTimeout] = SourceTimeout) -> SourceTimeout:
    """Return what is said of a host whose time is over."""
    return kind(f"{host} did not answer in time.", hint="Ask for less, or raise the connection's Timeout.")


def checked(url: str) -> Url:
    """Return the parts of an address that may be called at all; raise AddressRefused."""
    if NO_ADDRESS.search(url):
        raise AddressRefused("An address holds characters that no address has.", hint=READABLE)
    try:
        found = parse_url(url)
    except (failures.LocationParseError, ValueError) as error:
        raise AddressRefused("An address can't be read.", hint=READABLE) from error
    if found.scheme not in PORTS or not found.host:
        raise AddressRefused("Only addresses that start with https:// or http:// can be called.", hint=READABLE)
    if found.auth:
        raise AddressRefused("An address holds a user or password.", hint="Give them as properties of the connection.")
    return found


def joined(base: str, link: str) -> str:
    """Return where a link of a service leads; raise AddressRefused for one that is no address."""
    try:
        return urljoin(base, link)
    except ValueError as error:
        raise AddressRefused(f"{host_of(checked(base))} leads to what is no address.", hint="Tell the owner of the service.") from error


def is_listed(url: Url, hosts: frozenset[str]) -> bool:
    """Claim that the host, on its usual port or a listed one, is among `hosts` (`host` or `host:port`)."""
    host, port = host_of(url), url.port or PORTS[url.scheme or ""]
    return f"{host}:{port}" in hosts or (host in hosts and port == PORTS[url.scheme or ""])


def listed_host(url: str) -> str:
    """Return how the host of an address is written in a list of hosts: `host:port`."""
    _, host, port = origin_of(url)
    return f"{host}:{port}"


class Outgoing:
    """A pool of connections to wherever one connection of the product calls. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        try:
            self.reach = reach(settings.allow)
        except ValueError as error:
            raise AddressRefused(f"outgoing.allow: {error}", hint="Correct the server's settings.") from error
        self._pools = self._new_pools()
        self._by_origin: dict[Any, Any] = {}

    def _new_pools(self) -> urllib3.PoolManager:
        settings = self.settings
        kept: dict[str, Any] = {"num_pools": 64, "maxsize": settings.max_connections, "block": True, "ssl_context": tls_context(settings)}
        if settings.proxy:
            credentials = f"{settings.proxy_user}:{settings.proxy_password}" if settings.proxy_user else None
            headers = make_headers(proxy_basic_auth=credentials) if credentials else None
            pools: urllib3.PoolManager = urllib3.ProxyManager(settings.proxy, proxy_headers=headers, **kept)
        else:
            pools = urllib3.PoolManager(**kept)
        pools.pool_classes_by_scheme = pool_classes(self.reach)
        return pools

    def check(self, url: str) -> None:
        """Raise AddressRefused for an address that may not be called; a name that can't be resolved yet is no reason."""
        parts = checked(url)
        check_behind_proxy(self.reach, host_of(parts), parts.port or PORTS[parts.scheme or ""], is_plain=parts.scheme == "http")

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        credentials: Mapping[str, str] | None = None,
        body: bytes | None = None,
        hosts: frozenset[str] | None = None,
        ends: float = float("inf"),
        max_bytes: int = 0,
        is_redirected: bool = True,
    ) -> Reply:
        """Call an address and return the whole answer, whatever its status.

        `credentials` are headers for the origin of `url` only. Redirects of GET are followed on `hosts` (default: the host of `url`).
        `ends` is the moment, by time.monotonic(), at which it must be over.
        """
        parts, begun = checked(url), time.monotonic()
        ends = min(ends, begun + self.settings.timeout)
        origin = origin_in(parts)
        for _ in range(MAX_REDIRECTS + 1):
            sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", **(headers or {})}
            if origin_in(parts) == origin:
                sent.update(credentials or {})
            status, answered, content = self._exchange(method, parts, sent, body, ends, max_bytes or self.settings.max_bytes)
            target = answered.get("Location", "") if is_redirected and status in REDIRECTS and method in ("GET", "HEAD") else ""
            if not target:
                return Reply(status, answered, content, url, time.monotonic() - begun)
            url = self._redirected(url, target, hosts if hosts is not None else frozenset({listed_host(url)}))
            parts = checked(url)
        raise BadAnswer(f"{origin[1]} redirects without end.", hint="Give the address that answers itself.")

    def _redirected(self, url: str, target: str, hosts: frozenset[str]) -> str:
        found = checked(joined(url, target))
        if not is_listed(found, hosts):
            raise AddressRefused(
                f"{host_of(checked(url))} redirects to {host_of(found)}, which is no host of this connection.",
                hint="Give the address that answers itself.",
            )
        if found.scheme == "http" and url.lower().startswith("https:"):
            raise AddressRefused(f"{host_of(found)} would be called without TLS.", hint="The service redirects from https to http.")
        return found.url

    def _exchange(
        self, method: str, url: Url, headers: Mapping[str, str], body: bytes | None, ends: float, max_bytes: int
    ) -> tuple[int, Mapping[str, str], bytes]:
        host, left = host_of(url), ends - time.monotonic()
        if left <= 0:
            raise late(host)
        if self.settings.proxy:
            check_behind_proxy(self.reach, host, url.port or PORTS[url.scheme or ""], is_plain=url.scheme == "http")
        timeout = Timeout(connect=min(self.settings.connect_timeout, left), read=left)
        MOMENT.ends = ends
        try:
            response = self._opened(
                method, url, body=body, headers=headers, retries=ONCE, redirect=False, preload_content=False, timeout=timeout
            )
            try:
                check_whole(response.status, response.headers, host)
                return response.status, response.headers, read_whole(response, host, ends, max_bytes)
            finally:
                response.release_conn()
        except (failures.HTTPError, OSError) as error:
            raise told(error, host, self.settings, is_late=time.monotonic() >= ends) from error
        finally:
            MOMENT.ends = float("inf")

    def _opened(self, method: str, url: Url, **how: Any) -> Any:
        """Return the answer with its body unread. The pool of an origin is looked up once: urllib3 works out its key anew each time."""
        if self.settings.proxy:
            return self._pools.urlopen(method, url.url, **how)
        origin = (url.scheme, url.host, url.port)
        pool = self._by_origin.get(origin)
        if pool is None:
            pool = self._by_origin[origin] = self._pools.connection_from_host(url.host, url.port, url.scheme)
        return pool.urlopen(method, url.request_uri, assert_same_host=False, **how)

    def close(self) -> None:
        """Close the connections."""
        self._by_origin.clear()
        self._pools.clear()


def check_whole(status: int, headers: Mapping[str, str], host: str) -> None:
    """Raise BadAnswer for a piece of an answer; none was asked for."""
    if status == 206 and str(headers.get("Content-Range", "")).strip().lower().startswith("bytes"):
        raise BadAnswer(f"{host} answered with a part of its answer.", hint="Try again; what stands before the service may be at fault.")


def read_whole(response: Any, host: str, ends: float, max_bytes: int) -> bytes:
    """Return the body; raise before it is too long or too late."""
    parts: list[bytes] = []
    size = 0
    while True:
        part = response.read1(CHUNK)
        if not part:
            return parts[0] if len(parts) == 1 else b"".join(parts)
        size += len(part)
        if size > max_bytes:
            response.close()
            raise BadAnswer(f"{host} answered with more than {max_bytes:,} bytes.", hint="Ask for smaller pages: PageSize.")
        if time.monotonic() > ends:
            response.close()
            raise late(host, NoAnswer)
        parts.append(part)


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Return the TLS rules: certificates are always checked."""
    if not settings.authority and not settings.client_certificate:
        return default_context()
    try:
        context = ssl.create_default_context(cadata=settings.authority or None)
        if settings.client_certificate:
            context.load_cert_chain(*settings.client_certificate)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise CertificateRefused("A certificate or key can't be read.", hint="Paste PEM text, from BEGIN to END.") from error
    return context


@functools.cache
def default_context() -> ssl.SSLContext:
    """Return the rules that most connections share: reading this machine's authorities takes time."""
    return ssl.create_default_context()


def told(error: Exception, host: str, settings: Settings, *, is_late: bool) -> ConnectorError:
    """Return the contract's error for one of urllib3 or of the system; nothing of the call is repeated in it."""
    if isinstance(error, failures.NameResolutionError):
        return NoSuchHost(f"The host name {host} can't be resolved.", hint="Check the address for a typing error.")
    if isinstance(error, failures.NewConnectionError):
        return ConnectionFailed(f"{host} refused the connection.", hint="Check address and port; the service may be down.")
    if is_late or isinstance(error, failures.ConnectTimeoutError | failures.ReadTimeoutError | TimeoutError):
        is_unsent = isinstance(error, failures.ConnectTimeoutError)
        seconds, kind = (settings.connect_timeout, SourceTimeout) if is_unsent else (settings.timeout, NoAnswer)
        return kind(f"{host} did not answer within {seconds:g} s.", hint="Ask for less, or raise the connection's Timeout.")
    if isinstance(error, failures.ProxyError):
        return ConnectionFailed("The proxy can't be used.", hint="Check ProxyServer, ProxyPort, ProxyUser and ProxyPassword.")
    if isinstance(error, failures.SSLError | ssl.SSLError) and not isinstance(error.args[0] if error.args else error, TLS_ENDED):
        reason = getattr(error.args[0] if error.args else error, "verify_message", "") or "no agreement on TLS"
        hint = "Give the authority that signed its certificate in SSLServerCert, or correct the address."
        return CertificateRefused(f"{host} can't be trusted: {reason}.", hint=hint)
    if isinstance(error, failures.DecodeError):
        return BadAnswer(f"{host} answered with compressed data that can't be read.", hint="The answer may be cut off; try again.")
    return BrokeOff(f"{host} broke off its answer.", hint="Try again; the service or the network is unstable.")
