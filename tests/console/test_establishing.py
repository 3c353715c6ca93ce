"""The page "Establishing a connection": every property of a connector by way of signing in, linked from form and gallery."""

from __future__ import annotations

import pytest
from django.test import Client

from connections.connectors.registry import connector_keys, get_connector

LIST = "/console/connections/"


@pytest.mark.parametrize("key", connector_keys())
def test_page_names_every_property(as_admin: Client, key: str) -> None:
    page = as_admin.get(f"{LIST}add/{key}/establishing").content.decode()

    assert [item.name for item in get_connector(key).properties if f"<code>{item.name}</code>" not in page] == []


@pytest.mark.parametrize("place", ["add", "add/postgresql"])
def test_form_and_gallery_lead_to_it(as_admin: Client, place: str) -> None:
    assert f'href="{LIST}add/postgresql/establishing"' in as_admin.get(LIST + place).content.decode()


def test_unknown_connector_has_none(as_admin: Client) -> None:
    assert as_admin.get(f"{LIST}add/nothing/establishing").status_code == 404
