"""Every registered connector: declared well, documented, refuses what can't work, and a failing source never raises from its test."""

from __future__ import annotations

import re
from typing import Any

import pytest

from connections.connectors.establishing import parts
from connections.connectors.registry import connector_keys, get_connector
from connections.contract.connector import Connector
from connections.contract.errors import ConnectorError, InvalidProperties
from tests.served import ROOT
from tests.servers import free_port
from tools import connector_docs

DOCS = ROOT / "docs" / "connectors"
GROUPS = {"Basic", "Authentication", "OAuth", "TLS", "SSH", "Schema", "Advanced"}
KINDS = {"string", "integer", "boolean", "choice", "text", "file"}
MANIFEST = "{manifest: 1, key: x, label: X, base_url: 'http://127.0.0.1:PORT', tables: {T: {read: [{path: /t}], columns: {Id: id}}}}"
SECRET = "hidden-word-7Q"

pytestmark = pytest.mark.parametrize("connector", [get_connector(key) for key in connector_keys()], ids=connector_keys())


def away(connector: Connector) -> dict[str, Any]:
    """Return properties that are well-formed and lead to nothing that answers."""
    port = free_port()
    known: dict[str, Any] = {"Server": "127.0.0.1", "Port": port, "URL": f"http://127.0.0.1:{port}", "Database": "/nowhere/at/all.db"}
    known["Manifest"] = MANIFEST.replace("PORT", str(port))
    known |= {"ServiceName": "x", "Account": "x", "PrivateKey": "x", "OAuthJWTCert": '{"private_key": "x"}'}
    known |= {"Folder": "/nowhere/at/all", "URI": "/nowhere/at/all", "Timeout": 5, "ConnectTimeout": 1}
    names = {item.name for item in connector.properties}
    values = {name: value for name, value in known.items() if name in names}
    for item in connector.properties:
        if item.is_secret and item.kind == "string":
            values[item.name] = SECRET
        elif item.is_required and item.default is None and item.name not in values:
            values[item.name] = item.choices[0] if item.choices else 1 if item.kind == "integer" else "x"
    return values


def test_is_named_and_described(connector: Connector) -> None:
    assert re.fullmatch("[a-z][a-z0-9_]*", connector.key) and type(get_connector(connector.key)) is type(connector)
    assert connector.label.strip() == connector.label != ""
    assert connector.description.endswith(".") and "\n" not in connector.description


def test_properties_are_declared_well(connector: Connector) -> None:
    names = [item.name for item in connector.properties]

    assert len(set(names)) == len(names) and all(re.fullmatch("[A-Z][A-Za-z0-9]*", name) for name in names)
    for item in connector.properties:
        assert item.group in GROUPS and item.kind in KINDS, item.name
        assert (item.kind == "choice") == bool(item.choices), item.name
        assert item.default in (None, *item.choices) or not item.choices, item.name
        assert not (item.is_secret and item.default), item.name
        assert not item.help or (item.help[0].isupper() and item.help.endswith(".")), item.name
        assert item.minimum is None or item.maximum is None or item.minimum <= item.maximum, item.name


def test_conditions_name_properties_and_their_values(connector: Connector) -> None:
    by_name = {item.name: item for item in connector.properties}

    for item in connector.properties:
        if item.shown_when:
            other, wanted = item.shown_when
            condition = by_name[other]
            if condition.choices or condition.kind == "boolean":
                assert set(wanted) <= set(condition.choices or (True, False)), item.name


def test_every_property_stands_in_one_part(connector: Connector) -> None:
    told = {item.name for part in parts(connector) for item in part.properties}

    assert told == {item.name for item in connector.properties}


def test_page_names_every_property(connector: Connector) -> None:
    page = (DOCS / f"{connector.key}.md").read_text(encoding="utf-8")

    assert [item.name for item in connector.properties if f"`{item.name}`" not in page] == []


def test_page_is_current(connector: Connector) -> None:
    page = DOCS / f"{connector.key}.md"

    if page in connector_docs.pages():
        assert connector_docs.current(page) == page.read_text(encoding="utf-8"), "run tools/connector_docs.py"


def test_unknown_property_names_the_nearest(connector: Connector) -> None:
    name = connector.properties[0].name

    with pytest.raises(InvalidProperties) as refused:
        connector.clean({name + "x": "1"})
    assert name in refused.value.errors[name + "x"]


def test_cleaned_values_stay_as_they_are(connector: Connector) -> None:
    values = connector.clean(away(connector))

    assert connector.clean(values) == values


def test_address_that_is_none_is_refused(connector: Connector) -> None:
    if not connector.url_schemes:
        return  # the form offers no address to paste
    with pytest.raises(InvalidProperties):
        connector.from_url("no address at all")


def test_source_that_is_not_there_fails_in_a_step(connector: Connector) -> None:
    steps = connector.test(connector.clean(away(connector)))

    assert not steps[-1].ok and steps[-1].message and all(step.ok for step in steps[:-1])
    assert SECRET not in repr(steps)


def test_session_opens_lazily_and_fails_by_name(connector: Connector) -> None:
    session = connector.open(connector.clean(away(connector)))

    with pytest.raises(ConnectorError) as failed:
        for info in session.list_tables():
            session.describe([info.ref])
        raise ConnectorError("lists tables without a call")
    assert SECRET not in failed.value.message + failed.value.hint
    session.close()
