"""Signing in to the console by name and password: administrators and operators only; who guesses must wait."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from users.authentication import address_of
from users.models import CONSOLE_ROLES
from users.throttle import PASSWORDS
from users.tokens import digest


class PasswordBackend(ModelBackend):
    """Django's own check of name and password behind a throttle by address."""

    def authenticate(self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any) -> Any:
        """Return the user; None for a wrong password."""
        address = address_of(request) if request is not None else ""
        if PASSWORDS.wait(address):
            raise PermissionDenied("Too many wrong passwords came from this address. Wait a minute.")
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None:
            PASSWORDS.failed(address, digest(f"{username}\0{password}"))
        return user

    def user_can_authenticate(self, user: Any) -> bool:
        """Claim that the user may come into the console; also asked for each page of a session."""
        return super().user_can_authenticate(user) and getattr(user, "role", "") in CONSOLE_ROLES
