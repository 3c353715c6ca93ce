"""Paths that lead out of an allowed folder, and the folder that they start from."""

from __future__ import annotations

import os
import socket
from pathlib import Path

SECRET = "canary-4711"

OUT = [
    "../out/secret.csv",
    "sub/../../out/secret.csv",
    "./../out/*.csv",
    "..\\out\\secret.csv",
    "{out}/secret.csv",
    "{out}",
    "{out}/*.csv",
    "link.csv",
    "link/secret.csv",
    "link",
    "link/*.csv",
    "hard.csv",
    "pipe.csv",
    "socket.csv",
    "/proc/self/environ",
    "/proc/self/root{out}/secret.csv",
    "/proc/self/cwd/manage.py",
    "/proc/1/environ",
    "/dev/stdin",
    "/dev/zero",
    "/dev/fd/0",
    "/etc/passwd",
    "/",
    "//{out}/secret.csv",
    "~/x.csv",
    "~root/x.csv",
    "file:{out}/secret.csv",
    "file://{out}/secret.csv",
    "file:{out}/secret.csv?mode=rwc",
    "http://127.0.0.1/secret.csv",
    "good.csv\0",
    "good.csv\0/../../out/secret.csv",
    "good.csv/../../out/secret.csv",
    "good.csv/x.csv",
    "%2e%2e/out/secret.csv",
    "..%2fout%2fsecret.csv",
    "[.][.]/out/secret.csv",
    "**/../secret.csv",
    "*/secret.csv",
    "missing.csv",
]


def with_ways_out(inside: Path, outside: Path) -> None:
    """Fill an allowed folder with a good file and with ways out of it."""
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.csv").write_text(f"a\n{SECRET}\n")
    (inside / "good.csv").write_text("a\n1\n")
    (inside / "link.csv").symlink_to(outside / "secret.csv")
    (inside / "link").symlink_to(outside)
    os.link(outside / "secret.csv", inside / "hard.csv")
    os.mkfifo(inside / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(inside / "socket.csv"))
