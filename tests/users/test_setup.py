"""The first administrator: by environment or by a link that works once; passwords behind a throttle."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import RequestFactory
from django.utils import timezone

from apiserver.server.models import Audit
from tests.users.conftest import PASSWORD
from users.models import User
from users.setup import consume_setup, ensure_first_admin, is_setup_valid
from users.throttle import PASSWORDS

NOW = timezone.now()


def signed_in(name: str, password: str, address: str = "127.0.0.1") -> Any:
    return authenticate(RequestFactory().post("/console/sign-in", REMOTE_ADDR=address), username=name, password=password)


def test_link_makes_one_administrator_and_ends() -> None:
    token = ensure_first_admin(now=NOW)
    assert token is not None

    admin = consume_setup(token, name="ada", password=PASSWORD, now=NOW)

    assert admin is not None
    assert (admin.role, signed_in("ada", PASSWORD)) == ("admin", admin)
    assert consume_setup(token, name="eve", password=PASSWORD, now=NOW) is None
    assert ensure_first_admin(now=NOW) is None


@pytest.mark.parametrize(("token", "later"), [("wrong", 0), ("", 0), (None, 25)])
def test_wrong_or_old_link_makes_nobody(token: str | None, later: int) -> None:
    right = ensure_first_admin(now=NOW)

    assert not is_setup_valid(right if token is None else token, now=NOW + timedelta(hours=later))  # type: ignore[arg-type]
    assert consume_setup(str(token or right), name="eve", password=PASSWORD, now=NOW + timedelta(hours=25)) is None
    assert not User.objects.exists()


@pytest.mark.parametrize("password", ["short", "password"])
def test_weak_password_is_refused_and_the_link_stays(password: str) -> None:
    token = ensure_first_admin(now=NOW)
    assert token is not None

    with pytest.raises(ValidationError):
        consume_setup(token, name="ada", password=password, now=NOW)

    assert is_setup_valid(token, now=NOW)


def test_environment_makes_the_administrator_and_follows_its_password(settings: Any) -> None:
    settings.ADMIN_USER, settings.ADMIN_PASSWORD = "root", "first password"
    first = ensure_first_admin(now=NOW)
    settings.ADMIN_PASSWORD = "second password"

    assert (first, ensure_first_admin(now=NOW), ensure_first_admin(now=NOW)) == (None, None, None)
    assert signed_in("root", "second password").role == "admin"
    assert Audit.objects.filter(action="administrator set").count() == 2


def test_only_administrators_and_operators_sign_in(admin: User) -> None:
    for role in ("operator", "query"):
        User.objects.create_user(role, PASSWORD, role=role)
    User.objects.create_user("gone", PASSWORD, role="admin", is_active=False)

    found = [signed_in(name, PASSWORD) is not None for name in ("admin", "operator", "query", "gone", "nobody")]

    assert found == [True, True, False, False, False]


def test_password_guesser_must_wait_and_others_do_not(admin: User) -> None:
    PASSWORDS.forget()
    admin.set_password(PASSWORD)
    admin.save()
    for number in range(20):
        signed_in("admin", f"guess {number}", "10.0.0.9")

    assert signed_in("admin", PASSWORD, "10.0.0.9") is None
    assert signed_in("admin", PASSWORD, "10.0.0.8") == admin
    PASSWORDS.forget()


def test_reset_admin_gives_a_link_that_works(admin: User) -> None:
    out = StringIO()

    call_command("reset_admin", "--json", stdout=out)

    told = json.loads(out.getvalue())
    assert is_setup_valid(told["setup_url"].rsplit("/", 1)[1], now=timezone.now())
