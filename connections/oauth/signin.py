"""Signing in at a service: begun in a browser's session, finished once, in that session, for what it was (RFC 6749, 7636, 9207)."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connections import vault
from connections.contract.context import OAuthService
from connections.contract.errors import AuthenticationFailed, InvalidProperties
from connections.models import Connection, OAuthSignIn
from connections.oauth import calls
from connections.oauth.calls import Granted, clean
from connections.oauth.grants import way_out
from connections.oauth.store import digest

MINUTES = timedelta(minutes=10)
DRAFT = timedelta(hours=1)  # to fill in the rest of the form once signed in
CODE = re.compile(r"[\x20-\x7e]{1,4096}")
AGAIN = "Press Connect again."


class SignInRefused(AuthenticationFailed):
    """What came back belongs to no sign-in that this browser began and has not finished."""


class SignInRepeated(SignInRefused):
    """What came back was taken before: a page that was loaded again."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What is kept, sealed, of one sign-in."""

    state: str
    verifier: str
    redirect_uri: str
    values: Mapping[str, Any]  # properties of the form
    fields: Mapping[str, Any]  # what else the form held
    granted: Granted | None = None


def begin(
    service: OAuthService,
    *,
    browser: str,
    connector: str,
    connection: Connection | None,
    values: Mapping[str, Any],
    fields: Mapping[str, Any],
    redirect_uri: str,
    now: datetime,
) -> tuple[OAuthSignIn, str]:
    """Store a sign-in and return it with the address to open."""
    checked(service)
    verifier = secrets.token_urlsafe(48) if service.has_pkce else ""
    begun = Begun(secrets.token_urlsafe(32), verifier, redirect_uri, values, fields)
    row = OAuthSignIn(browser=digest(browser), connector=connector, connection=connection, expires=now + MINUTES)
    row.state, row.sealed = digest(begun.state), sealed(begun)
    row.save()
    return row, address_of(service, begun)


def checked(service: OAuthService) -> None:
    """Raise InvalidProperties for a service that nobody can sign in at."""
    if not service.client_id:
        raise InvalidProperties({"OAuthClientId": "a value is required"})
    for address in (service.authorize_url, service.token_url):
        if origin(address)[0] not in ("https", "http"):
            raise InvalidProperties({"AuthScheme": "the service's sign-in has no address that starts with https://"})


def address_of(service: OAuthService, begun: Begun) -> str:
    """Return where the browser goes."""
    return calls.authorize_address(service, state=begun.state, redirect_uri=begun.redirect_uri, verifier=begun.verifier)


def sealed(begun: Begun) -> str:
    """Return what is stored."""
    return vault.seal(json.dumps(asdict(begun)))


def opened(row: OAuthSignIn) -> Begun:
    """Return what was stored."""
    found = json.loads(vault.reveal(row.sealed))
    granted = found.pop("granted")
    return Begun(**found, granted=Granted(**{**granted, "scopes": tuple(granted["scopes"])}) if granted else None)


def waiting(browser: str, *, now: datetime) -> Any:
    """Return the sign-ins that this browser began and may still finish."""
    return OAuthSignIn.objects.filter(browser=digest(browser), is_back=False, expires__gt=now)


def claim(browser: str, parameters: Mapping[str, list[str]], *, now: datetime) -> OAuthSignIn:
    """Return the sign-in that the state names; it can't be named again. Raise SignInRefused."""
    states = parameters.get("state", [])
    own = OAuthSignIn.objects.filter(browser=digest(browser), expires__gt=now)
    row = own.filter(state=digest(states[0])).first() if len(states) == 1 and browser else None
    if row is not None and not spent(row):
        raise SignInRepeated(
            "This answer was taken before; each is taken once.", hint="Open the connection to see whether it is connected."
        )
    if row is None:
        raise SignInRefused("This answer belongs to no sign-in that was begun here in the last 10 minutes.", hint=AGAIN)
    return row


def spent(row: OAuthSignIn) -> bool:
    """Claim that the sign-in was still open and is now used up; of two that ask at once one is told so."""
    row.is_back = True
    return OAuthSignIn.objects.filter(pk=row.pk, is_back=False).update(is_back=True) == 1


def finish(row: OAuthSignIn, service: OAuthService, parameters: Mapping[str, list[str]], *, now: datetime) -> Granted:
    """Return what the service grants for the code that came back; whoever calls has claimed the sign-in."""
    begun = opened(row)
    code = code_of(service, parameters)
    with way_out() as outgoing:
        granted = calls.exchange(service, outgoing, code=code, redirect_uri=begun.redirect_uri, verifier=begun.verifier)
        granted = replace(granted, account=calls.account(service, outgoing, granted.access) or granted.account)
    if row.connection_id is None:
        row.sealed, row.expires = sealed(replace(begun, granted=granted)), now + DRAFT
        row.save(update_fields=["sealed", "expires"])
    else:
        row.sealed = vault.seal("")  # the row stays until it expires, so that an answer that comes again is known
        row.save(update_fields=["sealed"])
    return granted


def code_of(service: OAuthService, parameters: Mapping[str, list[str]]) -> str:
    """Return the code; raise for an error, for another issuer's answer and for one that is ambiguous."""
    refused_issuer(service, parameters.get("iss", []))
    if parameters.get("error"):
        said = clean(": ".join([*parameters["error"][:1], *parameters.get("error_description", [])[:1]]), ())
        raise AuthenticationFailed(f"The service did not sign you in ({said}).", hint=AGAIN)
    codes = parameters.get("code", [])
    if len(codes) != 1 or not CODE.fullmatch(codes[0]):
        raise AuthenticationFailed("The service's answer holds no code.", hint=AGAIN)
    return codes[0]


def refused_issuer(service: OAuthService, given: list[str]) -> None:
    """Raise when the answer names another service than was asked (RFC 9207)."""
    if service.issuer:
        is_same = given == [service.issuer]
    else:
        is_same = not given or (len(given) == 1 and origin(given[0]) == origin(service.authorize_url))
    if not is_same:
        raise AuthenticationFailed("The answer comes from another service than the one that was asked.", hint=AGAIN)


def origin(address: str) -> tuple[str, str]:
    """Return scheme and host."""
    try:
        parts = urlsplit(address)
        return parts.scheme, parts.netloc.lower()
    except ValueError:
        return "", ""


def pasted(text: str, state: str) -> dict[str, list[str]]:
    """Return the parameters of what somebody pasted: the address where the browser ended, or the code alone."""
    text = text.strip()
    if "://" not in text and "code=" not in text and "error=" not in text:
        return {"code": [text], "state": [state]}
    query = text.partition("#")[0].rpartition("?")[2]
    try:
        return parse_qs(query, max_num_fields=50)
    except ValueError:
        return {}


def drafts(browser: str, *, now: datetime) -> Any:
    """Return the sign-ins of this browser that came back for a connection which is not stored yet."""
    return OAuthSignIn.objects.filter(browser=digest(browser), is_back=True, connection=None, expires__gt=now)


def forget_old(*, now: datetime) -> None:
    """Drop sign-ins that nobody finished."""
    OAuthSignIn.objects.filter(expires__lt=now).delete()
