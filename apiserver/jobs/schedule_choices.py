"""Schedules as people choose them: every few minutes, hourly, daily, weekly, monthly; to cron text and back, and in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

from django.utils import formats
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

NONE, HOURLY, DAILY, WEEKLY, MONTHLY, CUSTOM = "", "hourly", "daily", "weekly", "monthly", "custom"
MINUTES = (1, 5, 10, 15, 20, 30)
LAST_DAY = "L"
NUMBER = r"(\d{1,2})"
SHAPES = {
    HOURLY: re.compile(rf"{NUMBER} \* \* \* \*"),
    DAILY: re.compile(rf"{NUMBER} {NUMBER} \* \* \*"),
    WEEKLY: re.compile(rf"{NUMBER} {NUMBER} \* \* ([0-7])"),
    MONTHLY: re.compile(rf"{NUMBER} {NUMBER} (\d{{1,2}}|L) \* \*"),
}
EVERY = re.compile(r"\*/(\d{1,2}) \* \* \* \*")


@dataclass(frozen=True, slots=True)
class Choice:
    """A schedule as the form shows it. `every` is '', a number of minutes as text, hourly, daily, weekly, monthly or custom."""

    every: str = NONE
    minute: int = 0  # of hourly
    time: time = time(3, 0)
    weekday: str = "1"  # 0 = Sunday
    day: str = "1"  # of the month, or L
    cron: str = ""  # of custom


def choice_of(cron: str) -> Choice:
    """Return the choice that means this cron text; custom where none of the others does."""
    text = " ".join(cron.split())
    if not text:
        return Choice()
    if text == "* * * * *":
        return Choice("1", cron=text)
    minutes = EVERY.fullmatch(text)
    if minutes and int(minutes[1]) in MINUTES:
        return Choice(str(int(minutes[1])), cron=text)
    for every, shape in SHAPES.items():
        match = shape.fullmatch(text)
        found = match and shaped(every, match.groups(), text)
        if found:
            return found
    return Choice(CUSTOM, cron=text)


def shaped(every: str, parts: tuple[str, ...], cron: str) -> Choice | None:
    """Return the choice of a shape that fits; None where its numbers are none of a clock or a calendar."""
    if int(parts[0]) > 59 or (len(parts) > 1 and int(parts[1]) > 23):
        return None
    if every == HOURLY:
        return Choice(HOURLY, minute=int(parts[0]), cron=cron)
    at = time(int(parts[1]), int(parts[0]))
    if every == WEEKLY:
        return Choice(WEEKLY, time=at, weekday=str(int(parts[2]) % 7), cron=cron)
    if every == MONTHLY:
        is_day = parts[2] == LAST_DAY or 0 < int(parts[2]) <= 31
        return Choice(MONTHLY, time=at, day=parts[2].removeprefix("0"), cron=cron) if is_day else None
    return Choice(DAILY, time=at, cron=cron)


def cron_of(choice: Choice) -> str:
    """Return the cron text of a choice; '' = no schedule."""
    at = f"{choice.time.minute} {choice.time.hour}"
    if choice.every == "1":
        return "* * * * *"
    if choice.every.isdecimal():
        return f"*/{choice.every} * * * *"
    return {
        NONE: "",
        HOURLY: f"{choice.minute} * * * *",
        DAILY: f"{at} * * *",
        WEEKLY: f"{at} * * {choice.weekday}",
        MONTHLY: f"{at} {choice.day} * *",
    }.get(choice.every, " ".join(choice.cron.split()))


def in_words(cron: str) -> str:
    """Return what a schedule means in the reader's language; cron text that is no preset stays as it is."""
    choice = choice_of(cron)
    at = {"time": formats.time_format(choice.time, "H:i")}
    if choice.every.isdecimal():
        return every_minutes(int(choice.every))
    if choice.every == HOURLY:
        return _("Every hour at minute %(minute)d") % {"minute": choice.minute}
    if choice.every == DAILY:
        return _("Every day at %(time)s") % at
    if choice.every == WEEKLY:
        return _("Every week on %(day)s at %(time)s") % {"day": weekday_name(choice.weekday), **at}
    if choice.every == MONTHLY and choice.day == LAST_DAY:
        return _("On the last day of every month at %(time)s") % at
    if choice.every == MONTHLY:
        return _("On day %(day)s of every month at %(time)s") % {"day": choice.day, **at}
    return choice.cron


def every_minutes(count: int) -> str:
    """Return how often that is."""
    return ngettext("Every minute", "Every %(count)d minutes", count) % {"count": count}


def weekday_name(number: str) -> str:
    """Return the name of a day of the week; cron counts from Sunday."""
    return str(WEEKDAYS[(int(number) - 1) % 7])
