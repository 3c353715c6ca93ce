"""Slows down who guesses: after many different wrong secrets from one address, it must wait. Others are not touched.

A client that repeats one stale authtoken is no guesser, so each wrong secret counts once.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict

SECONDS = 60.0
MAX_ADDRESSES = 10_000


class Throttle:
    """Wrong secrets of the last minute, by address."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, tuple[float, set[str]]] = OrderedDict()

    def wait(self, address: str, *, now: float | None = None) -> int:
        """Return the seconds that this address must wait, 0 for none."""
        found = self._seen.get(block(address))
        if found is None or len(found[1]) < self._limit:
            return 0
        left = found[0] + SECONDS - (time.monotonic() if now is None else now)
        return int(left) + 1 if left > 0 else 0

    def failed(self, address: str, secret: str, *, now: float | None = None) -> None:
        """Take note of a wrong secret; callers pass a hash of it."""
        moment, key = time.monotonic() if now is None else now, block(address)
        with self._lock:
            start, secrets = self._seen.pop(key, (moment, set()))
            if moment - start >= SECONDS:
                start, secrets = moment, set()
            secrets.add(secret)
            self._seen[key] = (start, secrets)
            if len(self._seen) > MAX_ADDRESSES:
                self._seen.popitem(last=False)

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._seen.clear()


def block(address: str) -> str:
    """Return what one caller can change at will: the address, of IPv6 its /64 network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)


AUTHTOKENS = Throttle(limit=200)
PASSWORDS = Throttle(limit=20)
