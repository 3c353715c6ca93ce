"""The setting `server.jwt`: issuers whose tokens are taken as credentials (Entra ID and others), checked."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from apiserver.server.configuration_protocol import ConfigurationError, check_keys, reference, typed

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
SCOPES = ("read", "create", "update", "delete")
TENANT = "{tenantid}"
KEYS = ("issuer", "audience", "jwks_uri", "claims", "users", "algorithms", "leeway_seconds", "tenants", "scope_claim", "scopes", "required")
DEFAULTS: dict[str, Any] = {
    "jwks_uri": "",
    "claims": ["preferred_username"],
    "users": {},
    "algorithms": ["RS256"],
    "leeway_seconds": 60,
    "tenants": [],
    "scope_claim": "",
    "scopes": {},
    "required": {},
}
LONGEST_LEEWAY = 300
CLAIM = re.compile(r"[A-Za-z][A-Za-z0-9_./:-]{0,199}")


def issuers(value: Any, place: str) -> list[dict[str, Any]]:
    """Return the checked issuers; no two of the same name."""
    found = [one(item, f"{place}[{number}]") for number, item in enumerate(typed(value, list, place))]
    for number, item in enumerate(found):
        if any(item["issuer"] == other["issuer"] for other in found[:number]):
            raise ConfigurationError(f"{place}[{number}].issuer stands twice: {item['issuer']}.")
    return found


def one(value: Any, place: str) -> dict[str, Any]:
    """Return one issuer with every key."""
    given = {**DEFAULTS, **check_keys(value, KEYS, place)}
    found = {
        "issuer": issuer(given.get("issuer"), f"{place}.issuer"),
        "audience": texts(given.get("audience"), f"{place}.audience"),
        "jwks_uri": address(given["jwks_uri"], f"{place}.jwks_uri") if given["jwks_uri"] else "",
        "claims": [claim(item, f"{place}.claims") for item in texts(given["claims"], f"{place}.claims")],
        "users": words(given["users"], f"{place}.users"),
        "algorithms": [reference(item, ALGORITHMS, f"{place}.algorithms") for item in texts(given["algorithms"], f"{place}.algorithms")],
        "leeway_seconds": leeway(given["leeway_seconds"], f"{place}.leeway_seconds"),
        "tenants": texts(given["tenants"], f"{place}.tenants", is_optional=True),
        "scope_claim": claim(given["scope_claim"], f"{place}.scope_claim") if given["scope_claim"] else "",
        "scopes": {key: reference(item, SCOPES, f"{place}.scopes") for key, item in words(given["scopes"], f"{place}.scopes").items()},
        "required": words(given["required"], f"{place}.required"),
    }
    if (TENANT in str(found["issuer"])) != bool(found["tenants"]):
        raise ConfigurationError(f"{place}.tenants: list the tenants where the issuer holds {TENANT}, and only there.")
    if found["scopes"] and not found["scope_claim"]:
        raise ConfigurationError(f"{place}.scopes needs scope_claim: the claim that holds them, such as scp or roles.")
    return found


def issuer(value: Any, place: str) -> str:
    """Return an issuer, letter by letter as its tokens spell it."""
    text = str(typed(value, str, place))
    address(text.replace(TENANT, "tenant"), place)
    return text


def address(value: Any, place: str) -> str:
    """Return an address that can be called; http only leads to hosts that outgoing.allow names."""
    text = str(typed(value, str, place))
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("https", "http") and bool(parts.hostname) and not parts.fragment and "@" not in parts.netloc
    except ValueError:
        is_good = False
    if not is_good or not text.isascii() or not text.isprintable() or " " in text or len(text) > 1000:
        raise ConfigurationError(f"{place} must be an address such as https://login.example.com, not {text[:200]!r}.")
    return text


def texts(value: Any, place: str, *, is_optional: bool = False) -> list[str]:
    """Return texts, of a list or of a single one."""
    listed = [value] if isinstance(value, str) else typed(value, list, place)
    found = [str(typed(item, str, place)).strip() for item in listed]
    if "" in found or not (found or is_optional):
        raise ConfigurationError(f"{place} must name at least one, none of them empty.")
    return found


def words(value: Any, place: str) -> dict[str, str]:
    """Return a mapping of texts to texts."""
    return {str(key): str(typed(item, str, f"{place}.{key}")) for key, item in typed(value, dict, place).items()}


def claim(value: Any, place: str) -> str:
    """Return the name of a claim."""
    text = str(typed(value, str, place))
    if not CLAIM.fullmatch(text):
        raise ConfigurationError(f"{place} must be the name of a claim such as oid, not {text[:80]!r}.")
    return text


def leeway(value: Any, place: str) -> int:
    """Return the seconds that clocks may differ."""
    found = int(typed(value, int, place))
    if not 0 <= found <= LONGEST_LEEWAY:
        raise ConfigurationError(f"{place} must be between 0 and {LONGEST_LEEWAY}.")
    return found
