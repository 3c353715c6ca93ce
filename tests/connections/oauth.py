"""What the tests of signing in share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apiserver.server import stamp
from apiserver.server.models import ServerSettings
from connections import services
from connections.contract.context import Tokens
from connections.models import Connection, OAuthGrant
from connections.oauth import grants
from connections.oauth.calls import Granted
from tests.fakes.oauth_provider import CLIENT, SECRET, Family, Provider


def properties(provider: Provider, **more: Any) -> dict[str, Any]:
    return {"URL": provider.url, "OAuthClientId": CLIENT, "OAuthClientSecret": SECRET, **more}


def connection_to(provider: Provider, **more: Any) -> Connection:
    """Return a stored connection that may reach the provider."""
    ServerSettings.objects.update_or_create(pk=1, defaults={"values": {"outgoing": {"allow": list(provider.allow)}}})
    stamp.changed()
    stamp.forget()
    return services.save_connection(name="cloud", connector="probe", values=properties(provider, **more))


def grant_to(connection: Connection, provider: Provider, *, seconds: int | None = 7200) -> OAuthGrant:
    """Give the connection a grant of the provider, signed in for just now."""
    family = Family()
    token = provider.fresh(family).body
    values = services.values_of(connection)
    service = grants.service_of(grants.get_connector(connection.connector), values)
    assert service is not None
    return grants.store_grant(
        connection, service, Granted(token["access_token"], token["refresh_token"], seconds), values, now=timezone.now()
    )


def expire(connection: Connection) -> None:
    """Let the stored access token have ended."""
    past = timezone.now() - timedelta(hours=3)
    OAuthGrant.objects.filter(connection=connection).update(refreshed=past, expires=past + timedelta(hours=2))


def tokens_of(connection: Connection) -> Tokens:
    found = grants.tokens_for(connection, services.values_of(connection))
    assert found is not None
    return found
