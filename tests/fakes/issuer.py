"""An issuer of JWTs on loopback: its discovery document, its keys, and tokens signed as it is told, also wrongly."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.fakes.upstream import Answer, Seen, Upstream

AUDIENCE, TENANT = "api://sales", "11111111-1111-4111-8111-111111111111"


def encoded(data: Any) -> str:
    """Return JSON in base64url."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Issuer(Upstream):
    """The running issuer; `path` stands behind its address in `iss`."""

    def __init__(self, path: str = "/v2.0") -> None:
        super().__init__()
        self.path = path
        self.keys = {"one": rsa.generate_private_key(65537, 2048), "curve": ec.generate_private_key(ec.SECP256R1())}
        self.listed = ["one", "curve"]
        self.extra: list[dict[str, Any]] = []
        self.is_down = False
        self.route(f"{path}/.well-known/openid-configuration", self.discovery, "GET")
        self.route("/keys", self.jwks, "GET")

    @property
    def issuer(self) -> str:
        return f"{self.url}{self.path}"

    @property
    def fetches(self) -> int:
        return sum(call.path == "/keys" for call in self.calls)

    def discovery(self, seen: Seen) -> Answer:
        return Answer({}, 500) if self.is_down else Answer({"issuer": self.issuer, "jwks_uri": f"{self.url}/keys"})

    def jwks(self, seen: Seen) -> Answer:
        return Answer({}, 500) if self.is_down else Answer({"keys": [*(self.public(kid) for kid in self.listed), *self.extra]})

    def public(self, kid: str) -> dict[str, Any]:
        key = self.keys[kid]
        if isinstance(key, rsa.RSAPrivateKey):
            found: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        else:
            found = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        return {**found, "kid": kid, "use": "sig"}

    def claims(self, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 600, "tid": TENANT}
        found = {**usual, "preferred_username": "reader", **more}
        return {name: value for name, value in found.items() if value is not None}

    def token(self, kid: str = "one", algorithm: str = "", head: dict[str, Any] | None = None, **more: Any) -> str:
        """Return a token; claims of `more` take the place of usual ones, those that are None are left out."""
        key = self.keys[kid]
        named = algorithm or ("RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256")
        return jwt.encode(self.claims(**more), key, algorithm=named, headers={"kid": kid, **(head or {})})  # type: ignore[arg-type]

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return the entry of server.jwt."""
        return {"issuer": self.issuer, "audience": [AUDIENCE], "algorithms": ["RS256", "ES256"], **more}
