"""Looking for sockets among the open files of the process leaves the locks on its files alone."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from apiserver.server.hangup import sockets

WRITE = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('INSERT INTO rows VALUES (2)')"


def test_locks_of_a_database_outlive_the_look(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.fail("this test needs /proc")
    path = tmp_path / "own.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection, socket.socket() as own:
        connection.execute("CREATE TABLE rows (id integer)")
        connection.execute("BEGIN EXCLUSIVE")

        found = [item.fileno() for item in sockets()]

        other = subprocess.run([sys.executable, "-c", WRITE, str(path)], capture_output=True, text=True, check=False)

        assert "database is locked" in other.stderr
        assert found
        assert own.fileno() not in found  # copies, not the sockets themselves
