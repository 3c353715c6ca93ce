"""The section `groups` of the configuration file: rights that many users share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiserver.server import stamp
from apiserver.server.configuration_protocol import Change, ConfigurationError, SecretWriter, check_keys
from users.configuration import cleaned, grants, privileges
from users.models import Group
from users.services import is_freed

KEYS = ("privileges", "resources")


class GroupsSection:
    """Groups as data."""

    def apply(self, data: Any, change: Change, *, prune: bool) -> None:
        """Create and change the named groups; delete the others when pruned."""
        if not isinstance(data, Mapping):
            raise ConfigurationError("groups must be a mapping of names to groups.")
        for name, given in data.items():
            self.one(str(name), given, change)
        for group in Group.objects.exclude(name__in=[str(name) for name in data]) if prune else ():
            remove(group)
            change.deleted.append(f"groups/{group.name}")

    def one(self, name: str, given: Any, change: Change) -> None:
        """Create or change one group."""
        place = f"groups.{name}"
        values = check_keys(given, KEYS, place)
        existing = Group.objects.filter(name=name).first()
        group = existing or Group(name=name)
        before = (list(group.privileges), group.resources)
        if "privileges" in values:
            group.privileges = privileges(values["privileges"], f"{place}.privileges")
        if "resources" in values:
            group.resources = None if values["resources"] is None else grants(values["resources"], f"{place}.resources")
        if existing is not None and before == (list(group.privileges), group.resources):
            return
        cleaned(group, place)
        group.save()
        stamp.changed()
        (change.created if existing is None else change.updated).append(f"groups/{name}")

    def export(self, secrets: SecretWriter) -> Any:
        """Return all groups."""
        return {group.name: exported(group) for group in Group.objects.all()}


def remove(group: Group) -> None:
    """Delete a group. Users whom it alone confined see nothing until the file says what they may see."""
    for user in group.users.all():
        if is_freed(user, group):
            user.resources = {}
            user.save(update_fields=["resources"])
    group.delete()
    stamp.changed()


def exported(group: Group) -> dict[str, Any]:
    """Return one group as data."""
    found: dict[str, Any] = {"privileges": group.privileges}
    if group.resources is not None:
        found["resources"] = group.resources
    return found
