"""Choices for packages, kept by user: read, changed by what is given this time, and stored with a record in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiserver.server import audit, options, package_choices
from apiserver.server.package_choices import Choices


def kept(user: str) -> Choices:
    """Return what was chosen for a user."""
    return package_choices.choices_of(options.current().packages.get(user, {}))


def changed(choices: Choices, given: Mapping[str, Any], place: str = "packages") -> Choices:
    """Return the choices with what is given this time; raise ConfigurationError for what no connector may have."""
    values = package_choices.stored(choices) | dict(given)
    return package_choices.choices_of(package_choices.checked_one(values, place))


def keep(user: str, choices: Choices, *, who: str, address: str = "") -> None:
    """Store the choices of a user; no record where nothing changed."""
    known = options.stored().get("packages", {})
    values = package_choices.stored(choices)
    if known.get(user, {}) == values:
        return
    options.save({"packages": {name: item for name, item in {**known, user: values}.items() if item}})
    audit.record("connector chosen", who=who, subject=user, address=address, settings=sorted(values))
