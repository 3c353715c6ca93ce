"""Answers of sources that are kept for resources served `cached`: by what was asked, for as long as nothing was written through us.

What a user may see is part of what is asked, so that users share answers only where they would get the same.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from apiserver.server import stamp
from connections.contract.connector import Result
from connections.contract.dialect import Dialect

MOST_ROWS = 5000  # of one answer; a larger one is not kept
MOST_CELLS = 1_000_000  # of all answers of a process
MOST_TEXT = 64 * 2**20  # characters and bytes of them
Tell = Callable[[int | None], None]
Rows = list[Sequence[Sequence[Any]]]


@dataclass(slots=True)
class Answer:
    """Rows as they came, and when."""

    rows: Rows
    at: float
    cells: int
    size: int
    holds: Any  # what the key names by its identity


class Answers:
    """The answers of this process, the one unused for longest goes first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._found: OrderedDict[Hashable, Answer] = OrderedDict()
        self._cells = self._size = 0

    def get(self, key: Hashable, seconds: int) -> tuple[Rows, int] | None:
        """Return the rows and their age in seconds; None where they are too old, or never came."""
        with self._lock:
            found = self._found.get(key)
            if found is None or self._clock() - found.at >= seconds:
                return None
            self._found.move_to_end(key)
            return found.rows, int(self._clock() - found.at)

    def put(self, key: Hashable, rows: Rows, holds: Any = None) -> None:
        """Keep an answer."""
        cells = sum(len(row) for batch in rows for row in batch)
        size = sum(len(value) for batch in rows for row in batch for value in row if isinstance(value, str | bytes))
        if cells > MOST_CELLS or size > MOST_TEXT:
            return
        with self._lock:
            self._drop(key)
            self._found[key] = Answer(rows, self._clock(), cells, size, holds)
            self._cells, self._size = self._cells + cells, self._size + size
            while self._cells > MOST_CELLS or self._size > MOST_TEXT:
                self._drop(next(iter(self._found)))

    def _drop(self, key: Hashable) -> None:
        found = self._found.pop(key, None)
        if found is not None:
            self._cells, self._size = self._cells - found.cells, self._size - found.size


ANSWERS = Answers()


def written_file() -> Path:
    """Return the file that grows by a byte with every write: its size tells all processes how many there were."""
    return Path(settings.DATA_DIR) / "shared" / "written"


def writes() -> int:
    """Return how many writes went through us."""
    try:
        return written_file().stat().st_size
    except FileNotFoundError:
        return 0


def note_write() -> None:
    """Tell every process that something was written: what was kept before is not given any more."""
    file = written_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab", buffering=0) as opened:
        opened.write(b".")


class KeptSession:
    """A session that gives what it gave before, for `seconds`; what it gives so is noted in the request's log entry, its age is told."""

    def __init__(self, session: Any, connection_id: int, seconds: int, log: dict[str, Any], tell: Tell) -> None:
        self.dialect: Dialect = session.dialect
        self._session = session
        self._place = (connection_id, stamp.value(), writes())
        self._seconds = seconds
        self._log = log
        self._tell = tell  # seconds since the source was asked; None = it is asked now

    def query(self, sql: str, binds: Sequence[Any], **options: Any) -> Any:
        """Run a statement, or give its rows again."""
        return self._kept((sql, options.get("as_bytes"), *map(told, binds)), lambda: self._session.query(sql, binds, **options))

    def select(self, plan: Any, values: Sequence[Any], **options: Any) -> Any:
        """Run a plan, or give its rows again."""
        return self._kept((id(plan), *map(told, values)), lambda: self._session.select(plan, values, **options), holds=plan)

    def _kept(self, asked: tuple[Hashable, ...], ask: Callable[[], Any], holds: Any = None) -> Any:
        key = (*self._place, *asked)
        found = ANSWERS.get(key, self._seconds)
        self._tell(None if found is None else found[1])
        if found is None:
            result = ask()
            return Result(getattr(result, "names", tuple), keeping(key, result, holds), result.close)
        rows, age = found
        said = f"-- kept, {age} s old"
        self._log["sql"] = f"{self._log['sql']};\n{said}" if self._log.get("sql") else said
        return Result(tuple, iter(rows))


def told(value: Any) -> Hashable:
    """Return a bound value as a part of the key: 1, 1.0 and True are not the same."""
    return type(value).__name__, repr(value)


def keeping(key: Hashable, result: Any, holds: Any) -> Iterator[Sequence[Sequence[Any]]]:
    """Give the rows and keep them, where they came to their end and are not too many."""
    rows: Rows = []
    count = 0
    for batch in result.batches:
        count += len(batch)
        if count > MOST_ROWS:
            rows.clear()
        else:
            rows.append(batch)
        yield batch
    if count <= MOST_ROWS:
        ANSWERS.put(key, rows, holds)
