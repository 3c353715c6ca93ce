"""The OData connector: any OData V4 service, this server among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlsplit

from connections.connectors.cleaning import clean
from connections.connectors.http.calls import Caller
from connections.connectors.http.connector import HttpConnector, budget_of, lacking, outgoing_settings
from connections.connectors.http.manifest import Manifest
from connections.connectors.http.properties import TUNING, oauth_of
from connections.connectors.odata.printing import Rules
from connections.connectors.odata.service import Service
from connections.connectors.odata.session import ODataSession
from connections.connectors.testing import Steps, limited, listed, tested
from connections.contract.connector import APIS, TestStep
from connections.contract.context import NONE, Context
from connections.contract.errors import InvalidProperties
from connections.contract.property import Property, auth_scheme
from connections.outgoing import Outgoing

NO_AUTH, BASIC, HEADER, QUERY_KEY, BEARER, OAUTH, OAUTH_CLIENT = ("None", "Basic", "Header", "QueryKey", "Bearer", "OAuth", "OAuthClient")
SCHEMES: dict[str, dict[str, Any]] = {
    NO_AUTH: {"type": "none"},
    BASIC: {"type": "basic", "user": "{User}", "password": "{Password}"},
    HEADER: {"type": "header", "name": "x-api-key", "value": "{APIKey}"},
    QUERY_KEY: {"type": "query", "name": "api_key", "value": "{APIKey}"},
    BEARER: {"type": "bearer", "value": "{AccessToken}"},
    OAUTH: {"type": "oauth", "flow": "code"},
    OAUTH_CLIENT: {"type": "oauth", "flow": "client", "aliases": ["client"]},
}
SERVICE: dict[str, Any] = {
    "key": "odata",
    "label": "OData",
    "auth": {"default": NO_AUTH, "schemes": SCHEMES},
    "headers": {"OData-Version": "4.0", "OData-MaxVersion": "4.01"},
    "tables": {},
}
NEEDED = {
    BASIC: ("User",),
    HEADER: ("APIKeyName", "APIKey"),
    QUERY_KEY: ("APIKeyName", "APIKey"),
    BEARER: ("AccessToken",),
    OAUTH: ("OAuthAuthorizationURL", "OAuthAccessTokenURL"),
    OAUTH_CLIENT: ("OAuthAccessTokenURL",),
}
LINES = ("User", "Password", "APIKeyName", "APIKey", "AccessToken")
ADDRESSES = ("OAuthAuthorizationURL", "OAuthAccessTokenURL")
UNBOUNDED = 10_000_000  # calls a minute: only the pauses that the service asks for are kept
UNKNOWN, BINARY = "Unknown", "Binary"
KEYED = (HEADER, QUERY_KEY)


class ODataConnector(HttpConnector):
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
        auth_scheme(*SCHEMES, default=NO_AUTH),
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
        *(replace(item, default=None, is_advanced=False) if item.name in ADDRESSES else item for item in oauth_of(Manifest(SERVICE))),
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
        Property(
            "CallsPerMinute",
            "Calls a minute",
            kind="integer",
            minimum=1,
            maximum=1_000_000,
            group="Advanced",
            is_advanced=True,
            help="At most so many calls, of all processes of this server together. Empty: as many as are asked for.",
        ),
        *(item for item in TUNING if item.name != "PageSize"),
    )
    url_schemes: ClassVar[tuple[str, ...]] = ("https", "http")

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values typed and with defaults."""
        found = clean(self.properties, values)
        wrong = lacking(self.properties, found)
        if found["URL"] and not is_root(found["URL"]):
            wrong["URL"] = "must be an address such as https://example.com/odata/, without user, query and fragment"
        for name in NEEDED.get(found["AuthScheme"], ()):
            if not found[name]:
                wrong[name] = "a value is required"
        for name in LINES:
            if any(ord(character) < 32 for character in found[name] or ""):
                wrong[name] = "must be one line"
        if wrong:
            raise InvalidProperties(wrong)
        return found

    def manifest(self, values: Mapping[str, Any]) -> Manifest:
        """Return what the HTTP engine needs of the service: how to sign in, and how often it may be called."""
        named = {name: {**SCHEMES[name], "name": values["APIKeyName"]} for name in KEYED} if values.get("APIKeyName") else {}
        oauth = {"authorize_url": values.get(ADDRESSES[0]) or "", "token_url": values.get(ADDRESSES[1]) or ""}
        calls = int(values.get("CallsPerMinute") or UNBOUNDED)
        return Manifest(
            {
                **SERVICE,
                "auth": {"default": NO_AUTH, "schemes": {**SCHEMES, **named}},
                "oauth": oauth,
                "rate": {"calls": calls, "per": "minute"},
            }
        )

    def from_url(self, url: str) -> dict[str, Any]:
        """Return the properties that a pasted address holds."""
        if not url.strip().lower().startswith(("https://", "http://")):
            raise InvalidProperties({"URL": "paste an address that starts with https://"})
        return {"URL": url.strip().split("?")[0].removesuffix("$metadata")}

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> ODataSession:  # type: ignore[override]
        """Return a session; the service is called when it is first needed."""
        values = self.clean(values)
        manifest = self.manifest(values)
        found = self.service(values, manifest)
        found = replace(found, label=urlsplit(found.base_url).hostname or self.label)
        budget = budget_of(manifest, found, context)
        caller = Caller(found, Outgoing(outgoing_settings(values, context, manifest)), context, budget)
        rules = Rules(values["CaseSensitive"], values["TextOrder"] == BINARY)
        service = Service(caller, page_size=values["PageSize"])
        return ODataSession(service, rules, has_pushdown=values["Pushdown"], read_only=read_only)

    def test(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> list[TestStep]:
        """Run the named steps; stop at the first that fails, or when the time is over."""
        return tested(lambda: self.clean(values), lambda found: self.named_steps({**limited(found), "MaxRetries": 0}, context))

    def named_steps(self, values: Mapping[str, Any], context: Context) -> Steps:
        """Give: sign_in ($metadata is read), list_tables (the first row of the first entity set that can be read)."""
        session = self.open(values, context=context)
        try:
            yield "sign_in", lambda: "Signed in" if session.list_tables() is not None else ""
            yield "list_tables", lambda: listed(session.list_tables())
        finally:
            session.close()


def is_root(url: str) -> bool:
    """Claim that this is an address that can be a service root."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    is_plain = not (parts.username or parts.query or parts.fragment)
    return parts.scheme in ODataConnector.url_schemes and bool(parts.hostname) and port != 0 and is_plain
