"""Thousands of generated requests at three databases: no 5xx, no insides, no foreign rows; the statement logs hold no text of theirs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.databases import KINDS, Database
from tests.hostile import stage
from tests.hostile.bodies import BODIES
from tests.hostile.conftest import TOKENS, Logs
from tests.hostile.inputs import ADDRESSES
from tests.hostile.sending import examine, signed
from tests.hostile.wire import Wires

FAMILIES = {**ADDRESSES, **BODIES}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_requests_are_answered_or_refused(wires: Wires, stages: Mapping[str, Database], logs: Logs, kind: str, family: str) -> None:
    before = stage.hidden(stages[kind])

    report = examine(wires, signed(FAMILIES[family](kind), TOKENS["lead"]), TOKENS.values())

    assert report.faults == [], str(report)
    assert stage.hidden(stages[kind]) == before
    verdict = logs.verdict(kind)
    assert verdict.offenders == []
    if kind != "sqlite" and family in ("attacks", "odd texts", "mistyped", "named bodies"):
        assert verdict.statements > report.statuses[200], report.statuses
    print(f"{family} {kind}: {report.sent} inputs, {verdict.statements} statements logged, {dict(sorted(report.statuses.items()))}")


def test_there_are_enough_inputs() -> None:
    assert sum(len(family(kind)) for family in FAMILIES.values() for kind in KINDS) >= 20_000
