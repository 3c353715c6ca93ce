"""Scopes of OAuth: each stands for methods. What a token may do is what its user may do, as far as its scopes go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from users.principal import Principal, fingerprint

METHODS: dict[str, tuple[str, ...]] = {"read": ("GET",), "create": ("POST",), "update": ("PATCH", "PUT"), "delete": ("DELETE",)}
OFFLINE = "offline_access"  # many clients ask for it; refresh tokens are given with it and without
ALL = (*METHODS, OFFLINE)
WORDS = {
    "read": _("Read rows"),
    "create": _("Add rows"),
    "update": _("Change rows"),
    "delete": _("Delete rows"),
    OFFLINE: _("Stay connected until you or an administrator end it"),
}


def methods_of(scopes: Iterable[str]) -> frozenset[str]:
    """Return the methods that scopes stand for."""
    return frozenset(method for scope in scopes for method in METHODS.get(scope, ()))


def confined(principal: Principal, scopes: Iterable[str] | None, expires: datetime) -> Principal:
    """Return the rights of a bearer: the user's own within the scopes (None: all of them), never those of a manager."""
    privileges = principal.privileges if scopes is None else principal.privileges & methods_of(scopes)
    named = fingerprint("query", privileges, principal.grants)
    return replace(principal, role="query", privileges=privileges, fingerprint=named, expires=expires)
