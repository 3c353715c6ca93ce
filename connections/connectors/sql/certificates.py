"""Certificates and keys of a connection: given as PEM text or as a path, handed to drivers that take only files."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connections.connectors.sql.properties import TLS_OFF, TLS_TRUST_ANY
from connections.contract.errors import ConnectionFailed

UNREADABLE = "Paste PEM text, from BEGIN to END, or give the path of a readable file."


def pem(text: str) -> str:
    """Return PEM text given as itself or as a path."""
    if "-----BEGIN" in text:
        return text.strip() + "\n"
    try:
        return Path(text.strip()).read_text()
    except (OSError, UnicodeError, ValueError) as error:
        raise ConnectionFailed("A certificate or key can't be read.", hint=UNREADABLE) from error


class PemFiles:
    """Files of PEM texts in a folder that only we can read; gone with `close`."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def file(self, name: str, text: str) -> str:
        """Return the path of a file that holds this PEM."""
        content = pem(text)
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="apiserver-tls-")
        path = Path(self._folder.name) / name
        path.touch(0o600)
        path.write_text(content)
        return str(path)

    def close(self) -> None:
        """Remove the files."""
        if self._folder:
            self._folder.cleanup()
            self._folder = None


def context_of(values: Mapping[str, Any]) -> ssl.SSLContext | None:
    """Return the TLS context that the properties ask for; None without TLS."""
    if values["UseSSL"] == TLS_OFF:
        return None
    authority = values.get("SSLServerCert")
    files = PemFiles()
    try:
        context = ssl.create_default_context(cadata=pem(authority) if authority else None)
        if values["UseSSL"] == TLS_TRUST_ANY:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if values.get("SSLClientCert"):
            context.load_cert_chain(files.file("client.pem", values["SSLClientCert"]), files.file("client.key", values["SSLClientKey"]))
    except (ssl.SSLError, ValueError) as error:
        raise ConnectionFailed("A certificate or key can't be read.", hint=UNREADABLE) from error
    finally:
        files.close()
    return context
