"""The first administrator: from the environment, or by a link that works once. There is no default password."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from apiserver.server import audit
from users.models import PRIVILEGES, SetupLink, User
from users.tokens import digest

HOURS = 24


def ensure_first_admin(*, now: datetime) -> str | None:
    """Return the token of a new set-up link when nobody can sign in yet; the environment's administrator is made instead."""
    name, password = settings.ADMIN_USER, settings.ADMIN_PASSWORD
    if name and password:
        admin = User.objects.filter(name=name).first() or User(name=name, privileges=list(PRIVILEGES))
        if admin.role != "admin" or not admin.check_password(password):
            admin.role, admin.is_active = "admin", True
            admin.set_password(password)
            admin.save()
        return None
    if (
        User.objects.filter(role="admin", is_active=True)
        .exclude(password="")
        .exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
        .exists()
    ):
        return None
    return new_link(now=now)


def new_link(*, now: datetime) -> str:
    """Return the token of a new link; older links end."""
    token = secrets.token_urlsafe(24)
    SetupLink.objects.all().delete()
    SetupLink.objects.create(sha256=digest(token), expires=now + timedelta(hours=HOURS))
    return token


def is_setup_valid(token: str, *, now: datetime) -> bool:
    """Claim that the link works."""
    link = SetupLink.objects.filter(expires__gt=now).first()
    return link is not None and hmac.compare_digest(link.sha256, digest(token))


@transaction.atomic
def consume_setup(token: str, *, name: str, password: str, now: datetime) -> User | None:
    """Make the administrator and end the link; None when the link no longer works."""
    if not is_setup_valid(token, now=now):
        return None
    validate_password(password)
    admin = User.objects.filter(name=name).first() or User(name=name)
    admin.role, admin.privileges, admin.is_active = "admin", list(PRIVILEGES), True
    admin.set_password(password)
    admin.full_clean(exclude=["password"])
    admin.save()
    SetupLink.objects.all().delete()
    audit.record("administrator created", who=name, subject=name)
    return admin
