"""The pages of Jobs: who sees them, what they show and do."""

from __future__ import annotations

import pytest
from django.test import Client

from users.models import User


def person(role: str) -> Client:
    client = Client(headers={"host": "testserver"})
    client.force_login(User.objects.create_user(role, "a long pass phrase", role=role))
    return client


@pytest.mark.django_db
def test_an_empty_list_says_what_to_do() -> None:
    page = person("operator").get("/console/jobs/").content.decode()

    assert "No job yet" in page
