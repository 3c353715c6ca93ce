"""What a request may do: a frozen value made of a user's rights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from users.models import Group, User


@dataclass(frozen=True, slots=True)
class GrantRights:
    """Rights to one resource; None = as far as the user's privileges go."""

    methods: frozenset[str] | None = None
    columns: tuple[str, ...] | None = None
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks and what they may do; equal fingerprints, equal rights."""

    user_id: int
    name: str
    role: str
    privileges: frozenset[str]
    grants: Mapping[str, GrantRights] | None
    fingerprint: str
    requests_per_hour: int | None = None
    concurrent_requests: int | None = None
    token_id: int | None = None
    expires: datetime | None = field(default=None)


def methods_of(names: Iterable[str]) -> frozenset[str]:
    """Return the methods that privileges mean: MERGE is PATCH under an older name."""
    return frozenset(names) - {"MERGE"}


def grant_of(data: Mapping[str, Any]) -> GrantRights:
    """Return the rights of one stored grant."""
    methods, columns = data.get("methods"), data.get("columns")
    return GrantRights(
        None if methods is None else methods_of(methods), None if columns is None else tuple(columns), str(data.get("filter") or "")
    )


def joined(one: GrantRights, other: GrantRights) -> GrantRights:
    """Return the rights of two groups to one resource: the wider one, else what is right for every row of either."""
    if covers(one, other):
        return one
    if covers(other, one):
        return other
    methods = one.methods if other.methods is None else other.methods if one.methods is None else one.methods & other.methods
    if one.filter == other.filter:
        columns = None if one.columns is None or other.columns is None else tuple(dict.fromkeys((*one.columns, *other.columns)))
        return GrantRights(methods, columns, one.filter)
    columns = one.columns if other.columns is None else other.columns
    if one.columns is not None and other.columns is not None:
        columns = tuple(name for name in one.columns if name in other.columns)
    return GrantRights(methods, columns, f"({one.filter}) or ({other.filter})" if one.filter and other.filter else "")


def covers(one: GrantRights, other: GrantRights) -> bool:
    """Claim that whatever the other allows, this one allows."""
    if one.filter not in ("", other.filter):
        return False
    if one.columns is not None and (other.columns is None or not set(other.columns) <= set(one.columns)):
        return False
    return one.methods is None or (other.methods is not None and other.methods <= one.methods)


def grants_of(user: User, groups: Sequence[Group]) -> dict[str, GrantRights] | None:
    """Return the rights by resource; a user's own word on a resource stands over the groups'. None: every resource."""
    shared: dict[str, GrantRights] = {}
    for group in groups:
        for name, data in (group.resources or {}).items():
            grant = grant_of(data or {})
            shared[name] = joined(shared[name], grant) if name in shared else grant
    if user.resources is None and all(group.resources is None for group in groups):
        return None
    return shared | {name: grant_of(data or {}) for name, data in (user.resources or {}).items()}


def principal_of(user: User, *, token_id: int | None = None, expires: datetime | None = None) -> Principal:
    """Return the user's rights, those of its groups included."""
    groups = list(user.groups.all()) if user.pk else []
    privileges = methods_of([*user.privileges, *(item for group in groups for item in group.privileges)])
    grants = grants_of(user, groups)
    return Principal(
        user_id=user.pk or 0,
        name=user.name,
        role=user.role,
        privileges=privileges,
        grants=grants,
        fingerprint=fingerprint(user.role, privileges, grants),
        requests_per_hour=user.requests_per_hour,
        concurrent_requests=user.concurrent_requests,
        token_id=token_id,
        expires=expires,
    )


def fingerprint(role: str, privileges: frozenset[str], grants: Mapping[str, GrantRights] | None) -> str:
    """Return a name of the rights: equal for users with equal rights."""
    listed = [
        [name, None if grant.methods is None else sorted(grant.methods), grant.columns, grant.filter]
        for name, grant in sorted((grants or {}).items())
    ]
    text = json.dumps([role, sorted(privileges), grants is None, listed])
    return hashlib.sha256(text.encode()).hexdigest()[:32]
