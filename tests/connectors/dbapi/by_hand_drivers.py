"""Optional drivers take the arguments that we give them. By hand, for they are no part of an installation:

`pip install ".[sqlserver,oracle,trino,clickhouse]"`, then `python -m pytest tests/connectors/dbapi/by_hand_drivers.py`.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest

from connections.connectors.dbapi.connector import DbapiConnector
from connections.connectors.registry import get_connector
from tests.connectors.dbapi.test_dialects import NATIVE

# What the driver's connect is, and what a value of its arguments is given as.
CONNECTS = {
    "sqlserver": "pytds.connect",
    "oracle": "oracledb.connect",
    "trino": "trino.dbapi.Connection",
    "clickhouse": "clickhouse_connect.driver.httpclient.HttpClient",
}


class Reached(Exception):
    """The driver would connect now."""


@pytest.mark.parametrize("key", CONNECTS)
def test_driver_takes_our_arguments(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = get_connector(key)
    assert isinstance(connector, DbapiConnector)
    place, _, name = CONNECTS[key].rpartition(".")
    module = import_module(place)
    signature = inspect.signature(getattr(module, name))
    given: dict[str, Any] = {}

    def stopped(*arguments: Any, **named: Any) -> None:
        given.update(signature.bind(*arguments, **named).arguments)
        raise Reached

    monkeypatch.setattr(module, name, stopped)
    if key == "clickhouse":
        monkeypatch.setattr(import_module("clickhouse_connect.driver"), "HttpClient", stopped)

    with pytest.raises(Reached):
        connector.connect(connector.clean(NATIVE[key][2]), is_writer=False)
    assert "localhost" in given.values()
