"""A server made of environment variables alone, on PostgreSQL as its own database: what it serves, follows, hides."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import databases
from tests.served import Served, manage, serve

TOKEN, OTHER, PASSWORD = "environment-token-0123456789", "environment-other-0123456789", "correct-horse-battery-9"
HEADERS = {"x-cdata-authtoken": TOKEN}


@pytest.fixture(scope="module")
def variables(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    own = databases.make("postgresql", "contract_meta", request, Path()).connection["properties"]
    secret = tmp_path_factory.mktemp("secrets") / "password"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    address = f"postgres://postgres@{own['Server']}:{own['Port']}/{own['Database']}"
    return {"DATABASE_URL": address, "APISERVER_ADMIN_USER": "root", "APISERVER_ADMIN_PASSWORD_FILE": str(secret)}


@pytest.fixture(scope="module")
def served(variables: dict[str, str]) -> Iterator[Served]:
    server = serve("--demo", extra={**variables, "APISERVER_SECRET_KEY": "k" * 50})
    yield server
    assert server.stop() == 0


def apply(served: Served, variables: dict[str, str], token: str, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "file.json"
    file.write_text(json.dumps({"users": {"flow": {"role": "query", "privileges": ["GET"], "authtoken": token}}}), encoding="utf-8")
    return manage(served.data_dir, "apply", str(file), "--json", extra=variables)


@pytest.fixture(scope="module")
def flow(served: Served, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> float:
    """Make the user while the server runs; return after how many seconds the last request was sent that did not see it."""
    done = apply(served, variables, TOKEN, tmp_path_factory.mktemp("flow"))
    assert (done.returncode, json.loads(done.stdout)["changed"]) == (0, True), done.stderr
    begun = refused = time.monotonic()
    while (asked := time.monotonic()) < begun + 5 and served.get("/api.rsc/", HEADERS)[0] != 200:
        refused = asked
        time.sleep(0.02)
    return refused - begun


def test_running_server_follows_within_a_second(flow: float) -> None:
    assert flow < 1


def test_administrator_exists_and_there_is_no_link(served: Served) -> None:
    assert not served.ready["setup_url"]


def family(process: int) -> list[int]:
    """Return a process and all below it."""
    below = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *(found for child in below for found in family(int(child)))]


def test_no_process_shows_a_secret_or_keeps_it_open(served: Served) -> None:
    processes = family(served.process.pid)

    assert len(processes) >= 5
    for process in processes:
        shown = Path(f"/proc/{process}/environ").read_bytes() + Path(f"/proc/{process}/cmdline").read_bytes()
        assert not [secret for secret in (PASSWORD.encode(), b"k" * 50, b"contract_meta") if secret in shown]
        opened = [str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir() if link.is_symlink()]
        assert not [target for target in opened if "memfd" in target]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api.rsc", HEADERS, 200),
        ("/api.rsc/", HEADERS, 200),
        ("/api.rsc/", {}, 401),
        ("/api.rsc/nothing", {}, 401),
        ("/api.rsc/nothing", HEADERS, 404),
        (f"/api.rsc/@{TOKEN}/", {}, 200),
        (f"/api.rsc/%40{TOKEN}/", {}, 200),
        (f"/api.rsc/?@authtoken={TOKEN}", {}, 200),
        (f"/api.rsc/@{OTHER}/", HEADERS, 401),
        ("/api.rsc/Orders?top=1&tracking=x", HEADERS, 200),
        ("/api.rsc/Orders?$nonsense=1", HEADERS, 400),
        ("/api.rsc/", {**HEADERS, "X-Forwarded-For": "127.0.0.1"}, 403),
        ("/healthz", {}, 200),
    ],
)
def test_gates(served: Served, flow: float, path: str, headers: dict[str, str], status: int) -> None:
    found, answered, body = served.get(path, headers)

    assert found == status, body
    if path.startswith("/api.rsc"):
        assert answered["referrer-policy"] == "no-referrer"
