"""The tokens of a connection that signs in by OAuth: kept, renewed by one caller for all, sealed (contract/context.py, Tokens)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apiserver.server import options, stamp
from apiserver.server.errors import answering
from connections import vault
from connections.connectors.registry import get_connector
from connections.contract.connector import Connector
from connections.contract.context import OAuthService, Tokens
from connections.contract.errors import AuthenticationFailed, ConnectionFailed, ConnectorError, InvalidProperties, RateLimited
from connections.contract.oauth import OFF, REFRESH
from connections.models import Connection, OAuthGrant
from connections.oauth import calls
from connections.oauth.calls import Granted, GrantRefused
from connections.oauth.heard import HeardOutgoing
from connections.oauth.lock import alone
from connections.oauth.store import access_of, begin, change, client_of, good_until, keep, load, put, recover, refresh_of, seed_of
from connections.outgoing import Outgoing, Settings

AGAIN = "Open the connection and press Connect."
IDLE = timedelta(days=7)
PAUSE = timedelta(hours=20)  # between two tries to keep one grant alive
AT_ONCE = 5


def service_of(connector: Connector, values: Mapping[str, Any]) -> OAuthService | None:
    """Return where such a connection signs in; None when it does not by OAuth."""
    declared = getattr(connector, "oauth", None)
    defaults = {item.name: item.default for item in connector.properties if item.default is not None}
    if declared is None:
        return None
    from connections.opening import context_of

    # What is described elsewhere may lie at a private address or in a folder; it is read without tokens: these come from here.
    found: OAuthService | None = declared({**defaults, **values}, context=context_of(None, ()))
    return found


def way_out() -> AbstractContextManager[Outgoing]:
    """Return the outgoing client for a call or two, under the server's rules."""
    allow = tuple(options.current().outgoing.get("allow", ()))
    return closing(HeardOutgoing(Settings(allow=allow, timeout=20, max_bytes=2**20, max_connections=1)))


def tokens_for(connection: Connection, values: Mapping[str, Any]) -> Tokens | None:
    """Return the tokens that a session of this connection uses; None when it does not sign in by OAuth."""
    service = service_of(get_connector(connection.connector), values)
    return GrantTokens(connection.pk, service, values) if service else None


def tokens_of(connection: Connection) -> Tokens | None:
    """Return the tokens of a connection as it is stored."""
    if not hasattr(get_connector(connection.connector), "oauth"):
        return None
    from connections.services import values_of

    return tokens_for(connection, values_of(connection))


class GrantTokens:
    """The grant of one connection. Many sessions, threads and processes may hold one each."""

    def __init__(self, connection_id: int, service: OAuthService, values: Mapping[str, Any]) -> None:
        self._id, self._service, self._values = connection_id, service, values
        self._seed, self._client = seed_of(values), client_of(service)
        self._known: tuple[str, datetime | None] = ("", None)  # token, good until
        self._failure: tuple[float, ConnectorError] | None = None

    def access(self) -> str:
        """Return a token that is good for a while."""
        if self._values.get("InitiateOAuth") == OFF and self._service.flow == "code":
            return self._fixed()
        token, until = self._known
        return token if token and is_good(until) else self._current("")

    def refresh(self, stale: str) -> str:
        """Return another token than `stale`."""
        if self._values.get("InitiateOAuth") == OFF and self._service.flow == "code":
            raise AuthenticationFailed(
                "The service refused OAuthAccessToken.", hint="Give a new one, or set InitiateOAuth to GETANDREFRESH."
            )
        return self._current(stale)

    def _fixed(self) -> str:
        given = str(self._values.get("OAuthAccessToken") or "")
        if not given:
            raise AuthenticationFailed(
                "InitiateOAuth is OFF and there is no OAuthAccessToken.", hint="Give the token, or let the server sign in."
            )
        return given

    def _current(self, stale: str) -> str:
        """Return the stored token, or what comes of renewing it; of all who wait one asks the service."""
        asked, grant = time.monotonic(), self._stored()
        if not self._serves(grant, stale):
            with alone(self._id):
                if self._failure and self._failure[0] >= asked:
                    raise self._failure[1]
                recover(self._id)
                grant = self._stored()
                if not self._serves(grant, stale):
                    grant = self._renewed(grant, stale)
        return self._take(grant)

    def _take(self, grant: OAuthGrant | None) -> str:
        token = access_of(grant)
        if grant is None or not token:
            raise not_connected(self._service, self._values)
        self._known = (token, good_until(grant))
        return token

    def _stored(self) -> OAuthGrant | None:
        """Return the grant unless it is another client's, or the properties hold tokens that are newer than it."""
        grant = load(self._id)
        is_ours = grant is not None and grant.client == self._client and self._seed in ("", grant.seed)
        return grant if is_ours else None

    def _serves(self, grant: OAuthGrant | None, stale: str) -> bool:
        if grant is None or grant.problem or not is_good(good_until(grant)):
            return False
        return access_of(grant) not in ("", stale)

    def _renewed(self, grant: OAuthGrant | None, stale: str) -> OAuthGrant | None:
        try:
            with way_out() as outgoing:
                return self._renew(outgoing, grant, stale)
        except (ConnectionFailed, RateLimited) as error:
            if grant is not None and access_of(grant) not in ("", stale) and not grant.problem and is_good(grant.expires):
                return grant  # it has seconds left: the next caller tries again
            self._failure = (time.monotonic(), error)
            raise
        except ConnectorError as error:
            self._failure = (time.monotonic(), error)
            raise

    def _renew(self, outgoing: Outgoing, grant: OAuthGrant | None, stale: str) -> OAuthGrant | None:
        """Ask the service; whoever calls holds the refresh alone."""
        if self._service.flow == "client":
            return self._begun(calls.client_tokens(self._service, outgoing))
        if grant is None:
            grant = self._seeded(outgoing)
            if self._serves(grant, stale):
                return grant
        if grant.problem:
            raise AuthenticationFailed(grant.problem, hint=AGAIN)
        refresh = refresh_of(grant)
        if not refresh:
            raise self._broken(grant, "The sign-in has ended, and the service gave nothing to renew it with.")
        begin(grant, now=timezone.now())
        try:
            granted = calls.renew(self._service, outgoing, refresh)
        except GrantRefused as error:
            return self._refused(grant, error)
        keep(grant, granted)
        return self._written(grant, granted)

    def _written(self, grant: OAuthGrant, granted: Granted) -> OAuthGrant:
        """Return the grant with what came, also while the database could not take it."""
        found = load(self._id)
        if found is not None and found.version > grant.version:
            return found
        grant.access, grant.refreshed = vault.seal(granted.access), timezone.now()
        grant.expires = None if granted.seconds is None else grant.refreshed + timedelta(seconds=granted.seconds)
        return grant

    def _begun(self, granted: Granted) -> OAuthGrant:
        with answering():
            return put(self._id, self._service, granted, seed=self._seed, now=timezone.now())

    def _seeded(self, outgoing: Outgoing) -> OAuthGrant:
        """Return a grant of the tokens that the properties hold."""
        values, verifier = self._values, str(self._values.get("OAuthVerifier") or "")
        access, refresh = str(values.get("OAuthAccessToken") or ""), str(values.get("OAuthRefreshToken") or "")
        if refresh or access:
            return self._begun(Granted(access, refresh))
        if not verifier or values.get("InitiateOAuth") == REFRESH:
            raise not_connected(self._service, values)
        callback = str(values.get("CallbackURL") or "")
        return self._begun(calls.exchange(self._service, outgoing, code=verifier, redirect_uri=callback, verifier=""))

    def _refused(self, grant: OAuthGrant, error: GrantRefused) -> OAuthGrant:
        """Look once more before anybody is asked to sign in again: a newer pair may be there."""
        found = self._stored()
        if found is not None and found.version > grant.version and not found.problem:
            return found
        if grant.began is not None:
            raise self._broken(grant, "A renewal of the sign-in was cut off before its answer was stored.") from error
        raise self._broken(grant, error.message) from error

    def _broken(self, grant: OAuthGrant, problem: str) -> AuthenticationFailed:
        """Mark the grant and return what to raise."""
        with answering():
            change(grant, {"problem": problem[:300], "began": None})
        return AuthenticationFailed(problem, hint=AGAIN)


def not_connected(service: OAuthService, values: Mapping[str, Any]) -> AuthenticationFailed:
    """Return what is said of a connection without a grant."""
    if values.get("InitiateOAuth") == REFRESH:
        return AuthenticationFailed(
            "InitiateOAuth is REFRESH and there is no OAuthRefreshToken.", hint="Give the token, or connect by the button."
        )
    return AuthenticationFailed("This connection is not signed in to the service.", hint=AGAIN)


def is_good(until: datetime | None) -> bool:
    """Claim that the time has not come yet."""
    return until is None or timezone.now() < until


def grant_of(connection: Connection) -> OAuthGrant | None:
    """Return the grant that a page shows."""
    return OAuthGrant.objects.filter(connection=connection).first()


@transaction.atomic
def store_grant(connection: Connection, service: OAuthService, granted: Granted, values: Mapping[str, Any], *, now: datetime) -> OAuthGrant:
    """Give a connection what somebody signed in for; every process takes it from its next request on."""
    grant = put(connection.pk, service, granted, seed=seed_of(values), now=now)
    renew_sessions(connection)
    return grant


@transaction.atomic
def renew_sessions(connection: Connection) -> None:
    """Let every process open its sessions of the connection anew; what was tested was another sign-in."""
    connection.version += 1
    connection.last_test = None
    connection.save(update_fields=["version", "last_test"])
    stamp.changed()


def disconnect(connection: Connection, values: Mapping[str, Any]) -> str:
    """Forget the grant here and at the service; return why the service could not be told, '' when it was."""
    with alone(connection.pk):
        grant, service = load(connection.pk), service_of(get_connector(connection.connector), values)
        if grant is None:
            return ""
        tokens = [token for token in (refresh_of(grant), access_of(grant)) if token]
        # The row stays: without it the tokens of the properties would sign in again.
        change(grant, {"access": "", "refresh": "", "problem": "This connection was disconnected from the service.", "began": None})
        renew_sessions(connection)
    try:
        if service is None or not service.revoke_url:
            return "The service has no way to be told: remove the access there too."
        with way_out() as outgoing:
            for token in tokens:
                calls.revoke(service, outgoing, token)
    except ConnectorError as error:
        return error.message
    return ""


def refresh_idle_grants(*, now: datetime) -> int:
    """Renew grants that nothing used for a week, so that the service does not forget them; return how many were."""
    due = OAuthGrant.objects.filter(refreshed__lt=now - IDLE, problem="").exclude(refresh="").exclude(tried__gt=now - PAUSE)
    count = 0
    for grant in due.select_related("connection")[:AT_ONCE]:
        OAuthGrant.objects.filter(pk=grant.pk).update(tried=now)
        count += renewed_idle(grant)
    return count


def renewed_idle(grant: OAuthGrant) -> bool:
    """Claim that the grant was renewed; what prevents it stands at the grant or shows at the next use."""
    try:
        tokens = tokens_of(grant.connection)
        if tokens is None:
            return False
        tokens.refresh(access_of(grant))
    except (ConnectorError, InvalidProperties, vault.VaultError):
        return False
    return True
