"""Standing people: an administrator, a reader (GET only), an outsider (no rights)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone

from apiserver.server import stamp
from users import tokens
from users.models import PRIVILEGES, User
from users.throttle import AUTHTOKENS

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def fresh(db: None) -> Iterator[None]:
    """Forget what other tests left in this process."""
    stamp.changed()
    AUTHTOKENS.forget()
    yield
    stamp.forget()


@pytest.fixture
def admin() -> User:
    return User.objects.create_user("admin", PASSWORD, role="admin", privileges=list(PRIVILEGES))


@pytest.fixture
def reader() -> User:
    return User.objects.create_user("reader", privileges=["GET"])


@pytest.fixture
def outsider() -> User:
    return User.objects.create_user("outsider", privileges=[], resources={})


@pytest.fixture
def reader_token(reader: User) -> str:
    return tokens.generate(reader, now=timezone.now())
