"""What services answer instead of tokens: each a named error with a hint, and nothing else is taken for a token."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from connections.contract.context import OAuthService
from connections.contract.errors import AuthenticationFailed, ConnectionFailed, ConnectorError, RateLimited
from connections.oauth import calls
from connections.outgoing import Outgoing, Settings
from tests.fakes.upstream import Answer, Upstream

GOOD = {"access_token": "new-token", "token_type": "bearer", "refresh_token": "new-refresh", "expires_in": 3600}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def shallow() -> Iterator[None]:
    """Let calls nest as deep as in the product; tools of the tests raise it."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(usual)


def service(upstream: Upstream) -> OAuthService:
    return OAuthService("code", f"{upstream.url}/auth", f"{upstream.url}/token", "me", "hidden-secret", account_url=f"{upstream.url}/me")


def way_out(upstream: Upstream) -> Outgoing:
    return Outgoing(Settings(allow=upstream.allow, timeout=3, max_bytes=2**20, max_connections=1))


def told(**changed: object) -> bytes:
    return json.dumps({**GOOD, **changed}).encode()


@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(told(access_token=None)), ConnectionFailed),
        (Answer(told(access_token=True)), ConnectionFailed),
        (Answer(told(access_token={"a": 1})), ConnectionFailed),
        (Answer(told(refresh_token=7)), ConnectionFailed),
        (Answer(b'{"access_token": "a", "token_type": "bearer", "expires_in": 1e400}'), ConnectionFailed),
        (Answer(b"[" * 100_000 + b"]" * 100_000), ConnectionFailed),
        (Answer(b"[]"), ConnectionFailed),
        (Answer(b""), ConnectionFailed),
        (Answer(b"<html>Maintenance</html>"), ConnectionFailed),
        (Answer(b"", 204), ConnectionFailed),
        (Answer(b"", 408), ConnectionFailed),
        (Answer(b"", 503), ConnectionFailed),
        (Answer(b"", 404), ConnectionFailed),
        (Answer(b"", 302, {"Location": "https://attacker.example/"}), AuthenticationFailed),
        (Answer({"error": "invalid_grant", "error_description": "old-refresh of hidden-secret is over"}, 400), calls.GrantRefused),
    ],
)
def test_answer_without_tokens_is_named(upstream: Upstream, answer: Answer, error: type[ConnectorError]) -> None:
    upstream.route("/token", lambda seen: answer)

    with pytest.raises(error) as caught:
        calls.renew(service(upstream), way_out(upstream), "old-refresh")

    assert caught.value.hint
    assert not {"old-refresh", "hidden-secret"} & set(caught.value.message.replace("(", " ").split())


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("9" * 400, 3600), ("²", 60), ("soon", 60)])
def test_wait_that_is_asked_for_is_at_most_an_hour(upstream: Upstream, header: str, seconds: float) -> None:
    upstream.route("/token", lambda seen: Answer(b"", 429, {"Retry-After": header}))

    with pytest.raises(RateLimited) as caught:
        calls.renew(service(upstream), way_out(upstream), "old-refresh")

    assert caught.value.retry_after == seconds


@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize("body", [b"[" * 100_000, b"[1]", b"\xff", b'{"id": ' + b"9" * 5000 + b"}"])
def test_account_that_cannot_be_read_is_none(upstream: Upstream, body: bytes) -> None:
    upstream.route("/me", lambda seen: Answer(body))

    assert calls.account(service(upstream), way_out(upstream), "new-token") == ""
