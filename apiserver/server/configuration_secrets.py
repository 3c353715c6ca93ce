"""How secrets leave in an export and come back: as names of variables, or sealed under a passphrase."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apiserver.server.configuration_protocol import ConfigurationError

SEALED = "sealed"
SALT_BYTES, NONCE_BYTES = 16, 12


class Sealer:
    """Seals the secrets of one export under a passphrase; the salt travels with each."""

    is_sealing = True

    def __init__(self, passphrase: str) -> None:
        self._passphrase = passphrase.encode()
        self._salt = os.urandom(SALT_BYTES)
        self._ciphers: dict[bytes, AESGCM] = {}

    @classmethod
    def from_file(cls, path: Path) -> Sealer:
        """Return the sealer of --passphrase-file."""
        try:
            passphrase = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"The passphrase file {path} can't be read.") from error
        if not passphrase:
            raise ConfigurationError(f"The passphrase file {path} is empty.")
        return cls(passphrase)

    def _cipher(self, salt: bytes) -> AESGCM:
        if salt not in self._ciphers:
            self._ciphers[salt] = AESGCM(hashlib.scrypt(self._passphrase, salt=salt, n=2**14, r=8, p=1, dklen=32))
        return self._ciphers[salt]

    def write(self, room: str, name: str, prop: str, value: str) -> Any:
        """Return the secret sealed."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher(self._salt).encrypt(nonce, value.encode(), None)
        return {SEALED: base64.b64encode(self._salt + nonce + sealed).decode()}

    def read(self, text: str, place: str) -> str:
        """Return what was sealed."""
        try:
            raw = base64.b64decode(text, validate=True)
            salt, nonce, sealed = raw[:SALT_BYTES], raw[SALT_BYTES : SALT_BYTES + NONCE_BYTES], raw[SALT_BYTES + NONCE_BYTES :]
            return self._cipher(salt).decrypt(nonce, sealed, None).decode()
        except (binascii.Error, InvalidTag, ValueError) as error:
            raise ConfigurationError(f"{place} can't be opened with this passphrase.") from error


class ByVariable:
    """Leaves the names of variables in the place of secrets."""

    is_sealing = False

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def write(self, room: str, name: str, prop: str, value: str) -> Any:
        """Return `{env: APISERVER_SECRET_ROOM_NAME_PROPERTY}`, numbered where two names become one."""
        parts = [re.sub(r"[^A-Za-z0-9]", "_", part).upper() for part in (room, name, prop)]
        variable = wanted = "APISERVER_SECRET_" + "_".join(parts)
        number = 1
        while variable in self._taken:
            number += 1
            variable = f"{wanted}_{number}"
        self._taken.add(variable)
        return {"env": variable}
