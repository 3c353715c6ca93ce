"""What administrators do with users and groups: save, delete, give passwords and tokens. Pages call these verbs; each is audited."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apiserver.server import audit, stamp
from users import tokens
from users.models import CONSOLE_ROLES, Authtoken, Group, User

FIELDS = ("name", "role", "privileges", "resources", "is_active", "requests_per_hour", "concurrent_requests", "token_days")


FREED = gettext_lazy("Without this group these users would see every resource: %(names)s. Give them rights first.")


def administrators() -> Any:
    """Return the administrators who can sign in."""
    found = User.objects.filter(role="admin", is_active=True).exclude(password="")
    return found.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)


def keep_an_administrator(user: User) -> None:
    """Raise when this change leaves nobody who can sign in as administrator."""
    if not administrators().exclude(pk=user.pk).exists() and administrators().filter(pk=user.pk).exists():
        raise ValidationError(_("This is the last administrator who can sign in: make another one first."))


def check_spelling(name: str) -> None:
    """Refuse a name that would be stored in another spelling, or looks like another one: the person could not be found by it."""
    plain = unicodedata.normalize("NFKC", name).strip()
    if plain != name:
        raise ValidationError({"name": _("Write the name as %(name)s.") % {"name": plain}})


@transaction.atomic
def save_user(user: User, *, who: str, address: str = "", groups: Sequence[Group] | None = None, **values: Any) -> User:
    """Store a new or changed user; `values` are fields of FIELDS. Raise ValidationError for what can't be."""
    check_spelling(values.get("name", user.name))
    is_new = user.pk is None
    before = {name: getattr(user, name) for name in FIELDS}
    if not is_new and (values.get("role", user.role) != "admin" or not values.get("is_active", user.is_active)):
        keep_an_administrator(user)
    for name in FIELDS:
        if name in values:
            setattr(user, name, values[name])
    if is_new and not user.password:
        user.set_unusable_password()
    user.full_clean(exclude=["password"])
    user.save()
    if groups is not None:
        user.groups.set(groups)
    stamp.changed()
    changed = sorted(name for name in FIELDS if is_new or before[name] != getattr(user, name))
    audit.record("user created" if is_new else "user changed", who=who, address=address, subject=user.name, fields=changed)
    return user


@transaction.atomic
def delete_user(user: User, *, who: str, address: str = "") -> None:
    """Delete a user and its authtokens."""
    keep_an_administrator(user)
    name = user.name
    user.delete()
    stamp.changed()
    audit.record("user deleted", who=who, address=address, subject=name)


@transaction.atomic
def save_group(group: Group, *, who: str, address: str = "", **values: Any) -> Group:
    """Store a new or changed group; `values` are name, privileges and resources."""
    check_spelling(values.get("name", group.name))
    action = "group created" if group.pk is None else "group changed"
    for name in ("name", "privileges", "resources"):
        if name in values:
            setattr(group, name, values[name])
    group.full_clean()
    group.save()
    stamp.changed()
    audit.record(action, who=who, address=address, subject=group.name)
    return group


@transaction.atomic
def set_members(group: Group, members: Sequence[User], *, who: str, address: str = "") -> None:
    """Make exactly these users the members. Raise for one who would then see every resource because nothing else confines them."""
    before = {user.pk: user for user in group.users.all()}
    after = {user.pk: user for user in members}
    freed = [user.name for pk, user in before.items() if pk not in after and is_freed(user, group)]
    if freed:
        raise ValidationError(FREED % {"names": ", ".join(freed[:5])})
    if before.keys() == after.keys():
        return
    group.users.set(members)
    stamp.changed()
    audit.record("members changed", who=who, address=address, subject=group.name, members=sorted(user.name for user in members)[:50])


@transaction.atomic
def delete_group(group: Group, *, who: str, address: str = "") -> None:
    """Delete a group; its users lose its rights. A user whom only groups confined would see everything: those are refused."""
    freed = [user.name for user in group.users.all() if is_freed(user, group)]
    if freed:
        raise ValidationError(FREED % {"names": ", ".join(freed[:5])})
    name = group.name
    group.delete()
    stamp.changed()
    audit.record("group deleted", who=who, address=address, subject=name)


def is_freed(user: User, group: Group) -> bool:
    """Claim that nothing but this group says which resources the user sees."""
    others = user.groups.exclude(pk=group.pk)
    return user.resources is None and group.resources is not None and all(other.resources is None for other in others)


@transaction.atomic
def set_password(user: User, password: str, *, who: str, address: str = "") -> None:
    """Give a console password; sessions of the old one end."""
    if user.role not in CONSOLE_ROLES:
        raise ValidationError(_("Only administrators and operators sign in to the console."))
    validate_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record("password set", who=who, address=address, subject=user.name)


@transaction.atomic
def add_token(user: User, *, now: datetime, who: str, address: str = "", note: str = "") -> str:
    """Give the user one more authtoken and return its text."""
    text = tokens.generate(user, now=now, note=note)
    audit.record("authtoken generated", who=who, address=address, subject=user.name)
    return text


@transaction.atomic
def rotate_token(user: User, *, now: datetime, overlap: timedelta, who: str, address: str = "") -> str:
    """Give a new authtoken; the old ones end after the overlap."""
    text = tokens.rotate(user, now=now, overlap=overlap)
    audit.record("authtoken rotated", who=who, address=address, subject=user.name, overlap_hours=overlap.total_seconds() / 3600)
    return text


@transaction.atomic
def revoke_token(token: Authtoken, *, now: datetime, who: str, address: str = "") -> None:
    """End an authtoken at once."""
    tokens.revoke(token, now=now)
    audit.record("authtoken revoked", who=who, address=address, subject=token.user.name)


@transaction.atomic
def reveal_token(token: Authtoken, *, who: str, address: str = "") -> str:
    """Return an authtoken's text to an administrator."""
    audit.record("authtoken revealed", who=who, address=address, subject=token.user.name)
    return tokens.reveal(token)
