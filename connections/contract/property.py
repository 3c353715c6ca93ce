"""Connection properties: declared once by a connector; form, configuration file and docs grow from the declaration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Picks:
    """Where values to choose from are: a column of a table; without a table, the names of the schemas."""

    schema: str = ""
    table: str = ""
    column: str = ""


@dataclass(frozen=True, slots=True)
class Property:
    """One named option of a connection, spelled as users know it (`AuthScheme`)."""

    name: str
    label: str = ""  # default: the name, split at capitals
    kind: str = "string"  # string | integer | boolean | choice | text (several lines) | file
    default: Any = None
    is_required: bool = False
    is_secret: bool = False
    choices: tuple[str, ...] = ()
    group: str = "Basic"  # Basic | Authentication | OAuth | TLS | SSH | Schema | Advanced
    is_advanced: bool = False
    help: str = ""  # one sentence
    placeholder: str = ""
    shown_when: tuple[str, tuple[Any, ...]] | None = None  # (other property, values that show this one)
    minimum: int | None = None
    maximum: int | None = None
    picks: Picks | None = None  # values that a stored connection can look up

    def is_shown(self, values: Mapping[str, Any]) -> bool:
        """Claim that the field applies, given the other values."""
        if self.shown_when is None:
            return True
        other, wanted = self.shown_when
        return values.get(other) in wanted


def auth_scheme(*schemes: str, default: str = "") -> Property:
    """Return the choice of how to sign in; the first one holds where no default is named."""
    return Property("AuthScheme", "Auth Scheme", kind="choice", choices=schemes, default=default or schemes[0], group="Authentication")
