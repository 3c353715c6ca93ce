"""The section `users` of the configuration file; what it shares with `groups`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from apiserver.server import stamp
from apiserver.server.configuration_protocol import Change, ConfigurationError, SecretWriter, check_keys, reference, typed
from apiserver.server.configuration_server import count, limit
from users import tokens
from users.models import PRIVILEGES, ROLES, Authtoken, Group, User
from users.services import check_spelling

KEYS = ("role", "privileges", "resources", "groups", "authtoken", "active", "requests_per_hour", "concurrent_requests", "token_days")
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
        if existing is None:
            user.set_unusable_password()
        cleaned(user, place, exclude=["password"])
        is_changed = existing is None or state(user) != before
        if is_changed:
            user.save()
            stamp.changed()
        is_changed |= set_groups(user, values, place)
        is_changed |= self.token(user, values, change, place)
        if existing is None:
            if "authtoken" not in values and name != ANONYMOUS:
                change.authtokens[name] = tokens.generate(user, now=change.now)
            change.created.append(f"users/{name}")
        elif is_changed:
            change.updated.append(f"users/{name}")

    def token(self, user: User, values: Mapping[str, Any], change: Change, place: str) -> bool:
        """Give the user the file's token in the place of others; return whether anything changed."""
        text = values.get("authtoken")
        if text is None:
            return False
        if not isinstance(text, str) or not tokens.SHAPE.fullmatch(text):
            raise ConfigurationError(f"{place}.authtoken must have 22 to 128 characters: letters, digits, - and _.")
        digest = tokens.digest(text)
        if any(token.sha256 == digest for token in tokens.live(user, now=change.now)):
            return False
        if Authtoken.objects.filter(sha256=digest).exclude(user=user).exists():
            raise ConfigurationError(f"{place}.authtoken is another user's.")
        user.authtokens.all().delete()
        tokens.generate(user, now=change.now, text=text)
        return True

    def export(self, secrets: SecretWriter) -> Any:
        """Return all users; tokens as the writer says."""
        return {user.name: exported(user, secrets) for user in User.objects.prefetch_related("groups", "authtokens")}


def cleaned(row: User | Group, place: str, exclude: Sequence[str] = ()) -> None:
    """Raise for what the database can't hold."""
    try:
        check_spelling(row.name)
        row.full_clean(exclude=list(exclude))
    except ValidationError as error:
        raise ConfigurationError(f"{place}: {' '.join(error.messages)}") from error


def set_groups(user: User, values: Mapping[str, Any], place: str) -> bool:
    """Make the user a member of exactly the file's groups; return whether that changed anything."""
    if "groups" not in values:
        return False
    known = {group.name: group for group in Group.objects.all()}
    given = {reference(str(name), known, f"{place}.groups") for name in typed(values["groups"], list, f"{place}.groups")}
    if given == {group.name for group in user.groups.all()}:
        return False
    user.groups.set([known[name] for name in given])
    stamp.changed()
    return True


def state(user: User) -> tuple[Any, ...]:
    """Return what the file says of a user."""
    return (user.role, list(user.privileges), user.resources, user.is_active, *(getattr(user, name) for name in LIMITS))


def wanted(values: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return the fields that the file sets."""
    found: dict[str, Any] = {}
    if "role" in values:
        found["role"] = reference(str(values["role"]), ROLES, f"{place}.role")
    if "privileges" in values:
        found["privileges"] = privileges(values["privileges"], f"{place}.privileges")
    if "active" in values:
        found["is_active"] = typed(values["active"], bool, f"{place}.active")
    for name in LIMITS:
        if name in values:
            check = count if name == "token_days" else limit
            found[name] = None if values[name] is None else check(values[name], f"{place}.{name}")
    if "resources" in values:
        found["resources"] = None if values["resources"] is None else grants(values["resources"], f"{place}.resources")
    return found


def privileges(data: Any, place: str) -> list[str]:
    """Return checked methods in their usual order."""
    given = [reference(str(item), PRIVILEGES, place) for item in typed(data, list, place)]
    return [item for item in PRIVILEGES if item in given]


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
        for key in ("methods", "columns"):
            if grant.get(key) is not None:
                grant[key] = [typed(item, str, f"{place}.{name}.{key}") for item in typed(grant[key], list, f"{place}.{name}.{key}")]
        if grant.get("filter") is not None:
            typed(grant["filter"], str, f"{place}.{name}.filter")
        for method in grant.get("methods") or ():
            reference(method, PRIVILEGES, f"{place}.{name}.methods")
        check_grant(str(name), grant, f"{place}.{name}")
        found[str(name)] = grant
    return found


def exported(user: User, secrets: SecretWriter) -> dict[str, Any]:
    """Return one user as data, with the newest authtoken."""
    found = described(user)
    alive = tokens.live(user, now=timezone.now())
    if alive:
        found["authtoken"] = secrets.write("users", user.name, "authtoken", tokens.reveal(alive[0]))
    return found


def described(user: User) -> dict[str, Any]:
    """Return one user as data, without authtokens."""
    found: dict[str, Any] = {"role": user.role, "privileges": user.privileges}
    if user.resources is not None:
        found["resources"] = user.resources
    if user.groups.all():
        found["groups"] = [group.name for group in user.groups.all()]
    if not user.is_active:
        found["active"] = False
    for name in LIMITS:
        if getattr(user, name) is not None:
            found[name] = getattr(user, name)
    return found
