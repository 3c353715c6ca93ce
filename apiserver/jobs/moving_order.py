"""What `moving` takes and gives: an order, its settings, the watch over its progress, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

from apiserver.jobs.replicate import Replicate
from connections.contract.errors import ConnectorError
from connections.contract.loading import Merged, TakenOver
from connections.contract.table import Column
from connections.engine.sql_reader import SqlProblem

EVOLVE, FREEZE = "evolve", "freeze"
NO_DELETES, HARD, SOFT = "none", "hard", "soft"
FULL, INCREMENTAL, SWAP = "full", "incremental", "swap"
UNITS = ("minutes", "hours", "days", "weeks", "months", "years")
# Columns that the destination's table has besides the source's, as users of the replaced product know them.
DELETED = "_cdatasync_deleted"  # when a row was found to be gone from the source; null = it is there
START, END, ACTIVE = "_cdatasync_start", "_cdatasync_end", "_cdatasync_active"  # of versions


class JobError(ConnectorError):
    """A task can't go on: `message` names the cause, `hint` what to do. Nothing of its run since the last checkpoint is visible."""


SOURCE, DESTINATION = "Source", "Destination"


@contextmanager
def told_of(end: str) -> Iterator[None]:
    """Let errors of one end say which it was; those that say it already, and what is wrong with the task, stay as they are."""
    try:
        yield
    except (JobError, SqlProblem, TakenOver):
        raise
    except ConnectorError as error:
        if not error.message.startswith((f"{SOURCE}: ", f"{DESTINATION}: ")):
            error.message = f"{end}: {error.message}"
            error.args = (error.message,)
        raise


class Cancelled(Exception):
    """Somebody asked the run to stop; what was committed stays, the next run goes on from there."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a task is moved: its job's settings, over them the task's own, over them what stands behind WITH."""

    schema: str = EVOLVE  # evolve | freeze: what happens when the source's columns change
    check_columns: tuple[str, ...] = ()  # show newness; () = the table's own, where it has one
    overlap_seconds: int | None = None  # read again from before the last value; None = 30 where the source tells commits apart, else 600
    lag_seconds: int = 0  # rows whose time is newer than now less this wait for the next run
    start_value: str = ""  # rows whose check column is less are not read
    interval: int = 0  # history is read in windows of so many units; 0 = in one go
    interval_unit: str = "days"  # minutes | hours | days | weeks | months | years; of whole numbers: values
    deletes: str = HARD  # none | hard | soft: what becomes of rows that the source has no more
    sweep_every: int | None = None  # seconds between two comparisons of all keys; None = by what one costs
    history: bool = False  # keep all versions of a row
    may_shrink: bool = False  # a full refresh may leave far fewer rows than there were
    always_full: str = ""  # drop | truncate: read everything each run, into a new table or the one that is there
    cuts_texts: bool = False  # texts that are longer than their column are cut
    times_as_utc: bool = False
    batch_rows: int = 10_000  # rows of one commit
    command_timeout: int = 600  # seconds that one statement at the destination may take
    parallel: int = 1  # tasks at once: read by who runs the job

    @classmethod
    def of(cls, *given: Mapping[str, Any]) -> Settings:
        """Return the settings of mappings, later ones win; raise JobError for a name or value that can't be."""
        known = {item.name: getattr(cls(), item.name) for item in fields(cls)}
        found: dict[str, Any] = {}
        for mapping in given:
            for name, value in mapping.items():
                if name not in known:
                    raise JobError(f"There is no setting {name}.", hint=f"Settings are {', '.join(sorted(known))}.")
                found[name] = taken(name, value, known[name])
        return cls(**found).checked()

    def checked(self) -> Settings:
        """Return these settings; raise JobError for what can't be."""
        for name, value, allowed in (
            ("schema", self.schema, (EVOLVE, FREEZE)),
            ("deletes", self.deletes, (NO_DELETES, HARD, SOFT)),
            ("always_full", self.always_full, ("", "drop", "truncate")),
            ("interval_unit", self.interval_unit, UNITS),
        ):
            if value not in allowed:
                raise JobError(f"{name} can't be {value!r}.", hint=f"It is one of {', '.join(item or 'nothing' for item in allowed)}.")
        for name in NUMBERS:
            number = getattr(self, name)
            if number is not None and number > most_of(name):
                raise JobError(f"{name} can't be {number!r}.", hint=f"It is a whole number of {most_of(name)} at most.")
        return self

    def under(self, statement: Replicate) -> Settings:
        """Return the settings with what the statement's options say."""
        options = statement.options
        said: dict[str, Any] = {}
        if "AlterSchema" in options:
            said["schema"] = EVOLVE if options["AlterSchema"] else FREEZE
        for option, name in PLAIN.items():
            if option in options:
                said[name] = options[option]
        if "IncrementalCheckColumns" in options:
            said["check_columns"] = names_of(str(options["IncrementalCheckColumns"]))
        for option, (name, on, off) in SWITCHES.items():
            if options.get(option):
                said[name] = on
            elif option in options and said.get(name, getattr(self, name)) == on:
                said[name] = off
        return replace(self, **said).checked()


SWITCHES = {  # a setting, and what it is where the option is on, or is switched off over a job that has it on
    "SoftDelete": ("deletes", SOFT, HARD),
    "SkipDeleted": ("deletes", NO_DELETES, HARD),
    "TruncateTable": ("always_full", "truncate", ""),
    "DropTable": ("always_full", "drop", ""),
}
PLAIN = {
    "ReplicateStartValue": "start_value",
    "ReplicateInterval": "interval",
    "ReplicateIntervalUnit": "interval_unit",
    "HistoryMode": "history",
    "AutoTruncateStrings": "cuts_texts",
    "UseGmtDateTime": "times_as_utc",
    "BatchSize": "batch_rows",
    "CommandTimeout": "command_timeout",
}


def names_of(text: str) -> tuple[str, ...]:
    """Return the names of a list with commas, without brackets."""
    return tuple(name for part in text.split(",") if (name := part.strip().removeprefix("[").removesuffix("]").strip()))


def taken(name: str, value: Any, default: Any) -> Any:
    """Return a setting's value; raise JobError for one of another type."""
    if name == "check_columns":
        if isinstance(value, str):
            return names_of(value)
        if isinstance(value, Sequence) and all(isinstance(item, str) and item.strip() for item in value):
            return tuple(value)
    elif isinstance(default, bool):
        if isinstance(value, bool):
            return value
    elif isinstance(default, str):
        return "" if value is None else str(value)
    elif value is None and default is None:
        return None
    elif isinstance(value, int) and not isinstance(value, bool) and value >= (1 if name in AT_LEAST_ONE else 0):
        return value
    raise JobError(f"{name} can't be {value!r}.", hint=KINDS.get(type(default), "It is a whole number of 0 or more."))


def most_of(name: str) -> int:
    """Return the largest number that a setting may have."""
    return MOST.get(name, 10**9)


NUMBERS = ("overlap_seconds", "lag_seconds", "interval", "sweep_every", "batch_rows", "command_timeout", "parallel")
AT_LEAST_ONE = ("batch_rows", "command_timeout", "parallel")
MOST = {"parallel": 32, "batch_rows": 1_000_000, "command_timeout": 7 * 86_400}
KINDS = {bool: "It is true or false.", tuple: "It is a list of names."}


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be moved: one task of a job. `source` None = the statement names its connection (connection.schema.table)."""

    key: str  # of the task: names its checkpoint at the destination, never changes
    statement: Replicate
    source: int | None
    destination: int
    schema: str = ""
    table_prefix: str = ""
    settings: Settings = field(default_factory=Settings)
    counts_rows: bool = True  # both ends are counted after a load
    run: str = ""  # names the run, for one that another worker goes on with: its counts stand in the checkpoint

    @property
    def place(self) -> str:
        """Return the schema at the destination, '' where neither statement nor job names one."""
        *schema, _ = self.statement.target
        return schema[0] if schema else self.schema


class Watch(Protocol):
    """Who follows a move. Called in the thread that moves, after each page."""

    def read(self, rows: int, pages: int, size: int) -> None:
        """Take note of rows that came, in so many pages of about so many bytes."""

    def wrote(self, merged: Merged, *, deleted: int = 0, repaired: int = 0) -> None:
        """Take note of rows that were committed. `repaired` of them lost characters that the destination can't hold."""

    def total(self, rows: int) -> None:
        """Take note of how many rows there are to read; called at most once, never where nobody knows."""

    def counted(self, counts: Mapping[str, int]) -> None:
        """Take these counts (by names of Moved, 0 where missing) for all that was noted of the run: the destination holds just that."""

    def says(self, level: str, text: str) -> None:
        """Keep a line of the log; level is debug, info, warning or error."""

    def stop_if_asked(self) -> None:
        """Raise Cancelled where somebody asked the run to stop, or another has taken it over."""


@dataclass(slots=True)
class Moved:
    """What came of a move. Counts are rows of this move; one that goes on after a break counts what came since."""

    mode: str = FULL  # full | incremental | swap
    note: str = ""  # why it is not incremental, and in which window rows may be late
    rows_read: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    repaired: int = 0
    pages: int = 0
    bytes: int = 0
    source_count: int | None = None  # rows at the source after the load, where it is counted
    destination_count: int | None = None


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a move would do. Nothing was changed."""

    mode: str
    note: str
    table: str  # at the destination, with its schema
    ddl: tuple[str, ...]  # statements that would make or change the table
    columns: tuple[Column, ...]  # as the destination would keep them
    key: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]  # the first ones that would be read
    count: int | None = None  # rows that would be read, where the source counts
    warnings: tuple[str, ...] = ()
