"""Slows down who guesses: after many different wrong secrets from one address, it must wait. Others are not touched.

Wrong secrets are counted over all web workers, in one memory-mapped file. A client that repeats one stale authtoken is no guesser,
so each worker counts each wrong secret once.
"""

from __future__ import annotations

import hashlib
import ipaddress
import mmap
import os
import struct
import threading
import time
from collections import OrderedDict
from pathlib import Path

from django.conf import settings

from users.limits import Held

SECONDS = 60.0
MAX_SECRETS = 10_000
SLOT = struct.Struct("<8sdq")  # hash of the address, start of its minute, wrong secrets in it
SLOTS, PROBES = 16_384, 16


class Counts:
    """The numbers of wrong secrets by address, shared by the workers of one data directory; who guessed longest ago makes room."""

    def __init__(self, path: Path) -> None:
        self._mutex = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._file, SLOTS * SLOT.size)
        self._map = mmap.mmap(self._file, SLOTS * SLOT.size)

    def of(self, address: str, now: float) -> tuple[float, int]:
        """Return when the address's minute began and its wrong secrets since."""
        with self._mutex, Held(self._file):
            return self._found(key_of(address), now)[1:]

    def add(self, address: str, now: float) -> None:
        """Count one."""
        key = key_of(address)
        with self._mutex, Held(self._file):
            place, start, count = self._found(key, now)
            SLOT.pack_into(self._map, place, key, start, count + 1)

    def clear(self) -> None:
        """Forget all."""
        with self._mutex, Held(self._file):
            self._map[:] = bytes(len(self._map))

    def _found(self, key: bytes, now: float) -> tuple[int, float, int]:
        """Return the address's place, or the one that it may take, with a minute that has not ended."""
        first = int.from_bytes(key, "little")
        places = [(first + probe) % SLOTS * SLOT.size for probe in range(PROBES)]
        slots = {place: SLOT.unpack_from(self._map, place) for place in places}
        place = next((place for place, slot in slots.items() if slot[0] == key), None)
        if place is None:
            return min(places, key=lambda item: slots[item][1]), now, 0
        _, start, count = slots[place]
        return (place, start, count) if 0 <= now - start < SECONDS else (place, now, 0)


class Throttle:
    """Wrong secrets of the last minute, by address; `name` is that of the file."""

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._lock = threading.Lock()
        self._opened: tuple[int, Counts] | None = None
        self._known: OrderedDict[tuple[str, str], float] = OrderedDict()  # what this process counted, and when

    def wait(self, address: str, *, now: float | None = None) -> int:
        """Return the seconds that this address must wait, 0 for none."""
        moment = time.time() if now is None else now
        start, count = self._counts().of(block(address), moment)
        return int(start + SECONDS - moment) + 1 if count >= self._limit else 0

    def failed(self, address: str, secret: str, *, now: float | None = None) -> None:
        """Take note of a wrong secret; callers pass a hash of it."""
        moment, key = time.time() if now is None else now, block(address)
        with self._lock:
            is_known = moment - self._known.pop((key, secret), moment - SECONDS) < SECONDS
            self._known[key, secret] = moment
            if len(self._known) > MAX_SECRETS:
                self._known.popitem(last=False)
        if not is_known:
            self._counts().add(key, moment)

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._known.clear()
        self._counts().clear()

    def _counts(self) -> Counts:
        """Return the counts of this process: opened at first use and anew after a fork."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), Counts(Path(settings.DATA_DIR) / self._name)
        return self._opened[1]


def key_of(address: str) -> bytes:
    """Return what an address is known by in the file."""
    return hashlib.blake2b(address.encode(), digest_size=8).digest()


def block(address: str) -> str:
    """Return what one caller can change at will: the address, of IPv6 its /64 network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)


AUTHTOKENS = Throttle("authtoken_guesses.bin", limit=200)
PASSWORDS = Throttle("password_guesses.bin", limit=20)
