"""What the SQL connectors have in common: cleaning, pasted addresses, named test steps, tunnels."""

from __future__ import annotations

import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connections.connectors.sql import properties as shared
from connections.connectors.sql.session import SqlSession
from connections.connectors.sql.tunnel import Tunnel
from connections.contract.connector import TestStep
from connections.contract.errors import AuthenticationFailed, ConnectionFailed, ConnectorError, InvalidProperties
from connections.contract.property import Property


class SqlConnector(ABC):
    """A kind of SQL database."""

    key: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    properties: ClassVar[tuple[Property, ...]]
    url_schemes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def open(self, values: Mapping[str, Any], *, read_only: bool = False) -> SqlSession:
        """Return a session; connects lazily."""

    @abstractmethod
    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Return why these properties reach the product's own database, or ''."""

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values typed and with defaults."""
        found = shared.clean(self.properties, values)
        try:
            ZoneInfo(found.get("TimeZone") or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidProperties({"TimeZone": f"{found['TimeZone']!r} is no known time zone, such as Asia/Tokyo"}) from error
        if found.get("UseSSH") and not found.get("SSHServerFingerprint"):
            raise InvalidProperties({"SSHServerFingerprint": "a value is required: without it nobody knows which server answers"})
        return found

    def test(self, values: Mapping[str, Any], *, read_only: bool = False) -> list[TestStep]:
        """Run the named steps; stop at the first that fails."""
        steps: list[TestStep] = []
        for name, work in self.steps(values, read_only):
            started = time.perf_counter()
            try:
                message = work()
            except ConnectorError as error:
                steps.append(TestStep(name, False, time.perf_counter() - started, error.message, error.hint))
                return steps
            steps.append(TestStep(name, True, time.perf_counter() - started, message))
        return steps

    @abstractmethod
    def steps(self, values: Mapping[str, Any], read_only: bool) -> Iterator[tuple[str, Callable[[], str]]]:
        """Give name and work of each step in order; work returns what was found or raises ConnectorError."""

    def session_steps(self, values: Mapping[str, Any], read_only: bool) -> Iterator[tuple[str, Callable[[], str]]]:
        """Give the steps that every database ends with: sign in, list tables."""
        session = self.open(values, read_only=read_only)

        def sign_in() -> str:
            session.query("SELECT 1", ()).close()
            return "Signed in"

        def list_tables() -> str:
            found = session.list_tables()
            return f"{len(found)} tables and views can be read" if len(found) != 1 else "1 table can be read"

        try:
            yield "sign_in", sign_in
            yield "list_tables", list_tables
        finally:
            session.close()


class ServerConnector(SqlConnector):
    """A database that is reached over the network."""

    def from_url(self, url: str) -> dict[str, Any]:
        """Return the properties that a pasted address holds; raise InvalidProperties for what is none."""
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError as error:
            raise InvalidProperties({"Server": f"this is no address: {error}"}) from error
        if parts.scheme.split("+")[0] not in self.url_schemes or not parts.hostname:
            raise InvalidProperties({"Server": f"paste an address that starts with {self.url_schemes[0]}://"})
        found: dict[str, Any] = {"Server": unquote(parts.hostname)}
        if port:
            found["Port"] = port
        for name, text in (("User", parts.username), ("Password", parts.password), ("Database", parts.path.lstrip("/"))):
            if text:
                found[name] = unquote(text)
        mode = parse_qs(parts.query).get("sslmode", parse_qs(parts.query).get("ssl-mode", [""]))[0].lower()
        if mode:
            found["UseSSL"] = tls_mode(mode)
        return found

    def steps(self, values: Mapping[str, Any], read_only: bool) -> Iterator[tuple[str, Callable[[], str]]]:
        """Give: resolve, connect, (tls), sign_in, list_tables."""
        host, port = ssh_endpoint(values) if values.get("UseSSH") else (values["Server"], values["Port"])
        yield "resolve", lambda: resolve(host)
        yield "connect", lambda: connect(host, port, values["ConnectTimeout"])
        last = self.session_steps(values, read_only)
        if values.get("UseSSL", shared.TLS_OFF) != shared.TLS_OFF:
            name, sign_in = next(last)
            yield "tls", lambda: self.test_tls(sign_in)
            yield name, sign_in
        yield from last

    def test_tls(self, sign_in: Callable[[], str]) -> str:
        """Sign in and let only failures that are not about credentials count."""
        try:
            sign_in()
        except AuthenticationFailed:
            pass  # TLS stood: the refusal belongs to the next step, which meets it again
        return "Encrypted"

    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Return why these properties reach the product's own database or broker, or ''."""
        if values.get("UseSSH"):
            return ""
        ours = addresses(str(values.get("Server") or "localhost"))
        for identity in own:
            kind, _, rest = identity.partition(":")
            host_port, _, database = rest.partition("/")
            host, _, port = host_port.rpartition(":")
            if not host or int(port) != values.get("Port") or not ours & addresses(host):
                continue
            if kind == "redis" or (kind == self.key and database in ("", values.get("Database") or values.get("User"))):
                return "This is the product's own database; it can't be published."
        return ""


def tls_mode(word: str) -> str:
    """Return UseSSL for the sslmode of an address."""
    if word in ("disable", "disabled", "allow", "prefer", "preferred"):
        return shared.TLS_OFF
    return shared.TLS_VERIFY if word in ("verify-ca", "verify-full", "verify_ca", "verify_identity") else shared.TLS_TRUST_ANY


def addresses(host: str) -> set[str]:
    """Return the addresses of a host; all loopback ones count as one."""
    try:
        found = {str(item[4][0]) for item in socket.getaddrinfo(host or "localhost", None)}
    except OSError:
        return {host}
    return {"loopback" if address.startswith("127.") or address == "::1" else address for address in found}


def ssh_endpoint(values: Mapping[str, Any]) -> tuple[str, int]:
    """Return host and port of the SSH server."""
    return str(values.get("SSHServer") or ""), int(values.get("SSHPort") or 22)


def resolve(host: str) -> str:
    """Return what the host's name resolves to."""
    try:
        found = sorted({str(item[4][0]) for item in socket.getaddrinfo(host, None)})
    except (OSError, UnicodeError) as error:
        raise ConnectionFailed(
            f"The host name {host!r} can't be resolved.", hint="Check the spelling of Server, or use an address."
        ) from error
    return ", ".join(found)


def connect(host: str, port: int, timeout: float) -> str:
    """Return that the port answers."""
    try:
        socket.create_connection((host, port), timeout).close()
    except TimeoutError as error:
        hint = "A firewall may drop the connection: allow this machine, or check Server and Port."
        raise ConnectionFailed(f"{host}:{port} did not answer within {timeout} s.", hint=hint) from error
    except OSError as error:
        hint = "Is the database running, and does it listen on this address and port?"
        raise ConnectionFailed(f"{host}:{port} refused the connection.", hint=hint) from error
    return f"{host}:{port} answers"


def tunnel_for(values: Mapping[str, Any]) -> Tunnel | None:
    """Return the SSH tunnel that the properties ask for."""
    return Tunnel(values) if values.get("UseSSH") else None
