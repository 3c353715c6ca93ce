"""What is said to an OAuth service: the address to sign in at, code for tokens, tokens for newer ones, revocation, whose account it is.

oauthlib writes requests and reads answers; they travel through the product's one outgoing client, to the configured address and no other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlsplit

import requests
from oauthlib.oauth2 import BackendApplicationClient, MissingTokenError, OAuth2Error, WebApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from connections.contract.context import OAuthService
from connections.contract.errors import AddressRefused, AuthenticationFailed, ConnectionFailed, ConnectorError, RateLimited
from connections.outgoing import Outgoing, requests_session
from connections.outgoing.requests_session import OutgoingAdapter

TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
LONGEST_WAIT = 3600.0
MOST_SECONDS = 10 * 366 * 86400
ENDED = "The service no longer accepts this sign-in"
NOT_TAKEN = "The service did not take the code"
# Where the answers of known services name the account, best first.
NAMES = ("display_name", "name", "username", "nickname", "login", "email", "preferred_username", "stripe_user_id", "sub", "id")


@dataclass(frozen=True, slots=True)
class Granted:
    """Tokens as a service gave them."""

    access: str
    refresh: str = ""
    seconds: int | None = None  # that the access token is good for
    scopes: tuple[str, ...] = ()
    account: str = ""


class GrantRefused(AuthenticationFailed):
    """The service knows the code or the refresh token no longer: somebody must sign in again."""


class Door(OutgoingAdapter):
    """Lets what oauthlib prepared out to one address, whatever it prepared it for. No redirect is followed."""

    def __init__(self, outgoing: Outgoing, address: str) -> None:
        super().__init__(outgoing)
        self.address = address

    def send(self, request: requests.PreparedRequest, *args: Any, **settings: Any) -> requests.Response:
        """Send to the address; raise for an answer that says nothing about tokens."""
        request.url = self.address
        return usable(super().send(request, *args, **settings))


def usable(answer: requests.Response) -> requests.Response:
    """Return the answer; raise for redirects, storms and failures of the service."""
    status = answer.status_code
    if 300 <= status < 400:
        raise AuthenticationFailed("The service answered with another address instead of tokens.", hint="Check the connection's addresses.")
    if status == 429:
        after = answer.headers.get("Retry-After", "")
        wait = min(float(after), LONGEST_WAIT) if after.isdecimal() else 60.0
        raise RateLimited("The service asks to wait before signing in.", retry_after=wait, hint=f"Try again in {wait:.0f} seconds.")
    if status >= 500 or status == 408:
        raise ConnectionFailed(f"The service's sign-in answered {status}.", hint="Try again in a moment.")
    return answer


def session(service: OAuthService, outgoing: Outgoing, *, redirect_uri: str = "", verifier: str = "") -> OAuth2Session:
    """Return oauthlib's session behind the door."""
    kind = BackendApplicationClient if service.flow == "client" else WebApplicationClient
    found = OAuth2Session(client=kind(service.client_id), redirect_uri=redirect_uri or None, pkce="S256" if verifier else None)
    found._code_verifier = verifier
    found.trust_env = False
    found.adapters.clear()
    found.mount("https://", Door(outgoing, service.token_url))
    return found


def spoken(address: str) -> str:
    """Return the address as oauthlib accepts it. Whether it may be called without TLS is decided by the outgoing client alone."""
    return f"https:{address.partition(':')[2]}"


def authorize_address(service: OAuthService, *, state: str, redirect_uri: str, verifier: str) -> str:
    """Return where the browser goes to sign in."""
    client = WebApplicationClient(service.client_id)
    asked: dict[str, Any] = {"redirect_uri": redirect_uri, "state": state, "scope": list(service.scopes) or None}
    if verifier:
        asked |= {"code_challenge": client.create_code_challenge(verifier, "S256"), "code_challenge_method": "S256"}
    address = client.prepare_request_uri(spoken(service.authorize_url), **asked)
    return f"{urlsplit(service.authorize_url).scheme}:{address.partition(':')[2]}"


def exchange(service: OAuthService, outgoing: Outgoing, *, code: str, redirect_uri: str, verifier: str) -> Granted:
    """Return tokens for a code; raise GrantRefused for one that the service does not take."""
    asking = session(service, outgoing, redirect_uri=redirect_uri, verifier=verifier)
    try:
        return granted(service, (code, verifier), lambda: asking.fetch_token(spoken(service.token_url), code=code, **credentials(service)))
    except GrantRefused as error:
        raise GrantRefused(error.message.replace(ENDED, NOT_TAKEN), hint=error.hint) from error


def client_tokens(service: OAuthService, outgoing: Outgoing) -> Granted:
    """Return tokens for the client itself."""
    asking, wanted = session(service, outgoing), {"scope": list(service.scopes)} if service.scopes else {}
    try:
        return granted(service, (), lambda: asking.fetch_token(spoken(service.token_url), **wanted, **credentials(service)))
    except GrantRefused as error:  # nobody signed in, so that nobody can do so again
        said = error.message.removeprefix(ENDED)
        hint = "Mark the consumer as private at the service, or sign a person in."
        raise AuthenticationFailed(f"The service does not let this OAuth client sign in by itself{said}", hint=hint) from error


def renew(service: OAuthService, outgoing: Outgoing, refresh: str) -> Granted:
    """Return newer tokens; raise GrantRefused when the refresh token is no longer good."""
    asking, known = session(service, outgoing), credentials(service)
    fields = {"client_id": service.client_id} if known.pop("include_client_id", False) else {}
    fields |= {"client_secret": known.pop("client_secret")} if "client_secret" in known else {}
    return granted(service, (refresh,), lambda: asking.refresh_token(spoken(service.token_url), refresh, **known, **fields))


def credentials(service: OAuthService) -> dict[str, Any]:
    """Return how the client shows who it is: Basic (RFC 6749, 2.3.1: both parts encoded), or in the body."""
    if service.is_client_in_body or not service.client_secret:
        return {"include_client_id": True} | ({"client_secret": service.client_secret} if service.client_secret else {})
    return {"auth": HTTPBasicAuth(quote_plus(service.client_id), quote_plus(service.client_secret))}


def granted(service: OAuthService, secrets: tuple[str, ...], ask: Callable[[], Mapping[str, Any]]) -> Granted:
    """Return what was granted; every other answer becomes an error that says what to do."""
    try:
        return read(ask())
    except OAuth2Error as error:
        raise refused(error, (*secrets, service.client_secret)) from error
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, requests.RequestException) as error:
        raise no_tokens() from error


def read(token: Mapping[str, Any]) -> Granted:
    """Return the tokens of an answer; raise ValueError for what can't be one."""
    access, refresh = token["access_token"], token.get("refresh_token") or ""
    if not isinstance(access, str) or not isinstance(refresh, str):
        raise TypeError("no token")
    if not TOKEN.fullmatch(access) or (refresh and not TOKEN.fullmatch(refresh)):
        raise ValueError("no token")
    seconds = token.get("expires_in")
    scopes = token.get("scope") or token.get("scopes") or ()
    scopes = scopes.replace(",", " ").split() if isinstance(scopes, str) else scopes
    return Granted(
        access,
        refresh,
        None if seconds is None else max(0, min(int(seconds), MOST_SECONDS)),
        tuple(sorted(str(item)[:200] for item in scopes)),
        str(token.get("stripe_user_id") or "")[:200],
    )


def no_tokens() -> ConnectionFailed:
    """Return the error of an answer that says nothing of tokens: a web page, or what is cut off."""
    return ConnectionFailed("The service's answer holds no tokens.", hint="Check the connection's addresses.")


def refused(error: OAuth2Error, secrets: tuple[str, ...]) -> ConnectorError:
    """Return the error for what the service refused."""
    if isinstance(error, MissingTokenError):
        return no_tokens()
    code = worded(error.error) or "unknown"
    reason = clean(f"{code}: {error.description}" if error.description else code, secrets)
    if code in ("temporarily_unavailable", "server_error", "slow_down"):
        return ConnectionFailed(f"The service can't sign in at the moment ({reason}).", hint="Try again in a moment.")
    if code == "invalid_grant":
        return GrantRefused(f"{ENDED} ({reason}).", hint="Open the connection and press Connect.")
    if code in ("invalid_client", "unauthorized_client"):
        hint = "Check OAuthClientId and OAuthClientSecret of the connection."
        return AuthenticationFailed(f"The service does not know this OAuth client ({reason}).", hint=hint)
    return AuthenticationFailed(f"The service refused to sign in ({reason}).", hint="Check the connection's OAuth properties.")


def worded(value: Any) -> str:
    """Return the error of an answer as text: some services put an object there instead of a code."""
    if isinstance(value, Mapping):
        return next((str(value[name]) for name in ("message", "error_description", "code", "type") if value.get(name)), "")
    return str(value or "")


def clean(text: str, secrets: tuple[str, ...]) -> str:
    """Return what a service said, safe to show: one line, not long, without secrets."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]


def revoke(service: OAuthService, outgoing: Outgoing, token: str) -> None:
    """Tell the service to forget a token (RFC 7009); raise ConnectorError when it does not."""
    known, fields = credentials(service), {"token": token}
    if "auth" not in known:
        fields |= {"client_id": service.client_id, "client_secret": service.client_secret}
    asking = requests_session(outgoing)
    try:
        answer = usable(asking.post(service.revoke_url, fields, auth=known.get("auth"), allow_redirects=False))
    except requests.RequestException as error:
        raise AddressRefused("The address at which sign-ins are revoked can't be called.") from error
    if answer.status_code >= 400:
        raise AuthenticationFailed(f"The service answered {answer.status_code} when the sign-in was to be revoked.")


def account(service: OAuthService, outgoing: Outgoing, access: str) -> str:
    """Return whom the token acts for, as the service calls it; '' where it does not say."""
    if not service.account_url:
        return ""
    try:
        headers = {"Accept": "application/json"}
        answer = outgoing.send("GET", service.account_url, headers=headers, credentials={"Authorization": f"Bearer {access}"})
        found = json.loads(answer.body) if answer.status == 200 else {}
    except (ConnectorError, ValueError, RecursionError):
        return ""  # the name is an ornament: signing in does not fail for it
    named = [found.get(name) for name in NAMES] if isinstance(found, dict) else []
    return next((clean(str(value), (access,)) for value in named if value), "")
