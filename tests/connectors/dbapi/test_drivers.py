"""Optional drivers: one that is missing is named with its install, which is pinned."""

from __future__ import annotations

import re
import tomllib

import pytest

from connections.connectors.dbapi.connector import DbapiConnector
from connections.connectors.registry import connector_keys, get_connector
from connections.contract import errors
from connections.contract.connector import install_line
from tests.connectors.dbapi.test_dialects import NATIVE
from tests.served import ROOT

CONNECTORS = [found for key in connector_keys() if isinstance(found := get_connector(key), DbapiConnector) and found.extra]
each = pytest.mark.parametrize("connector", CONNECTORS, ids=lambda item: item.key)


@each
def test_missing_driver_is_named_with_its_install(connector: DbapiConnector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(connector), "module", "no_such_driver.at_all")

    steps = connector.test(NATIVE[connector.key][2])

    assert connector.missing_driver() == "no_such_driver.at_all"
    assert install_line(connector) == f'pip install ".[{connector.extra}]"'
    assert [(step.name, step.ok, step.hint) for step in steps] == [("driver", False, f'Run: pip install ".[{connector.extra}]"')]
    with pytest.raises(errors.ConnectionFailed, match=re.escape(f"The driver of {connector.label} is not installed.")):
        connector.driver()


@each
def test_extra_is_pinned(connector: DbapiConnector) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

    assert all(re.fullmatch(r"[A-Za-z0-9-]+==[0-9.]+", line) for line in extras[connector.extra])


def test_extras_can_stand_side_by_side() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    versions = [line.partition("==") for lines in extras.values() for line in lines]

    assert len({name for name, _, _ in versions}) == len(set(versions))
    # Snowflake's driver wants one before 7: BigQuery's own choice would shut it out for good.
    assert [name for name, lines in extras.items() if "protobuf==6.33.6" in lines] == ["bigquery", "snowflake"]


def test_duckdb_needs_no_install() -> None:
    assert get_connector("duckdb").missing_driver() is None  # type: ignore[attr-defined]
    assert install_line(get_connector("duckdb")) == ""
