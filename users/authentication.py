"""Who asks: an authtoken in a header, as Basic password, as Bearer, in the path or in the query; or a bearer that another
sign-in gave (an access token of our own, a JWT of a configured issuer). Cached until something changes.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from urllib.parse import unquote_plus

from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from apiserver.server import options, stamp
from apiserver.server.addresses import caller
from apiserver.server.errors import answering
from users import tokens
from users.errors import AccessDenied, invalid_token, unauthorized
from users.models import Authtoken, User
from users.principal import Principal, principal_of
from users.throttle import AUTHTOKENS

ANONYMOUS = "anonymous"
MAX_CACHED = 5000
# Verbs of (text, hash) for bearers that are no authtokens, loaded when the first one comes.
ACCESS_TOKENS, JWTS = "users.oauth.bearer.principal_for", "users.jwt.bearer.principal_for"


class Cache:
    """Principals by token hash; all go when any configuration changes, which is how a revoked token dies within a second."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._stamp = -1
        self._principals: OrderedDict[str, Principal] = OrderedDict()

    def get(self, key: str, find: Callable[[str], Principal | None]) -> Principal | None:
        """Return the principal of a key, found by `find` at its first use; None for an unknown one, which is not kept."""
        current = stamp.value()
        with self._lock:
            if current != self._stamp:
                self._principals.clear()
                self._stamp = current
            found = self._principals.get(key)
        if found is not None:
            return found
        found = find(key)
        if found is not None:
            with self._lock:
                if current == self._stamp:
                    self._principals[key] = found
                if len(self._principals) > MAX_CACHED:
                    self._principals.popitem(last=False)
        return found


CACHE = Cache()


def split_path_token(path: str) -> tuple[str | None, str]:
    """Return the token that leads a path below /api.rsc, and the rest: `/@TOKEN/Orders` or `/%40TOKEN/Orders`."""
    stripped = path.lstrip("/")
    for mark in ("@", "%40"):
        if stripped.startswith(mark):
            token, _, rest = stripped.removeprefix(mark).partition("/")
            return token, f"/{rest}"
    return None, path


def query_tokens(query: str) -> list[str]:
    """Return the values of `@authtoken` in a raw query string."""
    pairs = [piece.partition("=") for piece in query.split("&")] if "authtoken" in query.lower() else []
    return [unquote_plus(value) for name, _, value in pairs if unquote_plus(name).strip().lower() == "@authtoken"]


def authenticate(request: HttpRequest, path_token: str | None = None) -> Principal:
    """Return who asks; raise AccessDenied (401) for no, wrong or contradicting credentials."""
    in_url = query_tokens(request.META.get("QUERY_STRING", ""))
    if path_token is not None:
        in_url.append(path_token)
    if in_url and not options.current().allow_authtoken_in_url:
        hint = "Send it in the header x-cdata-authtoken, or let an administrator turn on allow_authtoken_in_url."
        raise unauthorized("Authtokens in the URL are not allowed on this server.", hint)
    user_name, in_headers = header_tokens(request)
    given = in_headers + in_url
    if not given:
        return anonymous()
    if any(not hmac.compare_digest(given[0].encode(), other.encode()) for other in given[1:]):
        raise unauthorized("The request carries two different authtokens.", "Send one.")
    if "." in given[0] and len(given) == 1 and is_bearer(request):
        return by_bearer(given[0], address_of(request))
    return by_token(given[0], user_name, address_of(request))


def address_of(request: HttpRequest) -> str:
    """Return the caller's address, as the address check found it."""
    entry = getattr(request, "log_entry", None) or {}
    return str(entry.get("address") or caller(request).address)


def header_tokens(request: HttpRequest) -> tuple[str | None, list[str]]:
    """Return the user name of Basic, if any, and the tokens in headers."""
    found, user = [], None
    own = request.headers.get("x-cdata-authtoken")
    if own is not None:
        found.append(own.strip())
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        found.append(rest.strip())
    elif scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError) as error:
            raise unauthorized("The Authorization header is no Basic credential.") from error
        found.append(password)
    elif scheme:
        raise unauthorized("The scheme of the Authorization header is not accepted.", "Use Basic (user and authtoken) or Bearer.")
    return user, found


def is_bearer(request: HttpRequest) -> bool:
    """Claim that the credential stands where RFC 6750 wants it: other places than the Authorization header serve authtokens alone."""
    return request.headers.get("Authorization", "")[:7].lower() == "bearer "


def by_bearer(text: str, address: str) -> Principal:
    """Return whom an access token or a JWT stands for; no authtoken has a dot."""
    find = verified if text.count(".") == 2 else granted
    principal = CACHE.get(tokens.digest(text), lambda digest: find(text, digest, address))
    if principal is None or (principal.expires is not None and principal.expires <= timezone.now()):
        raise invalid_token("The access token is not valid: it is wrong, revoked or expired.", "Sign in again.")
    return principal


def verified(text: str, digest: str, address: str) -> Principal | None:
    """Return whom a JWT stands for. Nobody guesses a signature: wrong ones make nobody wait, or all callers behind one proxy would."""
    with answering():
        found: Principal | None = import_string(JWTS)(text, digest)
    return found


def granted(text: str, digest: str, address: str) -> Principal | None:
    """Return whom an access token of our own stands for."""
    return guessed(digest, address, lambda: import_string(ACCESS_TOKENS)(text, digest))


def guessed(digest: str, address: str, find: Callable[[], Principal | None]) -> Principal | None:
    """Return what is found behind a secret; who guesses must wait."""
    wait = AUTHTOKENS.wait(address)
    if wait:
        message = "Too many wrong authtokens came from this address."
        raise AccessDenied(429, "TooManyRequests", message, hint="Wait a minute.", headers={"Retry-After": str(wait)})
    with answering():
        found = find()
    if found is None:
        AUTHTOKENS.failed(address, digest)
    return found


def by_token(text: str, user_name: str | None, address: str) -> Principal:
    """Return the owner of a token; who guesses must wait."""
    principal = CACHE.get(tokens.digest(text), lambda digest: stored(digest, address)) if tokens.SHAPE.fullmatch(text) else None
    if principal is None or (principal.expires is not None and principal.expires <= timezone.now()):
        raise unauthorized("The authtoken is not valid.", "It may be mistyped, revoked or expired: the Users page shows the valid one.")
    if user_name is not None and not hmac.compare_digest(user_name.encode(), principal.name.encode()):
        raise unauthorized("User name and authtoken do not belong together.")
    return principal


def stored(digest: str, address: str) -> Principal | None:
    """Return the owner of a token by its hash, from the database."""
    return guessed(digest, address, lambda: owner_of(digest))


def owner_of(digest: str) -> Principal | None:
    """Return the rights of the user whose authtoken has this hash."""
    found = Authtoken.objects.select_related("user").filter(sha256=digest, revoked=None, user__is_active=True).first()
    return None if found is None else principal_of(found.user, token_id=found.pk, expires=found.expires)


def anonymous() -> Principal:
    """Return the anonymous user's rights where the server allows requests without credentials."""
    found = CACHE.get(ANONYMOUS, anonymous_user) if options.current().anonymous else None
    if found is None:
        raise unauthorized("An authtoken is needed.")
    return found


def anonymous_user(name: str) -> Principal | None:
    """Return the rights of the user of that name; reading, where no administrator said otherwise."""
    with answering():
        user = User.objects.filter(name=name).first() or User(name=name, privileges=["GET"])
        return principal_of(user) if user.is_active else None
