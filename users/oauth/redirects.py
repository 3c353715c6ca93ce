"""Where answers of a sign-in may go: https addresses, letter by letter, and programs on the user's own machine (RFC 8252, 7.3 and 8.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

LONGEST = 2000
PLAIN = re.compile(r"[!-~]+")  # printable ASCII without spaces
LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\])(?::\d{1,5})?(/[^#@\\]*)?")
LOCAL = ("127.0.0.1", "::1", "localhost")


def problem_of(address: str) -> str:
    """Return what is wrong with an address that is to be registered; nothing for a good one."""
    if len(address) > LONGEST or not PLAIN.fullmatch(address) or set(address) & set('\\"<>^`{|}'):
        return f"{address[:80]!r} is no address: write it in ASCII, without spaces."
    if "*" in address:
        return f"{address[:80]!r} holds a wildcard: give the whole address, several if there are several."
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return f"{address[:80]!r} is no address that answers can go to."
    if not host or port == 0 or "@" in parts.netloc or "#" in address:
        return f"{address[:80]!r} must have a host, and neither a user nor a fragment."
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOCAL):
        return f"{address[:80]!r} must begin with https://, or lead to this machine as http://127.0.0.1/... does."
    return ""


def is_registered(address: str, registered: Iterable[str]) -> bool:
    """Claim that an address is one of the registered ones; a program on the user's own machine may choose its port."""
    if not PLAIN.fullmatch(address) or len(address) > LONGEST:
        return False
    return any(address == one or is_same_program(address, one) for one in registered)


def is_same_program(address: str, registered: str) -> bool:
    """Claim that both lead to the same path of the same loopback address, whatever the port."""
    one, other = LOOPBACK.fullmatch(address), LOOPBACK.fullmatch(registered)
    return one is not None and other is not None and one.groups() == other.groups()
