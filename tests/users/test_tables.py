"""Every model has its table: a library's model without one would fail whoever deletes what it refers to."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection

from users.models import User

pytestmark = pytest.mark.django_db


def test_every_model_has_its_table() -> None:
    kept = {model._meta.db_table for model in apps.get_models() if model._meta.managed}

    assert kept - set(connection.introspection.table_names()) == set()


def test_a_user_can_be_deleted() -> None:
    User.objects.create(name="goner").delete()

    assert not User.objects.filter(name="goner").exists()
