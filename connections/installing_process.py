"""The process that installs a driver: `python -m connections.installing_process FOLDER KEY`, begun by connections.installing.

No Django in it. It ends with the server, runs pip, tries the driver in a fresh interpreter, and leaves the result beside the log.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from apiserver.server import lifeline

MOST_SECONDS = 1800
TRIAL = "import importlib, sys; importlib.import_module(sys.argv[1])"


def main(folder: Path, key: str) -> int:
    """Install, note the result, return the exit code."""
    lifeline.follow()
    path = folder / f"{key}.json"
    job = json.loads(path.read_text(encoding="utf-8"))
    with (folder / f"{key}.log").open("ab") as log:
        code = run(job["command"], log)
        if code == 0 and job["module"]:
            code = run([sys.executable, "-c", TRIAL, job["module"]], log)
    beside = path.with_suffix(".ended")
    beside.write_text(json.dumps({**job, "exit": code, "ended": datetime.now(UTC).isoformat()}), encoding="utf-8")
    beside.replace(path)
    return code


def run(command: Sequence[str], log: IO[bytes]) -> int:
    """Run a command to its end, its words into the log; it needs nothing of what this server was told."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("APISERVER_")}
    try:
        return subprocess.run(  # noqa: S603 - pip's command line is made of what the product or an extension pins
            command,
            env={**kept, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=lifeline.die_with_parent,
            timeout=MOST_SECONDS,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        log.write(f"\nStopped after {MOST_SECONDS} seconds.\n".encode())
        return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
