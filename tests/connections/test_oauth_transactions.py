"""Tokens renewed while a transaction is open, as in `apply` and Add Table: what the service gave outlives it."""

from __future__ import annotations

import pytest
from django.db import transaction

from connections.contract.errors import AuthenticationFailed
from connections.models import Connection
from tests.connections.oauth import connection_to, expire, grant_to, tokens_of
from tests.fakes.oauth_provider import Provider

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("probe")]


@pytest.fixture
def cloud(probe: str, provider: Provider) -> Connection:
    return connection_to(provider)


@pytest.mark.parametrize("is_kept", [True, False])
def test_renewal_within_a_transaction_outlives_it(cloud: Connection, provider: Provider, is_kept: bool) -> None:
    grant_to(cloud, provider)
    expire(cloud)

    with transaction.atomic():
        first = tokens_of(cloud).access()
        again = tokens_of(cloud).access()
        second = tokens_of(cloud).refresh(again)
        transaction.set_rollback(not is_kept)

    assert (first == again, second == provider.families[0].access, provider.refreshes) == (True, True, 2)
    assert (tokens_of(cloud).access(), provider.refreshes) == (second, 2)
    expire(cloud)
    assert (tokens_of(cloud).access(), provider.refreshes) == (provider.families[0].access, 3)
    assert provider.refused == []


def test_sign_in_that_ended_is_said_within_a_transaction(cloud: Connection, provider: Provider) -> None:
    grant_to(cloud, provider)
    provider.families[0].is_dead = True
    expire(cloud)

    with transaction.atomic(), pytest.raises(AuthenticationFailed, match="invalid_grant"):
        tokens_of(cloud).access()

    with pytest.raises(AuthenticationFailed):
        tokens_of(cloud).access()
