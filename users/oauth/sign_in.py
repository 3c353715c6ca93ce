"""Who consents: a user with a password, or one who has only authtokens, by name. No session begins; who guesses must wait."""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils import timezone

from users.authentication import address_of
from users.models import Authtoken, User
from users.throttle import PASSWORDS
from users.tokens import SHAPE, digest


class TooMany(Exception):
    """Too many wrong secrets came from this address; it must wait `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__("Too many wrong passwords or authtokens came from this address.")
        self.seconds = seconds


def user_of(request: HttpRequest, name: str, secret: str) -> User | None:
    """Return the user of that name whose authtoken or password it is; None where they don't belong together. Raise TooMany."""
    address = address_of(request)
    wait = PASSWORDS.wait(address)
    if wait:
        raise TooMany(wait)
    if "\0" in name or "\0" in secret:
        return None
    return by_authtoken(name, secret) or by_password(request, name, secret)


def by_authtoken(name: str, secret: str) -> User | None:
    """Return the owner of an authtoken that works now."""
    if not SHAPE.fullmatch(secret):
        return None
    found = Authtoken.objects.select_related("user").filter(sha256=digest(secret), revoked=None, user__is_active=True).first()
    if found is None or (found.expires is not None and found.expires <= timezone.now()) or found.user.name != name:
        return None
    owner: User = found.user
    return owner


def by_password(request: HttpRequest, name: str, secret: str) -> User | None:
    """Return who signs in to the console so; wrong ones are counted there."""
    found = authenticate(request, username=name, password=secret)
    return found if isinstance(found, User) else None
