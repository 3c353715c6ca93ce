"""Authtokens in the management API: generated, rotated, revoked, revealed. Only administrators come here; each use is audited."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from apiserver.server.rest import ManagementView, by, given
from apiserver.server.rest_errors import Refusal
from users import services, tokens
from users.models import Authtoken, User

DEFAULT_OVERLAP, LONGEST_OVERLAP = 24, 365 * 24
TOLD = {"Cache-Control": "no-store"}


def shown(token: Authtoken) -> dict[str, Any]:
    """Return an authtoken without its text."""
    return {name: getattr(token, name) for name in ("id", "note", "created", "expires", "last_used")}


class UserView(ManagementView):
    """An address below a user."""

    tag = "authtokens"

    def user(self, name: str) -> User:
        """Return the user of that name."""
        found = User.objects.filter(name=name).first() if "\0" not in name else None
        if found is None:
            raise NotFound(f"There is no user {name!r}.")
        return found

    def token(self, name: str, pk: str) -> Authtoken:
        """Return one of the user's authtokens."""
        found = Authtoken.objects.select_related("user").filter(user=self.user(name), pk=int(pk)).first()
        if found is None or found.revoked is not None:
            raise NotFound(f"The user {name!r} has no authtoken {pk}.")
        return found

    def told(self, user: User, text: str) -> Response:
        """Answer a new authtoken, once."""
        made = Authtoken.objects.get(sha256=tokens.digest(text))
        return Response({**shown(made), "authtoken": text}, status=201, headers=TOLD)


class TokensView(UserView):
    """A user's authtokens."""

    def get(self, request: Request, name: str) -> Response:
        """Return the authtokens that work, without their texts."""
        found = [shown(token) for token in tokens.live(self.user(name), now=timezone.now())]
        return Response({"count": len(found), "results": found})

    def post(self, request: Request, name: str) -> Response:
        """Give the user one more authtoken; the others stay."""
        user, note = self.user(name), given(request, is_optional=True).get("note", "")
        if not isinstance(note, str):
            raise Refusal(422, "InvalidConfiguration", "The note must be text.", target="note")
        return self.told(user, services.add_token(user, now=timezone.now(), note=note, **by(request)))


class RotateView(UserView):
    """Rotation of a user's authtokens."""

    def post(self, request: Request, name: str) -> Response:
        """Give a new authtoken; the old ones end after `overlap_hours`."""
        user, hours = self.user(name), given(request, is_optional=True).get("overlap_hours", DEFAULT_OVERLAP)
        if isinstance(hours, bool) or not isinstance(hours, int) or not 0 <= hours <= LONGEST_OVERLAP:
            message = f"overlap_hours must be a whole number from 0 to {LONGEST_OVERLAP}."
            raise Refusal(422, "InvalidConfiguration", message, target="overlap_hours")
        return self.told(user, services.rotate_token(user, now=timezone.now(), overlap=timedelta(hours=hours), **by(request)))


class TokenView(UserView):
    """One authtoken."""

    def delete(self, request: Request, name: str, pk: str) -> Response:
        """End an authtoken at once."""
        services.revoke_token(self.token(name, pk), now=timezone.now(), **by(request))
        return Response(status=204)


class RevealView(UserView):
    """The text of an authtoken."""

    def post(self, request: Request, name: str, pk: str) -> Response:
        """Return the text of an authtoken; that is recorded."""
        token = self.token(name, pk)
        return Response({**shown(token), "authtoken": services.reveal_token(token, **by(request))}, headers=TOLD)
