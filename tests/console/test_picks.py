"""Workspace and Schema of a stored Bitbucket connection offer what the service has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from apiserver.server import stamp
from apiserver.server.models import ServerSettings
from connections.models import Connection
from connections.services import save_connection
from tests.fakes.bitbucket import Bitbucket

LIST = "/console/connections/"
SCRIPT = {"HX-Request": "true"}


@pytest.fixture
def fake() -> Iterator[Bitbucket]:
    with Bitbucket() as running:
        yield running


@pytest.fixture
def cloud(db: None, fake: Bitbucket) -> Connection:
    """A connection limited to one repository."""
    ServerSettings.objects.update_or_create(pk=1, defaults={"values": {"outgoing": {"allow": [fake.address]}}})
    stamp.changed()
    values = {"AuthScheme": "Basic", "User": "aoi@example.com", "APIToken": "api-token-1", "Workspace": "acme", "Schema": "shop"}
    return save_connection(name="cloud", connector="bitbucket", values={**values, "URL": f"{fake.url}/2.0"})


@pytest.mark.parametrize(
    ("name", "values"), [("Workspace", ["acme", "globex"]), ("Schema", ["Information", "OPS", "SHOP", "shop", "warehouse"])]
)
def test_values_are_those_of_the_service(as_admin: Client, cloud: Connection, name: str, values: list[str]) -> None:
    page = as_admin.get(f"{LIST}{cloud.pk}/picks/{name}").content.decode()
    options = as_admin.get(f"{LIST}{cloud.pk}/picks/{name}", headers=SCRIPT).content.decode()

    assert [f"<code>{value}</code>" in page for value in values] == [True] * len(values)
    assert options.count("<option") == len(values) and all(f'value="{value}"' in options for value in values)


def test_form_leads_to_the_values_of_stored_connections_only(as_admin: Client, cloud: Connection) -> None:
    stored = as_admin.get(f"{LIST}{cloud.pk}").content.decode()
    new = as_admin.get(f"{LIST}add/bitbucket").content.decode()

    assert (f'href="{LIST}{cloud.pk}/picks/Schema"' in stored, 'list="picks-Workspace"' in stored, "/picks/" in new) == (True, True, False)


def test_failure_is_told_instead(as_admin: Client, cloud: Connection, fake: Bitbucket) -> None:
    fake.people.clear()

    page, piece = (as_admin.get(f"{LIST}{cloud.pk}/picks/Workspace", headers=headers).content.decode() for headers in ({}, SCRIPT))

    assert ("refused the sign-in" in page, "refused the sign-in" in piece) == (True, True)
    assert as_admin.get(f"{LIST}{cloud.pk}/picks/APIToken").status_code == 404
