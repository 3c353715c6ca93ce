"""Who is told of what happens here: the section `notifications` of the configuration file and its page. Secrets are sealed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from apiserver.server import stamp
from apiserver.server.configuration_protocol import Change, ConfigurationError, SecretWriter, check_keys, reference, typed
from apiserver.server.configuration_server import Between, text
from apiserver.server.models import NotificationSettings
from apiserver.server.standard_webhooks import is_secret, new_secret
from connections import vault
from connections.contract.errors import AddressRefused
from connections.outgoing import listed_host

KEYS = ("smtp", "to", "on", "contract", "webhooks")
SMTP = ("host", "port", "user", "password", "tls", "from", "authority")
STARTTLS, TLS, NO_TLS = "starttls", "tls", "none"
PORTS = {STARTTLS: 587, TLS: 465, NO_TLS: 25}
ERRORS, ALL, NEVER, BREAKING = "errors", "all", "never", "breaking"
ON = (ERRORS, ALL, NEVER)  # of jobs
CONTRACT = (ALL, BREAKING, NEVER)
DEFAULTS: dict[str, Any] = {"smtp": {}, "to": [], "on": ERRORS, "contract": ALL, "webhooks": []}
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,252})")
MOST_WEBHOOKS, MOST_RECIPIENTS = 20, 50
PLACE = "notifications"


class NotificationsSection:
    """Settings -> Notifications as data."""

    def apply(self, data: Any, change: Change, *, prune: bool) -> None:
        """Store the settings; what is not named keeps its value unless pruned."""
        given = check_keys(with_on(data), KEYS, PLACE)
        before = revealed()
        if store(checked(given, dict(DEFAULTS) if prune else before, before)):
            change.updated.append(PLACE)

    def export(self, secrets: SecretWriter) -> Any:
        """Return what differs from the defaults."""
        found = {name: value for name, value in revealed().items() if value != DEFAULTS[name]}
        if found.get("smtp", {}).get("password"):
            found["smtp"]["password"] = secrets.write(PLACE, "smtp", "password", found["smtp"]["password"])
        for number, webhook in enumerate(found.get("webhooks", ()), 1):
            for name in ("url", "secret"):
                webhook[name] = secrets.write(PLACE, f"webhook{number}", name, webhook[name])
        return found or None


def revealed() -> dict[str, Any]:
    """Return the settings with their secrets open: of those who send, and of the export."""
    row = NotificationSettings.objects.filter(pk=1).first()
    found = {**DEFAULTS, **(row.values if row else {})}
    smtp = dict(found["smtp"])
    if smtp.get("password"):
        smtp["password"] = vault.reveal(smtp["password"])
    webhooks = [{name: vault.reveal(item[name]) for name in ("url", "secret")} for item in found["webhooks"]]
    return {**found, "smtp": smtp, "webhooks": webhooks}


def store(values: Mapping[str, Any]) -> bool:
    """Store checked settings, secrets sealed; return whether anything changed."""
    if dict(values) == revealed():
        return False
    smtp = dict(values["smtp"])
    if smtp.get("password"):
        smtp["password"] = vault.seal(smtp["password"])
    webhooks = [{name: vault.seal(item[name]) for name in ("url", "secret")} for item in values["webhooks"]]
    NotificationSettings.objects.update_or_create(pk=1, defaults={"values": {**values, "smtp": smtp, "webhooks": webhooks}})
    stamp.changed()
    return True


def reseal() -> int:
    """Seal every secret with the first key; return how many were sealed with another."""
    row = NotificationSettings.objects.select_for_update().filter(pk=1).first()
    if row is None:
        return 0
    smtp, count = row.values.get("smtp") or {}, 0
    for holder, name in [(smtp, "password"), *((item, key) for item in row.values.get("webhooks", ()) for key in ("url", "secret"))]:
        if holder.get(name) and not vault.is_current(holder[name]):
            holder[name], count = vault.rotate(holder[name]), count + 1
    if count:
        row.save(update_fields=["values"])
    return count


def checked(given: Mapping[str, Any], values: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with what is given in their place; raise ConfigurationError with the place."""
    found = dict(values)
    if "smtp" in given:
        found["smtp"] = smtp(given["smtp"], f"{PLACE}.smtp")
    if "to" in given:
        found["to"] = recipients(given["to"], f"{PLACE}.to")
    if "on" in given:
        found["on"] = reference(switch_word(given["on"]), ON, f"{PLACE}.on")
    if "contract" in given:
        found["contract"] = reference(switch_word(given["contract"]), CONTRACT, f"{PLACE}.contract")
    if "webhooks" in given:
        secrets = {item["url"]: item["secret"] for item in before["webhooks"]}
        found["webhooks"] = webhooks(given["webhooks"], secrets, f"{PLACE}.webhooks")
    if found["to"] and not found["smtp"]:
        raise ConfigurationError(f"{PLACE}.to needs {PLACE}.smtp: e-mails go through a mail server.")
    return found


def with_on(data: Any) -> Any:
    """Return the data with the key `on` as it was meant: YAML 1.1 reads it as true."""
    return {"on" if str(key) == "True" else key: value for key, value in data.items()} if isinstance(data, Mapping) else data


def switch_word(value: Any) -> str:
    """Return a word; YAML reads `off` as false."""
    return NEVER if value is False else str(value)


def smtp(data: Any, place: str) -> dict[str, Any]:
    """Return how mails are sent; an empty mapping sends none."""
    given = check_keys(data or {}, SMTP, place)
    if not given:
        return {}
    host = text(given.get("host", ""), f"{place}.host").strip()
    if not HOST.fullmatch(host):
        raise ConfigurationError(f"{place}.host must be the name of a mail server, not {host!r}.")
    tls = reference("none" if given.get("tls") is False else str(given.get("tls", STARTTLS)).lower(), tuple(PORTS), f"{place}.tls")
    found: dict[str, Any] = {"host": host, "port": Between(1, 65_535)(given.get("port", PORTS[tls]), f"{place}.port"), "tls": tls}
    found["from"] = address(given.get("from", ""), f"{place}.from")
    for name in ("user", "password", "authority"):
        if given.get(name):
            found[name] = text(given[name], f"{place}.{name}")
    if "password" in found and "user" not in found:
        raise ConfigurationError(f"{place}.password needs {place}.user.")
    if "password" in found and tls == NO_TLS and not is_loopback(host):
        raise ConfigurationError(f"{place}: a password goes to another machine only under TLS: set tls to starttls or tls.")
    return found


def is_loopback(host: str) -> bool:
    """Claim that the host is this machine."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address(value: Any, place: str) -> str:
    """Return an e-mail address."""
    found = text(value, place).strip()
    try:
        validate_email(found)
    except ValidationError as error:
        raise ConfigurationError(f"{place} must be an e-mail address, not {found!r}.") from error
    return found


def recipients(value: Any, place: str) -> list[str]:
    """Return the addresses that are told."""
    found = [address(item, f"{place}[{number}]") for number, item in enumerate(typed(value, list, place))]
    if len(found) > MOST_RECIPIENTS:
        raise ConfigurationError(f"{place}: {MOST_RECIPIENTS} addresses are the most; use a list of the mail server.")
    return found


def webhooks(value: Any, secrets: Mapping[str, str], place: str) -> list[dict[str, str]]:
    """Return the addresses that are called; one without a secret keeps the one that it had, or is given one."""
    found = []
    for number, item in enumerate(typed(value, list, place)):
        here = f"{place}[{number}]"
        given = check_keys({"url": item} if isinstance(item, str) else item, ("url", "secret"), here)
        url = text(given.get("url", ""), f"{here}.url").strip()
        secret = text(given.get("secret") or secrets.get(url) or new_secret(), f"{here}.secret")
        if not is_secret(secret):
            raise ConfigurationError(f"{here}.secret must be whsec_ and 24 to 64 bytes as base64.")
        host_of(url, f"{here}.url")
        found.append({"url": url, "secret": secret})
    if len(found) > MOST_WEBHOOKS:
        raise ConfigurationError(f"{place}: {MOST_WEBHOOKS} addresses are the most.")
    return found


def host_of(url: str, place: str) -> str:
    """Return `host:port` of an address; raise for what is none. The rest may be a credential, which is not repeated."""
    try:
        return listed_host(url)
    except AddressRefused as error:
        raise ConfigurationError(f"{place}: {error.message}") from error
