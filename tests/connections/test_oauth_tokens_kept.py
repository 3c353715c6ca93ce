"""Tokens of a connection survive what happens to our process, disk and database while they are renewed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from connections.contract.errors import AuthenticationFailed
from connections.models import Connection, OAuthGrant
from connections.oauth import grants, store
from connections.oauth.calls import Granted
from connections.oauth.store import access_of
from tests.connections.oauth import connection_to, expire, grant_to, tokens_of
from tests.connections.signed_in import cloud
from tests.fakes.oauth_provider import Provider

__all__ = ["cloud"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("probe")]


def test_answer_on_the_disk_is_taken_up_by_the_next_process(cloud: Connection, provider: Provider) -> None:
    """A process ended between the answer and the database's commit."""
    grant_to(cloud, provider)
    expire(cloud)
    grant = OAuthGrant.objects.get()
    answer = provider.by_refresh({"refresh_token": provider.families[0].refresh}).body
    store.write_ahead(grant, Granted(answer["access_token"], answer["refresh_token"], 7200), now=timezone.now())

    token = tokens_of(cloud).access()

    assert (token, provider.calls, provider.refused) == (answer["access_token"], [], [])
    assert list(Path(settings.DATA_DIR, "oauth").glob("*.answer")) == []


def test_answer_on_the_disk_is_sealed_and_dropped_when_a_newer_grant_is_stored(cloud: Connection, provider: Provider) -> None:
    grant = grant_to(cloud, provider)
    path = store.write_ahead(grant, Granted("old-access-token", "old-refresh-token", 7200), now=timezone.now())
    grant_to(cloud, provider)
    expire(cloud)

    sealed, mode = path.read_text(), path.stat().st_mode & 0o077
    token = tokens_of(cloud).access()

    assert ("old-access-token" in sealed, mode, token) == (False, 0, provider.families[-1].access)


@pytest.mark.parametrize("grace", [0, 60])
def test_process_that_ended_before_the_answer_came_is_recovered_within_the_grace_or_said(probe: str, grace: float) -> None:
    with Provider(grace=grace) as provider:
        cloud = connection_to(provider)
        grant_to(cloud, provider)
        expire(cloud)
        store.begin(OAuthGrant.objects.get(), now=timezone.now())
        provider.by_refresh({"refresh_token": provider.families[0].refresh})  # the answer that nobody stored

        if grace:
            assert tokens_of(cloud).access() == provider.families[0].access
        else:
            with pytest.raises(AuthenticationFailed, match="cut off before its answer was stored") as failure:
                tokens_of(cloud).access()
            assert (failure.value.hint, OAuthGrant.objects.get().problem) == (grants.AGAIN, failure.value.message)


def failing(error: Exception) -> Any:
    def fail(*args: Any, **named: Any) -> None:
        raise error

    return fail


def test_full_disk_does_not_cost_the_grant(cloud: Connection, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    grant_to(cloud, provider)
    expire(cloud)
    monkeypatch.setattr(store, "write_ahead", failing(OSError(28, "No space left on device")))

    token = tokens_of(cloud).access()

    assert (token, access_of(OAuthGrant.objects.get())) == (provider.families[0].access, token)


def test_busy_database_does_not_cost_the_grant(cloud: Connection, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    grant_to(cloud, provider)
    expire(cloud)
    with monkeypatch.context() as away:
        away.setattr(store, "change", failing(OperationalError("database is locked")))
        first = tokens_of(cloud).access()

    second = tokens_of(cloud).access()

    assert (first, second, provider.refreshes, provider.refused) == (provider.families[0].access, first, 1, [])
