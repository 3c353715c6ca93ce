"""The section `server` of the configuration file, and the checks that the Server page shares with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from apiserver.server import audit, options, package_choices
from apiserver.server.addresses import is_listed, is_public_url, rule
from apiserver.server.configuration_jwt import issuers
from apiserver.server.configuration_protocol import Change, ConfigurationError, SecretWriter, check_keys, reference, typed

Check = Callable[[Any, str], Any]
MOST_CATEGORIES = 2
VERSION = re.compile(r"\d{1,6}\.\d{1,6}", re.ASCII)
# Of Microsoft's connector documentation, "x-ms-connector-metadata".
CATEGORIES = (
    "AI",
    "Business Management",
    "Business Intelligence",
    "Collaboration",
    "Commerce",
    "Communication",
    "Content and Files",
    "Data",
    "Finance",
    "Human Resources",
    "Internet of Things",
    "IT Operations",
    "Lifestyle and Entertainment",
    "Marketing",
    "Productivity",
    "Sales and CRM",
    "Security",
    "Social Media",
    "Website",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "MERGE", "DELETE", "OPTIONS")


class ServerSection:
    """Settings -> Server as data."""

    def apply(self, data: Any, change: Change, *, prune: bool) -> None:
        """Store the settings; what is not named keeps its value unless pruned."""
        values = dict(check_keys(data, options.DEFAULTS, "server"))
        is_raised = raise_version(values)
        found: dict[str, Any] = {} if prune else options.stored()
        for name, value in values.items():
            found[name] = checked(name, value, found.get(name))
        if options.replace(found) or is_raised:
            change.updated.append("server")

    def export(self, secrets: SecretWriter) -> Any:
        """Return what differs from the defaults, and the contract's version: what is applied elsewhere gives the same documents."""
        found, version = options.stored(), options.contract_version()
        return found if version == options.FIRST_VERSION else {**found, "api": {**found.get("api", {}), "version": version}}


def raise_version(values: dict[str, Any]) -> bool:
    """Take the version out of the settings and store it where it is higher: clients hold what was given out, so that it never falls."""
    api = values.get("api")
    if not isinstance(api, Mapping) or "version" not in api:
        return False
    values["api"] = {name: value for name, value in api.items() if name != "version"}
    given = version(api["version"], "server.api.version")
    if parts_of(given) <= parts_of(options.contract_version()):
        return False
    options.set_contract_version(given)
    return True


def version(value: Any, place: str) -> str:
    """Return a version such as 2.1; YAML reads one without quotes as a number."""
    found = str(value) if isinstance(value, float) else text(value, place)
    if not VERSION.fullmatch(found):
        raise ConfigurationError(f'{place} must be a version such as "1.0", in quotes, not {value!r}.')
    return found


def parts_of(version: str) -> tuple[int, ...]:
    """Return a version as numbers that can be compared."""
    return tuple(map(int, version.split(".")))


def change_settings(values: Mapping[str, Any], *, who: str, address: str = "") -> bool:
    """Check and store settings from the Server page; return whether anything changed."""
    before, locked = options.stored(), options.current().origins
    for name in values:
        if name in locked:
            raise ConfigurationError(f"server.{name} is set by {locked[name]}: change it there.")
    values = dict(check_keys(values, options.DEFAULTS, "server"))
    is_raised = raise_version(values)
    found = {name: checked(name, value, before.get(name)) for name, value in values.items()}
    if not (options.save(found) or is_raised):
        return False
    audit.record("settings changed", who=who, address=address, subject="server", settings=sorted(found))
    return True


def keep_reachable(values: Mapping[str, Any], address: str) -> None:
    """Raise when the settings lock out the address that they come from."""
    if "trusted_addresses" in values and not is_listed(address, addresses(values["trusted_addresses"], "server.trusted_addresses")):
        raise ConfigurationError(_("server.trusted_addresses must hold %(address)s: you come from there.") % {"address": address})


def checked(name: str, value: Any, before: Any) -> Any:
    """Return one setting's value, or raise with its place."""
    place = f"server.{name}"
    if name in GROUPS:
        checks = GROUPS[name]
        given = check_keys(value, checks, place)
        return {**(before or {}), **{key: checks[key](item, f"{place}.{key}") for key, item in given.items()}}
    if name in MAPPED:
        return {**(before or {}), **MAPPED[name](value, place)}
    return SINGLE[name](value, place)


def text(value: Any, place: str) -> str:
    """Return text."""
    return str(typed(value, str, place))


def switch(value: Any, place: str) -> bool:
    """Return true or false."""
    return bool(typed(value, bool, place))


def count(value: Any, place: str) -> int:
    """Return a number from 0 on."""
    return at_least(0, value, place)


def limit(value: Any, place: str) -> int:
    """Return a number from -1, no limit, on."""
    return at_least(-1, value, place)


def at_least(least: int, value: Any, place: str) -> int:
    """Return a number that is not too small, nor too big for a database."""
    number = int(typed(value, int, place))
    if not least <= number < 2**31:
        raise ConfigurationError(f"{place} must be {least} or more.")
    return number


@dataclass(frozen=True, slots=True)
class Between:
    """The check of a number within bounds."""

    least: int
    most: int

    def __call__(self, value: Any, place: str) -> int:
        number = int(typed(value, int, place))
        if not self.least <= number <= self.most:
            raise ConfigurationError(f"{place} must be between {self.least} and {self.most}.")
        return number


def texts(value: Any, place: str) -> list[str]:
    """Return a list of texts."""
    return [text(item, f"{place}[{number}]").strip() for number, item in enumerate(typed(value, list, place))]


def addresses(value: Any, place: str) -> list[str]:
    """Return addresses, ranges and networks that can be read."""
    found = texts(value, place)
    for number, entry in enumerate(found):
        try:
            rule(entry)
        except ValueError as error:
            raise ConfigurationError(f"{place}[{number}]: {error}.") from error
    return found


def methods(value: Any, place: str) -> list[str]:
    """Return HTTP methods."""
    return [reference(item.upper(), METHODS, place) for item in texts(value, place)]


def origins(value: Any, place: str) -> list[str]:
    """Return origins such as https://make.powerautomate.com, or *."""
    found = texts(value, place)
    for origin in found:
        parts = urlsplit(origin)
        if origin not in ("*", "null") and (not parts.scheme or not parts.netloc or parts.path.strip("/") or parts.query or parts.fragment):
            raise ConfigurationError(f"{place}: {origin!r} is no origin such as https://make.powerautomate.com.")
    return found


def public_url(value: Any, place: str) -> str:
    """Return an absolute address without trailing slash."""
    address = text(value, place).strip()
    if address and not is_public_url(address):
        raise ConfigurationError(f"{place} must be an address such as https://api.example.com, not {address!r}.")
    return address.rstrip("/")


def contact(value: Any, place: str) -> dict[str, str]:
    """Return who is responsible for the API."""
    given = check_keys(value or {}, ("name", "url", "email"), place)
    return {key: text(item, f"{place}.{key}") for key, item in given.items()}


def categories(value: Any, place: str) -> list[str]:
    """Return the categories of a connector."""
    found = [reference(item, CATEGORIES, place) for item in texts(value, place)]
    if len(found) > MOST_CATEGORIES:
        raise ConfigurationError(f"{place}: a connector has {MOST_CATEGORIES} categories at most.")
    return found


SINGLE: dict[str, Check] = {
    "public_url": public_url,
    "trusted_addresses": addresses,
    "trusted_proxies": addresses,
    "allow_authtoken_in_url": switch,
    "page_size": count,
    "max_page_size": count,
    "put_merges": switch,
    "anonymous": switch,
    "jwt": issuers,
}
# By names that people give: what is not named stays.
MAPPED: dict[str, Check] = {"packages": package_choices.checked}
GROUPS: dict[str, dict[str, Check]] = {
    "api": {
        "title": text,
        "description": text,
        "contact": contact,
        "privacy_policy": text,
        "categories": categories,
        "look_minutes": Between(0, 10_080),
        "version": version,
    },
    "cors": {
        "enabled": switch,
        "allow_all_without_star": switch,
        "allow_origins": origins,
        "allow_methods": methods,
        "allow_headers": texts,
        "echo_headers": switch,
        "allow_credentials": switch,
        "max_age": count,
    },
    "limits": {"requests_per_hour": limit, "concurrent_requests": limit, "token_days": count},
    # Beyond the upper ends: the web server's own bounds, what SQLite parses, what stays readable within one answer's memory.
    "request_limits": {
        "url_bytes": Between(256, 60_000),
        "header_bytes": Between(256, 60_000),
        "header_block_bytes": Between(1024, 60_000),
        "header_count": Between(20, 100),
        "body_bytes": Between(1024, 32 * 1024 * 1024),
        "json_depth": Between(2, 200),
        "filter_nodes": Between(1, 500),
        "filter_depth": Between(1, 100),
        "in_values": Between(1, 10_000),
        "lambda_depth": Between(1, 10),
        "expand_depth": Between(1, 10),
        "expand_levels": Between(1, 10),
        "orderby_items": Between(1, 200),
        "select_items": Between(1, 2000),
        "path_segments": Between(4, 100),
        "number_digits": Between(5, 400),
        "request_seconds": Between(1, 3600),
        "source_calls": Between(1, 100_000),
        "source_rows": Between(1000, 100_000_000),
        "source_memory": Between(16, 16_384),
        "page_bytes": Between(1024, 1024 * 1024 * 1024),
        "reader_seconds": Between(1, 3600),
        "upload_megabytes": Between(1, 100_000),
    },
    "outgoing": {"allow": texts},
    "long_reads": {
        "per_user": Between(0, 1000),
        "at_once": Between(1, 8),
        "seconds": Between(10, 86_400),
        "megabytes": Between(1, 10_000),
        "kept_megabytes": Between(1, 1_000_000),
        "keep_minutes": Between(1, 43_200),
    },
    "jobs": {"at_once": Between(1, 64), "keep_days": Between(1, 3650), "log_lines": Between(100, 1_000_000)},
    "oauth": {"code_seconds": Between(10, 600), "access_minutes": Between(1, 1440), "refresh_days": Between(1, 3650)},
    "triggers": {
        "rows": Between(1, 1000),
        "interval_seconds": Between(1, 3600),
        "late_seconds": Between(0, 86_400),
        "reconcile_seconds": Between(5, 86_400),
        "reconcile_rows": Between(0, 100_000),
        "sweep_seconds": Between(5, 86_400),
        "keys": Between(100, 1_000_000),
        "subscriptions": Between(0, 100_000),
        "hosts": texts,
        "give_up_days": Between(1, 30),
        "log_days": Between(1, 90),
    },
}
