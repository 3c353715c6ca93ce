"""Grants in the configuration file: never in clear, sealed on request, never older than what is stored."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml
from django.utils import timezone

from apiserver.server import configuration
from apiserver.server.configuration_protocol import ConfigurationError
from apiserver.server.configuration_secrets import Sealer
from connections.models import Connection, OAuthGrant
from tests.connections.oauth import connection_to, grant_to, tokens_of
from tests.fakes.oauth_provider import Provider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


@pytest.fixture
def cloud(probe: str, provider: Provider) -> Connection:
    found = connection_to(provider)
    grant_to(found, provider)
    return found


def applied(text: str, sealer: Sealer) -> configuration.Change:
    return configuration.apply(yaml.safe_load(text), now=timezone.now(), sealer=sealer)


def test_plain_export_holds_no_grant(cloud: Connection, provider: Provider) -> None:
    text = configuration.export()

    family = provider.families[0]
    assert [word in text for word in (family.access, family.refresh, "oauth:")] == [False, False, False]


def test_sealed_grant_comes_back_whole(cloud: Connection, provider: Provider) -> None:
    sealer = Sealer("a pass phrase")
    text = configuration.export(sealer)
    cloud.delete()

    change = applied(text, sealer)

    grant = OAuthGrant.objects.get()
    assert (provider.families[0].access in text, change.created) == (False, ["connections/cloud"])
    assert tokens_of(grant.connection).access() == provider.families[0].access
    assert configuration.diff(yaml.safe_load(text), now=timezone.now(), sealer=sealer).is_any is False


def test_newer_grant_stays(cloud: Connection, provider: Provider) -> None:
    sealer = Sealer("a pass phrase")
    text = configuration.export(sealer)
    grant_to(cloud, provider)

    change = applied(text, sealer)

    assert (change.is_any, tokens_of(cloud).access()) == (False, provider.families[-1].access)


def test_older_grant_is_replaced(cloud: Connection, provider: Provider) -> None:
    sealer = Sealer("a pass phrase")
    text = configuration.export(sealer)
    OAuthGrant.objects.update(refreshed=timezone.now() - timedelta(days=1), access="", refresh="", problem="It ended.")

    change = applied(text, sealer)

    assert (change.updated, tokens_of(cloud).access()) == (["connections/cloud"], provider.families[0].access)


@pytest.mark.parametrize("text", ["nonsense", "{}", "[]", '{"access": 1}'])
def test_what_is_no_grant_is_refused_by_its_place(cloud: Connection, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"connections\.cloud\.oauth: this is no grant"):
        configuration.apply({"connections": {"cloud": {"oauth": text}}}, now=timezone.now())
