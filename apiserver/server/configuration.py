"""The configuration file: apply, diff, export. One transaction; what the file does not mention stays unless pruned."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction

from apiserver.server.configuration_protocol import Change, ConfigurationError, check_keys
from apiserver.server.registry import NOT_YET, SECTIONS, sections

SEALED = "sealed"


class Sealer:
    """Seals the secrets of an export under a passphrase."""

    def __init__(self, passphrase: str) -> None:
        self._cipher = AESGCM(hashlib.scrypt(passphrase.encode(), salt=b"apiserver export", n=2**14, r=8, p=1, dklen=32))

    def write(self, room: str, name: str, prop: str, value: str) -> Any:
        """Return the secret sealed."""
        nonce = os.urandom(12)
        return {SEALED: base64.b64encode(nonce + self._cipher.encrypt(nonce, value.encode(), None)).decode()}

    def read(self, text: str) -> str:
        """Return what was sealed."""
        raw = base64.b64decode(text)
        return self._cipher.decrypt(raw[:12], raw[12:], None).decode()


class ByVariable:
    """Leaves the names of variables in the place of secrets."""

    def write(self, room: str, name: str, prop: str, value: str) -> Any:
        """Return `{env: APISERVER_SECRET_ROOM_NAME_PROPERTY}`."""
        parts = [re.sub(r"[^A-Za-z0-9]", "_", part).upper() for part in (room, name, prop)]
        return {"env": "APISERVER_SECRET_" + "_".join(parts)}


def load(path: Path) -> dict[str, Any]:
    """Return the file's data: YAML, of which JSON is a part."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no YAML: {error}") from error
    if data is None:
        return {}
    for name in NOT_YET:
        if isinstance(data, Mapping) and name in data:
            raise ConfigurationError(f"{name} is not supported by this version: take it out of the file.")
    return dict(check_keys(data, SECTIONS, "the file"))


def resolved(data: Any, place: str, sealer: Sealer | None) -> Any:
    """Return the data with `{env: NAME}`, `{file: PATH}` and sealed values replaced."""
    if isinstance(data, list):
        return [resolved(item, f"{place}[{number}]", sealer) for number, item in enumerate(data)]
    if not isinstance(data, Mapping):
        return data
    if set(data) == {"env"} and isinstance(data["env"], str):
        value = os.environ.get(data["env"])
        if value is None:
            raise ConfigurationError(f"{place}: the variable {data['env']} is not set.")
        return value
    if set(data) == {"file"} and isinstance(data["file"], str):
        try:
            return Path(data["file"]).read_text(encoding="utf-8").rstrip("\n")
        except OSError as error:
            raise ConfigurationError(f"{place}: the file {data['file']} can't be read: {error.strerror}.") from error
    if set(data) == {SEALED} and isinstance(data[SEALED], str):
        if sealer is None:
            raise ConfigurationError(f"{place} is sealed: give --passphrase-file.")
        try:
            return sealer.read(data[SEALED])
        except Exception as error:
            raise ConfigurationError(f"{place} can't be opened with this passphrase.") from error
    return {str(key): resolved(item, f"{place}.{key}" if place else str(key), sealer) for key, item in data.items()}


def apply(data: Mapping[str, Any], *, now: datetime, prune: bool = False, sealer: Sealer | None = None) -> Change:
    """Make the server as the data say, whole or not at all."""
    change = Change(now)
    given = resolved(data, "", sealer)
    with transaction.atomic():
        for name, section in sections().items():
            if name in given or prune:
                section.apply(given.get(name) or {}, change, prune=prune)
    return change


def diff(data: Mapping[str, Any], *, now: datetime, prune: bool = False, sealer: Sealer | None = None) -> Change:
    """Return what applying would do, and undo it."""
    with transaction.atomic():
        change = apply(data, now=now, prune=prune, sealer=sealer)
        transaction.set_rollback(True)
    return change


def export(sealer: Sealer | None = None) -> str:
    """Return the whole configuration as YAML, secrets as variables or sealed."""
    writer = sealer or ByVariable()
    data = {name: found for name, section in sections().items() if (found := section.export(writer))}
    return yaml.safe_dump(json.loads(json.dumps(data)), sort_keys=False, allow_unicode=True, width=120)
