"""Where a document is: an address, a file in a folder that the operator allowed, or the text itself; remote ones are kept for restarts."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connections.connectors.openapi.reading import MOST_BYTES, DocumentError
from connections.contract.context import Call, Context
from connections.contract.errors import ConnectionFailed, ConnectorError
from connections.outgoing import Outgoing, Settings

ACCEPT = "application/vnd.oai.openapi+json, application/json, application/yaml;q=0.9, text/yaml;q=0.9, */*;q=0.5"
LONGEST_PATH = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """A document as it came."""

    raw: bytes
    origin: str = ""  # the address it came from


def kind_of(value: str) -> str:
    """Return how a document is given: text | address | file."""
    text = value.strip()
    if "\n" in text or text.startswith("{") or len(text) > LONGEST_PATH:
        return "text"
    return "address" if text.lower().startswith(("http://", "https://")) else "file"


def find_document(value: str, context: Context, settings: Settings, *, is_fresh: bool = False) -> Found:
    """Return the document; `is_fresh` asks an address again instead of taking the kept copy."""
    kind = kind_of(value)
    if kind == "text":
        return Found(value.encode("utf-8", "surrogatepass"))
    if kind == "file":
        return Found(read_file(value.strip(), context.folders))
    address = value.strip()
    kept = kept_path(address, context)
    if not is_fresh and kept is not None and kept.is_file():
        return Found(kept.read_bytes(), address)
    raw = fetch(address, context, settings)
    if kept is not None:
        keep(kept, raw)
    return Found(raw, address)


def stamp_of(value: str, context: Context) -> int:
    """Return a number that changes with the document; 0 where it can't change by itself."""
    kind = kind_of(value)
    path = kept_path(value.strip(), context) if kind == "address" else path_of(value.strip(), context.folders) if kind == "file" else None
    try:
        return path.stat().st_mtime_ns if path is not None else 0
    except OSError:
        return 0


def fetch(address: str, context: Context, settings: Settings) -> bytes:
    """Return what an address answers with."""
    begun = time.monotonic()
    outgoing = Outgoing(settings)
    try:
        reply = outgoing.send("GET", address, headers={"Accept": ACCEPT}, max_bytes=MOST_BYTES)
    except ConnectorError as error:
        context.heard(Call("GET", bare(address), 0, time.monotonic() - begun, error=error.message))
        raise
    finally:
        outgoing.close()
    context.heard(Call("GET", bare(address), reply.status, reply.seconds, size=len(reply.body)))
    if reply.status >= 500:
        raise ConnectionFailed(f"The address of the document answered with status {reply.status}.", hint="Try again later.")
    if reply.status != 200:
        hint = "Check the address; a document behind a sign-in can be pasted as text."
        raise DocumentError(f"The address of the document answered with status {reply.status}.", hint=hint)
    return reply.body


def bare(address: str) -> str:
    """Return an address without its query, which may hold a secret."""
    return address.split("?")[0].split("#")[0]


def path_of(name: str, folders: Sequence[Path]) -> Path | None:
    """Return a file below an allowed folder, links resolved; None where there is none."""
    for folder in folders:
        root = Path(folder).resolve()
        path = (root / name).resolve()
        if path.is_relative_to(root) and path.is_file():
            return path
    return None


def read_file(name: str, folders: Sequence[Path]) -> bytes:
    """Return a file's content; only files below an allowed folder are read."""
    path = path_of(name, folders) if "\0" not in name else None
    if path is None:
        listed = ", ".join(str(folder) for folder in folders) or "none"
        hint = f"Allowed folders (APISERVER_ALLOWED_FOLDERS): {listed}. Or paste the text."
        raise DocumentError(f"There is no file {name[:200]} in an allowed folder.", hint=hint)
    if path.stat().st_size > MOST_BYTES:
        raise DocumentError(f"The document has more than {MOST_BYTES // 2**20} MB.", hint="Give a smaller part of it.")
    return path.read_bytes()


def kept_path(address: str, context: Context) -> Path | None:
    """Return where the copy of a remote document is kept; None without a folder for it."""
    if context.shared is None:
        return None
    return context.shared / "openapi" / f"{hashlib.sha256(address.encode()).hexdigest()[:40]}.document"


def keep(path: Path, raw: bytes) -> None:
    """Write a copy whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}-{time.monotonic_ns()}")
    part.write_bytes(raw)
    part.chmod(0o600)
    part.replace(path)
