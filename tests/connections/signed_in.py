"""A connection that signs in at a service."""

from __future__ import annotations

import pytest

from connections.models import Connection
from tests.connections.oauth import connection_to
from tests.fakes.oauth_provider import Provider


@pytest.fixture
def cloud(probe: str, provider: Provider) -> Connection:
    return connection_to(provider)
