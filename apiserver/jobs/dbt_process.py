"""The process around dbt: `python -m apiserver.jobs.dbt_process SECONDS COMMAND...`, begun by apiserver.jobs.event_dbt.

No Django in it. It ends with the worker and with the server, gives dbt an environment without the server's own variables, and ends it when
its time is over.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from apiserver.server import lifeline

OUT_OF_TIME = 124  # the exit code of a command that took too long, as timeout(1) has it


def main(seconds: float, command: Sequence[str]) -> int:
    """Run the command with this process's output; return its exit code."""
    lifeline.die_with_parent()
    lifeline.follow()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("APISERVER_")}
    try:
        done = subprocess.run(  # noqa: S603 - a list made by event_dbt; no shell reads it
            command, env=kept, stdin=subprocess.DEVNULL, preexec_fn=lifeline.die_with_parent, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return OUT_OF_TIME
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
