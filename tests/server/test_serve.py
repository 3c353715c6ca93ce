"""`manage.py serve` as an operator meets it: ready line, one server a data directory, no orphans, graceful stop."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served import Served, manage, serve


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = serve("--demo")
    yield server
    server.dismiss()


def processes_of(data_dir: Path) -> list[int]:
    """Return the processes that run with this data directory."""
    wanted = f"APISERVER_DATA_DIR={data_dir}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def wait_until(claim: object, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if claim():  # type: ignore[operator]
            return True
        time.sleep(0.1)
    return False


def test_ready_line_names_addresses_that_answer(served: Served) -> None:
    path = served.ready["oas"].removeprefix(served.base)

    status, headers, _ = served.get(path)

    assert (status, headers["content-type"].split(";")[0]) == (200, "application/json")
    assert served.ready["pid"] == served.process.pid
    assert served.get("/console/sign-in")[0] == 200
    assert served.get(served.ready["setup_url"].removeprefix(served.base))[0] == 200


def test_serve_refuses_a_second_server_on_the_same_data(served: Served) -> None:
    done = manage(served.data_dir, "serve", "--port", "0")

    assert done.returncode == 1
    assert "already runs" in done.stderr


def web_processes(served: Served) -> list[int]:
    """Return the web server and its workers, which it forked."""
    return sorted(pid for pid in processes_of(served.data_dir) if b"apiserver.server.web" in Path(f"/proc/{pid}/cmdline").read_bytes())


def test_dead_web_process_comes_back(served: Served) -> None:
    os.kill(web_processes(served)[0], signal.SIGKILL)

    assert wait_until(lambda: is_up(served), 20)


def test_new_workers_know_what_changed_since_the_start(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "server.json"
    file.write_text(json.dumps({"users": {"late": {"role": "query", "privileges": ["GET"], "authtoken": "a-late-authtoken-0123456789"}}}))
    assert manage(served.data_dir, "apply", str(file)).returncode == 0
    dead = web_processes(served)[1:]

    for pid in dead:
        os.kill(pid, signal.SIGKILL)

    assert len(dead) >= 2
    assert wait_until(lambda: is_up(served), 20)
    assert not set(dead) & set(web_processes(served))
    assert served.get("/api.rsc/", {"x-cdata-authtoken": "a-late-authtoken-0123456789"})[0] == 200


def is_up(served: Served) -> bool:
    try:
        return served.get("/healthz")[0] == 200
    except OSError:
        return False


def test_no_child_outlives_a_killed_supervisor() -> None:
    server = serve("--demo")

    server.stop(signal.SIGKILL)

    assert wait_until(lambda: processes_of(server.data_dir) == [], 10)


def test_stop_is_graceful_and_the_same_data_serves_again() -> None:
    first = serve("--demo")
    token = first.ready["oas"]

    code = first.stop()

    assert code == 0
    assert processes_of(first.data_dir) == []
    again = serve("--demo", data_dir=first.data_dir)
    assert again.ready["oas"].split("@")[1] == token.split("@")[1]
    assert again.stop() == 0


def test_serve_names_a_port_in_use(served: Served, tmp_path: Path) -> None:
    port = served.base.rsplit(":", 1)[1]

    done = manage(tmp_path, "serve", "--port", port)

    assert done.returncode == 1
    assert f"Can't listen on 127.0.0.1:{port}" in done.stderr
