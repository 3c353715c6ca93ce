"""Users and groups in the management API, for administrators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import URLPattern
from rest_framework.request import Request

from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.rest import by
from apiserver.server.rest_entries import Entries
from apiserver.server.rest_errors import Refusal
from apiserver.server.rest_schema import described, entry_urls, url
from users import services
from users.configuration import described as entry_of
from users.configuration_groups import exported as group_entry_of
from users.models import PRIVILEGES, ROLES, Group, User
from users.rest_tokens import RevealView, RotateView, TokensView, TokenView

METHODS: dict[str, Any] = {"type": "array", "items": {"type": "string", "enum": list(PRIVILEGES)}}
GRANTS: dict[str, Any] = {
    "type": "object",
    "nullable": True,
    "description": "Rights by resource; null: every resource.",
    "additionalProperties": {
        "type": "object",
        "properties": {"methods": METHODS, "columns": {"type": "array", "items": {"type": "string"}}, "filter": {"type": "string"}},
    },
}
LIMIT: dict[str, Any] = {"type": "integer", "nullable": True, "description": "null: the server's default; -1: no limit."}
TOKEN: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "note": {"type": "string"},
        **{name: {"type": "string", "format": "date-time", "nullable": True} for name in ("created", "expires", "last_used")},
        "authtoken": {"type": "string", "description": "Only in the answer that makes or reveals it."},
    },
}


def user_schema() -> dict[str, Any]:
    """Return the schema of a user."""
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 150},
            "role": {"type": "string", "enum": list(ROLES)},
            "privileges": METHODS,
            "resources": GRANTS,
            "groups": {"type": "array", "items": {"type": "string"}},
            "active": {"type": "boolean"},
            "requests_per_hour": LIMIT,
            "concurrent_requests": LIMIT,
            "token_days": {**LIMIT, "description": "null: the server's default; 0: authtokens do not expire."},
            "authtoken": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22,128}$", "description": "Written: takes the place of all others."},
        },
        "required": ["name"],
    }


def group_schema() -> dict[str, Any]:
    """Return the schema of a group."""
    return {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 150}, "privileges": METHODS, "resources": GRANTS},
        "required": ["name"],
    }


class UserEntries(Entries):
    """Users; an authtoken is taken, and told once when it is made."""

    room, noun = "users", "user"
    blank = {
        "role": "query",
        "privileges": [],
        "resources": None,
        "groups": [],
        "active": True,
        "requests_per_hour": None,
        "concurrent_requests": None,
        "token_days": None,
    }
    created, changed = "user created", "user changed"

    def rows(self, text: str) -> QuerySet[Any]:
        """Return the users whose name holds the text."""
        found = User.objects.prefetch_related("groups")
        return found.filter(name__icontains=text) if text else found

    def find(self, name: str) -> User | None:
        """Return the user of that name."""
        return User.objects.filter(name=name).first()

    def entry(self, row: User) -> dict[str, Any]:
        """Return the user without authtokens."""
        return entry_of(row)

    def check(self, row: User | None, entry: Mapping[str, Any], request: Request) -> None:
        """Keep an administrator who can sign in."""
        if row is not None and (entry.get("role", row.role) != "admin" or entry.get("active") is False):
            services.keep_an_administrator(row)

    def rename(self, row: User, name: str, request: Request) -> None:
        """Give the user another name."""
        try:
            services.save_user(row, name=name, **by(request))
        except ValidationError as error:
            raise ConfigurationError(f"users.{name}.name: {' '.join(error.messages)}") from error

    def delete(self, row: User, request: Request) -> None:
        """Delete a user, but not whoever asks."""
        if row.name == by(request)["who"]:
            raise Refusal(409, "Conflict", "You can't delete yourself.")
        services.delete_user(row, **by(request))


class GroupEntries(Entries):
    """Groups."""

    room, noun = "groups", "group"
    blank = {"privileges": [], "resources": None}
    created, changed = "group created", "group changed"

    def rows(self, text: str) -> QuerySet[Any]:
        """Return the groups whose name holds the text."""
        return Group.objects.filter(name__icontains=text) if text else Group.objects.all()

    def find(self, name: str) -> Group | None:
        """Return the group of that name."""
        return Group.objects.filter(name=name).first()

    def entry(self, row: Group) -> dict[str, Any]:
        """Return the group."""
        return group_entry_of(row)

    def rename(self, row: Group, name: str, request: Request) -> None:
        """Give the group another name."""
        try:
            services.save_group(row, name=name, **by(request))
        except ValidationError as error:
            raise ConfigurationError(f"groups.{name}.name: {' '.join(error.messages)}") from error

    def delete(self, row: Group, request: Request) -> None:
        """Delete a group, but none that alone confines a user."""
        services.delete_group(row, **by(request))


def urls() -> list[URLPattern]:
    """Return the addresses of this room."""
    tokens = "users/(?P<name>[^/]+)/authtokens"
    note = {"type": "object", "properties": {"note": {"type": "string"}}}
    overlap = {"type": "object", "properties": {"overlap_hours": {"type": "integer", "minimum": 0, "maximum": 8760, "default": 24}}}
    listed = {"type": "object", "properties": {"count": {"type": "integer"}, "results": {"type": "array", "items": TOKEN}}}
    described(TokensView, "get", "listAuthtokens", "List a user's authtokens", answer=listed)
    described(TokensView, "post", "generateAuthtoken", "Generate an authtoken", answer=TOKEN, body=note, status=201)
    described(RotateView, "post", "rotateAuthtoken", "Rotate a user's authtokens", answer=TOKEN, body=overlap, status=201)
    described(TokenView, "delete", "revokeAuthtoken", "Revoke an authtoken", status=204)
    described(RevealView, "post", "revealAuthtoken", "Reveal an authtoken", answer=TOKEN)
    return [
        *entry_urls(GroupEntries(), "Group"),
        *entry_urls(UserEntries(), "User"),
        url(tokens, TokensView),
        url(f"{tokens}/rotate", RotateView),
        url(f"{tokens}/(?P<pk>[0-9]{{1,18}})", TokenView),
        url(f"{tokens}/(?P<pk>[0-9]{{1,18}})/reveal", RevealView),
    ]


SCHEMAS = {"User": user_schema, "Group": group_schema}
