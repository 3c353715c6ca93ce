"""Standing people and a small database for the pages of the console."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from connections.models import Connection
from connections.services import SESSIONS, save_connection
from tests import databases
from users.models import User


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_user("ada", "a long pass phrase", role="admin")


@pytest.fixture
def as_admin(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def as_operator(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("olga", "a long pass phrase", role="operator"))
    return client


@pytest.fixture
def as_reader(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("rita", "a long pass phrase", role="query"))
    return client


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return databases.shop(tmp_path / "shop.db")


@pytest.fixture
def connection(db: None, shop: Path) -> Connection:
    SESSIONS.close()
    return save_connection(name="shop", connector="sqlite", values={"Database": str(shop)}, labels=["test"])
