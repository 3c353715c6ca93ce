"""The connector of a manifest: its properties, the named steps of Save & Test, its sessions."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

from connections.connectors import testing
from connections.connectors.cleaning import clean
from connections.connectors.http.budget import Budget
from connections.connectors.http.calls import Caller, Service, Target
from connections.connectors.http.manifest import Manifest, packaged
from connections.connectors.http.properties import properties_of
from connections.connectors.http.replies import BUSY, Asked
from connections.connectors.http.session import HttpSession
from connections.connectors.http.templates import Missing, fill, fill_path, fill_values, scalar
from connections.connectors.sql.addresses import resolve
from connections.contract.connector import APIS, SAAS, TestStep
from connections.contract.context import NONE, Context, OAuthService
from connections.contract.errors import AddressRefused, AuthenticationFailed, ConnectionFailed, InvalidProperties, SourceRejected
from connections.contract.property import Property
from connections.contract.scan import Scan
from connections.outgoing import Outgoing, Settings, listed_host, origin_of

OWN = "This is the product's own database or broker; it can't be published."


class HttpConnector(ABC):
    """A service described by a manifest."""

    key: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    properties: ClassVar[tuple[Property, ...]]
    url_schemes: ClassVar[tuple[str, ...]] = ()
    category: ClassVar[str] = APIS

    @abstractmethod
    def manifest(self, values: Mapping[str, Any]) -> Manifest:
        """Return the manifest of a connection; raise InvalidProperties."""

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values typed and with defaults; other spellings of a scheme are taken."""
        return clean(self.properties, values)

    def from_url(self, url: str) -> dict[str, Any]:
        """Return the address as property."""
        if self.url_schemes and url.strip().partition("://")[0] not in self.url_schemes:
            raise InvalidProperties({"URL": "paste an address that starts with https://"})
        return {"URL": url.strip()}

    def service(self, values: Mapping[str, Any], manifest: Manifest) -> Service:
        """Return the service that the values lead to; raise InvalidProperties."""
        texts = texts_of(values)
        try:
            base_url = texts.get("URL") or fill(str(manifest.content.get("base_url", "")), texts.get)
            hosts = frozenset(
                item if ":" in item else f"{item.lower()}:443" for item in (listed_host(base_url), *manifest.content.get("hosts", ()))
            )
        except Missing as error:
            raise InvalidProperties({str(error.args[0]): "a value is required"}) from None
        except AddressRefused as error:
            raise InvalidProperties({"URL": error.message}) from error
        retry = manifest.part("retry")
        return Service(
            label=manifest.label,
            base_url=base_url,
            hosts=hosts,
            scheme=scheme_of(manifest, texts),
            properties=texts,
            headers={name: items[0] for name, items in fill_values(manifest.part("headers"), texts.get).items()},
            params=fill_values(manifest.part("params"), texts.get),
            secrets=self.secrets_of(values),
            timeout=float(values["Timeout"]),
            retries=min(int(values["MaxRetries"]), int(retry.get("times", 10))),
            retry_status=tuple(retry.get("status", BUSY)),
            retry_header=retry.get("header", ""),
        )

    def secrets_of(self, values: Mapping[str, Any]) -> frozenset[str]:
        """Return the texts that nothing may show."""
        found = {str(values.get(item.name) or "").strip() for item in self.properties if item.is_secret}
        return frozenset(text for text in found if len(text) > 3)

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> HttpSession:
        """Return a session; connects lazily."""
        manifest = self.manifest(values)
        service = self.service(values, manifest)
        outgoing = Outgoing(outgoing_settings(values, context, manifest))
        caller = Caller(service, outgoing, context, budget_of(manifest, service, context))
        return HttpSession(manifest, service, caller, context, page_size=values["PageSize"] or None, read_only=read_only)

    def test(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> list[TestStep]:
        """Run the named steps; stop at the first that fails."""
        return testing.tested(lambda: self.to_test(values), lambda made: self.steps(*made, read_only, context))

    def to_test(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], Manifest, Service]:
        """Return what the steps work on; raise InvalidProperties."""
        found = testing.limited(self.clean(values))
        manifest = self.manifest(found)
        return found, manifest, self.service(found, manifest)

    def steps(
        self, values: Mapping[str, Any], manifest: Manifest, service: Service, read_only: bool, context: Context
    ) -> Iterator[tuple[str, Callable[[], str]]]:
        """Give: resolve, connect, sign_in, list_tables."""
        _, host, port = origin_of(service.base_url)
        if not values.get("ProxyServer"):
            yield "resolve", lambda: resolve(host)
        session = self.open({**values, "MaxRetries": 0}, read_only=read_only, context=context)
        try:
            yield "connect", lambda: connect(session, host, port)
            yield "sign_in", lambda: sign_in(session)
            yield "list_tables", lambda: testing.listed(session.list_tables())
        finally:
            session.close()

    def oauth(self, values: Mapping[str, Any], *, context: Context = NONE) -> OAuthService | None:
        """Return how these values sign in by OAuth; None = they sign in otherwise."""
        manifest = self.manifest(values)
        texts = texts_of(
            {**{item.name: item.default for item in self.properties}, **{n: v for n, v in values.items() if v not in (None, "")}}
        )
        scheme = scheme_of(manifest, texts)
        if scheme["type"] != "oauth":
            return None
        spec = manifest.part("oauth")
        account = spec.get("account_path", "")
        base = (texts.get("URL") or str(manifest.content.get("base_url", ""))).rstrip("/") + "/"
        return OAuthService(
            flow=scheme.get("flow", "code"),
            authorize_url=texts.get("OAuthAuthorizationURL") or spec.get("authorize_url", ""),
            token_url=texts.get("OAuthAccessTokenURL") or spec["token_url"],
            client_id=texts.get("OAuthClientId", ""),
            client_secret=texts.get("OAuthClientSecret", ""),
            scopes=tuple(texts["Scope"].split()) if texts.get("Scope") else tuple(spec.get("scopes", ())),
            is_client_in_body=bool(spec.get("client_in_body")),
            has_pkce=spec.get("pkce", True),
            revoke_url=spec.get("revoke_url", ""),
            account_url=urljoin(base, account.lstrip("/")) if account else "",
            issuer=spec.get("issuer", ""),
            idle_days=spec.get("idle_days", 0),
        )

    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Return why these properties reach the product's own database or broker, or ''."""
        try:
            parts = urlsplit(str(values.get("URL") or ""))
            place = f"{parts.hostname}:{parts.port}" if parts.port else ""
        except ValueError:  # no address, so that nothing is reached; calling it is refused by name
            return ""
        return OWN if place and any(item.endswith(place) or f"{place}/" in item for item in own) else ""


class ManifestConnector(HttpConnector):
    """A packaged manifest as a connector."""

    category: ClassVar[str] = SAAS

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self.key, self.label = manifest.key, manifest.label  # type: ignore[misc]
        self.description = manifest.content.get("description", "")  # type: ignore[misc]
        self.properties = properties_of(manifest)  # type: ignore[misc]

    def manifest(self, values: Mapping[str, Any]) -> Manifest:
        """Return the manifest."""
        return self._manifest

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values typed and with defaults; other spellings of a scheme are taken, refused credentials are named."""
        given = dict(values)
        if isinstance(given.get("AuthScheme"), str):
            given["AuthScheme"] = scheme_name(self._manifest, given["AuthScheme"])
        found = clean(self.properties, given)
        wrong = lacking(self.properties, found) | refused(self._manifest, found)
        if wrong:
            raise InvalidProperties(wrong)
        self.service(found, self._manifest)
        return found


def packaged_connector(key: str) -> ManifestConnector:
    """Return the connector of a packaged manifest."""
    return ManifestConnector(packaged(key))


def texts_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the properties that have a value as text."""
    return {name: scalar(value).strip() for name, value in values.items() if value not in (None, "")}


def scheme_name(manifest: Manifest, given: str) -> str:
    """Return the choice that a spelling means."""
    for name, scheme in manifest.schemes.items():
        if given.lower() in (name.lower(), *(alias.lower() for alias in scheme.get("aliases", ()))):
            return name
    return given


def scheme_of(manifest: Manifest, texts: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the scheme that the properties choose."""
    schemes = manifest.schemes
    default = manifest.part("auth").get("default") or next(iter(schemes))
    return schemes.get(scheme_name(manifest, texts.get("AuthScheme", default)), schemes[default])


def lacking(properties: Sequence[Property], values: Mapping[str, Any]) -> dict[str, str]:
    """Return the required properties without a value, those that don't apply left out."""
    return {
        item.name: "a value is required" for item in properties if item.is_required and not values.get(item.name) and item.is_shown(values)
    }


def refused(manifest: Manifest, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the credentials that the manifest refuses, each with the reason."""
    found = {}
    for item in manifest.content.get("refuse", ()):
        given = str(values.get(item["property"]) or "")
        applies = all(str(values.get(name)) == str(wanted) for name, wanted in item.get("when", {}).items())
        if given and applies and re.search(item["matches"], given[:2000]):
            found[item["property"]] = item["message"] + (f" {item['hint']}" if item.get("hint") else "")
    return found


def outgoing_settings(values: Mapping[str, Any], context: Context, manifest: Manifest) -> Settings:
    """Return how the connection calls."""
    proxy = str(values.get("ProxyServer") or "")
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    if proxy:
        proxy = with_port(proxy, int(values["ProxyPort"]))
    limit = manifest.part("limits").get("answer_bytes")
    settings = Settings(
        allow=context.outgoing,
        connect_timeout=float(values["ConnectTimeout"]),
        timeout=float(values["Timeout"]),
        max_connections=int(values["MaxConnections"]),
        authority=pem(values.get("SSLServerCert")),
        proxy=proxy,
        proxy_user=str(values.get("ProxyUser") or ""),
        proxy_password=str(values.get("ProxyPassword") or ""),
    )
    return replace(settings, max_bytes=int(limit)) if limit else settings


def with_port(proxy: str, port: int) -> str:
    """Return a proxy's address with its port; raise InvalidProperties for what is none."""
    try:
        origin_of(proxy)
        return proxy if urlsplit(proxy).port is not None else f"{proxy}:{port}"
    except (AddressRefused, ValueError) as error:
        raise InvalidProperties({"ProxyServer": "must be the name or address of a proxy, such as proxy.example.com"}) from error


def pem(given: Any) -> str:
    """Return PEM text given as itself or as a path."""
    text = str(given or "").strip()
    if not text or "-----BEGIN" in text:
        return text
    try:
        return Path(text).read_text(encoding="utf-8")
    except (OSError, UnicodeError, ValueError) as error:
        raise ConnectionFailed("A certificate or key can't be read.", hint="Paste PEM text, from BEGIN to END.") from error


def budget_of(manifest: Manifest, service: Service, context: Context) -> Budget | None:
    """Return the budget of calls that the connection shares with others of its group."""
    rate = manifest.part("rate")
    if not rate:
        return None
    try:
        group = fill(rate.get("group", ""), service.properties.get)
    except Missing:
        group = ""
    group = group or f"{service.properties.get('OAuthClientId', '')}{context.connection_id or ''}"
    return Budget(
        f"{manifest.key}:{service.base_url}:{group}", rate["calls"], rate["per"], int(rate.get("burst", rate["calls"])), context.shared
    )


def connect(session: HttpSession, host: str, port: int) -> str:
    """Call the base address; whatever it answers, somebody is there."""
    session.caller.outgoing.send("GET", session.service.base_url, is_redirected=False)
    return f"{host}:{port} answers"


def sign_in(session: HttpSession) -> str:
    """Make the call that proves the credentials."""
    test = session.manifest.part("test")
    if not test:
        return first_read(session)
    service = session.service
    scheme = next((name for name, item in session.manifest.schemes.items() if item is service.scheme), "")
    path = test.get("by_scheme", {}).get(scheme, test["path"])
    try:
        target = Target(fill_path(path, service.properties.get), params=fill_values(test.get("params", {}), service.properties.get))
    except Missing as error:
        raise AuthenticationFailed(
            f"{error.args[0]} has no value, but {service.label} asks for it.", hint=f"Give {error.args[0]}."
        ) from None
    session.caller.call(target, Asked(service.label, errors=tuple(session.manifest.content.get("errors", ())), secrets=service.secrets))
    return "Signed in"


def first_read(session: HttpSession) -> str:
    """Read a row of the first table that demands nothing."""
    for info in session.list_tables():
        table = session.table(info.ref)
        contract = table.contract(info.ref)
        if any(column.is_demanded for column in contract.columns):
            continue
        try:
            offer = session.offer(Scan(contract, tuple(c.name for c in contract.columns if not c.is_costly), limit=1))
        except SourceRejected:
            continue
        next(iter(session.read(offer)), None)
        return "Signed in"
    return "Nothing to sign in for"
