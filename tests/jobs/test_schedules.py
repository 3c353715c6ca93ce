"""Cron schedules in time zones: what they mean, what they refuse, and clocks that are changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from apiserver.jobs.cron import ScheduleProblem
from apiserver.jobs.schedules import check, next_time, next_times, zone_of

SUNDAY = datetime(2026, 11, 22, 6, 20, 30, tzinfo=UTC)


def walls(schedule: str, zone: str, after: datetime, count: int) -> list[str]:
    """Return what the clocks of the zone show at the next moments."""
    return [f"{moment.astimezone(zone_of(zone)):%Y-%m-%d %H:%M %z}" for moment in next_times(schedule, zone, after=after, count=count)]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("* * * * *", ["11-22 06:21", "11-22 06:22"]),
        ("*/10 * * * *", ["11-22 06:30", "11-22 06:40"]),
        ("5/20 * * * *", ["11-22 06:25", "11-22 06:45"]),
        ("20,40 6-7 * * *", ["11-22 06:40", "11-22 07:20"]),
        ("0 22-1 * * *", ["11-22 22:00", "11-22 23:00"]),
        ("30 6 * * MON-FRI", ["11-23 06:30", "11-24 06:30"]),
        ("0 0 * * fri-mon", ["11-23 00:00", "11-27 00:00"]),
        ("0 0 * * 5-7", ["11-27 00:00", "11-28 00:00"]),
        ("0 0 * * 7", ["11-29 00:00", "12-06 00:00"]),
        ("0 0 1 JAN,jul ?", ["01-01 00:00", "07-01 00:00"]),
        ("0 0 13 * 5", ["11-27 00:00", "12-04 00:00"]),  # the 13th or a Friday
        ("0 0 */2 * 5", ["11-27 00:00", "12-11 00:00"]),
        ("0 0 L * *", ["11-30 00:00", "12-31 00:00"]),
        ("0 0 L-2 * *", ["11-28 00:00", "12-29 00:00"]),
        ("0 0 LW 1,2 ?", ["01-29 00:00", "02-26 00:00"]),
        ("0 0 15W 5,8 *", ["05-14 00:00", "08-16 00:00"]),  # a Saturday, a Sunday
        ("0 0 1w 5 *", ["05-03 00:00", "05-01 00:00"]),  # not before the month: 2027 a Saturday, 2028 a Monday
        ("0 0 ? * 5#3", ["12-18 00:00", "01-15 00:00"]),
        ("0 0 ? * friL", ["11-27 00:00", "12-25 00:00"]),
        ("0 0 ? * L", ["11-28 00:00", "12-05 00:00"]),
        ("0 0 29 2 *", ["02-29 00:00", "02-29 00:00"]),
        ("@monthly", ["12-01 00:00", "01-01 00:00"]),
    ],
)
def test_schedule_comes_at(schedule: str, expected: list[str]) -> None:
    found = next_times(schedule, "UTC", after=SUNDAY, count=2)

    assert [f"{moment:%m-%d %H:%M}" for moment in found] == expected


def test_interval_goes_on_through_the_hour_that_comes_twice() -> None:
    begin = datetime(2027, 11, 7, 5, 10, tzinfo=UTC)

    assert walls("*/30 * * * *", "America/New_York", begin, 5) == [
        "2027-11-07 01:30 -0400",
        "2027-11-07 01:00 -0500",
        "2027-11-07 01:30 -0500",
        "2027-11-07 02:00 -0500",
        "2027-11-07 02:30 -0500",
    ]


def test_time_that_comes_twice_is_the_first() -> None:
    begin = datetime(2027, 11, 6, 12, tzinfo=UTC)

    assert walls("30 1 * * *", "America/New_York", begin, 2) == ["2027-11-07 01:30 -0400", "2027-11-08 01:30 -0500"]


def test_time_that_does_not_exist_comes_behind_the_gap_once() -> None:
    begin = datetime(2027, 3, 13, 12, tzinfo=UTC)

    assert walls("15,30 2 * * *", "America/New_York", begin, 2) == ["2027-03-14 03:00 -0400", "2027-03-15 02:15 -0400"]


def test_midnight_that_does_not_exist_comes_behind_the_gap() -> None:
    begin = datetime(2022, 3, 26, 12, tzinfo=UTC)

    assert walls("@daily", "Asia/Beirut", begin, 2) == ["2022-03-27 01:00 +0300", "2022-03-28 00:00 +0300"]


def test_each_minute_of_a_year_comes_once() -> None:
    begin, end = datetime(2027, 3, 27, 20, tzinfo=UTC), datetime(2027, 3, 28, 4, tzinfo=UTC)

    found = next_times("* * * * *", "Europe/Berlin", after=begin, count=480)

    assert found[-1] == end
    assert len(set(found)) == 480


@pytest.mark.parametrize(
    "schedule",
    [
        *("", "* * * *", "* * * * * *", "60 * * * *", "x * * * *", "*/0 * * * *", "1,,2 * * * *", "² * * * *", "-1 * * * *"),
        *("? * * * *", "0 0 32 * *", "0 0 0 * *", "0 0 W * *", "0 0 L-31 * *", "0 0 * 13 *", "0 0 * * 8", "0 0 * * 1#6", "@reboot"),
    ],
)
def test_schedule_that_can_not_be_read_is_refused(schedule: str) -> None:
    with pytest.raises(ScheduleProblem):
        next_times(schedule, "UTC", after=SUNDAY, count=1)


def test_schedule_that_never_comes_is_refused() -> None:
    with pytest.raises(ScheduleProblem, match="never comes"):
        check("0 0 31 2 *", "UTC", now=SUNDAY)


def test_unknown_time_zone_names_the_nearest() -> None:
    with pytest.raises(ScheduleProblem) as caught:
        check("@daily", "Asia/Tokio", now=SUNDAY)

    assert caught.value.hint == "Did you mean Asia/Tokyo?"


def test_no_schedule_never_comes() -> None:
    assert next_time("", "UTC", after=SUNDAY) is None
