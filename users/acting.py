"""Who acts on a page and from where, as the audited verbs want it."""

from __future__ import annotations

from typing import TypedDict, cast

from django.http import HttpRequest

from apiserver.server.addresses import caller
from users.models import User


class Acting(TypedDict):
    """The keyword arguments of every audited verb."""

    who: str
    address: str


def by(request: HttpRequest) -> Acting:
    """Return who is signed in."""
    return {"who": cast(User, request.user).name, "address": caller(request).address}
