"""Questions that ticks ask twice a second say what the ORM's own would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import QuerySet
from pytest_django import DjangoAssertNumQueries

from apiserver.server.leases import is_free
from apiserver.server.models import Notice, NoticeDelivery
from apiserver.server.ticks import AnyDue

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def waiting(now: datetime) -> QuerySet[NoticeDelivery]:
    return NoticeDelivery.objects.filter(is_free(now), state=NoticeDelivery.WAITING, next_at__lte=now)


def delivery(**values: object) -> NoticeDelivery:
    notice = Notice.objects.create(event="test", subject="s", text="t", created=NOON)
    return NoticeDelivery.objects.create(notice=notice, kind=NoticeDelivery.EMAIL, to="a@example.com", **values)


def test_a_question_is_answered_for_the_time_at_which_it_is_asked() -> None:
    is_any_due = AnyDue(waiting)
    delivery(next_at=NOON, lease_until=NOON + timedelta(minutes=2))
    times = [NOON + timedelta(seconds=seconds) for seconds in (-1, 0, 119, 120, 121, 3600)]

    assert [is_any_due(now) for now in times] == [waiting(now).exists() for now in times] == [False, False, False, False, True, True]


def test_rows_that_come_later_are_seen(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    is_any_due = AnyDue(waiting)
    assert not is_any_due(NOON)
    delivery(next_at=NOON)

    with django_assert_num_queries(1):
        assert is_any_due(NOON)
