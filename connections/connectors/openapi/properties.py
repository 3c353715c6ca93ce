"""Connection properties of the OpenAPI connector."""

from __future__ import annotations

from connections.connectors.http.properties import TUNING
from connections.contract.oauth import oauth_properties
from connections.contract.property import Property

AUTO = "Auto"
SCHEMES = (AUTO, "None", "AccessToken", "APIKey", "Basic", "OAuth", "OAuthClient")
AUTH = "Authentication"

PROPERTIES = (
    Property(
        "Document",
        kind="text",
        is_required=True,
        placeholder="https://api.example.com/openapi.json",
        help="OpenAPI 3 or Swagger 2.0: its address, a file below an allowed folder, or the text itself as JSON or YAML.",
    ),
    Property(
        "Parameters",
        kind="text",
        placeholder="workspace=acme",
        help="Values of path parameters and server variables, one name=value a line: these need not be given in queries any more.",
    ),
    Property(
        "AuthScheme", "Auth Scheme", kind="choice", choices=SCHEMES, default=AUTO, group=AUTH, help="Auto: what the document asks for."
    ),
    Property("AccessToken", is_secret=True, group=AUTH, shown_when=("AuthScheme", (AUTO, "AccessToken"))),
    Property("ApiKey", "API key", is_secret=True, group=AUTH, shown_when=("AuthScheme", (AUTO, "APIKey"))),
    Property(
        "ApiKeyName",
        "Name of the API key",
        group=AUTH,
        is_advanced=True,
        shown_when=("AuthScheme", ("APIKey",)),
        help="Header that carries the key, or ?name for a parameter; empty: as the document says.",
    ),
    Property("User", group=AUTH, shown_when=("AuthScheme", (AUTO, "Basic"))),
    Property("Password", is_secret=True, group=AUTH, shown_when=("AuthScheme", (AUTO, "Basic"))),
    *oauth_properties(("AuthScheme", ("OAuth",)), ("AuthScheme", ("OAuth", "OAuthClient"))),
    Property(
        "OAuthAuthorizationURL", "OAuth Authorization URL", group=AUTH, is_advanced=True, shown_when=("AuthScheme", ("OAuth",))
    ),
    Property(
        "OAuthAccessTokenURL", "OAuth Access Token URL", group=AUTH, is_advanced=True, shown_when=("AuthScheme", ("OAuth", "OAuthClient"))
    ),
    Property("URL", group="Advanced", is_advanced=True, help="Address of the API; empty: the one in the document."),
    Property(
        "Headers",
        kind="text",
        is_secret=True,
        group="Advanced",
        is_advanced=True,
        help="Further headers sent with each call, one Name: value a line.",
    ),
    Property(
        "Overlay",
        kind="text",
        group="Schema",
        is_advanced=True,
        help="Corrections to what was derived, as YAML; the page Tables derived writes it.",
    ),
    *TUNING,
)  # fmt: skip
