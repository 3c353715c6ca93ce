"""Settings that can't work stop the start-up, each with an id and a hint (Django's system checks)."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from apiserver.environment import WEB_WORKERS, env, env_int
from apiserver.server import options
from apiserver.server.addresses import is_public_url

KEY_FILES = ("secret.key", "encryption.keys")
BROKERS = ("redis", "rediss", "unix")
MAX_WORKERS = 64


@register("settings")
def check_data_directory(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """The data directory must be writable; its keys must be readable by their owner only."""
    directory = Path(settings.DATA_DIR)
    if not os.access(directory, os.W_OK | os.X_OK):
        return [Error(f"The data directory {directory} can't be written.", hint="Set APISERVER_DATA_DIR.", id="apiserver.E001")]
    found: list[CheckMessage] = []
    for name in KEY_FILES if os.name == "posix" else ():
        path = directory / name
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            found.append(Error(f"{path} can be read by others.", hint=f"chmod 600 {path}", id="apiserver.E002"))
    return found


@register("settings")
def check_secret_key(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """A short signing key can be guessed."""
    if len(settings.SECRET_KEY) >= 32:
        return []
    hint = "Give 32 random characters or more, or leave it out: one is made in the data directory."
    return [Error("APISERVER_SECRET_KEY is too short.", hint=hint, id="apiserver.E003")]


@register("settings")
def check_broker(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """The broker is Redis or none."""
    scheme = urlsplit(settings.REDIS_URL).scheme
    if not settings.REDIS_URL or scheme in BROKERS:
        return []
    return [Error("APISERVER_REDIS_URL is no Redis address.", hint="Such as redis://localhost:6379/0.", id="apiserver.E004")]


@register("settings")
def check_public_url(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Links are made from the public address."""
    address = env("APISERVER_PUBLIC_URL")
    if not address or is_public_url(address):
        return []
    return [Error(f"The public address {address!r} can't be used.", hint="Such as https://api.example.com.", id="apiserver.E005")]


@register("settings")
def check_workers(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Somebody has to answer."""
    if 1 <= env_int("APISERVER_WEB_WORKERS", WEB_WORKERS) <= MAX_WORKERS:
        return []
    text = f"APISERVER_WEB_WORKERS must be from 1 to {MAX_WORKERS}."
    return [Error(text, hint="One or two a processor is enough; leave it out for two.", id="apiserver.E007")]


@register("settings")
def check_administrator(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Name and password of the administrator come together."""
    if bool(settings.ADMIN_USER) == bool(settings.ADMIN_PASSWORD):
        return []
    missing = "APISERVER_ADMIN_PASSWORD" if settings.ADMIN_USER else "APISERVER_ADMIN_USER"
    return [Error(f"{missing} is not set.", hint="Set both, or none and use the set-up link.", id="apiserver.E006")]


@register("settings")
def check_settings_file(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """A settings.cfg that can't be read does not take effect."""
    problems = options.file_problems()
    return [Warning(text, hint="[Application] AllowAuthtokenInURL = true", id="apiserver.W001") for text in problems]
