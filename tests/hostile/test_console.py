"""The console's addresses and forms with hostile texts in each field: refused or taken, never a 500, nothing of the insides."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.utils import timezone

from apiserver.resources.models import Resource
from apiserver.resources.services import publish_tables
from apiserver.server import stamp
from connections.contract.table import TableRef
from connections.services import SESSIONS, save_connection
from tests import databases
from tests.hostile import stage
from tests.hostile.payloads import CURATED, TIMES, UNSTORABLE, encoded
from users.models import Group, User

pytestmark = pytest.mark.django_db
TEXTS = (*UNSTORABLE, *CURATED[:: 5 if TIMES == 1 else 1], "9" * 400, "-1", "2024-02-30", "x" * 100_000, "[1", '{"a":', "é" * 300)
PAGES = (
    "/console/", "/console/search", "/console/logs/", "/console/logs/audit", "/console/settings/", "/console/account", "/console/sign-in",
    "/console/try/{resource}", "/console/effective/{user}", "/console/connections/", "/console/connections/add",
    "/console/connections/add/sqlite", "/console/connections/add/postgresql", "/console/connections/add/mysql",
    "/console/connections/{connection}", "/console/connections/{connection}/tables", "/console/api/", "/console/api/add",
    "/console/api/add/{connection}", "/console/api/add/{connection}/confirm", "/console/api/{resource}", "/console/api/{resource}/drift",
    "/console/api/{resource}/repoint", "/console/api/{resource}/relations/add", "/console/users/", "/console/users/add",
    "/console/users/{user}", "/console/users/groups/", "/console/users/groups/add", "/console/users/groups/{group}",
    "/console/users/rights/user/{user}", "/console/users/rights/user/{user}/R", "/console/users/rights/group/{group}",
)  # fmt: skip
STEP = 19 if TIMES == 1 else 1
QUERIES = (
    "q", "page", "before", "since", "until", "status", "user", "text", "table", "schema", "label", "sort", "next", "download", "name",
    "connection",
)  # fmt: skip
FORM = re.compile(r"<form[^>]*method=\"post\".*?</form>", re.DOTALL | re.IGNORECASE)
ACTION = re.compile(r"<form[^>]*\baction=\"([^\"]*)\"", re.IGNORECASE)
FIELD = re.compile(r"<(?:input|select|textarea|button)\b[^>]*\bname=\"([^\"]+)\"(?:[^>]*\bvalue=\"([^\"]*)\")?", re.IGNORECASE)
KEPT = ("csrfmiddlewaretoken",)
INSIDES_OF_PAGES = re.compile(
    r"Traceback \(most recent|File \"[^\"]*\.py|psycopg\.|pymysql\.|sqlite3\.|sqlglot|site-packages|object at 0x|no such column"
)


@dataclass
class Console:
    """A signed-in administrator's way to the pages, and the ids of what there is."""

    client: Client
    admin: User
    ids: dict[str, int]
    text: str = ""

    def ask(self, method: str, address: str, data: dict[str, str] | None = None) -> HttpResponseBase:
        """Send one request; what it changes is undone."""
        with transaction.atomic():
            answer: HttpResponseBase = getattr(self.client, method)(address, data or {})
            if not answer.streaming:
                self.text = answer.content.decode(errors="replace")
            else:
                self.text = b"".join(answer.streaming_content).decode(errors="replace")  # type: ignore[attr-defined]
            transaction.set_rollback(True)
        return answer

    def pages(self) -> list[str]:
        """Return the pages, with the ids in them."""
        return [page.format(**self.ids) for page in PAGES]


@pytest.fixture
def console(request: pytest.FixtureRequest, tmp_path: Path) -> Console:
    """Sign in as administrator to a console with something of everything."""
    stamp.changed()
    SESSIONS.close()
    database = databases.sqlite("console", request, tmp_path)
    stage.fill(database)
    connection = save_connection(name="stage", connector="sqlite", values=database.connection["properties"])
    publish_tables(connection, [TableRef("", name) for name in stage.TABLES], now=timezone.now())
    admin = User.objects.create_user("ada", "a long pass phrase", role="admin")
    user, group = User.objects.create_user("flow", privileges=["GET"]), Group.objects.create(name="people")
    resource = Resource.objects.first()
    assert resource
    client = Client(raise_request_exception=False)
    client.force_login(admin)
    return Console(client, admin, {"connection": connection.pk, "user": user.pk, "group": group.pk, "resource": resource.pk})


def wrong(console: Console, answer: HttpResponseBase, about: str) -> Iterator[str]:
    """Return what is wrong with an answer."""
    if answer.status_code >= 500:
        yield f"{answer.status_code}: {about}"
    found = INSIDES_OF_PAGES.search(console.text)
    if found:
        yield f"leak {found.group()[:100]!r}: {about}"


def test_queries_of_every_page(console: Console) -> None:
    found, sent = [], 0
    for place, page in enumerate(console.pages()):
        for number, text in list(enumerate(TEXTS))[place % STEP :: STEP]:
            name = QUERIES[(place + number) % len(QUERIES)]
            address = f"{page}?{name}={encoded(text[:2000])}"
            found += wrong(console, console.ask("get", address), f"GET {address[:150]}")
            sent += 1

    assert found == []
    print(f"console queries: {sent} inputs")


def test_paths_beside_every_page(console: Console) -> None:
    found = []
    for number, text in enumerate(TEXTS):
        page = console.pages()[number % len(PAGES)]
        for address in (f"{page.rstrip('/')}/{encoded(text[:500])}", f"/{encoded(text[:500])}", f"/console/{encoded(text[:500])}/1"):
            found += wrong(console, console.ask("get", address), f"GET {address[:150]}")

    assert found == []


def test_fields_of_every_form(console: Console) -> None:
    found, forms, sent = [], 0, 0
    for page in console.pages():
        console.client.force_login(console.admin)
        console.ask("get", page)
        for form in FORM.findall(console.text):
            action = ACTION.match(form)
            address = urlsplit(html.unescape(action[1]) if action and action[1] else page).path
            fields = {name: html.unescape(value) for name, value in FIELD.findall(form) if name not in KEPT}
            forms += 1
            for number, name in enumerate(fields):
                for text in (*TEXTS[number % STEP :: STEP], "9" * 400):
                    answer = console.ask("post", address, {**fields, name: text.encode("utf-8", "replace").decode()})
                    found += wrong(console, answer, f"POST {address} {name}={text[:60]!r} of {page}")
                    sent += 1

    assert found == []
    assert forms >= 20
    print(f"console forms: {forms} forms, {sent} inputs")
