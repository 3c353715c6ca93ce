"""Sign-in of the stand-ins by OAuth 2.0: clients, authorization code with a consent page, client credentials, rotating refresh tokens."""

from __future__ import annotations

import base64
import hashlib
import html
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.fakes.web import Answer, Request

SCOPES = "repository:write issue:write pullrequest:write account project:admin webhook pipeline:write snippet:write"


@dataclass(frozen=True)
class Consumer:
    """An OAuth consumer as its owner set it up."""

    key: str = "consumer-key"
    secret: str = "consumer-secret"
    callback: str = "http://"  # what every callback begins with
    is_private: bool = False


@dataclass
class Grants:
    """What was given out."""

    consumers: dict[str, Consumer]
    codes: dict[str, Request] = field(default_factory=dict)
    access: dict[str, float] = field(default_factory=dict)  # token -> when it ends
    refresh: dict[str, str] = field(default_factory=dict)  # token -> consumer's key
    refreshes: int = 0

    def authorize(self, request: Request, consent: str) -> Answer:
        """Show the consent page, or lead back with a code."""
        consumer = self.consumers.get(request.first("client_id"))
        back = request.first("redirect_uri") or (consumer.callback if consumer else "")
        if consumer is None or request.first("response_type") != "code" or not back.startswith(consumer.callback):
            return Answer(400, b"<h1>Invalid client_id, response_type or redirect_uri</h1>")
        form = dict(parse_qsl(request.body.decode()))
        if request.method == "GET" and consent == "ask":
            return Answer(body=consent_page(request))
        if form.get("answer") == "deny" or consent == "deny":
            return led_back(back, {"error": "access_denied", "state": request.first("state")})
        code = secrets.token_urlsafe(12)
        self.codes[code] = request
        return led_back(back, {"code": code, "state": request.first("state")})

    def token(self, request: Request, control: dict[str, Any]) -> Answer:
        """Give tokens for a code, a refresh token or the client itself."""
        form = request.form()
        key, secret = basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        consumer = self.consumers.get(key)
        if consumer is None or not secrets.compare_digest(secret, consumer.secret):
            return failed("unauthorized_client", "Invalid OAuth client credentials")
        grant = form.get("grant_type")
        if grant == "authorization_code":
            return self.by_code(form, consumer, control)
        if grant == "refresh_token":
            return self.by_refresh(form.get("refresh_token", ""), consumer, control)
        if grant == "client_credentials":
            if not consumer.is_private:
                return failed("invalid_grant", 'Cannot use client_credentials with a consumer marked as "public". Mark it as private.')
            return self.given(consumer, control, has_refresh=False)
        return failed("unsupported_grant_type", "Unsupported grant type")

    def by_code(self, form: dict[str, str], consumer: Consumer, control: dict[str, Any]) -> Answer:
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or asked.first("client_id") != consumer.key:
            return failed("invalid_grant", "The specified code is not valid.")
        if (challenge := asked.first("code_challenge")) and challenge != challenge_of(form.get("code_verifier", "")):
            return failed("invalid_grant", "The code verifier does not match.")
        if (sent := asked.first("redirect_uri")) and form.get("redirect_uri") != sent:
            return failed("invalid_grant", "The redirect_uri does not match.")
        return self.given(consumer, control, has_refresh=True)

    def by_refresh(self, token: str, consumer: Consumer, control: dict[str, Any]) -> Answer:
        if self.refresh.pop(token, None) != consumer.key:
            return failed("invalid_grant", "Invalid refresh_token")
        self.refreshes += 1
        return self.given(consumer, control, has_refresh=True)

    def given(self, consumer: Consumer, control: dict[str, Any], *, has_refresh: bool) -> Answer:
        """Return new tokens."""
        token = secrets.token_urlsafe(24)
        self.access[token] = time.time() + control["token_seconds"]
        body: dict[str, Any] = {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": control["token_seconds"],
            control["scope_key"]: SCOPES,
        }
        if has_refresh:
            body["refresh_token"] = secrets.token_urlsafe(24)
            self.refresh[body["refresh_token"]] = consumer.key
        return Answer(body=body)

    def is_good(self, token: str) -> bool:
        """Claim that an access token may be used now."""
        return self.access.get(token, 0) > time.time()


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636, 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def basic(request: Request) -> tuple[str, str] | None:
    """Return user and password of a Basic header."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    user, _, password = base64.b64decode(value).decode().partition(":")
    return user, password


def failed(error: str, description: str) -> Answer:
    """Return a token error."""
    return Answer(400, {"error": error, "error_description": description})


def led_back(address: str, values: dict[str, str]) -> Answer:
    """Redirect to a callback."""
    sign = "&" if "?" in address else "?"
    return Answer(302, b"", {"Location": address + sign + urlencode({name: value for name, value in values.items() if value})})


def consent_page(request: Request) -> bytes:
    """Return the page on which a person agrees."""
    action = html.escape("/site/oauth2/authorize?" + urlencode(request.query))
    buttons = "".join(
        f'<button name="answer" value="{value}">{label}</button>' for value, label in (("grant", "Grant access"), ("deny", "Cancel"))
    )
    head = "<title>Confirm access</title><h1>Confirm access to your account</h1>"
    return f'{head}<form method="post" action="{action}">{buttons}</form>'.encode()
