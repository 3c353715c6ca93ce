"""Secrets between processes: by an anonymous file that the next one closes once read, never by an environment that /proc shows.

manage.py leaves its first environment with it, the supervisor hands secrets to its children, settings.py takes them.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

VARIABLE = "APISERVER_SECRETS_FD"
NAMES = (
    "APISERVER_SECRET_KEY",
    "APISERVER_ENCRYPTION_KEYS",
    "APISERVER_ADMIN_PASSWORD",
    "APISERVER_DATABASE_URL",
    "DATABASE_URL",
    "APISERVER_REDIS_URL",
)


class Received:
    """What this process was handed."""

    secrets: Mapping[str, Any] = {}


def leave_environment() -> None:
    """Run this command anew, same process id, with its secrets handed over: the kernel shows a first environment for life."""
    given = {name: os.environ[name] for name in NAMES if os.environ.get(name)}
    if sys.platform != "linux" or not given or not sys.executable:
        return
    descriptor = hand_over(given)
    os.set_inheritable(descriptor, True)
    kept = {name: value for name, value in os.environ.items() if name not in given}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**kept, VARIABLE: str(descriptor)})  # noqa: S606 - ourselves


def hand_over(secrets: Mapping[str, Any]) -> int:
    """Return the descriptor of an anonymous file that holds the secrets; it is the caller's to pass on and close."""
    content = json.dumps(dict(secrets)).encode()
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("secrets")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def received() -> dict[str, Any]:
    """Return what the starting process handed over; read once, then remembered."""
    text = os.environ.pop(VARIABLE, "")
    if text:
        with os.fdopen(int(text), "rb") as file:
            Received.secrets = json.loads(file.read())
    return dict(Received.secrets)


def receive(secrets: Mapping[str, str]) -> None:
    """Take what came another way, such as from the web server to its workers."""
    Received.secrets = secrets
