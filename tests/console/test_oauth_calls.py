"""Calls to the sign-in of a service stand where all other calls stand: request log, SQL page; their secrets nowhere."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from apiserver.server import requestlog
from connections import services
from connections.contract.table import TableRef
from connections.models import Connection
from tests.connections.oauth import connection_to, expire, grant_to, properties
from tests.connectors.agreement import service_of
from tests.fakes.oauth_provider import SECRET, Provider
from tests.fakes.upstream import Answer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]
ADD, CALLBACK = "/console/connections/add/probe", "/console/connections/oauth/callback"


@pytest.fixture(autouse=True)
def entries(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What would be written into the request log."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(requestlog.WRITER, "put", found.append)
    return found


@pytest.fixture
def things(provider: Provider) -> Connection:
    """A REST connection whose access token has ended."""
    away = {"OAuthAuthorizationURL": f"{provider.url}/authorize", "OAuthAccessTokenURL": f"{provider.url}/token"}
    connection_to(provider).delete()
    values = properties(provider, Path="/items", Paging="None", AuthScheme="OAuth", **away)
    found = services.save_connection(name="things", connector="rest", values=values)
    grant_to(found, provider)
    expire(found)
    return found


def asked(lines: str) -> list[str]:
    """Return the calls without their times."""
    return [line.split(",")[0] for line in lines.split(";\n")]


def secrets_of(provider: Provider) -> list[str]:
    return [SECRET, *(text for family in provider.families for text in (family.access, family.refresh, *family.former)), *provider.codes]


def test_query_that_renews_its_token_tells_both_calls(things: Connection, provider: Provider) -> None:
    service = service_of(services.session_for(things.pk).rows, [TableRef("", "Rows")])  # type: ignore[attr-defined]
    provider.families[0].access = "ended"

    reply = service.get("Rows")

    assert reply.status == 200, reply.body
    assert asked(service.log["sql"]) == [f"POST {provider.url}/token -> 200", f"GET {provider.url}/items -> 200"]
    assert [text for text in secrets_of(provider) if text in service.log["sql"]] == []


def test_query_whose_sign_in_fails_tells_the_call(things: Connection, provider: Provider) -> None:
    service = service_of(services.session_for(things.pk).rows, [TableRef("", "Rows")])  # type: ignore[attr-defined]
    provider.families[0].access = "ended"
    provider.token_answer = lambda _: Answer({"error": "x"}, 503)

    reply = service.get("Rows")

    assert (reply.status, f"POST {provider.url}/token -> 503" in asked(service.log["sql"])) == (503, True)


def test_sql_page_shows_that_the_token_was_renewed(as_admin: Client, things: Connection, provider: Provider) -> None:
    page = as_admin.post("/console/sql/", {"sql": "SELECT Id FROM Rows", "connection": things.pk, "run": uuid.uuid4().hex})

    assert f"POST {provider.url}/token -> 200" in [call.split(",")[0] for call in page.context["calls"]]


def test_page_that_calls_a_service_leaves_an_entry(as_admin: Client, provider: Provider, entries: list[dict[str, Any]]) -> None:
    connection_to(provider).delete()
    begun = as_admin.post(ADD, {"connect": "browser", "name": "cloud", **properties(provider)}, headers={"HX-Request": "true"})
    assert entries == []

    as_admin.get(f"{CALLBACK}?{urlsplit(provider.consent(begun['HX-Redirect'])).query}")

    (entry,) = entries
    assert (entry["user"], entry["method"], entry["path"], entry["query"], entry["status"]) == ("ada", "GET", CALLBACK, "", 302)
    assert asked(entry["sql"]) == [f"POST {provider.url}/token -> 200", f"GET {provider.url}/me -> 200"]
    assert [text for text in secrets_of(provider) if text in repr(entry)] == []


def test_pages_are_no_requests_of_clients(tmp_path: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_DIR = tmp_path
    writer = requestlog.Writer()
    for path, ms in (("/console/connections/1", 900.0), ("/api.rsc/Orders", 2.0)):
        writer.put({"at": 100.0, "path": path, "status": 200, "ms": ms})
    writer.flush_and_end()

    assert requestlog.summary(0) == {"total": 1, "refused": 0, "failed": 0, "p95": 2.0}
    assert [row["path"] for row in requestlog.search(is_by_client=True)] == ["/api.rsc/Orders"]
    assert len(requestlog.search()) == 2
