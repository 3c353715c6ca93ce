"""What administrators do with OAuth clients: register, change, give a new secret, delete, end sign-ins. Each verb is audited."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apiserver.server import audit, stamp
from connections import vault
from users.oauth.models import Client, RefreshToken
from users.oauth.redirects import problem_of
from users.oauth.scopes import ALL
from users.oauth.validator import end_family
from users.services import check_spelling
from users.tokens import digest

KINDS = ("confidential", "public")
BYTES = 32
SECRET = re.compile(r"[A-Za-z0-9._~-]{22,200}")
CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{8,128}")
FIELDS = ("name", "client_id", "client_type", "redirect_uris", "scopes", "is_active")


def new_secret() -> str:
    """Return a secret that nobody guesses."""
    return secrets.token_urlsafe(BYTES)


def check(client: Client) -> None:
    """Raise ValidationError for what no client can be."""
    check_spelling(client.name)
    problems = [problem for address in client.redirects if (problem := problem_of(address))]
    if problems or not client.redirects:
        raise ValidationError({"redirect_uris": problems or [_("Give at least one redirect address.")]})
    if not client.scopes or not set(client.scopes) <= set(ALL):
        raise ValidationError({"scopes": _("Choose at least one scope.")})
    if not CLIENT_ID.fullmatch(client.client_id):
        raise ValidationError({"client_id": _("A client id has 8 to 128 characters: letters, digits and . _ ~ -")})
    client.full_clean(exclude=["client_secret", "authorization_grant_type", "redirect_uris"])


def set_secret(client: Client, text: str) -> None:
    """Give the client this secret; it is stored by the caller."""
    client.client_secret, client.sealed = digest(text), vault.seal(text)


def fill(client: Client, **values: Any) -> str:
    """Put values of FIELDS into a client and check it; return the secret that it needed, empty for none."""
    for name in FIELDS:
        if name in values:
            setattr(client, name, values[name])
    client.authorization_grant_type = Client.GRANT_AUTHORIZATION_CODE
    client.hash_client_secret = False  # it is hashed already
    check(client)
    if client.is_public:
        client.client_secret = client.sealed = ""
        return ""
    if client.client_secret:
        return ""
    text = new_secret()
    set_secret(client, text)
    return text


@transaction.atomic
def save_client(client: Client, *, who: str, address: str = "", **values: Any) -> str:
    """Store a new or changed client; return the secret that was made for it, empty for none. Raise ValidationError."""
    action = "OAuth client created" if client.pk is None else "OAuth client changed"
    if client.pk is None:
        client.client_secret = ""
    text = fill(client, **values)
    client.save()
    stamp.changed()
    audit.record(action, who=who, address=address, subject=client.name)
    return text


@transaction.atomic
def rotate_secret(client: Client, *, who: str, address: str = "") -> str:
    """Give a new secret; the old one ends at once, tokens stay."""
    if client.is_public:
        raise ValidationError(_("A public client has no secret."))
    text = new_secret()
    set_secret(client, text)
    client.save(update_fields=["client_secret", "sealed"])
    audit.record("OAuth secret rotated", who=who, address=address, subject=client.name)
    return text


@transaction.atomic
def delete_client(client: Client, *, who: str, address: str = "") -> None:
    """Delete a client with all its tokens."""
    name = client.name
    client.delete()
    stamp.changed()
    audit.record("OAuth client deleted", who=who, address=address, subject=name)


@transaction.atomic
def end_sign_ins(client: Client, families: Sequence[uuid.UUID] | None = None, *, who: str, address: str = "") -> None:
    """End the sign-ins of a client: the given ones, or all."""
    found = RefreshToken.objects.filter(application=client, revoked=None)
    for family in found.values_list("token_family", flat=True) if families is None else families:
        end_family(family)
    audit.record("OAuth sign-ins ended", who=who, address=address, subject=client.name)


def reseal() -> int:
    """Seal every secret with the first key; return how many were sealed with another."""
    old = [client for client in Client.objects.select_for_update().exclude(sealed="") if not vault.is_current(client.sealed)]
    for client in old:
        client.sealed = vault.rotate(client.sealed)
        client.save(update_fields=["sealed"])
    return len(old)
