"""JWTs of configured issuers as credentials of the API (RFC 7519, 8725, 9068): whose they are, and how far they go.

Nothing that a token says of its own keys is believed: keys come from the issuer's configured address, algorithms from the settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import jwt
import orjson

from apiserver.server import options
from apiserver.server.configuration_jwt import TENANT
from users.errors import AccessDenied, invalid_token
from users.jwt.keys import NoKeys, keys_of
from users.models import User
from users.oauth.scopes import confined
from users.principal import Principal, principal_of

LONGEST = 12_000
TYPES = ("jwt", "at+jwt", "application/at+jwt", "application/jwt")
KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
AGAIN = "Ask its issuer for a new one."
LAST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def principal_for(text: str, digest: str) -> Principal | None:
    """Return the rights of the user that a JWT stands for. Raise AccessDenied: 401 for one that does not hold, 503 without keys."""
    issuers = options.current().jwt
    if not issuers:
        raise invalid_token("This server takes no JWTs.", "Send an authtoken, or let an administrator configure server.jwt.")
    head, claims = unverified(text)
    issuer = issuer_of(issuers, claims)
    verified = checked(text, head, claims, issuer)
    user = user_of(issuer, verified)
    expires = datetime.fromtimestamp(min(float(verified["exp"]) + issuer["leeway_seconds"], LAST), UTC)
    return confined(principal_of(user), scopes_of(issuer, verified), expires)


def unverified(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims as the token has them, before anything is known to be true."""
    if len(text) > LONGEST or not text.isascii():
        raise invalid_token("The JWT is too long or no JWT.", AGAIN)
    try:
        head = jwt.get_unverified_header(text)
        claims = orjson.loads(jwt.utils.base64url_decode(text.split(".")[1]))
    except (jwt.PyJWTError, ValueError) as error:
        raise invalid_token("The JWT can't be read.", AGAIN) from error
    kind = head.get("typ", "JWT")
    if not isinstance(claims, dict) or not isinstance(kind, str) or kind.lower() not in TYPES or "crit" in head or "b64" in head:
        raise invalid_token("The JWT is of a kind that is not taken.", AGAIN)
    return head, claims


def issuer_of(issuers: Iterable[Mapping[str, Any]], claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the configured issuer that the token names, letter by letter; of a family, with one of its listed tenants."""
    named, tenant = claims.get("iss"), claims.get("tid")
    for issuer in issuers:
        if not issuer["tenants"]:
            wanted = issuer["issuer"]
        else:
            wanted = issuer["issuer"].replace(TENANT, tenant) if isinstance(tenant, str) and tenant in issuer["tenants"] else None
        if isinstance(named, str) and named == wanted:
            return issuer
    raise invalid_token("The JWT is of an issuer that is not configured.", "An administrator configures issuers in server.jwt.")


def checked(text: str, head: Mapping[str, Any], claims: Mapping[str, Any], issuer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims once signature, times, audience and issuer hold."""
    algorithm, kid = head.get("alg"), head.get("kid")
    if algorithm not in issuer["algorithms"] or not isinstance(kid, str | None):
        raise invalid_token("The JWT is signed in a way that is not taken.", AGAIN)
    try:
        keys = [key for key in keys_of(issuer, kid) if fits(key, str(algorithm), claims)]
    except NoKeys as error:
        message = "The keys of the JWT's issuer can't be fetched now."
        raise AccessDenied(503, "Unavailable", message, hint="Try again in a moment.", headers={"Retry-After": "5"}) from error
    if not keys or (kid is None and len(keys) > 1):
        raise invalid_token("The JWT is signed with a key that its issuer does not list.", AGAIN)
    try:
        found: dict[str, Any] = jwt.decode(
            text,
            jwt.PyJWK(dict(keys[0]), algorithm=str(algorithm)),
            algorithms=[str(algorithm)],
            audience=issuer["audience"],
            issuer=str(claims["iss"]),
            leeway=issuer["leeway_seconds"],
            options={"require": ["exp", "iss", "aud"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise invalid_token("The JWT has expired.", AGAIN) from error
    except jwt.ImmatureSignatureError as error:
        raise invalid_token("The JWT is not valid yet.", "Set the clocks of both servers.") from error
    except jwt.InvalidAudienceError as error:
        raise invalid_token(
            "The JWT is for another audience.", "Ask for one for this server, or name its audience in server.jwt."
        ) from error
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
        raise invalid_token("The JWT does not hold.", AGAIN) from error
    if any(found.get(name) != value for name, value in issuer["required"].items()):
        raise invalid_token("The JWT lacks a claim that this server asks for.", AGAIN)
    return found


def fits(key: Mapping[str, Any], algorithm: str, claims: Mapping[str, Any]) -> bool:
    """Claim that a key is a public one for this algorithm; those of Entra ID may say whose tokens they sign."""
    is_public = not {"d", "p", "q", "k"} & key.keys()
    whose = key.get("issuer")
    is_its = whose is None or str(whose).replace(TENANT, str(claims.get("tid"))) == claims["iss"]
    return is_public and is_its and key.get("kty") == KINDS[algorithm[:2]] and key.get("alg", algorithm) == algorithm


def user_of(issuer: Mapping[str, Any], claims: Mapping[str, Any]) -> User:
    """Return the user whom the first claim that is there names, itself or by the configured table."""
    named = next((claims[name] for name in issuer["claims"] if isinstance(claims.get(name), str) and claims[name]), None)
    name = issuer["users"].get(named, None if issuer["users"] else named)
    user = User.objects.filter(name=name, is_active=True).first() if name and "\0" not in name else None
    if user is None:
        hint = "An administrator can create a user of the name that its claim holds, or list it in server.jwt."
        raise invalid_token("The JWT is good, but it belongs to no user of this server.", hint)
    return user


def scopes_of(issuer: Mapping[str, Any], claims: Mapping[str, Any]) -> list[str] | None:
    """Return the scopes that the token brings, by the configured table; None where no claim says anything of them."""
    if not issuer["scope_claim"]:
        return None
    given = claims.get(issuer["scope_claim"], "")
    listed = (
        given.split() if isinstance(given, str) else [item for item in given if isinstance(item, str)] if isinstance(given, list) else []
    )
    table = issuer["scopes"] or {scope: scope for scope in ("read", "create", "update", "delete")}
    return [table[item] for item in listed if item in table]
