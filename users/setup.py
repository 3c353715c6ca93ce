"""The first administrator: from the environment, or by a link that works once. There is no default password."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from apiserver.server import audit, stamp
from users.models import PRIVILEGES, SetupLink, User
from users.services import administrators
from users.tokens import digest

HOURS = 24


def ensure_first_admin(*, now: datetime) -> str | None:
    """Return the token of a new set-up link when nobody can sign in yet; the environment's administrator is made instead."""
    if settings.ADMIN_USER and settings.ADMIN_PASSWORD:
        make_named_admin(settings.ADMIN_USER, settings.ADMIN_PASSWORD)
        return None
    return None if administrators().exists() else new_link(now=now)


@transaction.atomic
def make_named_admin(name: str, password: str) -> None:
    """Make sure that the environment's administrator exists and can sign in with its password."""
    admin = User.objects.filter(name=name).first() or User(name=name, privileges=list(PRIVILEGES))
    if admin.role == "admin" and admin.is_active and admin.check_password(password):
        return
    admin.role, admin.is_active = "admin", True
    admin.set_password(password)
    admin.full_clean(exclude=["password"])
    admin.save()
    stamp.changed()
    audit.record("administrator set", who="environment", subject=name)


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
    stamp.changed()
    audit.record("administrator created", who=name, subject=name)
    return admin
