"""Schedules as cron writes them: five fields with `* , - / ? L W #`, names of months and days, and @daily and its like. Pure.

Where both fields of days say something, either is enough, unless one of them begins with `*` or is `?` (crontab(5)).
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

MONTHS = dict(zip(("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), range(1, 13), strict=True))
DAYS = dict(zip(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), range(7), strict=True))
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
HINT = "Write five fields: minute, hour, day of month, month, day of week, such as */10 * * * * or 30 6 * * MON-FRI."
Day = Callable[[date], bool]


class ScheduleProblem(ValueError):
    """A schedule or time zone that can't be used; `message` and `hint` are for whoever wrote it."""

    def __init__(self, message: str, *, hint: str = HINT) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Field:
    """What one field may hold."""

    name: str
    least: int
    most: int
    names: Mapping[str, int]


MINUTE, HOUR = Field("minute", 0, 59, {}), Field("hour", 0, 23, {})
DAY, MONTH = Field("day of month", 1, 31, {}), Field("month", 1, 12, MONTHS)
WEEKDAY = Field("day of week", 0, 7, DAYS)  # 0 and 7 are Sunday


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule, read. `is_interval`: every hour or every few, so that it goes on through an hour that comes twice."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    days: tuple[Day, ...]  # of the month; () = each
    weekdays: tuple[Day, ...]  # () = each
    is_interval: bool
    is_either: bool  # a day of the month or of the week is enough

    def falls_on(self, day: date) -> bool:
        """Claim that something happens on this day."""
        if day.month not in self.months:
            return False
        if self.is_either:
            return any(test(day) for test in (*self.days, *self.weekdays))
        return all(any(test(day) for test in tests) for tests in (self.days, self.weekdays) if tests)


def read(text: str) -> Cron:
    """Return what a schedule says; raise ScheduleProblem."""
    words = NICKNAMES.get(text.strip().lower(), text).upper().split()
    if len(words) != 5:
        raise ScheduleProblem(f"The schedule has {len(words)} fields, not five.")
    minute, hour, day, month, weekday = words
    return Cron(
        minutes=tuple(sorted(numbers(MINUTE, minute))),
        hours=tuple(sorted(numbers(HOUR, hour))),
        months=frozenset(numbers(MONTH, month)),
        days=() if is_open(day) else tuple(day_test(part) for part in parts(DAY, day)),
        weekdays=() if is_open(weekday) else tuple(weekday_test(part) for part in parts(WEEKDAY, weekday)),
        is_interval=hour.startswith("*"),
        is_either=not any(word.startswith(("*", "?")) for word in (day, weekday)),
    )


def is_open(word: str) -> bool:
    """Claim that a field of days takes every day."""
    return word in ("*", "?", "*/1")


def parts(field: Field, word: str) -> list[str]:
    """Return what stands between commas."""
    found = word.split(",")
    if "" in found:
        raise refused(field, word)
    return found


def numbers(field: Field, word: str) -> set[int]:
    """Return the numbers that a field without days means."""
    return {number for part in parts(field, word) for number in span(field, part)}


def span(field: Field, part: str) -> list[int]:
    """Return the numbers of `*`, `5`, `5-10`, each also with `/step`; a range may go over the end."""
    body, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdecimal() and 0 < int(step) <= field.most + 1):
        raise refused(field, part)
    first, dash, last = body.partition("-")
    if body == "*":
        least, most = field.least, 6 if field is WEEKDAY else field.most
    else:
        least = number(field, first, part)
        most = number(field, last, part) if dash else field.most if slash else least
    if most < least and not (field is WEEKDAY and most == 0):
        found = [*range(least, 7 if field is WEEKDAY else field.most + 1), *range(field.least, most + 1)]
    else:
        found = list(range(least, (7 if field is WEEKDAY and most == 0 < least else most) + 1))
    return found[:: int(step) if slash else 1]


def number(field: Field, word: str, part: str) -> int:
    """Return a number or what a name stands for."""
    if word in field.names:
        return field.names[word]
    if not (word.isascii() and word.isdecimal() and field.least <= int(word) <= field.most):
        raise refused(field, part)
    return int(word)


def refused(field: Field, word: str) -> ScheduleProblem:
    """Return what is wrong with a field."""
    return ScheduleProblem(f"{word or 'Nothing'} is no {field.name}: it goes from {field.least} to {field.most}.")


def day_test(part: str) -> Day:
    """Return whether a day is what a part of the day of month means: a number, a range, L, L-3, LW, 15W."""
    if part == "LW":
        return lambda day: day.day == nearest_weekday(day, last_of(day))
    if part == "L" or part.startswith("L-"):
        before = part[2:] or "0"
        if part == "L-" or not (before.isascii() and before.isdecimal() and int(before) < 31):
            raise refused(DAY, part)
        return lambda day: day.day == last_of(day) - int(before)
    if part.endswith("W"):
        wanted = number(DAY, part[:-1], part)
        return lambda day: wanted <= last_of(day) and day.day == nearest_weekday(day, wanted)
    found = frozenset(span(DAY, part))
    return lambda day: day.day in found


def weekday_test(part: str) -> Day:
    """Return whether a day is what a part of the day of week means: a number or name, a range, 5#3 (the third Friday), 5L (the last)."""
    if part == "L":
        return lambda day: weekday_of(day) == 6
    body, hash_, count = part.partition("#")
    if hash_:
        wanted = number(WEEKDAY, body, part) % 7
        if count not in ("1", "2", "3", "4", "5"):
            raise refused(WEEKDAY, part)
        return lambda day: weekday_of(day) == wanted and (day.day - 1) // 7 + 1 == int(count)
    if part.endswith("L"):
        wanted = number(WEEKDAY, part[:-1], part) % 7
        return lambda day: weekday_of(day) == wanted and day.day + 7 > last_of(day)
    found = frozenset(item % 7 for item in span(WEEKDAY, part))
    return lambda day: weekday_of(day) in found


def weekday_of(day: date) -> int:
    """Return the day of the week, Sunday as 0."""
    return day.isoweekday() % 7


def last_of(day: date) -> int:
    """Return the number of the month's last day."""
    return calendar.monthrange(day.year, day.month)[1]


def nearest_weekday(day: date, wanted: int) -> int:
    """Return the day from Monday to Friday that is nearest to a day of this month, within the month."""
    weekday = day.replace(day=wanted).isoweekday()
    if weekday == 6:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 7:
        return wanted + 1 if wanted < last_of(day) else wanted - 2
    return wanted
