"""Access tokens of this server as credentials of the API: who asks, and how far the consent goes."""

from __future__ import annotations

from django.utils import timezone

from users.oauth.models import AccessToken
from users.oauth.scopes import confined
from users.principal import Principal, principal_of


def principal_for(text: str, digest: str) -> Principal | None:
    """Return the rights of an access token by its hash: the user's and the client's of the moment; None where it does not work."""
    found = (
        AccessToken.objects.select_related("user", "application")
        .filter(token_checksum=digest, expires__gt=timezone.now(), user__is_active=True, application__is_active=True)
        .first()
    )
    if found is None:
        return None
    scopes = [scope for scope in found.scope.split() if scope in found.application.scopes]
    return confined(principal_of(found.user), scopes, found.expires)
