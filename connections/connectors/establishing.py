"""What it takes to establish a connection, by way of signing in: told from the declared properties, for docs and console."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connections.contract.connector import Connector
from connections.contract.property import Property

SCHEME = "AuthScheme"
FIRST = ("Basic", "Authentication")
CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Part:
    """The properties that belong together: of one way to sign in, or of one group."""

    title: str
    properties: tuple[Property, ...]
    scheme: str = ""  # the value of AuthScheme that these are for


def label_of(item: Property) -> str:
    """Return the property's label in English."""
    return item.label or CAPITAL.sub(" ", item.name)


def parts(connector: Connector) -> list[Part]:
    """Return what to fill in first, then each way to sign in, then the rest by group."""
    left = [item for item in connector.properties if not schemes_of(item)]
    found = [Part("First", tuple(item for item in left if item.group in FIRST and not item.is_advanced))]
    scheme = next((item for item in connector.properties if item.name == SCHEME), None)
    choices = (
        scheme.choices if scheme and scheme.choices else tuple(dict.fromkeys(c for item in connector.properties for c in schemes_of(item)))
    )
    for choice in choices:
        own = tuple(item for item in connector.properties if choice in schemes_of(item))
        if own or len(choices) > 1:
            found.append(Part(f"{SCHEME} = {choice}", own, choice))
    rest = [item for item in left if item not in found[0].properties]
    for group in dict.fromkeys(item.group for item in rest):
        found.append(Part(group, tuple(item for item in rest if item.group == group)))
    return [part for part in found if part.properties or part.scheme]


def schemes_of(item: Property) -> tuple[str, ...]:
    """Return the ways to sign in that a property is for; () = not only for some."""
    if item.shown_when is None or item.shown_when[0] != SCHEME:
        return ()
    return tuple(str(value) for value in item.shown_when[1])
