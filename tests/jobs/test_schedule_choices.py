"""Schedules as people choose them, to cron text and back, in words."""

from __future__ import annotations

from datetime import time

import pytest
from django.utils import translation

from apiserver.jobs.schedule_choices import Choice, choice_of, cron_of, in_words


@pytest.mark.parametrize(
    ("cron", "choice", "words"),
    [
        ("", Choice(), ""),
        ("* * * * *", Choice("1"), "Every minute"),
        ("*/10 * * * *", Choice("10"), "Every 10 minutes"),
        ("5 * * * *", Choice("hourly", minute=5), "Every hour at minute 5"),
        ("30 3 * * *", Choice("daily", time=time(3, 30)), "Every day at 03:30"),
        ("0 22 * * 0", Choice("weekly", time=time(22), weekday="0"), "Every week on Sunday at 22:00"),
        ("0 22 * * 6", Choice("weekly", time=time(22), weekday="6"), "Every week on Saturday at 22:00"),
        ("0 0 31 * *", Choice("monthly", time=time(0), day="31"), "On day 31 of every month at 00:00"),
        ("0 0 L * *", Choice("monthly", time=time(0), day="L"), "On the last day of every month at 00:00"),
        ("*/7 * * * *", Choice("custom", cron="*/7 * * * *"), "*/7 * * * *"),
        ("0 8-18/2 * * 1-5", Choice("custom", cron="0 8-18/2 * * 1-5"), "0 8-18/2 * * 1-5"),
        ("61 3 * * *", Choice("custom", cron="61 3 * * *"), "61 3 * * *"),
    ],
)
def test_choices(cron: str, choice: Choice, words: str) -> None:
    found = choice_of(cron)

    assert (found.every, found.minute, found.time, found.weekday, found.day) == (
        choice.every,
        choice.minute,
        choice.time,
        choice.weekday,
        choice.day,
    )
    assert (cron_of(found), in_words(cron)) == (cron, words)


def test_sunday_is_sunday_under_both_its_numbers() -> None:
    assert cron_of(choice_of("0 1 * * 7")) == "0 1 * * 0"


def test_blanks_do_not_count() -> None:
    with translation.override("en"):
        assert in_words(" */10  *  * * * ") == "Every 10 minutes"
