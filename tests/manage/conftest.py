"""Callers of the management API by role, and a small database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from apiserver.server import stamp
from apiserver.server.models import Audit
from connections.services import SESSIONS
from tests import databases
from users import tokens
from users.models import User
from users.throttle import AUTHTOKENS

ROOT = "/manage/api"


class Caller:
    """Somebody with an authtoken."""

    def __init__(self, token: str | None) -> None:
        self.headers = {} if token is None else {"x-cdata-authtoken": token}

    def __call__(self, method: str, path: str, body: Any = None, *, media: str = "application/json", **headers: str) -> HttpResponse:
        """Send a request; `path` is below /manage/api."""
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer: HttpResponse = Client().generic(method, f"{ROOT}{path}", raw, content_type=media, headers=given)
        return answer


def caller(name: str, role: str) -> Caller:
    user = User.objects.create_user(name, "a long pass phrase", role=role, privileges=["GET"])
    return Caller(tokens.generate(user, now=timezone.now()))


@pytest.fixture(autouse=True)
def fresh(db: None) -> Iterator[None]:
    """Forget what other tests left in this process."""
    stamp.changed()
    AUTHTOKENS.forget()
    SESSIONS.close()
    yield
    stamp.forget()


@pytest.fixture
def admin(db: None) -> Caller:
    return caller("ada", "admin")


@pytest.fixture
def operator(db: None) -> Caller:
    return caller("olga", "operator")


@pytest.fixture
def reader(db: None) -> Caller:
    return caller("rita", "query")


@pytest.fixture
def nobody() -> Caller:
    return Caller(None)


@pytest.fixture
def shop(tmp_path: Path) -> str:
    return str(databases.shop(tmp_path / "shop.db"))


@pytest.fixture
def connected(admin: Caller, shop: str) -> Caller:
    """The administrator, with a connection named shop."""
    assert admin("POST", "/connections/", {"name": "shop", "connector": "sqlite", "properties": {"Database": shop}}).status_code == 201
    return admin


@pytest.fixture
def published(connected: Caller) -> Caller:
    """The administrator, with the table Orders published."""
    assert connected("POST", "/resources/", {"connection": "shop", "table": "Orders"}).status_code == 201
    return connected


def error(answer: HttpResponse) -> dict[str, Any]:
    """Return the error of a refusal."""
    found: dict[str, Any] = json.loads(answer.content)["error"]
    return found


def audited() -> list[tuple[str, str]]:
    """Return who did what, in order."""
    return list(Audit.objects.order_by("pk").values_list("who", "action"))
