"""The public keys of issuers: fetched through the outgoing guard, kept, fetched anew for an unknown key at most once a minute.

Keys that are known serve through an outage of the issuer; one that the issuer took back ends within an hour.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from apiserver.server import options
from apiserver.server.configuration_jwt import TENANT
from connections.contract.errors import ConnectorError
from connections.outgoing import Outgoing, Settings

SECONDS = 5.0
MOST_BYTES, MOST_KEYS = 512 * 1024, 100
AGE, PAUSE = 3600.0, 60.0
DISCOVERY = "/.well-known/openid-configuration"
logger = logging.getLogger(__name__)


class NoKeys(Exception):
    """The issuer's keys can't be had now."""


@dataclass(slots=True)
class Known:
    """What is known of one issuer's keys; times by time.monotonic()."""

    keys: list[Mapping[str, Any]] = field(default_factory=list)
    fetched: float = float("-inf")
    tried: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)


KNOWN: dict[tuple[str, str], Known] = {}


def keys_of(issuer: Mapping[str, Any], kid: str | None) -> list[Mapping[str, Any]]:
    """Return the keys that a token may be signed with: those of its `kid`, or all when it names none. Raise NoKeys."""
    known = KNOWN.setdefault((issuer["issuer"], issuer["jwks_uri"]), Known())
    now = time.monotonic()
    found = matching(known.keys, kid)
    is_due = not found or now - known.fetched > AGE
    if is_due and now - known.tried > PAUSE and known.lock.acquire(blocking=not found):
        try:
            if now - known.tried > PAUSE:  # nobody else did meanwhile
                fetch(known, issuer)
        finally:
            known.lock.release()
        found = matching(known.keys, kid)
    if not found and known.fetched == float("-inf"):
        raise NoKeys
    return found


def matching(keys: list[Mapping[str, Any]], kid: str | None) -> list[Mapping[str, Any]]:
    """Return the keys of that name; a token that names none may be of any."""
    return [key for key in keys if kid is None or key.get("kid") == kid]


def fetch(known: Known, issuer: Mapping[str, Any]) -> None:
    """Fetch the keys; what is known stays when that fails."""
    known.tried = time.monotonic()
    outgoing = Outgoing(
        Settings(allow=tuple(options.current().outgoing["allow"]), timeout=SECONDS, max_bytes=MOST_BYTES, max_connections=1)
    )
    try:
        address = issuer["jwks_uri"] or discovered(outgoing, issuer["issuer"])
        listed = document(outgoing, address).get("keys")
        if not isinstance(listed, list):
            raise NoKeys
        known.keys = [key for key in listed[:MOST_KEYS] if isinstance(key, dict) and key.get("use", "sig") == "sig"]
        known.fetched = time.monotonic()
    except (ConnectorError, NoKeys) as error:
        known.tried = time.monotonic() - (0 if known.keys else PAUSE - SECONDS)  # without any, try again soon
        logger.warning("The keys of %s can't be fetched: %s", issuer["issuer"], str(error) or "that is no list of keys")
    finally:
        outgoing.close()


def discovered(outgoing: Outgoing, issuer: str) -> str:
    """Return where an issuer says that its keys are (OpenID Connect Discovery, 4)."""
    base = issuer.replace(TENANT, "common").rstrip("/")
    told = document(outgoing, f"{base}{DISCOVERY}")
    if str(told.get("issuer", "")).rstrip("/") not in (issuer.rstrip("/"), base) or not isinstance(told.get("jwks_uri"), str):
        raise NoKeys
    return str(told["jwks_uri"])


def document(outgoing: Outgoing, address: str) -> dict[str, Any]:
    """Return a JSON object."""
    reply = outgoing.send("GET", address, headers={"Accept": "application/json"}, max_bytes=MOST_BYTES)
    if reply.status != 200:
        raise NoKeys(f"{address} answered {reply.status}")
    try:
        found = orjson.loads(reply.body)
    except orjson.JSONDecodeError as error:
        raise NoKeys(f"{address} answered with what is no JSON") from error
    if not isinstance(found, dict):
        raise NoKeys(f"{address} answered with what is no JSON object")
    return found
