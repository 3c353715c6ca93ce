"""The named steps of Save & Test, run within a time limit; every connector gives its steps to `tested`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from connections.contract.connector import TestStep
from connections.contract.errors import ConnectorError, InvalidProperties

# Seconds that a whole test may take, whatever the source does.
TEST_SECONDS = 15.0
# Seconds that one step may wait for the source.
STEP_SECONDS = 10

Steps = Iterator[tuple[str, Callable[[], str]]]
Cleaned = TypeVar("Cleaned")


def tested(clean: Callable[[], Cleaned], steps: Callable[[Cleaned], Steps]) -> list[TestStep]:
    """Run the steps of cleaned properties; stop at the first that fails, as properties that can't work do before all."""
    try:
        found = clean()
    except InvalidProperties as error:
        return [TestStep("properties", False, 0.0, error.message)]
    return bounded(steps(found))


def limited(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with times that leave the test an answer."""
    return {**values, **{name: min(values[name], STEP_SECONDS) for name in ("ConnectTimeout", "Timeout")}}


def bounded(steps: Steps) -> list[TestStep]:
    """Run the steps in a thread that is left alone when the time is over: neither name servers nor drivers can be interrupted."""
    running: list[tuple[str, float]] = []
    done: list[TestStep] = []
    broken: list[BaseException] = []

    def run() -> None:
        try:
            for name, work in steps:
                running.append((name, time.perf_counter()))
                done.append(run_step(name, running[-1][1], work))
                if not done[-1].ok:
                    return
        except BaseException as error:  # noqa: BLE001 raised again by the caller's thread
            broken.append(error)

    worker = threading.Thread(target=run, daemon=True, name="connection-test")
    worker.start()
    worker.join(TEST_SECONDS)
    if broken:
        raise broken[0]
    found = list(done)
    if worker.is_alive() and len(found) < len(running):
        name, started = running[len(found)]
        hint = "A firewall or a slow name server may hold it up."
        found.append(TestStep(name, False, time.perf_counter() - started, f"This did not end within {TEST_SECONDS:.0f} s.", hint))
    return found


def run_step(name: str, started: float, work: Callable[[], str]) -> TestStep:
    """Return how the step went."""
    try:
        message = work()
    except ConnectorError as error:
        return TestStep(name, False, time.perf_counter() - started, error.message, error.hint)
    return TestStep(name, True, time.perf_counter() - started, message)


def listed(tables: Sequence[Any]) -> str:
    """Return how many tables there are."""
    return "1 table can be read" if len(tables) == 1 else f"{len(tables)} tables and views can be read"
