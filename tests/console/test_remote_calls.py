"""The calls that were really made to a remote service: in the log entry of a request, and on the SQL page."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apiserver.server import stamp
from apiserver.server.models import ServerSettings
from connections.contract.context import Call
from connections.contract.hearing import MOST_SHOWN, Heard, hear, listening
from connections.contract.table import TableRef
from connections.models import Connection
from connections.services import save_connection, session_for
from tests.connectors.agreement import service_of
from tests.fakes.upstream import Answer, Seen, Upstream

pytestmark = pytest.mark.django_db
ROWS = TableRef("", "Rows")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def things(upstream: Upstream) -> Connection:
    """A REST connection that signs in by a key in the address; the second page is refused once."""
    ServerSettings.objects.update_or_create(pk=1, defaults={"values": {"outgoing": {"allow": list(upstream.allow)}}})
    stamp.changed()
    refused = [503]

    def answer(seen: Seen) -> Answer:
        if seen.params.get("page") == "2":
            return Answer({}, refused.pop()) if refused else Answer({"items": [{"id": 3, "name": "c"}]})
        return Answer({"items": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], "next": f"{upstream.url}/things?page=2"})

    upstream.route("/things", answer)
    values = {"URL": upstream.url, "Path": "/things", "Paging": "NextURL", "NextPath": "next", "AuthScheme": "Query", "Token": "top-secret"}
    return save_connection(name="things", connector="rest", values=values)


def test_log_entry_tells_each_call_with_its_outcome_and_no_secret(things: Connection, upstream: Upstream) -> None:
    service = service_of(session_for(things.pk).rows, [ROWS])  # type: ignore[attr-defined]

    reply = service.get("Rows?$filter=contains(Name,'c')")
    assert reply.status == 200, reply.body
    lines = service.log["sql"].split(";\n")

    assert [row["Id"] for row in reply.rows] == [3]
    assert lines[0].startswith(f"GET {upstream.url}/things -> 200, ")
    assert lines[1].startswith(f"GET {upstream.url}/things?page=2 -> 200, ") and lines[1].endswith("bytes, repeated once")
    assert lines[2:] == ["not pushed down: Name contains"]
    assert "top-secret" not in service.log["sql"]


def test_log_entry_tells_the_call_that_failed(things: Connection, upstream: Upstream) -> None:
    service = service_of(session_for(things.pk).rows, [ROWS])  # type: ignore[attr-defined]
    upstream.route("/things", lambda seen: Answer({"message": "no"}, 403))

    reply = service.get("Rows")

    assert reply.status == 400
    assert service.log["sql"].startswith(f"GET {upstream.url}/things -> 403, ")


def test_sql_page_shows_the_calls(as_admin: Client, things: Connection, upstream: Upstream) -> None:
    page = as_admin.post(reverse("sql:explorer"), {"sql": "SELECT Id FROM Rows", "connection": things.pk, "run": uuid.uuid4().hex})

    assert [call.split(" -> ")[0] for call in page.context["calls"]][-2:] == [
        f"GET {upstream.url}/things",
        f"GET {upstream.url}/things?page=2",
    ]
    assert "Calls that were made" in page.content.decode()


def test_sql_page_says_once_why_the_service_refuses(as_admin: Client, things: Connection, upstream: Upstream) -> None:
    as_admin.post(reverse("sql:explorer"), {"sql": "SELECT Id FROM Rows", "connection": things.pk, "run": uuid.uuid4().hex})
    upstream.route("/things", lambda seen: Answer({"message": "gone for good"}, 403))

    page = as_admin.post(reverse("sql:explorer"), {"sql": "SELECT Id FROM Rows", "connection": things.pk, "run": uuid.uuid4().hex})

    assert (page.status_code, page.content.decode().count("gone for good")) == (422, 1)


def call(number: int, **more: Any) -> Call:
    return Call("GET", f"https://example.com/{number}", 200, 0.01, size=10, **more)


def test_many_calls_are_added_up() -> None:
    heard = Heard()

    with listening(heard):
        for number in range(1000):
            hear(call(number, retries=1))
    hear(call(5000))

    assert len(heard.calls) == MOST_SHOWN
    assert heard.lines()[0] == "GET https://example.com/0 -> 200, 10 ms, 10 bytes, repeated once"
    assert heard.lines()[-1] == "980 more calls: 9800 ms, 9800 bytes, repeated 980 times"


def test_outer_listener_hears_what_an_inner_one_does() -> None:
    outer, inner = Heard(), Heard()

    with listening(outer):
        hear(call(1))
        with listening(inner):
            hear(call(2))
        hear(call(3))

    assert ([c.address[-1] for c in outer.calls], [c.address[-1] for c in inner.calls]) == (["1", "2", "3"], ["2"])


def test_long_address_is_cut_and_a_missing_answer_has_its_reason() -> None:
    heard = Heard()

    heard.take(Call("GET", "https://example.com/?q=" + "x" * 500, 0, 2.0, error="example.com does not answer."))

    assert heard.lines()[0].endswith("... -> example.com does not answer., 2000 ms, 0 bytes")
