"""What stands behind WITH in a REPLICATE statement: names as users of the replaced product know them, and their values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apiserver.server.configuration_protocol import nearest as nearest_of

Value = bool | int | str
UNITS = ("minutes", "hours", "days", "weeks", "months", "years")
TRUTHS = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `read` takes what was written (True where nothing was) and raises ValueError with the rest of a sentence."""

    name: str
    says: str  # what it does, for pages
    read: Callable[[Value], Value]

    def written(self, value: Value) -> str:
        """Return the option as it stands in a statement."""
        if value is True:
            return self.name
        if isinstance(value, bool | int):
            return f"{self.name}={str(value).upper()}"
        quoted = value.replace("'", "''")
        return f"{self.name}='{quoted}'"


def truth(value: Value) -> bool:
    """Return yes or no."""
    if isinstance(value, bool):
        return value
    found = TRUTHS.get(str(value).lower())
    if found is None:
        raise ValueError(f"is TRUE or FALSE, not {value!r}")
    return found


def count(value: Value) -> int:
    """Return a whole number of 1 or more."""
    text = str(value)
    if value is True or not text.isdecimal() or not 0 < int(text) < 10**9:
        raise ValueError("needs a whole number: Name=1000")
    return int(text)


def text(value: Value) -> str:
    """Return a text that is not empty."""
    if value is True or not str(value).strip():
        raise ValueError("needs a value: Name='value'")
    return str(value).strip()


def unit(value: Value) -> str:
    """Return a unit of time."""
    found = str(value).lower()
    matches = [name for name in UNITS if found in (name, name.removesuffix("s"))]
    if not matches:
        raise ValueError(f"is one of {', '.join(UNITS)}, not {value!r}")
    return matches[0]


OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        Option("DropTable", "drops the destination's table before each run and makes it anew", truth),
        Option("TruncateTable", "empties the destination's table before each run", truth),
        Option("AlterSchema", "adds columns and widens types where the source has changed (on unless it is FALSE)", truth),
        Option("IncrementalCheckColumns", "columns that grow with every change: only what is newer is read", text),
        Option("ReplicateStartValue", "the smallest value of the check column that is read", text),
        Option("ReplicateInterval", "reads history in windows of so many units", count),
        Option("ReplicateIntervalUnit", f"the unit of windows: {', '.join(UNITS)}", unit),
        Option("SkipDeleted", "leaves rows in the destination that the source has deleted", truth),
        Option("SoftDelete", "marks deleted rows in a column instead of deleting them", truth),
        Option("HistoryMode", "keeps all versions of a row with the time from and to which each was valid", truth),
        Option("AutoTruncateStrings", "cuts texts that are longer than the destination's column", truth),
        Option("UseGmtDateTime", "writes times as UTC", truth),
        Option("BatchSize", "rows of one batch", count),
        Option("CommandTimeout", "seconds that one statement may take", count),
    )
}
# As older versions and job settings spell them.
ALIASES = {
    "truncatetabledata": "TruncateTable",
    "incrementalcheckcolumn": "IncrementalCheckColumns",
    "replicatestartdate": "ReplicateStartValue",
    "replicate_start_date": "ReplicateStartValue",
    "historicalmode": "HistoryMode",
}
NAMES = {name.lower(): name for name in OPTIONS} | ALIASES


def option_named(name: str) -> str | None:
    """Return the option that a text means, whatever its case."""
    return NAMES.get(name.lower())


def nearest(name: str) -> str:
    """Return a hint at the option that was meant."""
    return nearest_of(name, OPTIONS)
