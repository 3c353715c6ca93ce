"""A session of `requests` over the product's client, for libraries that want one (requests-oauthlib)."""

from __future__ import annotations

import io
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from connections.contract.errors import NotSupported
from connections.outgoing.client import Outgoing


class OutgoingAdapter(BaseAdapter):
    """Sends what requests prepared. Redirects aren't followed, `verify`, `cert` and `proxies` are the client's to know."""

    def __init__(self, outgoing: Outgoing) -> None:
        super().__init__()
        self.outgoing = outgoing

    def send(self, request: requests.PreparedRequest, *args: Any, **settings: Any) -> requests.Response:
        """Return the answer, read whole; errors are the contract's."""
        body = request.body.encode() if isinstance(request.body, str) else request.body
        if not isinstance(body, bytes | None):
            raise NotSupported("A streamed body can't be sent.")
        headers = {name: value if isinstance(value, str) else value.decode("latin-1") for name, value in request.headers.items()}
        reply = self.outgoing.send(request.method or "GET", request.url or "", headers=headers, body=body, is_redirected=False)
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = reply.status, reply.url, request
        answer.headers = CaseInsensitiveDict(reply.headers)
        answer._content, answer.raw = reply.body, io.BytesIO(reply.body)
        answer.encoding = requests.utils.get_encoding_from_headers(answer.headers) or "utf-8"
        return answer

    def close(self) -> None:
        """Leave the client to its owner."""


def requests_session(outgoing: Outgoing, session: requests.Session | None = None) -> requests.Session:
    """Return the session (a new one unless given) with every call through the client and nothing taken from the environment."""
    found = session or requests.Session()
    found.trust_env = False
    found.headers.pop("Accept-Encoding", None)
    found.mount("https://", OutgoingAdapter(outgoing))
    found.mount("http://", OutgoingAdapter(outgoing))
    return found
