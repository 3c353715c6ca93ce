"""Host names and ports: pasted addresses, what a name resolves to, whether two names mean the same machine."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from connections.connectors.sql.properties import TLS_OFF, TLS_TRUST_ANY, TLS_VERIFY
from connections.contract.errors import ConnectionFailed, InvalidProperties

# What `sslmode` (PostgreSQL) and `ssl-mode` (MySQL) mean here; modes that may fall back to plain text are not encryption.
TLS_MODES = {
    "disable": TLS_OFF,
    "disabled": TLS_OFF,
    "allow": TLS_OFF,
    "prefer": TLS_OFF,
    "preferred": TLS_OFF,
    "require": TLS_TRUST_ANY,
    "required": TLS_TRUST_ANY,
    "verify-ca": TLS_VERIFY,
    "verify_ca": TLS_VERIFY,
    "verify-full": TLS_VERIFY,
    "verify_identity": TLS_VERIFY,
}
QUERY = {"sslrootcert": "SSLServerCert", "ssl-ca": "SSLServerCert", "connect_timeout": "ConnectTimeout"}


def properties_of(url: str, schemes: Sequence[str]) -> dict[str, Any]:
    """Return the properties that a pasted server address holds; nothing of a wrong one is repeated: it may hold a password."""
    text = url.strip().removeprefix("jdbc:")
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        hint = "this is no address; write special characters of user and password as %40 (@), %2F (/), %23 (#)"
        raise InvalidProperties({"Server": hint}) from error
    if parts.scheme.split("+")[0] not in schemes or not host:
        raise InvalidProperties({"Server": f"paste an address that starts with {schemes[0]}://"})
    query = {name.lower(): values[0] for name, values in parse_qs(parts.query).items()}
    given = {
        "Server": unquote(host),
        "Port": port,
        "User": unquote(parts.username or query.get("user", "")),
        "Password": unquote(parts.password or query.get("password", "")),
        "Database": unquote(parts.path.lstrip("/")),
        "UseSSL": TLS_MODES.get(query.get("sslmode", query.get("ssl-mode", "")).lower()),
        **{name: query.get(word) for word, name in QUERY.items() if word in query},
    }
    return {name: value for name, value in given.items() if value}


def check_host(name: str) -> None:
    """Raise ValueError for what is no single host: libpq would read paths as sockets and commas as further hosts."""
    if not re.fullmatch(r"[^\s/\\,@\x00-\x1f]{1,253}", name):
        raise ValueError("must be one host name or address")


def addresses(host: str) -> set[str]:
    """Return the addresses of a host; all addresses of this machine count as one."""
    try:
        found = {str(item[4][0]) for item in socket.getaddrinfo(host.strip("[]") or "localhost", None)}
    except (OSError, UnicodeError):
        return {host}
    return {"this machine" if is_local(address) else address for address in found}


def is_local(address: str) -> bool:
    """Claim that the address is one of this machine's: only those can be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def is_own(kind: str, values: Mapping[str, Any], own: Sequence[str]) -> bool:
    """Claim that Server, Port and Database reach one of `own`: postgresql:host:port/database, redis:host:port."""
    machines = addresses(str(values.get("Server") or "localhost"))
    if values.get("UseSSH"):  # Server is what the SSH server calls it: "localhost" there
        machines = machines | addresses(str(values.get("SSHServer") or ""))
    database = values.get("Database") or values.get("User") or ""
    for identity in own:
        name, _, rest = identity.partition(":")
        place, _, theirs = rest.partition("/")
        host, _, port = place.rpartition(":")
        if not port.isdigit() or int(port) != values.get("Port") or not machines & addresses(host):
            continue
        if name == "redis" or (name == kind and (not theirs or not database or theirs == database)):
            return True
    return False


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
        hint = "Is the database running, and does it listen on this address and port? A firewall may also refuse."
        raise ConnectionFailed(f"{host}:{port} refused the connection.", hint=hint) from error
    return f"{host}:{port} answers"
