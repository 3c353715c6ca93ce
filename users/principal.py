"""What a request may do: a frozen value made of a user's rights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from users.models import User


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


def methods_of(names: list[str] | tuple[str, ...]) -> frozenset[str]:
    """Return the methods that privileges mean: MERGE is PATCH under an older name."""
    return frozenset(names) - {"MERGE"}


def grant_of(data: Mapping[str, Any]) -> GrantRights:
    """Return the rights of one stored grant."""
    methods, columns = data.get("methods"), data.get("columns")
    return GrantRights(
        None if methods is None else methods_of(methods), None if columns is None else tuple(columns), str(data.get("filter") or "")
    )


def principal_of(user: User, *, token_id: int | None = None, expires: datetime | None = None) -> Principal:
    """Return the user's rights."""
    rights = json.dumps([user.role, sorted(user.privileges), user.resources], sort_keys=True)
    return Principal(
        user_id=user.pk,
        name=user.name,
        role=user.role,
        privileges=methods_of(user.privileges),
        grants=None if user.resources is None else {name: grant_of(data or {}) for name, data in user.resources.items()},
        fingerprint=hashlib.sha256(rights.encode()).hexdigest()[:16],
        requests_per_hour=user.requests_per_hour,
        concurrent_requests=user.concurrent_requests,
        token_id=token_id,
        expires=expires,
    )
