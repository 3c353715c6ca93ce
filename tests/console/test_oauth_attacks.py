"""Signing in through the console links no account to anybody else, whatever others send the browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from connections import vault
from connections.models import OAuthGrant, OAuthSignIn
from tests.connections.oauth import properties
from tests.console.oauth_pages import ADD, CALLBACK, allowed, begin, come_back, text_of
from tests.fakes.oauth_provider import Provider
from tests.fakes.upstream import Answer

__all__ = ["allowed"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


def attack_replayed(client: Client, provider: Provider) -> Any:
    back = provider.consent(begin(client, provider))
    come_back(client, back)
    OAuthSignIn.objects.all().delete()
    return come_back(client, back)


def attack_missing(client: Client, provider: Provider) -> Any:
    code = parse_qs(urlsplit(provider.consent(begin(client, provider))).query)["code"][0]
    return client.get(CALLBACK, {"code": code})


def attack_invented(client: Client, provider: Provider) -> Any:
    code = parse_qs(urlsplit(provider.consent(begin(client, provider))).query)["code"][0]
    return client.get(CALLBACK, {"code": code, "state": "A" * 43})


def attack_foreign(client: Client, provider: Provider) -> Any:
    """The attacker signs in himself and lets the victim's browser bring the answer."""
    from users.models import User

    attacker = Client()
    attacker.force_login(User.objects.create_user("mallory", "a long pass phrase", role="operator"))
    return come_back(client, provider.consent(begin(attacker, provider)))


def attack_swapped(client: Client, provider: Provider) -> Any:
    """The code of one sign-in with the state of another: the verifier does not fit."""
    first, second = (parse_qs(urlsplit(provider.consent(begin(client, provider))).query) for _ in range(2))
    return client.get(CALLBACK, {"code": first["code"][0], "state": second["state"][0]})


def attack_code_replayed(client: Client, provider: Provider) -> Any:
    back = provider.consent(begin(client, provider))
    come_back(client, back)
    OAuthSignIn.objects.all().delete()
    state = dict(parse_qsl(urlsplit(begin(client, provider)).query))["state"]
    return client.get(CALLBACK, {"code": parse_qs(urlsplit(back).query)["code"][0], "state": state})


def attack_expired(client: Client, provider: Provider) -> Any:
    back = provider.consent(begin(client, provider))
    OAuthSignIn.objects.update(expires=timezone.now() - timedelta(seconds=1))
    return come_back(client, back)


def attack_error_with_script(client: Client, provider: Provider) -> Any:
    state = dict(parse_qsl(urlsplit(begin(client, provider)).query))["state"]
    script = "<script>alert(1)</script>"
    answer = client.get(CALLBACK, {"error": "access_denied", "error_description": script, "state": state}, follow=True)
    assert (script in text_of(answer), "&lt;script&gt;alert(1)&lt;/script&gt;" in text_of(answer)) == (False, True)
    return answer


def attack_redirected_tokens(client: Client, provider: Provider) -> Any:
    """The token address sends the client and its code to another host."""
    with Provider() as other:
        provider.token_answer = lambda _: Answer(b"", 307, {"Location": f"{other.url}/token"})
        answer = come_back(client, provider.consent(begin(client, provider)))
        assert other.calls == []
    return answer


def attack_issuer(client: Client, provider: Provider) -> Any:
    provider.authorize_extra = {"iss": "https://evil.example"}
    return come_back(client, provider.consent(begin(client, provider)))


def attack_twice(client: Client, provider: Provider) -> Any:
    """Parameters that stand twice: who reads the first, who the last?"""
    query = urlsplit(provider.consent(begin(client, provider))).query
    return client.get(f"{CALLBACK}?{query}&code=other")


def attack_stranger(client: Client, provider: Provider) -> Any:
    """The answer comes from a browser that is not signed in to the console."""
    return come_back(Client(), provider.consent(begin(client, provider)))


ATTACKS = [value for name, value in list(globals().items()) if name.startswith("attack_")]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__.removeprefix("attack_"))
def test_attack_links_no_account(as_admin: Client, allowed: Provider, attack: Any) -> None:
    linked: list[str] = []
    done: Any = attack(as_admin, allowed)
    for row in OAuthSignIn.objects.filter(is_back=True):
        linked += [row.connector] if '"granted": {' in vault.reveal(row.sealed) else []

    assert (linked, OAuthGrant.objects.count(), done.status_code in (200, 302, 400, 403)) == ([], 0, True)
    print("1 attempts")


def test_there_are_twelve_attacks() -> None:
    assert len(ATTACKS) == 12


@pytest.mark.parametrize("extra", [{}, {"iss": "ITS OWN"}])
def test_answer_with_the_right_issuer_or_none_is_taken(as_admin: Client, allowed: Provider, extra: dict[str, str]) -> None:
    allowed.authorize_extra = dict.fromkeys(extra, allowed.url)

    answer = come_back(as_admin, allowed.consent(begin(as_admin, allowed)))

    assert "Connected as" in text_of(as_admin.get(answer["Location"]))


def test_draft_of_another_browser_is_not_there(as_admin: Client, as_operator: Client, allowed: Provider) -> None:
    answer = come_back(as_admin, allowed.consent(begin(as_admin, allowed)))

    page = text_of(as_operator.get(answer["Location"]))

    assert (allowed.url in page, "Not connected" in page) == (False, True)


def test_reader_can_neither_begin_nor_finish(as_reader: Client, as_admin: Client, allowed: Provider) -> None:
    back = allowed.consent(begin(as_admin, allowed))

    assert (as_reader.post(ADD, {"connect": "browser"}).status_code, come_back(as_reader, back).status_code) == (302, 403)


def test_client_that_was_changed_after_signing_in_is_not_given_the_grant(as_admin: Client, allowed: Provider) -> None:
    answer = come_back(as_admin, allowed.consent(begin(as_admin, allowed)))
    draft = parse_qs(urlsplit(answer["Location"]).query)["draft"][0]

    page = text_of(as_admin.post(ADD, {**properties(allowed), "draft": draft, "name": "cloud", "OAuthClientId": "another"}, follow=True))

    assert (OAuthGrant.objects.count(), "connect again" in page) == (0, True)
