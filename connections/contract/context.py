"""What the product lends to a connection in use: its tokens, its budget, what it may reach. Made by connections.services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Tokens(Protocol):
    """The OAuth grant of a connection; safe between threads and processes."""

    def access(self) -> str:
        """Return an access token that is good for a while; refresh it first where it is not. Raise AuthenticationFailed without a grant."""

    def refresh(self, stale: str) -> str:
        """Return another token than `stale`, which the service refused; of many callers one refreshes. Raise AuthenticationFailed."""


@dataclass(frozen=True, slots=True)
class OAuthService:
    """Where and how a connection signs in by OAuth 2.0 (RFC 6749, RFC 7636)."""

    flow: str  # code | client
    authorize_url: str
    token_url: str
    client_id: str
    client_secret: str = ""
    scopes: tuple[str, ...] = ()
    is_client_in_body: bool = False  # client id and secret in the body instead of Basic
    has_pkce: bool = True
    revoke_url: str = ""
    account_url: str = ""  # whole address, answers with whom the token acts for
    issuer: str = ""  # RFC 9207: must come back with the code; '' = where it comes, it must be of authorize_url's origin
    idle_days: int = 0  # after so many days without a refresh the service forgets the grant; 0 = never, as far as is known


@dataclass(frozen=True, slots=True)
class Call:
    """One call to a remote service, for the log and the explain page; secrets are taken out."""

    method: str
    address: str  # without credentials
    status: int  # 0 = no answer
    seconds: float
    rows: int = 0
    retries: int = 0
    error: str = ""
    size: int = 0  # bytes of the answer's body


def unheard(call: Call) -> None:
    """Take note of nothing."""


@dataclass(frozen=True, slots=True)
class Context:
    """What one connection may use. The default is that of a test without a product around it."""

    connection_id: int | None = None
    name: str = ""  # the connection's, for messages
    tokens: Tokens | None = None
    outgoing: tuple[str, ...] = ()  # private addresses that may be reached: 127.0.0.1:9000, 10.0.0.0/8
    folders: tuple[Path, ...] = ()  # that file connections may read
    uploads: Path | None = None  # this connection's own folder of uploaded files, which it may always read
    shared: Path | None = None  # folder for what the processes of this machine share: budgets
    heard: Callable[[Call], None] = unheard
    own: tuple[str, ...] = ()  # the product's own database and broker, never to be reached


NONE = Context()
