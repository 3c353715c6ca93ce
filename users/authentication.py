"""Who asks: an authtoken in a header, as Basic password, as Bearer, in the path or in the query. Cached until something changes."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import OrderedDict
from threading import Lock
from urllib.parse import unquote_plus

from django.http import HttpRequest
from django.utils import timezone

from apiserver.server import options, stamp
from users import tokens
from users.errors import unauthorized
from users.models import Authtoken, User
from users.principal import Principal, principal_of

ANONYMOUS = "anonymous"
MAX_CACHED = 5000


class Cache:
    """Principals by token hash; all go when any configuration changes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._stamp = -1
        self._principals: OrderedDict[str, Principal] = OrderedDict()

    def get(self, digest: str) -> Principal | None:
        """Return the principal of a token, None for an unknown one."""
        current = stamp.value()
        with self._lock:
            if current != self._stamp:
                self._principals.clear()
                self._stamp = current
            found = self._principals.get(digest)
        if found is not None:
            return found
        token = Authtoken.objects.select_related("user").filter(sha256=digest, revoked=None, user__is_active=True).first()
        if token is None:
            return None
        found = principal_of(token.user, token_id=token.pk, expires=token.expires)
        with self._lock:
            self._principals[digest] = found
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


def query_token(query: str) -> str | None:
    """Return the value of `@authtoken` in a raw query string."""
    for piece in query.split("&"):
        name, _, value = piece.partition("=")
        if unquote_plus(name).strip().lower() == "@authtoken":
            return unquote_plus(value)
    return None


def authenticate(request: HttpRequest, path_token: str | None = None) -> Principal:
    """Return who asks; raise AccessDenied (401) for no, wrong or contradicting credentials."""
    in_url = [token for token in (path_token, query_token(request.META.get("QUERY_STRING", ""))) if token is not None]
    if in_url and not options.current().allow_authtoken_in_url:
        hint = "Send it in the header x-cdata-authtoken, or let an administrator turn on allow_authtoken_in_url."
        raise unauthorized("Authtokens in the URL are not allowed on this server.", hint)
    user_name, in_headers = header_tokens(request)
    given = in_headers + in_url
    if not given:
        return anonymous()
    if any(not hmac.compare_digest(given[0].encode(), other.encode()) for other in given[1:]):
        raise unauthorized("The request carries two different authtokens.", "Send one.")
    return by_token(given[0], user_name)


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
        except (binascii.Error, UnicodeDecodeError) as error:
            raise unauthorized("The Authorization header is no Basic credential.") from error
        found.append(password)
    elif scheme:
        raise unauthorized(f"The scheme {scheme[:20]} is not accepted.", "Use Basic (user and authtoken) or Bearer.")
    return user, found


def by_token(text: str, user_name: str | None = None) -> Principal:
    """Return the owner of a token."""
    principal = CACHE.get(tokens.digest(text)) if tokens.SHAPE.fullmatch(text) else None
    if principal is None or (principal.expires is not None and principal.expires <= timezone.now()):
        raise unauthorized("The authtoken is not valid.", "It may be mistyped, revoked or expired: the Users page shows the valid one.")
    if user_name is not None and not hmac.compare_digest(user_name.encode(), principal.name.encode()):
        raise unauthorized("User name and authtoken do not belong together.")
    return principal


def anonymous() -> Principal:
    """Return the anonymous user's rights where the server allows requests without credentials."""
    if options.current().anonymous:
        user = User.objects.filter(name=ANONYMOUS, is_active=True).first()
        if user is not None:
            return principal_of(user)
    raise unauthorized("An authtoken is needed.")
