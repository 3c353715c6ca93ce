"""`python -m apiserver.background worker|beat`: Celery's processes without its command line, which loads 10 MB that neither needs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from apiserver.celery import app

THREADS = 4


def worker() -> int:
    """Do tasks until told to stop; return the exit code."""
    made = app.Worker(
        hostname="", pool_cls="threads", concurrency=THREADS, loglevel="WARNING", quiet=True, without_gossip=True, without_mingle=True
    )
    made.start()
    return int(made.exitcode or 0)


def beat(schedule: str) -> int:
    """Send what is due by the clock until told to stop; return the exit code."""
    app.Beat(loglevel="WARNING", schedule=schedule, pidfile="", quiet=True).run()
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="apiserver.background")
    parser.add_argument("role", choices=("worker", "beat"))
    parser.add_argument("--schedule", default="celerybeat-schedule", help="where beat keeps when it last sent what")
    asked = parser.parse_args(arguments)
    return worker() if asked.role == "worker" else beat(asked.schedule)


if __name__ == "__main__":
    sys.exit(main())
