"""The outgoing client of sign-ins: each of its calls is told to the queries under way, as every other call to a service."""

from __future__ import annotations

import time
from typing import Any

from connections.contract.context import Call
from connections.contract.errors import ConnectorError
from connections.contract.hearing import hear
from connections.outgoing import Outgoing, Reply


class HeardOutgoing(Outgoing):
    """Tells method, address, status and time; never what was sent."""

    def send(self, method: str, url: str, **how: Any) -> Reply:
        """Call an address and return the whole answer."""
        begun, bare = time.monotonic(), url.partition("#")[0].partition("?")[0]
        try:
            reply = super().send(method, url, **how)
        except ConnectorError as error:
            hear(Call(method, bare, 0, time.monotonic() - begun, error=error.message))
            raise
        hear(Call(method, bare, reply.status, time.monotonic() - begun, size=len(reply.body)))
        return reply
