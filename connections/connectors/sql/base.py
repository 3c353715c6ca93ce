"""What the SQL connectors have in common: cleaning, named test steps within a time limit, tunnels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from connections.connectors.cleaning import clean, wrong_zone
from connections.connectors.sql import addresses
from connections.connectors.sql import properties as shared
from connections.connectors.sql.loading import SqlLoading
from connections.connectors.sql.session import SqlSession
from connections.connectors.testing import Steps, limited, listed, tested
from connections.contract.connector import DATABASES, TestStep
from connections.contract.context import NONE, Context
from connections.contract.errors import AuthenticationFailed, InvalidProperties
from connections.contract.property import Property

if TYPE_CHECKING:
    from connections.connectors.sql.tunnel import Tunnel

OWN = "This is the product's own database; it can't be published."


class SqlConnector(ABC):
    """A kind of SQL database."""

    key: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    properties: ClassVar[tuple[Property, ...]]
    url_schemes: ClassVar[tuple[str, ...]]
    category: ClassVar[str] = DATABASES
    is_destination: ClassVar[bool] = True
    loading: ClassVar[type[SqlLoading]]

    @abstractmethod
    def from_url(self, url: str) -> dict[str, Any]:
        """Return the properties that a pasted address holds; raise InvalidProperties for what is none."""

    @abstractmethod
    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> SqlSession:
        """Return a session; connects lazily."""

    @abstractmethod
    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Return why these properties reach the product's own database, or ''."""

    @abstractmethod
    def steps(self, values: Mapping[str, Any], read_only: bool) -> Steps:
        """Give name and work of each step in order; work returns what was found or raises ConnectorError."""

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values typed and with defaults."""
        found = clean(self.properties, values)
        if wrong := wrong_zone(found):
            raise InvalidProperties(wrong)
        return found

    def test(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> list[TestStep]:
        """Run the named steps; stop at the first that fails, or when the time is over."""
        return tested(lambda: self.clean(values), lambda found: self.steps(limited(found), read_only))

    def session_steps(self, values: Mapping[str, Any], read_only: bool, first: str = "sign_in") -> Steps:
        """Give the steps that every database ends with: sign in, list tables."""
        session = self.open(values, read_only=read_only)

        def sign_in() -> str:
            session.query(self.probe, ()).close()
            return "Signed in" if first == "sign_in" else "Opened"

        def list_tables() -> str:
            return listed(session.list_tables())

        try:
            yield first, sign_in
            yield "list_tables", list_tables
        finally:
            session.close()

    probe: ClassVar[str] = "SELECT 1"


class ServerConnector(SqlConnector):
    """A database that is reached over the network."""

    def from_url(self, url: str) -> dict[str, Any]:
        """Return the properties that a pasted address holds; raise InvalidProperties for what is none."""
        return addresses.properties_of(url, self.url_schemes)

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values typed and with defaults; `UseSSL: true`, as other products spell it, means Verify."""
        words = {"true": shared.TLS_VERIFY, "false": shared.TLS_OFF}
        given = dict(values)
        if str(given.get("UseSSL")).lower() in words:
            given["UseSSL"] = words[str(given["UseSSL"]).lower()]
        found = super().clean(given)
        wrong: dict[str, str] = {}
        for name in ("Server", "SSHServer") if found["UseSSH"] else ("Server",):
            try:
                addresses.check_host(found[name] or "")
            except ValueError as error:
                wrong[name] = str(error)
        if found["UseSSH"] and not found["SSHServerFingerprint"] and not found["SSHTrustAnyServer"]:
            wrong["SSHServerFingerprint"] = "a value is required: without it nobody knows which server answers"
        if found["SSLClientCert"] and not found["SSLClientKey"]:
            wrong["SSLClientKey"] = "a value is required with SSLClientCert"
        if wrong:
            raise InvalidProperties(wrong)
        return found

    def steps(self, values: Mapping[str, Any], read_only: bool) -> Steps:
        """Give: resolve, connect, (tls), sign_in, list_tables."""
        host, port = (values["SSHServer"], values["SSHPort"]) if values.get("UseSSH") else (values["Server"], values["Port"])
        yield "resolve", lambda: addresses.resolve(host)
        yield "connect", lambda: addresses.connect(host, port, values["ConnectTimeout"])
        last = self.session_steps(values, read_only)
        if values["UseSSL"] != shared.TLS_OFF:
            name, sign_in = next(last)
            yield "tls", lambda: agree_on_tls(sign_in, values["UseSSL"])
            yield name, sign_in
        yield from last

    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Return why these properties reach the product's own database or broker, or ''."""
        return OWN if addresses.is_own(self.key, values, own) else ""


def agree_on_tls(sign_in: Callable[[], str], mode: str) -> str:
    """Return that TLS stands: a refused sign-in comes after it and belongs to the next step, which meets it again."""
    try:
        sign_in()
    except AuthenticationFailed:
        return "Encrypted"
    return "Encrypted, and the server's certificate is trusted" if mode == shared.TLS_VERIFY else "Encrypted; any certificate is trusted"


def tunnel_for(values: Mapping[str, Any]) -> Tunnel | None:
    """Return the SSH tunnel that the properties ask for."""
    if not values.get("UseSSH"):
        return None
    from connections.connectors.sql.tunnel import Tunnel  # paramiko takes 0.1 s and 10 MB: only for those who tunnel

    return Tunnel(values)
