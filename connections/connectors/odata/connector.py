"""The OData connector: any OData V4 service, this server among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlsplit

from connections.connectors.odata.printing import Rules
from connections.connectors.odata.service import Credentials, Service, basic
from connections.connectors.odata.session import ODataSession
from connections.connectors.sql import properties as shared
from connections.connectors.testing import Steps, bounded
from connections.contract.connector import APIS, TestStep
from connections.contract.context import NONE, Context
from connections.contract.errors import InvalidProperties
from connections.contract.property import Property
from connections.outgoing import Settings

SCHEMES = NO_AUTH, BASIC, HEADER, QUERY_KEY, BEARER = ("None", "Basic", "Header", "QueryKey", "Bearer")
UNKNOWN, BINARY = "Unknown", "Binary"
KEYED = (HEADER, QUERY_KEY)


class ODataConnector:
    """An OData V4 service."""

    key: ClassVar[str] = "odata"
    label: ClassVar[str] = "OData"
    category: ClassVar[str] = APIS
    description: ClassVar[str] = "Entity sets of any OData V4 service, another API Server among them."
    properties: ClassVar[tuple[Property, ...]] = (
        Property(
            "URL",
            "Service root",
            is_required=True,
            placeholder="https://example.com/api.rsc/",
            help="Address whose $metadata tells the entity sets.",
        ),
        Property("AuthScheme", "Auth Scheme", kind="choice", choices=SCHEMES, default=NO_AUTH, group="Authentication"),
        Property("User", group="Authentication", shown_when=("AuthScheme", (BASIC,))),
        Property("Password", is_secret=True, group="Authentication", shown_when=("AuthScheme", (BASIC,))),
        Property(
            "APIKeyName",
            "Name of the key",
            group="Authentication",
            shown_when=("AuthScheme", KEYED),
            placeholder="x-cdata-authtoken",
            help="Header or query option that the service expects the key in.",
        ),
        Property("APIKey", "Key", is_secret=True, group="Authentication", shown_when=("AuthScheme", KEYED)),
        Property("AccessToken", "Access Token", is_secret=True, group="Authentication", shown_when=("AuthScheme", (BEARER,))),
        Property(
            "PageSize",
            "Page size",
            kind="integer",
            default=1000,
            minimum=0,
            maximum=100_000,
            group="Advanced",
            is_advanced=True,
            help="Rows a page that the service is asked for. 0: as many as it likes.",
        ),
        Property(
            "CaseSensitive",
            "Text is case-sensitive",
            kind="boolean",
            default=False,
            group="Advanced",
            is_advanced=True,
            help="The service tells A from a when it compares. Off: its rows are compared again here.",
        ),
        Property(
            "TextOrder",
            "Order of text",
            kind="choice",
            choices=(UNKNOWN, BINARY),
            default=UNKNOWN,
            group="Advanced",
            is_advanced=True,
            help="Binary: the service orders text by code points, so that it can order and page by text itself.",
        ),
        Property(
            "Pushdown",
            "Leave work to the service",
            kind="boolean",
            default=True,
            group="Advanced",
            is_advanced=True,
            help="Off: whole tables are read, and filtered, ordered and counted here.",
        ),
        replace(shared.TLS[1], shown_when=None),
        *(item for item in shared.TUNING if item.name in ("Timeout", "ConnectTimeout", "MaxConnections")),
    )
    url_schemes: ClassVar[tuple[str, ...]] = ("https", "http")

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values typed and with defaults."""
        found = shared.clean(self.properties, values)
        wrong: dict[str, str] = {}
        if not is_root(found["URL"]):
            wrong["URL"] = "must be an address such as https://example.com/odata/, without user, query and fragment"
        needed = {BASIC: ("User",), HEADER: ("APIKeyName", "APIKey"), QUERY_KEY: ("APIKeyName", "APIKey"), BEARER: ("AccessToken",)}
        for name in needed.get(found["AuthScheme"], ()):
            if not found[name]:
                wrong[name] = "a value is required"
        for name in ("User", "Password", "APIKeyName", "APIKey", "AccessToken"):
            if any(ord(character) < 32 for character in found[name] or ""):
                wrong[name] = "must be one line"
        if wrong:
            raise InvalidProperties(wrong)
        return found

    def from_url(self, url: str) -> dict[str, Any]:
        """Return the properties that a pasted address holds."""
        if not url.strip().lower().startswith(("https://", "http://")):
            raise InvalidProperties({"URL": "paste an address that starts with https://"})
        return {"URL": url.strip().split("?")[0].removesuffix("$metadata")}

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> ODataSession:
        """Return a session; the service is called when it is first needed."""
        values = self.clean(values)
        settings = Settings(
            allow=context.outgoing,
            connect_timeout=values["ConnectTimeout"],
            timeout=values["Timeout"],
            max_connections=values["MaxConnections"],
            authority=values["SSLServerCert"] or "",
        )
        service = Service(values["URL"], credentials(values), settings, context, page_size=values["PageSize"])
        rules = Rules(values["CaseSensitive"], values["TextOrder"] == BINARY)
        return ODataSession(service, rules, has_pushdown=values["Pushdown"], read_only=read_only)

    def test(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> list[TestStep]:
        """Run the named steps; stop at the first that fails, or when the time is over."""
        try:
            found = self.clean(values)
        except InvalidProperties as error:
            return [TestStep("properties", False, 0.0, error.message)]
        return bounded(self.steps({**found, "Timeout": min(found["Timeout"], 10)}, context))

    def steps(self, values: Mapping[str, Any], context: Context) -> Steps:
        """Give: sign_in ($metadata is read), list_tables (the first row of the first entity set that can be read)."""
        session = self.open(values, context=context)

        def list_tables() -> str:
            found = session.list_tables()
            return "1 table can be read" if len(found) == 1 else f"{len(found)} tables and views can be read"

        try:
            yield "sign_in", lambda: "Signed in" if session.list_tables() is not None else ""
            yield "list_tables", list_tables
        finally:
            session.close()

    def forbidden(self, values: Mapping[str, Any], own: Sequence[str]) -> str:
        """Forbid nothing here: what may be called is the outgoing client's to know."""
        return ""


def is_root(url: str) -> bool:
    """Claim that this is an address that can be a service root."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    is_plain = not (parts.username or parts.query or parts.fragment)
    return parts.scheme in ODataConnector.url_schemes and bool(parts.hostname) and port != 0 and is_plain


def credentials(values: Mapping[str, Any]) -> Credentials:
    """Return how the calls sign in."""
    scheme = values["AuthScheme"]
    if scheme == BASIC:
        return Credentials(basic(values["User"], values["Password"] or ""))
    if scheme == HEADER:
        return Credentials({values["APIKeyName"]: values["APIKey"]})
    if scheme == QUERY_KEY:
        return Credentials(query={values["APIKeyName"]: values["APIKey"]})
    return Credentials({"Authorization": f"Bearer {values['AccessToken']}"}) if scheme == BEARER else Credentials()
