"""The section `users` of the configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from apiserver.server import stamp
from apiserver.server.configuration_protocol import Change, ConfigurationError, SecretWriter, check_keys, reference, typed
from users import tokens
from users.models import PRIVILEGES, ROLES, Authtoken, User

KEYS = ("role", "privileges", "resources", "authtoken", "active", "requests_per_hour", "concurrent_requests", "token_days")
LIMITS = ("requests_per_hour", "concurrent_requests", "token_days")
GRANT = ("methods", "columns", "filter")
ANONYMOUS = "anonymous"


class UsersSection:
    """Users as data. Console passwords never stand in the file."""

    def apply(self, data: Any, change: Change, *, prune: bool) -> None:
        """Create and change the named users; delete the others when pruned, but nobody who can sign in."""
        if not isinstance(data, Mapping):
            raise ConfigurationError("users must be a mapping of names to users.")
        for name, given in data.items():
            self.one(str(name), given, change)
        for user in User.objects.exclude(name__in=list(data)) if prune else ():
            if not user.has_usable_password():
                user.delete()
                stamp.changed()
                change.deleted.append(f"users/{user.name}")

    def one(self, name: str, given: Any, change: Change) -> None:
        """Create or change one user."""
        place = f"users.{name}"
        values = check_keys(given, KEYS, place)
        existing = User.objects.filter(name=name).first()
        user = existing or User(name=name)
        before = state(user)
        for key, value in wanted(values, place).items():
            setattr(user, key, value)
        is_changed = existing is None or state(user) != before
        if existing is None:
            user.set_unusable_password()
        try:
            user.full_clean(exclude=["password"])
        except ValidationError as error:
            raise ConfigurationError(f"{place}: {' '.join(error.messages)}") from error
        if is_changed:
            user.save()
            stamp.changed()
        is_changed = self.token(user, values, change, place) or is_changed
        if existing is None:
            change.created.append(f"users/{name}")
        elif is_changed:
            change.updated.append(f"users/{name}")

    def token(self, user: User, values: Mapping[str, Any], change: Change, place: str) -> bool:
        """Give the user the file's token as the only one, or generate the first; return whether anything changed."""
        text = values.get("authtoken")
        alive = tokens.live(user, now=change.now)
        if text is None:
            if alive or user.name == ANONYMOUS:
                return False
            change.authtokens[user.name] = tokens.generate(user, now=change.now)
            return True
        if not isinstance(text, str) or not tokens.SHAPE.fullmatch(text):
            raise ConfigurationError(f"{place}.authtoken must have 22 to 128 characters: letters, digits, - and _.")
        if [token.sha256 for token in alive] == [tokens.digest(text)]:
            return False
        if Authtoken.objects.filter(sha256=tokens.digest(text)).exclude(user=user).exists():
            raise ConfigurationError(f"{place}.authtoken is another user's.")
        user.authtokens.all().delete()
        tokens.generate(user, now=change.now, text=text)
        return True

    def export(self, secrets: SecretWriter) -> Any:
        """Return all users; tokens as the writer says."""
        return {user.name: exported(user, secrets) for user in User.objects.all()}


def state(user: User) -> tuple[Any, ...]:
    """Return what the file says of a user."""
    return (user.role, list(user.privileges), user.resources, user.is_active, *(getattr(user, name) for name in LIMITS))


def wanted(values: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return the fields that the file sets."""
    found: dict[str, Any] = {}
    if "role" in values:
        found["role"] = reference(str(values["role"]), ROLES, f"{place}.role")
    if "privileges" in values:
        given = [str(item) for item in typed(values["privileges"], list, f"{place}.privileges")]
        for item in given:
            reference(item, PRIVILEGES, f"{place}.privileges")
        found["privileges"] = [item for item in PRIVILEGES if item in given]
    if "active" in values:
        found["is_active"] = typed(values["active"], bool, f"{place}.active")
    for name in LIMITS:
        if name in values:
            found[name] = None if values[name] is None else typed(values[name], int, f"{place}.{name}")
    if "resources" in values:
        found["resources"] = None if values["resources"] is None else grants(values["resources"], f"{place}.resources")
    return found


def grants(data: Any, place: str) -> dict[str, Any]:
    """Return the rights by resource."""
    from apiserver.server.registry_checks import check_grant  # it asks the rooms above

    if isinstance(data, list):
        data = {str(name): {} for name in data}
    if not isinstance(data, Mapping):
        raise ConfigurationError(f"{place} must be a mapping of resources to rights.")
    found: dict[str, Any] = {}
    for name, given in data.items():
        grant = dict(check_keys(given or {}, GRANT, f"{place}.{name}"))
        for method in grant.get("methods") or ():
            reference(str(method), PRIVILEGES, f"{place}.{name}.methods")
        check_grant(str(name), grant, f"{place}.{name}")
        found[str(name)] = grant
    return found


def exported(user: User, secrets: SecretWriter) -> dict[str, Any]:
    """Return one user as data."""
    found: dict[str, Any] = {"role": user.role, "privileges": user.privileges}
    if user.resources is not None:
        found["resources"] = user.resources
    if not user.is_active:
        found["active"] = False
    for name in LIMITS:
        if getattr(user, name) is not None:
            found[name] = getattr(user, name)
    token = user.authtokens.filter(revoked=None).first()
    if token is not None:
        found["authtoken"] = secrets.write("users", user.name, "authtoken", tokens.reveal(token))
    return found
