"""An OAuth service on loopback that forgives nothing: codes once, PKCE, exact addresses, refresh tokens once.

Who comes with a spent one again loses the grant. It consents by itself. `grace` makes it take the last refresh token again
for some seconds, as some services do.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from tests.fakes.upstream import Answer, Seen, Upstream

CLIENT, SECRET = "consumer-key", "consumer+secret/with:odd%signs"


@dataclass
class Family:
    """Everything that came of one consent."""

    access: str = ""
    refresh: str = ""
    former: dict[str, float] = field(default_factory=dict)  # spent refresh token -> when
    is_dead: bool = False
    refreshes: int = 0


@dataclass
class Code:
    redirect_uri: str
    challenge: str
    is_spent: bool = False
    family: Family | None = None


class Provider(Upstream):
    """The running service; `token_answer` replaces the token address's answer, after it did its work."""

    def __init__(self, *, seconds: int | None = 7200, grace: float = 0, pause: float = 0) -> None:
        super().__init__()
        self.seconds, self.grace, self.pause = seconds, grace, pause
        self.codes: dict[str, Code] = {}
        self.families: list[Family] = []
        self.lock = threading.Lock()
        self.refused: list[str] = []
        self.revoked: list[str] = []
        self.authorize_extra: dict[str, str] = {}
        self.token_answer: Callable[[Answer], Answer] | None = None
        self.route("/authorize", self.authorize, "GET")
        self.route("/token", self.token, "POST")
        self.route("/revoke", self.revoke, "POST")
        self.route("/me", self.me, "GET")
        self.route("/items", self.items, "GET")

    def properties(self, **more: Any) -> dict[str, Any]:
        """Return the properties of a connection that signs in here."""
        return {"URL": self.url, "OAuthClientId": CLIENT, "OAuthClientSecret": SECRET, **more}

    @property
    def refreshes(self) -> int:
        return sum(family.refreshes for family in self.families)

    def authorize(self, seen: Seen) -> Answer:
        asked = seen.params
        code = secrets.token_urlsafe(16)
        self.codes[code] = Code(asked["redirect_uri"], asked.get("code_challenge", ""))
        back = {"code": code, "state": asked.get("state", ""), **self.authorize_extra}
        return Answer(b"", 302, {"Location": f"{asked['redirect_uri']}?{urlencode(back)}"})

    def token(self, seen: Seen) -> Answer:
        if self.pause:
            time.sleep(self.pause)
        with self.lock:
            answer = self.granted(seen, dict(parse_qsl(seen.body.decode())))
        return self.token_answer(answer) if self.token_answer else answer

    def granted(self, seen: Seen, asked: dict[str, str]) -> Answer:
        if not self.is_client(seen, asked):
            return Answer({"error": "invalid_client"}, 401)
        kind = asked.get("grant_type")
        if kind == "client_credentials":
            return self.fresh(Family(), has_refresh=False)
        return self.by_code(asked) if kind == "authorization_code" else self.by_refresh(asked)

    def is_client(self, seen: Seen, asked: dict[str, str]) -> bool:
        scheme, _, text = seen.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            name, _, secret = base64.b64decode(text).decode().partition(":")
            return (unquote_plus(name), unquote_plus(secret)) == (CLIENT, SECRET)
        return (asked.get("client_id"), asked.get("client_secret")) == (CLIENT, SECRET)

    def by_code(self, asked: dict[str, str]) -> Answer:
        code = self.codes.get(asked.get("code", ""))
        if code is None:
            return self.refuse("unknown code")
        if code.is_spent:
            if code.family:
                code.family.is_dead = True
            return self.refuse("code replayed")
        proof = base64.urlsafe_b64encode(hashlib.sha256(asked.get("code_verifier", "").encode()).digest()).decode().rstrip("=")
        code.is_spent = True
        if code.redirect_uri != asked.get("redirect_uri") or (code.challenge and code.challenge != proof):
            return self.refuse("other redirect_uri or verifier")
        code.family = Family()
        return self.fresh(code.family)

    def by_refresh(self, asked: dict[str, str]) -> Answer:
        token = asked.get("refresh_token", "")
        for family in self.families:
            if token == family.refresh and not family.is_dead:
                family.former[token] = time.monotonic()
                return self.renewed(family)
            if token in family.former:
                if time.monotonic() - family.former[token] < self.grace and not family.is_dead:
                    return self.renewed(family)
                family.is_dead = True
                return self.refuse("refresh token used again")
        return self.refuse("unknown refresh token")

    def renewed(self, family: Family) -> Answer:
        family.refreshes += 1
        return self.fresh(family)

    def fresh(self, family: Family, *, has_refresh: bool = True) -> Answer:
        family.access = secrets.token_urlsafe(24)
        found = {"access_token": family.access, "token_type": "bearer", "scopes": "repository:read account"}
        if family not in self.families:
            self.families.append(family)
        if has_refresh:
            family.refresh = found["refresh_token"] = secrets.token_urlsafe(24)
        return Answer(found if self.seconds is None else {**found, "expires_in": self.seconds})

    def refuse(self, reason: str) -> Answer:
        self.refused.append(reason)
        return Answer({"error": "invalid_grant", "error_description": reason}, 400)

    def revoke(self, seen: Seen) -> Answer:
        token = dict(parse_qsl(seen.body.decode())).get("token", "")
        self.revoked.append(token)
        for family in self.families:
            family.is_dead = family.is_dead or token in (family.access, family.refresh)
        return Answer(b"")

    def is_known(self, seen: Seen) -> bool:
        token = seen.headers.get("authorization", "").removeprefix("Bearer ")
        return any(token == family.access and not family.is_dead for family in self.families)

    def me(self, seen: Seen) -> Answer:
        return Answer({"display_name": "Ada <Lovelace>"} if self.is_known(seen) else {}, 200 if self.is_known(seen) else 401)

    def items(self, seen: Seen) -> Answer:
        return Answer([{"Id": 1}]) if self.is_known(seen) else Answer({"error": "token"}, 401)

    def consent(self, address: str) -> str:
        """Return where the browser is sent from an authorize address."""
        query = dict(parse_qsl(address.partition("?")[2]))
        return self.authorize(Seen("GET", "/authorize", list(query.items()), {}, b"")).headers["Location"]
