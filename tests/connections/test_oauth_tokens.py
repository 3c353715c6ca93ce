"""Tokens of a connection: good ones are given, others renewed once for all, lost ones said."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.utils import timezone

from connections import services, vault
from connections.contract.errors import AuthenticationFailed, ConnectionFailed, ConnectorError, RateLimited
from connections.models import Connection, OAuthGrant
from connections.oauth import grants, store
from tests.connections.oauth import connection_to, expire, grant_to, tokens_of
from tests.connections.signed_in import cloud
from tests.fakes.oauth_provider import Family, Provider
from tests.fakes.upstream import Answer

__all__ = ["cloud"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("probe")]


def test_good_token_is_given_without_asking_the_service(cloud: Connection, provider: Provider) -> None:
    grant_to(cloud, provider)
    tokens = tokens_of(cloud)

    found = [tokens.access() for _ in range(3)]

    assert (set(found), provider.calls) == ({provider.families[0].access}, [])


def test_tokens_are_sealed(cloud: Connection, provider: Provider) -> None:
    grant = grant_to(cloud, provider)

    family = provider.families[0]
    assert (vault.reveal(grant.access), vault.reveal(grant.refresh)) == (family.access, family.refresh)
    assert family.access not in repr(OAuthGrant.objects.values().get())


@pytest.mark.parametrize(("left", "refreshes"), [(120, 0), (50, 1), (-1, 1)])
def test_token_is_renewed_when_it_is_good_for_less_than_a_minute(cloud: Connection, provider: Provider, left: int, refreshes: int) -> None:
    grant_to(cloud, provider)
    OAuthGrant.objects.update(expires=timezone.now() + timedelta(seconds=left), refreshed=timezone.now() - timedelta(hours=1))

    token = tokens_of(cloud).access()

    assert (token, provider.refreshes) == (provider.families[0].access, refreshes)


def test_token_with_a_short_life_serves_for_half_of_it(cloud: Connection, provider: Provider) -> None:
    provider.seconds = 20
    grant_to(cloud, provider, seconds=20)

    tokens = [tokens_of(cloud).access() for _ in range(5)]

    assert (len(set(tokens)), provider.refreshes) == (1, 0)


def test_token_without_an_end_serves_until_it_is_refused(cloud: Connection, provider: Provider) -> None:
    provider.seconds = None
    grant_to(cloud, provider, seconds=None)
    tokens = tokens_of(cloud)

    first = tokens.access()
    second = tokens.refresh(first)

    assert (first != second, tokens.access(), provider.refreshes) == (True, second, 1)


def test_fifty_threads_renew_once(cloud: Connection, provider: Provider) -> None:
    grant_to(cloud, provider)
    tokens, gate = tokens_of(cloud), threading.Barrier(50)
    provider.pause = 0.05

    def ask(number: int) -> str:
        gate.wait()
        return tokens.access() if number % 2 else tokens_of(cloud).access()

    with ThreadPoolExecutor(50) as pool:
        for rounds in range(1, 4):
            expire(cloud)
            tokens = tokens_of(cloud)
            assert set(pool.map(ask, range(50))) == {provider.families[0].access}
            assert (provider.refreshes, provider.refused) == (rounds, [])


def test_a_refused_token_that_others_renewed_already_is_replaced_without_asking(cloud: Connection, provider: Provider) -> None:
    grant_to(cloud, provider)
    mine, other = tokens_of(cloud), tokens_of(cloud)
    stale = mine.access()

    renewed = other.refresh(stale)

    assert (mine.refresh(stale), provider.refreshes) == (renewed, 1)


def test_all_who_wait_share_one_failure(cloud: Connection, provider: Provider) -> None:
    grant_to(cloud, provider)
    expire(cloud)
    provider.pause, provider.token_answer = 0.3, lambda _: Answer({"error": "x"}, 503)
    tokens, gate = tokens_of(cloud), threading.Barrier(8)

    def ask(_: int) -> str:
        gate.wait()
        with pytest.raises(ConnectionFailed) as failure:
            tokens.access()
        return failure.value.message

    with ThreadPoolExecutor(8) as pool:
        said = set(pool.map(ask, range(8)))

    assert (said, len(provider.calls)) == ({"The service's sign-in answered 503."}, 1)


def test_service_that_is_away_does_not_end_a_token_with_seconds_left(cloud: Connection, provider: Provider) -> None:
    grant = grant_to(cloud, provider)
    OAuthGrant.objects.update(expires=timezone.now() + timedelta(seconds=30), refreshed=timezone.now() - timedelta(hours=1))
    provider.token_answer = lambda _: Answer(b"<html>", 502)

    assert tokens_of(cloud).access() == vault.reveal(grant.access)


def test_spent_refresh_token_asks_to_connect_again_and_is_not_tried_twice(cloud: Connection, provider: Provider) -> None:
    grant_to(cloud, provider)
    expire(cloud)
    provider.families[0].is_dead = True

    for _ in range(3):
        with pytest.raises(AuthenticationFailed) as failure:
            tokens_of(cloud).access()

    assert ("no longer accepts this sign-in" in failure.value.message, failure.value.hint) == (True, grants.AGAIN)
    assert (OAuthGrant.objects.get().problem != "", len(provider.calls)) == (True, 1)


def test_refused_refresh_looks_once_more_for_a_newer_pair(cloud: Connection, provider: Provider) -> None:
    grant_to(cloud, provider)
    expire(cloud)

    def replaced(_: Answer) -> Answer:
        provider.token_answer = None
        grant_to(cloud, provider)  # somebody connects anew meanwhile
        return Answer({"error": "invalid_grant"}, 400)

    provider.token_answer = replaced

    assert (tokens_of(cloud).access(), OAuthGrant.objects.get().problem) == (provider.families[-1].access, "")


def test_client_that_the_service_does_not_know_is_no_end_of_the_grant(cloud: Connection, provider: Provider) -> None:
    grant_to(cloud, provider)
    expire(cloud)
    provider.token_answer = lambda _: Answer({"error": "invalid_client"}, 401)

    with pytest.raises(AuthenticationFailed, match="does not know this OAuth client"):
        tokens_of(cloud).access()

    assert OAuthGrant.objects.get().problem == ""


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(b"<html>sign in</html>", 200), ConnectionFailed),
        (Answer([1, 2], 200), ConnectionFailed),
        (Answer({"access_token": "two\nlines"}, 200), ConnectionFailed),
        (Answer({"access_token": "a", "expires_in": "soon"}, 200), ConnectionFailed),
        (Answer(b"", 200), ConnectionFailed),
        (Answer({"error": "slow_down"}, 429, {"Retry-After": "7"}), RateLimited),
        (Answer({"error": "temporarily_unavailable"}, 400), ConnectionFailed),
        (Answer({"error": ["x"], "error_description": {}}, 400), ConnectorError),
        (Answer(b"", 307, {"Location": "http://127.0.0.1:1/token"}), AuthenticationFailed),
    ],
)
def test_answer_without_tokens_is_a_named_error(cloud: Connection, provider: Provider, answer: Answer, kind: type[ConnectorError]) -> None:
    grant_to(cloud, provider)
    expire(cloud)
    family = provider.families[0]
    refresh = family.refresh
    provider.token_answer = lambda _: answer

    with pytest.raises(kind) as failure:
        tokens_of(cloud).access()

    assert failure.value.message
    assert refresh not in failure.value.message + failure.value.hint


def test_what_the_service_says_is_shown_without_our_secrets(cloud: Connection, provider: Provider) -> None:
    grant_to(cloud, provider)
    expire(cloud)
    secret = provider.families[0].refresh
    provider.token_answer = lambda _: Answer({"error": "invalid_grant", "error_description": f"token {secret} is\nspent"}, 400)

    with pytest.raises(AuthenticationFailed) as failure:
        tokens_of(cloud).access()

    assert "(invalid_grant: token *** is spent)" in failure.value.message


def test_client_credentials_need_no_sign_in(probe: str, provider: Provider) -> None:
    cloud = connection_to(provider, AuthScheme="OAuthClient")
    tokens = tokens_of(cloud)

    first = tokens.access()
    second = tokens.refresh(first)

    assert (tokens_of(cloud).access(), first != second, len(provider.calls)) == (second, True, 2)


def test_refresh_token_of_the_properties_begins_the_grant_and_what_came_of_it_stays(probe: str, provider: Provider) -> None:
    family = Family()
    given = provider.fresh(family).body["refresh_token"]
    cloud = connection_to(provider, OAuthRefreshToken=given, InitiateOAuth="REFRESH")

    found = [tokens_of(cloud).access() for _ in range(3)]
    expire(cloud)
    services.save_connection(name="cloud", connector=probe, values={"OAuthRefreshToken": given, **cloud.properties}, existing=cloud)
    found.append(tokens_of(cloud).access())

    assert (len(set(found)), family.refreshes, provider.refused) == (2, 2, [])


def test_new_refresh_token_in_the_properties_takes_the_place_of_a_broken_grant(cloud: Connection, provider: Provider) -> None:
    grant_to(cloud, provider)
    OAuthGrant.objects.update(problem="It ended.")
    given = provider.fresh(Family()).body["refresh_token"]
    services.save_connection(name="cloud", connector="probe", values={**cloud.properties, "OAuthRefreshToken": given}, existing=cloud)

    assert tokens_of(cloud).access() == provider.families[-1].access


def test_code_of_the_properties_is_exchanged_once(probe: str, provider: Provider) -> None:
    back = provider.consent(f"{provider.url}/authorize?redirect_uri=http://localhost:33333&state=x")
    code = back.partition("code=")[2].partition("&")[0]
    cloud = connection_to(provider, CallbackURL="http://localhost:33333", OAuthVerifier=code)

    found = {tokens_of(cloud).access() for _ in range(3)}

    assert (found, provider.refused) == ({provider.families[0].access}, [])


def test_off_gives_the_token_as_it_is(probe: str, provider: Provider) -> None:
    tokens = tokens_of(connection_to(provider, InitiateOAuth="OFF", OAuthAccessToken="fixed"))

    assert tokens.access() == "fixed"
    with pytest.raises(AuthenticationFailed, match="refused OAuthAccessToken"):
        tokens.refresh("fixed")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "This connection is not signed in to the service."),
        ({"InitiateOAuth": "REFRESH"}, "InitiateOAuth is REFRESH and there is no OAuthRefreshToken."),
        ({"InitiateOAuth": "OFF"}, "InitiateOAuth is OFF and there is no OAuthAccessToken."),
    ],
)
def test_connection_without_a_grant_says_what_to_do(probe: str, provider: Provider, more: dict[str, str], said: str) -> None:
    with pytest.raises(AuthenticationFailed) as failure:
        tokens_of(connection_to(provider, **more)).access()

    assert (failure.value.message, failure.value.hint != "", provider.calls) == (said, True, [])


def test_grant_is_good_for_the_client_it_was_given_to_only(cloud: Connection, provider: Provider) -> None:
    grant_to(cloud, provider)
    services.save_connection(name="cloud", connector="probe", values={**cloud.properties, "OAuthClientId": "another"}, existing=cloud)

    with pytest.raises(AuthenticationFailed, match="not signed in"):
        tokens_of(cloud).access()


def test_disconnect_forgets_and_revokes(cloud: Connection, provider: Provider) -> None:
    grant_to(cloud, provider)
    family = provider.families[0]

    left = grants.disconnect(cloud, services.values_of(cloud))

    grant = OAuthGrant.objects.get()
    assert (left, grant.access, grant.refresh, provider.revoked) == ("", "", "", [family.refresh, family.access])
    with pytest.raises(AuthenticationFailed, match="disconnected"):
        tokens_of(cloud).access()


def test_idle_grants_are_renewed_once_a_week_and_tried_once_a_day(cloud: Connection, provider: Provider) -> None:
    now = timezone.now()
    grant_to(cloud, provider)
    assert grants.refresh_idle_grants(now=now) == 0
    OAuthGrant.objects.update(refreshed=now - timedelta(days=8), expires=now - timedelta(days=8))
    provider.route("/token", lambda _: Answer({}, 503), "POST")
    assert (grants.refresh_idle_grants(now=now), grants.refresh_idle_grants(now=now), len(provider.calls)) == (0, 0, 1)
    provider.route("/token", provider.token, "POST")

    done = grants.refresh_idle_grants(now=now + timedelta(days=1))

    assert (done, OAuthGrant.objects.get().refreshed >= now) == (1, True)


def test_keys_rotate(cloud: Connection, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    grant_to(cloud, provider)
    ring = vault.Ring()
    ring.configure(["another key"])
    ring.ciphers |= vault.RING.ciphers
    monkeypatch.setattr(vault, "RING", ring)

    count = [store.reseal(), store.reseal()]

    grant = OAuthGrant.objects.get()
    assert (count, vault.is_current(grant.access), vault.reveal(grant.refresh)) == ([2, 0], True, provider.families[0].refresh)


def test_error_that_is_an_object_is_said_in_its_words(cloud: Connection, provider: Provider) -> None:
    grant_to(cloud, provider)
    expire(cloud)
    provider.token_answer = lambda _: Answer({"error": {"message": "The app is suspended.", "code": 190}}, 400)

    with pytest.raises(AuthenticationFailed) as failure:
        tokens_of(cloud).access()

    assert failure.value.message == "The service refused to sign in (The app is suspended.)."
