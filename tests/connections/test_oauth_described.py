"""Addresses of OAuth that stand in an OpenAPI document at a private address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apiserver.server import stamp
from apiserver.server.models import ServerSettings
from connections.connectors.registry import get_connector
from connections.contract.errors import AddressRefused
from connections.contract.scan import Scan
from connections.contract.table import Table
from connections.oauth import grants
from connections.services import save_connection, session_for
from tests.fakes.upstream import Answer, Seen, Upstream

pytestmark = pytest.mark.django_db


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        flow = {"clientCredentials": {"tokenUrl": f"{running.url}/token", "scopes": {}}}
        document = {
            "openapi": "3.0.0",
            "info": {"title": "Things", "version": "1"},
            "servers": [{"url": running.url}],
            "components": {"securitySchemes": {"own": {"type": "oauth2", "flows": flow}}},
            "security": [{"own": []}],
            "paths": {
                "/things": {
                    "get": {
                        "responses": {
                            "200": {
                                "description": "",
                                "content": {
                                    "application/json": {
                                        "schema": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "integer"}}}}
                                    }
                                },
                            }
                        }
                    }
                }
            },
        }
        running.route("/openapi.json", document)
        running.route("/token", {"access_token": "granted", "token_type": "Bearer", "expires_in": 3600}, "POST")

        def things(seen: Seen) -> Answer:
            return Answer([{"id": 1}]) if seen.headers.get("authorization") == "Bearer granted" else Answer({}, 401)

        running.route("/things", things)
        yield running


def allow(*addresses: str) -> None:
    ServerSettings.objects.update_or_create(pk=1, defaults={"values": {"outgoing": {"allow": list(addresses)}}})
    stamp.changed()


def values(upstream: Upstream) -> dict[str, Any]:
    return {"Document": f"{upstream.url}/openapi.json", "AuthScheme": "OAuthClient", "OAuthClientId": "me", "OAuthClientSecret": "secret"}


def test_addresses_are_found_where_the_server_may_call(upstream: Upstream) -> None:
    allow(*upstream.allow)
    connection = save_connection(name="things", connector="openapi", values=values(upstream))
    session: Any = session_for(connection.pk)

    tables = session.describe([info.ref for info in session.list_tables()])

    service = grants.service_of(get_connector("openapi"), values(upstream))
    assert service is not None
    assert (service.flow, service.token_url) == ("client", f"{upstream.url}/token")
    rows = [row for batch in session.rows.read(session.rows.offer(scan(tables[0]))) for row in batch.rows]
    assert rows == [(1,)]


def scan(table: Table) -> Scan:
    return Scan(table, tuple(column.name for column in table.columns))


def test_address_that_nobody_allowed_is_refused(upstream: Upstream) -> None:
    allow()

    with pytest.raises(AddressRefused):
        grants.service_of(get_connector("openapi"), values(upstream))
