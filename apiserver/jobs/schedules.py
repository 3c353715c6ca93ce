"""When jobs begin: a cron schedule in a time zone, as moments. Pure.

A time that the zone skips happens at the first moment behind the gap; one that comes twice happens at the first time,
unless the schedule is an interval (its hour is `*` or `*/n`), which goes on through both.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from apiserver.jobs.cron import Cron, ScheduleProblem, read

DAYS_AHEAD = 366 * 41  # the 29th of February falls on each day of the week within 40 years
DAY = timedelta(days=1)


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone; raise ScheduleProblem with the nearest name."""
    if name in zones():
        return ZoneInfo(name)
    close = difflib.get_close_matches(name, zones(), 1, 0.5)
    raise ScheduleProblem(f"There is no time zone {name}.", hint=f"Did you mean {close[0]}?" if close else "Write it as Asia/Tokyo or UTC.")


@cache
def zones() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset(available_timezones())


def check(schedule: str, timezone: str, *, now: datetime) -> None:
    """Raise ScheduleProblem for a schedule that can't be read or never comes."""
    zone_of(timezone)
    if schedule and not next_times(schedule, timezone, after=now, count=1):
        raise ScheduleProblem("The schedule never comes: no such day is in the calendar.")


def next_time(schedule: str, timezone: str, *, after: datetime) -> datetime | None:
    """Return the first moment later than `after`; None where there is no schedule or it never comes."""
    found = next_times(schedule, timezone, after=after, count=1) if schedule else []
    return found[0] if found else None


def next_times(schedule: str, timezone: str, *, after: datetime, count: int) -> list[datetime]:
    """Return the next moments later than `after`, in UTC, fewer where there are none within 40 years."""
    cron, zone = read(schedule), zone_of(timezone)
    first = after.astimezone(zone).date() - DAY
    found: set[datetime] = set()
    for number in range(DAYS_AHEAD):
        day = first + number * DAY
        if cron.falls_on(day):
            found |= {moment for moment in moments(cron, zone, day) if moment > after}
        if len(found) >= count or day.year >= date.max.year - 1:
            break
    return sorted(found)[:count]


def moments(cron: Cron, zone: ZoneInfo, day: date) -> Iterator[datetime]:
    """Return the moments of one day."""
    begin, end = (datetime.combine(item, time(), zone) for item in (day, day + DAY))
    walls = (datetime.combine(day, time(hour, minute)) for hour in cron.hours for minute in cron.minutes)
    offset = begin.utcoffset() or timedelta()
    if offset == end.utcoffset():  # no clock is changed: the common day, without asking the zone for each minute
        return (wall.replace(tzinfo=UTC) - offset for wall in walls)
    return (moment for wall in walls for moment in moments_of(wall, zone, twice=cron.is_interval))


def moments_of(wall: datetime, zone: ZoneInfo, *, twice: bool) -> list[datetime]:
    """Return when a clock on the wall of that zone shows the time: once, twice, or right behind the gap that skips it."""
    early, late = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early == late:
        return [early]
    if early < late:
        return [early, late] if twice else [early]
    return [end_of_gap(zone, late, early)]


def end_of_gap(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the moment between these two at which the zone's clocks are changed."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == old else (before, middle)
    return after.replace(microsecond=0)
