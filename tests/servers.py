"""Real servers for the tests: PostgreSQL, MariaDB and Redis, each in its own data folder and port, stopped at the end.

`make test` installs the programs (see `tools/install_servers`); a missing one fails the test loudly with the line to run.
APISERVER_TEST_POSTGRES / _MARIADB / _REDIS = host:port use a running server instead.
"""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

INSTALL = "run `make servers` as root or with sudo (it installs postgresql, mariadb-server, redis-server, chromium and fonts-noto-cjk)"


@dataclass
class Server:
    """A running server. `stop`, `start` and `kill` are for the tests of restarts (None when the server is not ours)."""

    host: str
    port: int
    user: str
    password: str = ""
    folder: Path | None = None
    command: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    is_ready: Callable[[], bool] = lambda: True

    @property
    def is_ours(self) -> bool:
        return bool(self.command)

    def start(self) -> None:
        assert self.folder is not None
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **as_user(self.folder))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.command[0]} stopped at once:\n{(self.folder / 'log').read_text(errors='replace')[-2000:]}")
            if self.is_ready():
                return
            time.sleep(0.1)
        raise RuntimeError(f"{self.command[0]} was not ready within 60 s:\n{(self.folder / 'log').read_text(errors='replace')[-2000:]}")

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)

    def remove(self) -> None:
        self.stop(signal.SIGINT if "postgres" in self.command[0] else signal.SIGTERM)
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def program(name: str, *patterns: str) -> str:
    """Return the path of a program or fail with the line that installs it."""
    found = shutil.which(name)
    for pattern in patterns:
        found = found or next(iter(sorted(glob.glob(pattern), reverse=True)), None)
    if not found:
        raise RuntimeError(f"{name} is not installed: {INSTALL}")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def as_user(folder: Path) -> dict[str, object]:
    """Return Popen arguments that drop root to the folder's owner: PostgreSQL and MariaDB refuse to run as root."""
    owner = folder.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return {}
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}


def own_folder(prefix: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f"apiserver-{prefix}-", dir="/tmp"))
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return folder


def run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, **as_user(folder))
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def opens(connect: Callable[[], Any], refusal: type[Exception]) -> bool:
    """Claim that a connection opens; it is closed again."""
    try:
        connect().close()
    except refusal:
        return False
    return True


def given(name: str, user: str) -> Server | None:
    text = os.environ.get(name)
    if not text:
        return None
    host, port = text.rsplit(":", 1)
    return Server(host, int(port), user)


def postgres() -> Server:
    running = given("APISERVER_TEST_POSTGRES", "postgres")
    if running:
        return running
    folder, port = own_folder("postgres"), free_port()
    initdb = program("initdb", "/usr/lib/postgresql/*/bin/initdb")
    data = folder / "data"
    run([initdb, "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], folder)
    command = [str(Path(initdb).with_name("postgres")), "-D", str(data), "-p", str(port)]
    settings = ("listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off", "max_connections=200")
    for setting in settings:
        command += ["-c", setting]

    def ready() -> bool:
        import psycopg

        address = {"host": "127.0.0.1", "port": port, "user": "postgres", "dbname": "postgres", "connect_timeout": 2}
        return opens(lambda: psycopg.connect(**address), psycopg.OperationalError)  # type: ignore[arg-type]

    server = Server("127.0.0.1", port, "postgres", folder=folder, command=command, is_ready=ready)
    server.start()
    return server


def mariadb() -> Server:
    running = given("APISERVER_TEST_MARIADB", "root")
    if running:
        return running
    folder, port = own_folder("mariadb"), free_port()
    data = folder / "data"
    install = program("mariadb-install-db")
    # --force: a machine whose own name can't be looked up has databases too.
    settings = ["--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db", "--force"]
    run([install, *settings], folder)
    command = [
        program("mariadbd", "/usr/sbin/mariadbd"),
        "--no-defaults",
        f"--datadir={data}",
        f"--port={port}",
        "--bind-address=127.0.0.1",
        f"--socket={folder}/sock",
        "--character-set-server=utf8mb4",
        "--innodb-flush-log-at-trx-commit=0",
        f"--pid-file={folder}/pid",
    ]

    def ready() -> bool:
        import pymysql

        address = {"host": "127.0.0.1", "port": port, "user": "root", "connect_timeout": 2}
        return opens(lambda: pymysql.connect(**address), pymysql.err.OperationalError)

    server = Server("127.0.0.1", port, "root", folder=folder, command=command, is_ready=ready)
    server.start()
    return server


def redis() -> Server:
    running = given("APISERVER_TEST_REDIS", "")
    if running:
        return running
    folder, port = own_folder("redis"), free_port()
    command = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    server = Server("127.0.0.1", port, "", folder=folder, command=command, is_ready=lambda: answers(port))
    server.start()
    return server
