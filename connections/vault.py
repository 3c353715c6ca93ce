"""Sealing of secrets: AES-GCM under a ring of keys; the first key seals, every key opens. Pure Python."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = "v1"
NONCE_BYTES = 12


class VaultError(Exception):
    """A sealed secret can't be opened: its key is not in the ring, or it was changed."""


class Ring:
    """The keys of this process."""

    def __init__(self) -> None:
        self.ciphers: dict[str, AESGCM] = {}
        self.first = ""
        self.reload: Callable[[], Sequence[str]] | None = None

    def configure(self, keys: Sequence[str], *, reload: Callable[[], Sequence[str]] | None = None) -> None:
        """Take the keys, newest first. Any text is a key: it is stretched to 256 bits. `reload`, kept once given, reads them anew."""
        derived = [hashlib.sha256(b"apiserver vault" + key.encode()).digest() for key in keys if key]
        if not derived:
            raise VaultError("No encryption key is configured.")
        self.ciphers = {hashlib.sha256(key).hexdigest()[:8]: AESGCM(key) for key in derived}
        self.first = next(iter(self.ciphers))
        self.reload = reload or self.reload

    def cipher(self, key_id: str) -> AESGCM | None:
        """Return a key's cipher; an unknown key may have come while this process runs: then the ring is read anew."""
        if key_id not in self.ciphers and self.reload is not None:
            self.configure(self.reload())
        return self.ciphers.get(key_id)


RING = Ring()
configure = RING.configure


def seal(text: str) -> str:
    """Return the text sealed: version, key id, nonce and cipher text."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = RING.ciphers[RING.first].encrypt(nonce, text.encode("utf-8", "surrogatepass"), RING.first.encode())
    return f"{VERSION}:{RING.first}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def reveal(sealed: str) -> str:
    """Return what `seal` was given; raise VaultError when no key opens it."""
    version, _, rest = sealed.partition(":")
    key_id, _, body = rest.partition(":")
    cipher = RING.cipher(key_id) if version == VERSION else None
    if cipher is None:
        raise VaultError("A secret was sealed with a key that is not in APISERVER_ENCRYPTION_KEYS.")
    try:
        raw = base64.urlsafe_b64decode(body)
        if base64.urlsafe_b64encode(raw).decode() != body:  # one text for one secret: marks that decoding passes over were put in
            raise ValueError
        return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], key_id.encode()).decode("utf-8", "surrogatepass")
    except (InvalidTag, ValueError) as error:  # ValueError: cut short, or no base64 at all
        raise VaultError("A sealed secret was changed.") from error


def is_current(sealed: str) -> bool:
    """Claim that the text is sealed with the first key."""
    return sealed.startswith(f"{VERSION}:{RING.first}:")


def rotate(sealed: str) -> str:
    """Return the secret sealed with the first key; one that is already comes back unchanged."""
    return sealed if is_current(sealed) else seal(reveal(sealed))
