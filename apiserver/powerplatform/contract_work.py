"""What the worker's tick does for the contract: settles it after a change of configuration, looks at sources now and then."""

from __future__ import annotations

import logging
import threading
import time

from django.db import connection
from django.utils import timezone

from apiserver.server import stamp
from apiserver.server.errors import NotReady
from apiserver.server.ticks import Patience

log = logging.getLogger(__name__)
PATIENCE = Patience("contracts")
WORKING, LOOKING = threading.Lock(), threading.Lock()
LOOK_SECONDS = 10.0  # between two questions whether a look is due
PAUSE_SECONDS = 1.0  # between two settlements, for those who publish one table after another


class Done:
    """The stamp under which this process settled the contract last, when that was, when it asked for looks."""

    stamp = -1
    at = asked = float("-inf")


def tick() -> None:
    """Do what is due, one at a time in this process."""
    if not WORKING.acquire(blocking=False):
        return
    try:
        PATIENCE.run(settle, look)
    finally:
        WORKING.release()


def settle() -> None:
    """Take the contract anew if anything was configured since."""
    try:
        number = stamp.value()
    except NotReady:
        return
    if number == Done.stamp or time.monotonic() - Done.at < PAUSE_SECONDS:
        return
    from apiserver.powerplatform import contract_store

    contract_store.settle(now=timezone.now())
    Done.stamp, Done.at = number, time.monotonic()


def look() -> None:
    """Let a thread look at the tables whose time has come, unless one does: a database may take its time."""
    if time.monotonic() - Done.asked < LOOK_SECONDS:
        return
    Done.asked = time.monotonic()
    from apiserver.powerplatform import source_looks

    if source_looks.is_any_due(now=timezone.now()) and LOOKING.acquire(blocking=False):
        threading.Thread(target=look_in_turn, daemon=True, name="look").start()


def look_in_turn() -> None:
    """Look at what is due; the lock was taken for this thread."""
    from apiserver.powerplatform import source_looks

    try:
        source_looks.look_due(now=timezone.now())
    except Exception:  # the next tick asks again
        log.exception("tables could not be looked at")
    finally:
        LOOKING.release()
        connection.close()
