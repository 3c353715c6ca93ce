"""The checks by name, and what a check is: a function that returns its figure or raises Broken."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

# Modules whose functions are checks, in the order in which they run.
MODULES = (
    "suites",
    "schemathesis_run",
    "exhausting",
    "slow",
    "url_tokens",
    "console",
    "canaries",
    "sign_in",
    "outside",
    "upstreams",
    "derived_views",
    "authtokens",
    "supply",
    "first_start",
    "own_database",
    "bulkheads",
    "exports",
    "memory",
    "workers",
    "paging",
    "files",
    "triggers",
    "api_changes",
    "long_reads",
    "jobs",
    "job_kinds",
    "job_ends",
    "job_stops",
    "job_once",
    "job_late",
    "job_readers",
    "job_schema",
    "job_rows",
    "job_broker",
    "job_disk",
    "job_memory",
    "job_clock",
    "soak",
)


class Broken(Exception):
    """A promise does not hold; the text says what was seen."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise as a program."""

    name: str
    run: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found."""

    name: str
    holds: bool
    figure: str
    seconds: float


CHECKS: dict[str, Check] = {}


def promise(name: str) -> Callable[[Callable[[], str]], Callable[[], str]]:
    """Register the check of a promise."""

    def register(function: Callable[[], str]) -> Callable[[], str]:
        CHECKS[name] = Check(name, function)
        return function

    return register


def load() -> dict[str, Check]:
    """Return every check."""
    for name in MODULES:
        import_module(f"chaos.{name}")
    return CHECKS


def require(holds: bool, seen: object) -> None:
    """Raise Broken with what was seen unless it holds."""
    if not holds:
        raise Broken(str(seen))


def carry_out(check: Check) -> Outcome:
    """Run one check; whatever it raises is a promise that does not hold."""
    started = time.monotonic()
    try:
        figure, holds = check.run(), True
    except Exception as error:  # noqa: BLE001 a check that errs has shown nothing
        figure, holds = f"{type(error).__name__}: {error}", False
    return Outcome(check.name, holds, " ".join(figure.split()), time.monotonic() - started)
