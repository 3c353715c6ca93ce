"""The management API under generated requests: no 5xx, no insides, errors in the form of the API's; nothing of the file system is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.small import small
from tests.hostile.manage_inputs import MANAGEMENT
from tests.hostile.sending import examine, signed
from tests.hostile.wire import Sent, Wires
from tests.served import Served, publish

TOKEN = "boss-token-of-manage-0123456789"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("manage")
    boss = {"role": "admin", "privileges": ["GET"], "authtoken": TOKEN, "requests_per_hour": -1, "concurrent_requests": -1}
    server = publish({**small(folder), "users": {"boss": boss}}, folder / "data")
    yield server
    server.dismiss()


@pytest.mark.parametrize("family", MANAGEMENT)
def test_requests_are_answered_or_refused(own_wires: Wires, family: str) -> None:
    report = examine(own_wires, signed(MANAGEMENT[family](""), TOKEN), [TOKEN, "root:x:0:0"])

    assert report.faults == [], str(report)
    assert not {401, 429} & set(report.statuses)
    assert own_wires.exchange(signed([Sent(b"/manage/api/")], TOKEN)[0]).status == 200
    print(f"management {family}: {report.sent} inputs, {dict(sorted(report.statuses.items()))}")
