"""What checks stand on: databases to publish, servers over them, a browser's session, the memory of a process tree."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import requests

from tests import databases, servers
from tests.databases import Database
from tests.served import Served, publish

TOKEN = "chaos-token-0123456789abcdef"
HEADERS = {"x-cdata-authtoken": TOKEN}
EVERY = ["GET", "POST", "PATCH", "PUT", "DELETE"]
ADMIN, PASSWORD = "chief", "a long pass phrase of chief"
AS_ADMIN = {"APISERVER_ADMIN_USER": ADMIN, "APISERVER_ADMIN_PASSWORD": PASSWORD}


class Fixtures:
    """Servers as the suite's fixtures name them: started at first use, removed at the end of the process."""

    def getfixturevalue(self, name: str) -> servers.Server:
        """Return a running server."""
        return started(name)


@lru_cache
def started(name: str) -> servers.Server:
    """Start a server that this process keeps."""
    import atexit

    server = {"postgres_server": servers.postgres, "mariadb_server": servers.mariadb}[name]()
    if server.is_ours:
        atexit.register(server.remove)
    return server


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder that is removed afterwards."""
    found = Path(tempfile.mkdtemp(prefix="apiserver-chaos-site-"))
    try:
        yield found
    finally:
        shutil.rmtree(found, ignore_errors=True)


def database(kind: str, name: str, where: Path) -> Database:
    """Return a fresh database."""
    return databases.make(kind, f"chaos_{name}", Fixtures(), where)  # type: ignore[arg-type]


def own_postgres() -> servers.Server:
    """Start a PostgreSQL that may be stopped; whoever asks removes it."""
    kept = os.environ.pop("APISERVER_TEST_POSTGRES", None)
    try:
        return servers.postgres()
    finally:
        if kept is not None:
            os.environ["APISERVER_TEST_POSTGRES"] = kept


def entry(connection: Mapping[str, Any], **properties: Any) -> dict[str, Any]:
    """Return a connection of the configuration file with more properties."""
    return {**connection, "properties": {**connection["properties"], **properties}}


def configuration(source: Database, tables: tuple[str, ...], **server: Any) -> dict[str, Any]:
    """Return the file that publishes these tables to one user, an administrator so that it may use the management API."""
    return {
        "server": server,
        "connections": {"source": source.connection},
        "resources": {table: {"connection": "source", "table": table, "methods": EVERY} for table in tables},
        "users": {"flow": {"role": "admin", "privileges": EVERY, "authtoken": TOKEN}},
    }


@contextmanager
def serving(file: Mapping[str, Any], where: Path, *arguments: str, **extra: str) -> Iterator[Served]:
    """Serve a configuration; stopped afterwards."""
    served = publish(file, where / "data", *arguments, extra=extra)
    try:
        yield served
    finally:
        served.stop()


def browser(served: Served) -> requests.Session:
    """Return a session that is signed in to the console."""
    session = requests.Session()
    session.headers["Connection"] = "close"  # the server ends idle ones, perhaps just when they are used again
    post(session, served.base + "/console/sign-in", {"name": ADMIN, "password": PASSWORD})
    if "apiserver_session" not in session.cookies:
        raise RuntimeError("The console did not let the administrator in.")
    return session


def post(session: requests.Session, address: str, fields: Mapping[str, Any], form: str = "") -> requests.Response:
    """Send a form as its page would: the page is read first, for its token."""
    page = session.get(form or address, timeout=30)
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    token = found[1] if found else ""
    fields = {**fields, "csrfmiddlewaretoken": token}
    return session.post(address, fields, headers={"Referer": address}, timeout=30, allow_redirects=False)


def processes(parent: int) -> list[int]:
    """Return the process and all below it."""
    parents: dict[int, int] = {}
    for item in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(item.parent.name)] = int(item.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
    found = [parent]
    for pid in found:
        found += [child for child, of in parents.items() if of == pid]
    return found


def memory(served: Served) -> float:
    """Return the MiB that the server's processes hold."""
    total = 0
    for pid in processes(served.process.pid):
        try:
            total += int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])  # type: ignore[index]
        except (OSError, TypeError):  # it ended meanwhile, or is a zombie
            continue
    return total / 1024
