"""The service over each database, read in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import databases
from tests.compliance import rows
from tests.odata.service_harness import Service, open_service


@pytest.fixture(scope="module", params=databases.KINDS)
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    database = databases.make(request.param, "service_reads", request, tmp_path_factory.mktemp("reads"))
    rows.fill(database)
    service = open_service(database, ("customers", "orders", "items", "journal", "staff", "things"))
    yield service
    service.session.close()
