"""Settings of a move: what stands behind WITH goes over the task's own settings, switched off too."""

from __future__ import annotations

import pytest

from apiserver.jobs.moving_order import Settings
from apiserver.jobs.replicate import replicate


@pytest.mark.parametrize(
    ("given", "options", "name", "wanted"),
    [
        ({}, "DropTable", "always_full", "drop"),
        ({"always_full": "drop"}, "DropTable=FALSE", "always_full", ""),
        ({"always_full": "truncate"}, "DropTable=FALSE", "always_full", "truncate"),
        ({"always_full": "drop"}, "TruncateTable", "always_full", "truncate"),
        ({"always_full": "truncate"}, "TruncateTable=FALSE", "always_full", ""),
        ({"deletes": "soft"}, "SoftDelete=FALSE", "deletes", "hard"),
        ({"deletes": "none"}, "SoftDelete=FALSE", "deletes", "none"),
        ({"deletes": "none"}, "SkipDeleted=FALSE", "deletes", "hard"),
        ({"schema": "freeze"}, "AlterSchema", "schema", "evolve"),
    ],
)
def test_options_of_a_statement_win(given: dict[str, str], options: str, name: str, wanted: str) -> None:
    statement = replicate(f"REPLICATE [Orders] WITH {options}")

    assert getattr(Settings.of(given).under(statement), name) == wanted
