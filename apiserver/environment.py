"""Reading the environment: names, their _FILE twins, the data directory, the keys. Called once, by settings.py."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from apiserver import handover

WEB_WORKERS = 2
KEYS_VARIABLE, KEYS_FILE = "APISERVER_ENCRYPTION_KEYS", "encryption.keys"


def env(name: str, default: str = "") -> str:
    """Return the variable, or the content of the file that NAME_FILE names."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names {path}, which can't be read: {error.strerror}") from error
    return os.environ.get(name, default).strip()


def env_bool(name: str, *, default: bool = False) -> bool:
    """Return a switch: 1/true/yes/on or 0/false/no/off."""
    text = env(name).lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    if text:
        raise ImproperlyConfigured(f"{name} must be true or false, not {text!r}")
    return default


def env_list(name: str) -> list[str]:
    """Return the comma-separated items."""
    return [item.strip() for item in env(name).split(",") if item.strip()]


def env_int(name: str, default: int) -> int:
    """Return a whole number."""
    text = env(name)
    if not text:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {text!r}") from error


def data_dir() -> Path:
    """Return the data directory, made when absent, readable by its owner only."""
    given = env("APISERVER_DATA_DIR")
    if given:
        path = Path(given).expanduser()
    elif sys.platform == "win32":
        path = Path(os.environ.get("PROGRAMDATA", "C:/ProgramData")) / "APIServer"
    else:
        path = Path.home() / ".apiserver"
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ImproperlyConfigured(f"The data directory {path} can't be made: {error.strerror}. Set APISERVER_DATA_DIR.") from error
    return path.resolve()


def take_secrets() -> dict[str, str]:
    """Return the secrets, handed over or in variables, and take these out of the environment: granian copies it into each request."""
    found = handover.received() | {name: env(name) for name in handover.NAMES if env(name)}
    for name in handover.NAMES:
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    return found


def secret_key(directory: Path, secrets_given: dict[str, str]) -> str:
    """Return the signing key: from the environment, else from a 0600 file made on first start."""
    return secrets_given.get("APISERVER_SECRET_KEY") or key_file(directory / "secret.key", lambda: secrets.token_urlsafe(48))


def encryption_keys(directory: Path, secrets_given: dict[str, str]) -> list[str]:
    """Return the key ring, newest first: from the environment, else from a 0600 file made on first start."""
    text = secrets_given.get(KEYS_VARIABLE) or key_file(directory / KEYS_FILE, new_key)
    return [key.strip() for key in text.replace("\n", ",").split(",") if key.strip()]


def new_key() -> str:
    """Return a random encryption key."""
    return secrets.token_urlsafe(32)


def replace_keys(directory: Path, keys: list[str]) -> None:
    """Write the key file anew; whoever reads meanwhile finds the old ring or the new one, whole."""
    written_beside(directory / KEYS_FILE, "\n".join(keys)).replace(directory / KEYS_FILE)


def written_beside(path: Path, text: str) -> Path:
    """Return a file of mode 0600 next to `path`, written through to the disk."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def key_file(path: Path, make: Callable[[], str]) -> str:
    """Return the content of a key file; make it atomically, mode 0600, when absent."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        temporary = written_beside(path, make())
    try:
        os.link(temporary, path)  # fails when another process was first: then its key counts
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    return path.read_text(encoding="utf-8").strip()


def database_url(directory: Path, secrets_given: dict[str, str]) -> dict[str, Any]:
    """Return Django's DATABASES entry for the metadata database: SQLite in the data directory, or PostgreSQL by URL."""
    url = secrets_given.get("APISERVER_DATABASE_URL") or secrets_given.get("DATABASE_URL")
    if not url:
        return sqlite_entry(directory / "apiserver.sqlite3")
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return sqlite_entry(Path(unquote(parts.path)))
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(f"APISERVER_DATABASE_URL must start with postgresql:// or sqlite://, not {parts.scheme}://")
    try:
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured("The port in APISERVER_DATABASE_URL must be a number from 1 to 65535.") from error
    return {
        "ENGINE": "apiserver.server.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": port or "",
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 2, "options": "-c statement_timeout=10000"},
    }


def sqlite_entry(path: Path) -> dict[str, Any]:
    """Return the entry of a SQLite metadata database: WAL, immediate transactions, patient writers."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "CONN_MAX_AGE": 600,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=10000;",
        },
    }
