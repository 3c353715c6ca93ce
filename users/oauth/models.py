"""OAuth clients, authorization codes and tokens, on the models of django-oauth-toolkit. Codes and tokens are stored as hashes."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from oauth2_provider.models import (
    AbstractAccessToken,
    AbstractApplication,
    AbstractDeviceGrant,
    AbstractGrant,
    AbstractIDToken,
    AbstractRefreshToken,
)

from users.models import User, valid_name
from users.oauth.redirects import is_registered


class Client(AbstractApplication):
    """A program that users may let act for them, registered by an administrator."""

    user = None  # it is nobody's own
    name = models.CharField(max_length=150, unique=True, validators=[valid_name])
    client_secret = models.CharField(max_length=64, blank=True)  # its SHA-256: secrets are long and random; none of a public client
    sealed = models.TextField(blank=True)  # the secret, for an export under a passphrase
    scopes = models.JSONField(default=list)  # of users.oauth.scopes.ALL
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    @property
    def redirects(self) -> list[str]:
        """Return the addresses to which answers may go."""
        return str(self.redirect_uris).split()

    @property
    def is_public(self) -> bool:
        """Claim that the client can keep no secret, so that PKCE must prove who began."""
        return bool(self.client_type == AbstractApplication.CLIENT_PUBLIC)

    def redirect_uri_allowed(self, uri: str) -> bool:
        """Claim that answers may go to this address."""
        return is_registered(uri, self.redirects)

    def clean(self) -> None:
        """Leave the checks to users.oauth.clients: the library's allow more, and know no loopback."""

    def is_usable(self, request: Any) -> bool:
        """Claim that no administrator switched it off."""
        return self.is_active


class Code(AbstractGrant):
    """An authorization code: its hash, kept until it would expire, so that one used twice is noticed."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    used = models.DateTimeField(null=True)
    family = models.UUIDField(default=uuid.uuid4)  # of the tokens that come of it


class AccessToken(AbstractAccessToken):
    """An access token, found by the hash of its text."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")


class RefreshToken(AbstractRefreshToken):
    """A refresh token: for one use. The family is everything that came of one consent."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    scope = models.TextField()
    expires = models.DateTimeField()

    class Meta(AbstractRefreshToken.Meta):
        pass

    def revoke(self) -> None:
        """Spend it. Its access token stays for the short while that it has left: calls may be under way."""
        self.revoked = timezone.now()
        self.save(update_fields=["revoked", "updated"])


class IdToken(AbstractIDToken):
    """Nothing is stored here: the library's access tokens refer to it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")


class DeviceGrant(AbstractDeviceGrant):
    """Nothing is stored here: there is no sign-in by device code, but the library's own model would be deleted from with each user."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", null=True)
