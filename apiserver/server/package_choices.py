"""What was chosen for the connector package of a user: asked once, kept in the settings `packages`, by user name.

Limits: Microsoft's connector documentation ("Prepare connector files for certification") and the published schema of apiProperties.json.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.utils.translation import gettext as _

from apiserver.server.configuration_protocol import ConfigurationError, check_keys, reference, typed

AUTHS = ("api-key", "basic", "oauth", "aad", "none")
COLOR = "#0a5c8a"
LONGEST_NAME = 30
REFUSED_COLORS = ("#ffffff", "#007ee5")
REFUSED_WORDS = re.compile(r"\b(api|connector)\b", re.IGNORECASE)
PRODUCTS = (
    "power apps",
    "powerapps",
    "power automate",
    "power bi",
    "power platform",
    "power pages",
    "power virtual agents",
    "logic apps",
    "copilot studio",
    "microsoft flow",
)


@dataclass(frozen=True, slots=True)
class Choices:
    """One package: what its connector is called, how its makers sign in, what it holds."""

    name: str = ""  # "": the title of the API
    color: str = COLOR  # #rrggbb
    auth: str = "api-key"  # one of AUTHS
    resources: tuple[str, ...] = ()  # (): all that the user sees
    connection: str = ""  # "": of every connection
    gateway: bool = False  # the server is reached through the on-premises data gateway
    certification: bool = False
    publisher: str = ""
    stack_owner: str = ""
    client_id: str = ""  # of oauth and aad; the secret is given to paconn
    tenant: str = ""  # aad: directory id; "": of any organization
    resource_uri: str = ""  # aad: what the token is for
    environment: str = ""  # where paconn keeps the connector
    connector_id: str = ""


def checked(value: Any, place: str) -> dict[str, dict[str, Any]]:
    """Return the choices of each user, or raise ConfigurationError with their place."""
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{place} must be a mapping of user names to choices.")
    return {str(user): checked_one(item, f"{place}.{user}") for user, item in value.items()}


def checked_one(value: Any, place: str) -> dict[str, Any]:
    """Return the choices of one user that differ from the defaults."""
    given = check_keys(value or {}, [item.name for item in fields(Choices)], place)
    found = {key: CHECKS.get(key, text)(item, f"{place}.{key}") for key, item in given.items()}
    return {key: item for key, item in found.items() if item != plain(getattr(Choices(), key))}


def choices_of(stored: Mapping[str, Any]) -> Choices:
    """Return choices as they were stored."""
    values: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in stored.items()}
    return Choices(**values)


def stored(choices: Choices) -> dict[str, Any]:
    """Return choices as they are stored: what differs from the defaults."""
    return {item.name: plain(getattr(choices, item.name)) for item in fields(Choices) if getattr(choices, item.name) != item.default}


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    return list(value) if isinstance(value, tuple) else value


def text(value: Any, place: str) -> str:
    """Return text on one line."""
    return " ".join(str(typed(value, str, place)).split())


def switch(value: Any, place: str) -> bool:
    """Return true or false."""
    return bool(typed(value, bool, place))


def names(value: Any, place: str) -> list[str]:
    """Return a list of names."""
    return [text(item, f"{place}[{number}]") for number, item in enumerate(typed(value, list, place))]


def color(value: Any, place: str) -> str:
    """Return a colour that a connector may have."""
    found = text(value, place).lower()
    if not re.fullmatch(r"#[0-9a-f]{6}", found):
        problem = _("%(value)s is no colour such as #0a5c8a.") % {"value": repr(found)}
        raise ConfigurationError(f"{place}: {problem}")
    if found in REFUSED_COLORS:
        problem = _("Connectors may not have the colour %(value)s.") % {"value": found}
        raise ConfigurationError(f"{place}: {problem}")
    return found


def connector_name(value: Any, place: str) -> str:
    """Return a name that a connector may have; the empty one stands for the title of the API."""
    found = text(value, place)
    problem = name_problem(found) if found else ""
    if problem:
        raise ConfigurationError(f"{place}: {problem}")
    return found


def name_problem(name: str) -> str:
    """Return what is wrong with the name of a connector; "" for nothing."""
    if len(name) > LONGEST_NAME:
        text = _("A connector's name has %(most)s characters at most, %(name)s has %(number)s.")
        return text % {"most": LONGEST_NAME, "name": repr(name), "number": len(name)}
    if not name[-1].isalnum():
        return _("A connector's name ends with a letter or a digit, not as %(name)s.") % {"name": repr(name)}
    refused = REFUSED_WORDS.search(name)
    if refused:
        return _("A connector's name may not hold the word %(word)s.") % {"word": repr(refused[0])}
    product = next((word for word in PRODUCTS if word in name.lower()), "")
    return _("A connector's name may not name the product %(word)s.") % {"word": repr(product)} if product else ""


def auth(value: Any, place: str) -> str:
    """Return a way to sign in."""
    return str(reference(text(value, place), AUTHS, place))


CHECKS: dict[str, Any] = {
    "name": connector_name,
    "color": color,
    "auth": auth,
    "resources": names,
    "gateway": switch,
    "certification": switch,
}
