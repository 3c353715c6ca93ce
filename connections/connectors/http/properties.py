"""Connection properties of a manifest's connector: its own, and those that every HTTP connection has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.connectors.http.manifest import Manifest
from connections.contract.oauth import oauth_properties
from connections.contract.property import Picks, Property, auth_scheme

CERTIFICATE_HELP = "PEM text or path of the authority that signed the service's certificate; empty: the authorities this machine trusts."

TUNING = (
    Property("Timeout", "Timeout of a call (s)", kind="integer", default=30, minimum=1, maximum=3600, group="Advanced", is_advanced=True),
    Property("ConnectTimeout", "Connect timeout (s)", kind="integer", default=5, minimum=1, maximum=60, group="Advanced", is_advanced=True),
    Property(
        "PageSize",
        "Rows a page",
        kind="integer",
        minimum=1,
        maximum=100_000,
        group="Advanced",
        is_advanced=True,
        help="Empty: as many as the service allows.",
    ),
    Property(
        "MaxRetries",
        "Repetitions of a failed call",
        kind="integer",
        default=5,
        minimum=0,
        maximum=10,
        group="Advanced",
        is_advanced=True,
        help="For reads, and for writes that the service can tell apart, while the timeout lasts.",
    ),
    Property("MaxConnections", "Most connections", kind="integer", default=10, minimum=1, maximum=100, group="Advanced", is_advanced=True),
    Property("SSLServerCert", "Trusted authority (PEM)", kind="text", group="TLS", is_advanced=True, help=CERTIFICATE_HELP),
    Property("ProxyServer", "Proxy server", group="Advanced", is_advanced=True, placeholder="proxy.example.com"),
    Property("ProxyPort", "Proxy port", kind="integer", default=8080, minimum=1, maximum=65535, group="Advanced", is_advanced=True),
    Property("ProxyUser", "Proxy user", group="Advanced", is_advanced=True),
    Property("ProxyPassword", "Proxy password", is_secret=True, group="Advanced", is_advanced=True),
)


def properties_of(manifest: Manifest) -> tuple[Property, ...]:
    """Return all properties of a manifest's connector; one that the manifest declares replaces the common one of its name."""
    content = manifest.content
    own = [declared(item) for item in content.get("properties", ())]
    base = content.get("base_url", "")
    url = Property(
        "URL",
        default=base or None,
        is_required=not base,
        is_advanced=bool(base),
        help="Address of the API.",
        group="Advanced" if base else "Basic",
    )
    found = [url] if not base else []
    found += [item for item in own if item.group == "Basic"]
    found += [*schema_property(manifest), *scheme_property(manifest)]
    found += [item for item in own if item.group != "Basic"]
    found += [*oauth_of(manifest), *([url] if base else []), *TUNING]
    by_name: dict[str, Property] = {}
    given = {item.name: item for item in own}
    for item in found:
        by_name.setdefault(item.name, given.get(item.name, item))
    return tuple(by_name.values())


def declared(item: Mapping[str, Any]) -> Property:
    """Return a property that a manifest declares."""
    shown = item.get("shown_when")
    return Property(
        name=item["name"],
        label=item.get("label", ""),
        kind=item.get("kind", "string"),
        default=item.get("default"),
        is_required=bool(item.get("required")),
        is_secret=bool(item.get("secret")),
        choices=tuple(item.get("choices", ())),
        group=item.get("group", "Basic"),
        is_advanced=bool(item.get("advanced")),
        help=item.get("help", ""),
        placeholder=item.get("placeholder", ""),
        shown_when=next(((name, tuple(values)) for name, values in shown.items()), None) if shown else None,
        minimum=item.get("minimum"),
        maximum=item.get("maximum"),
        picks=picks_of(item.get("picks")),
    )


def picks_of(given: Mapping[str, Any] | None) -> Picks | None:
    """Return where the values of a property can be looked up."""
    if given is None:
        return None
    return Picks(given.get("schema", ""), given.get("table", ""), given.get("column", ""))


def schema_property(manifest: Manifest) -> tuple[Property, ...]:
    """Return the property that picks a schema."""
    schemas = manifest.part("schemas")
    name = schemas.get("property")
    if not name:
        return ()
    return (Property(name, help="Schema whose tables are shown; empty: all.", default=schemas.get("default") or None),)


def scheme_property(manifest: Manifest) -> tuple[Property, ...]:
    """Return the choice of how to sign in, where there is one."""
    schemes = manifest.schemes
    if len(schemes) < 2:
        return ()
    default = manifest.part("auth").get("default") or next(iter(schemes))
    return (auth_scheme(*schemes, default=default),)


def oauth_of(manifest: Manifest) -> tuple[Property, ...]:
    """Return the properties of OAuth sign-in."""
    names = [name for name, scheme in manifest.schemes.items() if scheme["type"] == "oauth"]
    if not names:
        return ()
    several = len(manifest.schemes) > 1
    code = tuple(name for name in names if manifest.schemes[name].get("flow", "code") == "code")
    shown = ("AuthScheme", tuple(names)) if several else None
    oauth = manifest.part("oauth")
    addresses = (
        Property(
            "OAuthAuthorizationURL",
            "OAuth Authorization URL",
            default=oauth.get("authorize_url"),
            group="OAuth",
            is_advanced=True,
            shown_when=("AuthScheme", code) if several else None,
        ),
        Property(
            "OAuthAccessTokenURL",
            "OAuth Access Token URL",
            default=oauth.get("token_url"),
            group="OAuth",
            is_advanced=True,
            shown_when=shown,
        ),
    )
    return (*oauth_properties(("AuthScheme", code) if several else None, shown), *addresses)
