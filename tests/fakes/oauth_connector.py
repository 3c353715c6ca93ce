"""A connector that signs in by OAuth at whatever service it is told, for the tests of signing in."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from connections.connectors.cleaning import clean
from connections.contract.connector import TestStep
from connections.contract.context import NONE, Context, OAuthService
from connections.contract.errors import ConnectorError
from connections.contract.oauth import oauth_properties
from connections.contract.property import Property
from connections.outgoing import Outgoing, Settings

KEY = "probe"
CODE, CLIENT = ("OAuth",), ("OAuth", "OAuthClient")


class ProbeConnector:
    """Bitbucket's way of signing in, at an address of choice."""

    key: ClassVar[str] = KEY
    label: ClassVar[str] = "Bitbucket"
    description: ClassVar[str] = "A stand-in."
    url_schemes: ClassVar[tuple[str, ...]] = ()
    properties: ClassVar[tuple[Property, ...]] = (
        Property("URL", is_required=True),
        Property("AuthScheme", kind="choice", choices=("OAuth", "OAuthClient", "None"), default="OAuth", group="Authentication"),
        *oauth_properties(("AuthScheme", CODE), ("AuthScheme", CLIENT)),
    )

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return clean(self.properties, values)

    def from_url(self, url: str) -> dict[str, Any]:
        return {}

    def forbidden(self, values: Mapping[str, Any], own: Any) -> str:
        return ""

    def oauth(self, values: Mapping[str, Any], *, context: Context = NONE) -> OAuthService | None:
        if values.get("AuthScheme") == "None":
            return None
        base = values.get("URL", "")
        return OAuthService(
            flow="client" if values.get("AuthScheme") == "OAuthClient" else "code",
            authorize_url=f"{base}/authorize",
            token_url=f"{base}/token",
            client_id=values.get("OAuthClientId") or "",
            client_secret=values.get("OAuthClientSecret") or "",
            scopes=tuple((values.get("Scope") or "").split()),
            revoke_url=f"{base}/revoke",
            account_url=f"{base}/me",
            idle_days=90,
        )

    def open(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> Any:
        raise NotImplementedError

    def test(self, values: Mapping[str, Any], *, read_only: bool = False, context: Context = NONE) -> list[TestStep]:
        started = time.perf_counter()
        try:
            assert context.tokens is not None
            outgoing = Outgoing(Settings(allow=context.outgoing))
            status = outgoing.send(
                "GET", f"{values['URL']}/items", credentials={"Authorization": f"Bearer {context.tokens.access()}"}
            ).status
            return [TestStep("sign_in", status == 200, time.perf_counter() - started, f"{status}")]
        except ConnectorError as error:
            return [TestStep("sign_in", False, time.perf_counter() - started, error.message, error.hint)]


def installed(folder: Path) -> dict[str, str]:
    """Make the connector an extension of servers that get these variables."""
    about = folder / "probe-1.0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[apiserver.connectors]\n{KEY} = {__name__}:ProbeConnector\n")
    root = Path(__file__).resolve().parents[2]
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(root), *filter(None, [os.environ.get("PYTHONPATH")])])}
