"""Standing parts of every test: a data directory of its own, real servers, standing people."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import django
import pytest
from django.urls import clear_script_prefix

from tests import servers
from tests.fakes import oauth_provider
from tests.served import DISMISSED, Served

# Before Django reads its settings: each test process has a data directory of its own. In processes that share the tests the
# settings are read before this file is: they are given theirs.
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ["APISERVER_DATA_DIR"] if IS_WORKER else tempfile.mkdtemp(prefix="apiserver-test-data-"))
os.environ["APISERVER_DATA_DIR"] = str(DATA)
os.environ["DJANGO_SETTINGS_MODULE"] = "apiserver.settings"  # here and not in pyproject.toml, from where it would be read too early
for name in ("APISERVER_DATABASE_URL", "DATABASE_URL", "APISERVER_REDIS_URL", "APISERVER_ADMIN_USER", "APISERVER_ADMIN_PASSWORD"):
    os.environ.pop(name, None)
# The product's own database of a run, SQLite in the data directory unless an address is given: rooms repeat their tests over PostgreSQL.
OWN_DATABASE = "APISERVER_TEST_OWN_DATABASE"
if OWN_DATABASE in os.environ:
    os.environ["APISERVER_DATABASE_URL"] = os.environ[OWN_DATABASE]
# Hundreds of processes start from these sources: without their bytecode each compiles 300 modules again, a second of CPU.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
django.setup()  # now, for conftests below import models
SLOW = (
    "chaos",
    "e2e",
    "jobs",
    "contract",
    "hostile",
    "compliance",
    "resources",
    "server",
    "clients",
    "connections",
    "console",
    "triggers",
    "powerplatform",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """Give each process that shares the tests a data directory of its own."""
    for spec in specs:
        spec.env["APISERVER_DATA_DIR"] = tempfile.mkdtemp(prefix="apiserver-test-data-")


def pytest_configure() -> None:
    """Hash passwords quickly in this process, else each user of a test costs half a second; servers that are started hash as always."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the rooms whose files take minutes, so that processes which share the files end together."""
    items.sort(key=lambda item: next((place for place, room in enumerate(SLOW) if f"tests/{room}/" in item.nodeid), len(SLOW)))


def pytest_unconfigure() -> None:
    """Remove the data directory, once the request log is written."""
    if "apiserver.server.requestlog" in sys.modules:
        sys.modules["apiserver.server.requestlog"].WRITER.flush_and_end()
    shutil.rmtree(DATA, ignore_errors=True)


def standing(start: Callable[[], servers.Server]) -> Iterator[servers.Server]:
    """Give a running server; one that was started for it is removed again."""
    server = start()
    yield server
    if server.is_ours:
        server.remove()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.Server]:
    """A running PostgreSQL; one a test process."""
    yield from standing(servers.postgres)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[servers.Server]:
    """A running MariaDB; one a test process."""
    yield from standing(servers.mariadb)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[servers.Server]:
    """A running Redis; one a test process."""
    yield from standing(servers.redis)


@pytest.fixture(scope="session", autouse=True)
def dismissed_servers_end_well() -> Iterator[None]:
    """Wait for the servers that were asked to stop; each must have ended as it should."""
    yield
    assert [served.process.wait(40) for served in DISMISSED] == [0] * len(DISMISSED)


@pytest.fixture(scope="session")
def kept(postgres_server: servers.Server, mariadb_server: servers.Server) -> Iterator[dict[str, Served]]:
    """What several files serve alike, by name, until the end: a server started for each file and kind of database costs ten seconds."""
    found: dict[str, Served] = {}
    yield found
    for served in found.values():
        served.dismiss()


@pytest.fixture(autouse=True)
def no_prefix_left() -> Iterator[None]:
    """Forget the path of a public address after a test in process: a server sets it anew for each request."""
    yield
    clear_script_prefix()


@pytest.fixture(autouse=True)
def no_sessions_left() -> Iterator[None]:
    """Close the sources' sessions after a test in process: the next one's connections have the same ids and other databases."""
    yield
    for module in ("connections.services", "connections.patient"):
        if module in sys.modules:
            sys.modules[module].SESSIONS.close()


@pytest.fixture
def own_log(monkeypatch: pytest.MonkeyPatch) -> Callable[[], sqlite3.Connection]:
    """An empty request log into which requests do not write, those of earlier tests neither; returns how it is opened."""
    from apiserver.server import requestlog

    requestlog.WRITER.flush_and_end()
    requestlog.WRITER = requestlog.Writer()
    monkeypatch.setattr(requestlog.Writer, "put", lambda writer, entry: None)
    with closing(requestlog.connect()) as log:
        log.execute("DELETE FROM requests")
    return requestlog.connect


@pytest.fixture
def provider() -> Iterator[oauth_provider.Provider]:
    """A service to sign in at."""
    with oauth_provider.Provider() as running:
        yield running


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key of a connector that signs in by OAuth, registered for one test."""
    from connections.connectors import registry

    monkeypatch.setitem(registry.paths(), "probe", "tests.fakes.oauth_connector.ProbeConnector")
    return "probe"
