"""The section `server` of the configuration file."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from apiserver.server import options
from apiserver.server.addresses import rule
from apiserver.server.configuration_protocol import Change, ConfigurationError, SecretWriter, check_keys, typed

LISTS = ("allow_origins", "allow_methods", "allow_headers")


class ServerSection:
    """Settings -> Server as data."""

    def apply(self, data: Any, change: Change, *, prune: bool) -> None:
        """Store the settings; what is not named keeps its value unless pruned."""
        values = check_keys(data, options.DEFAULTS, "server")
        found: dict[str, Any] = {} if prune else options.stored()
        for name, value in values.items():
            found[name] = checked(name, value, found.get(name))
        if options.replace(found):
            change.updated.append("server")

    def export(self, secrets: SecretWriter) -> Any:
        """Return what differs from the defaults."""
        return options.stored()


def checked(name: str, value: Any, before: Any) -> Any:
    """Return one setting's value, or raise with its place."""
    place = f"server.{name}"
    if name in ("trusted_addresses", "trusted_proxies"):
        return address_list(typed(value, list, place), place)
    if name in ("cors", "limits"):
        return section(name, value, before, place)
    if name == "api":
        found = dict(check_keys(value, ("title", "description", "contact"), place))
        check_keys(found.get("contact") or {}, ("name", "url", "email"), f"{place}.contact")
        return found
    if name == "outgoing":
        found = dict(check_keys(value, ("allow",), place))
        typed(found.get("allow", []), list, f"{place}.allow")
        return found
    if name == "public_url":
        return public_url(typed(value, str, place), place)
    default = options.DEFAULTS[name]
    typed(value, type(default), place)
    if isinstance(value, int) and not isinstance(value, bool) and value < 0:
        raise ConfigurationError(f"{place} must not be negative.")
    return value


def section(name: str, value: Any, before: Any, place: str) -> dict[str, Any]:
    """Return a nested group; what is not named keeps its value."""
    defaults = options.DEFAULTS[name]
    given = check_keys(value, defaults, place)
    for key, item in given.items():
        typed(item, type(defaults[key]), f"{place}.{key}")
    return {**(before or {}), **given}


def address_list(entries: list[Any], place: str) -> list[str]:
    """Return addresses, ranges and networks that can be read."""
    for number, entry in enumerate(entries):
        try:
            rule(str(entry))
        except ValueError as error:
            raise ConfigurationError(f"{place}[{number}]: {error}.") from error
    return [str(entry) for entry in entries]


def public_url(text: str, place: str) -> str:
    """Return an absolute address without trailing slash."""
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment):
        raise ConfigurationError(f"{place} must be an address such as https://api.example.com, not {text!r}.")
    return text.rstrip("/")
