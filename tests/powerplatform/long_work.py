"""A small shop for long reads, people who ask, and the worker's part done in the test's own thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from apiserver.powerplatform.long_read_doing import carry_out, claim
from apiserver.powerplatform.long_read_models import LongRead
from apiserver.powerplatform.long_read_under_way import Running
from apiserver.powerplatform.long_read_work import chosen
from apiserver.server import options, stamp
from connections.patient import SESSIONS
from tests import databases
from tests.databases import KINDS
from tests.triggers.conftest import Shop, publish

LATER = {"prefer": "respond-async"}
NAMES = ("ant", "bee", "cat", "dog", "eel")


@contextmanager
def opened_shop(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Shop]:
    """Publish a table of five rows."""
    SESSIONS.close()
    found = publish(databases.make(kind, "async5", request, folder))
    for name in NAMES:
        found.add(name)
    try:
        yield found
    finally:
        SESSIONS.close()
        stamp.forget()


@pytest.fixture(params=KINDS)
def shop(db: None, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    with opened_shop(request.param, request, tmp_path) as found:
        yield found


@pytest.fixture
def small(db: None, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    with opened_shop("sqlite", request, tmp_path) as found:
        yield found


def settings(**values: Any) -> None:
    options.save({"long_reads": values})
    stamp.forget()


def work() -> None:
    """Do what is due, one after another, as the worker does it."""
    while found := chosen(Counter(), now=timezone.now()):
        for read in found:
            if claim(read, now=timezone.now()):
                carry_out(Running(read))


def place(answer: HttpResponse) -> str:
    """Return where to ask for the answer."""
    assert answer.status_code == 202, (answer.status_code, answer.content)
    return urlsplit(answer["Location"]).path


def asked(client: Client, path: str, **headers: str) -> str:
    """Ask for a read; return where its answer will be."""
    return place(client.get(f"/api.rsc/{path}", headers=LATER | headers))


def got(client: Client, path: str, **headers: str) -> Any:
    """Ask for a read, let the worker do it, and return the answer."""
    where = asked(client, path, **headers)
    work()
    return client.get(where, headers=headers)


def body(answer: Any) -> bytes:
    """Return the bytes of an answer."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def only() -> LongRead:
    """Return the one that there is."""
    return LongRead.objects.get()
