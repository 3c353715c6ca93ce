"""What oauthlib asks while a sign-in goes on: clients, codes, PKCE, tokens (RFC 6749, 7636, 9700). Texts are looked up by their hash."""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from django.db.models import Q
from django.utils import timezone
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749.errors import InvalidGrantError, UnsupportedResponseTypeError

from apiserver.server import options, stamp
from users.oauth.models import AccessToken, Client, Code, RefreshToken
from users.oauth.server import BEGAN
from users.tokens import digest


class Validator(OAuth2Validator):
    """The rules of this server: codes once, PKCE by S256 alone, refresh tokens once, exact addresses."""

    # ---- clients ----

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Claim that the client must show its secret: one that has any, and who shows one anyway."""
        if given_secret(request) is not None:
            return True
        client = client_of(str(request.client_id or ""))
        return client is None or not client.is_public

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Claim that client and secret belong together (RFC 6749, 2.3.1)."""
        given = given_secret(request)
        client = client_of(given[0]) if given else None
        if client is None or given is None or client.is_public or request.client_id not in (None, client.client_id):
            return False
        if not hmac.compare_digest(digest(given[1]), client.client_secret):
            return False
        request.client, request.client_id = client, client.client_id
        return True

    def authenticate_client_id(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Claim that this is a client without a secret."""
        request.client = client_of(client_id)
        return request.client is not None and request.client.is_public

    def validate_client_id(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Claim that there is such a client."""
        request.client = client_of(client_id)
        return request.client is not None

    def validate_grant_type(self, client_id: str, grant_type: str, client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Claim that the client may do so: codes and refresh tokens are all that there is."""
        return grant_type in ("authorization_code", "refresh_token")

    def validate_response_type(
        self, client_id: str, response_type: str, client: Client, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Claim that a code is asked for."""
        if response_type != "code":
            raise UnsupportedResponseTypeError(request=request)
        return True

    def validate_scopes(self, client_id: str, scopes: list[str], client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Claim that the client may have these scopes."""
        return bool(scopes) and set(scopes) <= set(client.scopes)

    def get_default_scopes(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        """Return the scopes of a client that names none."""
        return list(request.client.scopes)

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        """Claim that nothing else proves who began this sign-in."""
        return bool(request.client.is_public)

    # ---- codes ----

    def save_authorization_code(self, client_id: str, code: dict[str, Any], request: Request, *args: Any, **kwargs: Any) -> None:
        """Store the code's hash."""
        expires = timezone.now() + timedelta(seconds=options.current().oauth["code_seconds"])
        request.nonce, request.claims = "", None  # of OpenID Connect, which is not spoken here
        self._create_authorization_code(request, {**code, "code": digest(code["code"])}, expires)

    def validate_code(self, client_id: str, code: str, client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Claim that the code is this client's and unused; the tokens of one that comes again end (RFC 6749, 4.1.2)."""
        found = Code.objects.select_for_update().select_related("user").filter(code=digest(code), application=client).first()
        if found is None:
            return False
        if found.used is not None:
            if found.used <= BEGAN.get():
                end_family(found.family)
            return False
        if found.expires <= timezone.now() or not found.user.is_active:
            return False
        if request.code_verifier is not None and not found.code_challenge:
            return False  # the challenge was taken out on the way (RFC 9700, 4.8.2)
        request.user, request.scopes, request.family = found.user, found.scope.split(), found.family
        return True

    def get_code_challenge(self, code: str, request: Request) -> str | None:
        """Return the challenge that the sign-in began with."""
        return code_of(code, request.client).code_challenge or None

    def get_code_challenge_method(self, code: str, request: Request) -> str | None:
        """Return the way in which it was made."""
        return code_of(code, request.client).code_challenge_method or None

    def confirm_redirect_uri(self, client_id: str, code: str, redirect_uri: str, client: Client, *args: Any, **kwargs: Any) -> bool:
        """Claim that the code was sent to this very address."""
        return bool(code_of(code, client).redirect_uri == redirect_uri)

    def get_default_redirect_uri(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> str | None:
        """Return the only address of the client."""
        return request.client.redirects[0] if len(request.client.redirects) == 1 else None

    def invalidate_authorization_code(self, client_id: str, code: str, request: Request, *args: Any, **kwargs: Any) -> None:
        """Spend the code."""
        if not Code.objects.filter(code=digest(code), application=request.client, used=None).update(used=timezone.now()):
            raise InvalidGrantError(request=request)

    # ---- tokens ----

    def validate_refresh_token(self, refresh_token: str, client: Client, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Claim that the token can be used; when it was used before, somebody has a copy: the whole family ends (RFC 9700, 4.14.2).

        Who asked before the other one was answered is no thief: a program that refreshes twice at once keeps what one of them got.
        """
        found = (
            RefreshToken.objects.select_for_update(of=("self",))
            .select_related("user")
            .filter(token_checksum=digest(refresh_token), application=client)
            .first()
        )
        if found is None:
            return False
        if found.revoked is not None:
            if found.revoked <= BEGAN.get():
                end_family(found.token_family)
            return False
        request.user, request.refresh_token_instance = found.user, found
        return bool(found.expires > timezone.now() and found.user.is_active)

    def get_original_scopes(self, refresh_token: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        """Return what the user consented to, as far as the client still may have it."""
        return [scope for scope in request.refresh_token_instance.scope.split() if scope in request.client.scopes]

    def _create_refresh_token(
        self, request: Request, refresh_token_code: str, access_token: AccessToken, previous_refresh_token: RefreshToken | None
    ) -> RefreshToken:
        before = previous_refresh_token
        made = RefreshToken(
            user=request.user,
            application=request.client,
            access_token=access_token,
            token_family=before.token_family if before else request.family,
            scope=before.scope if before else " ".join(request.scopes),
            expires=timezone.now() + timedelta(days=options.current().oauth["refresh_days"]),
        )
        self._set_token_value(made, refresh_token_code)
        made.save()
        return made

    def revoke_token(self, token: str, token_type_hint: str | None, request: Request, *args: Any, **kwargs: Any) -> None:
        """End a token of this client: an access token alone, with a refresh token all that came of the consent (RFC 7009, 2.1)."""
        mine = {"token_checksum": digest(token), "application": request.client}
        for refresh in RefreshToken.objects.filter(**mine):
            end_family(refresh.token_family)
        if AccessToken.objects.filter(**mine).delete()[0]:
            stamp.changed()


def client_of(client_id: str) -> Client | None:
    """Return a client that may sign users in."""
    return Client.objects.filter(client_id=client_id, is_active=True).first() if "\0" not in client_id else None


def code_of(code: str, client: Client) -> Code:
    """Return a code of the client."""
    return Code.objects.get(code=digest(code), application=client)


def given_secret(request: Request) -> tuple[str, str] | None:
    """Return client id and secret of the Authorization header, else of the body; None where neither has one."""
    scheme, _, rest = str(request.headers.get("Authorization", "")).partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return "", ""
        return unquote_plus(name), unquote_plus(secret)
    return (str(request.client_id or ""), str(request.client_secret)) if request.client_secret else None


def end_family(family: uuid.UUID | None) -> None:
    """End every token that came of one consent, on every worker within a second."""
    alive = RefreshToken.objects.filter(token_family=family).filter(Q(revoked=None) | Q(access_token__isnull=False))
    if alive.exists():
        RefreshToken.revoke_family(family)
        stamp.changed()


def forget_old(now: datetime) -> None:
    """Forget codes and tokens that can no longer be used nor tell of misuse."""
    Code.objects.filter(expires__lt=now - timedelta(hours=1)).delete()
    AccessToken.objects.filter(expires__lt=now - timedelta(hours=1)).delete()
    RefreshToken.objects.filter(expires__lt=now).delete()
