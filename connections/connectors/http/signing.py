"""Who a call is made as: headers or parameters of the connection's AuthScheme."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connections.connectors.http.templates import Missing, fill
from connections.contract.context import Tokens
from connections.contract.errors import AuthenticationFailed


@dataclass(frozen=True, slots=True)
class Signature:
    """What proves who calls."""

    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    token: str = ""  # of OAuth, which a refusal makes stale


def sign(scheme: Mapping[str, Any], properties: Mapping[str, str], tokens: Tokens | None, label: str) -> Signature:
    """Return the signature of a scheme; raise AuthenticationFailed where something is missing for it."""
    kind = scheme["type"]
    try:
        if kind == "none":
            return Signature()
        if kind == "oauth":
            return bearer(properties.get("OAuthAccessToken") or "" if tokens is None else tokens.access(), label)
        if kind == "basic":
            user, password = fill(scheme.get("user", "{User}"), properties.get), optional(scheme.get("password", "{Password}"), properties)
            return Signature({"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()})
        value = header_safe(fill(scheme["value"], properties.get), label)
    except Missing as error:
        raise AuthenticationFailed(f"{error.args[0]} has no value, but {label} asks for it.", hint=f"Give {error.args[0]}.") from None
    if kind == "bearer":
        return Signature({"Authorization": f"Bearer {value}"})
    return Signature({scheme["name"]: value}) if kind == "header" else Signature(params={scheme["name"]: value})


def bearer(token: str, label: str) -> Signature:
    """Return the signature of an OAuth token."""
    if not token:
        raise AuthenticationFailed(f"The connection is not signed in at {label}.", hint="Open the connection and connect it.")
    return Signature({"Authorization": f"Bearer {header_safe(token, label)}"}, token=token)


def optional(text: str, properties: Mapping[str, str]) -> str:
    """Return a filled text, empty where its name has no value: some services take a key as user and no password."""
    try:
        return fill(text, properties.get)
    except Missing:
        return ""


def header_safe(value: str, label: str) -> str:
    """Return a value that a header can hold."""
    text = value.strip()
    if any(ord(c) < 32 or ord(c) > 255 for c in text):
        raise AuthenticationFailed(f"A credential for {label} holds characters that no key has.", hint="Paste it again, as one line.")
    return text
