"""Bodies sent in chunks, without a length: read up to the bound, so that Django, which trusts lengths only, finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_length(application: Application, bound: Callable[[], int]) -> Application:
    """Return the application with chunked bodies measured; one byte beyond the bound is enough to be refused."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if is_chunked(environ):
            body = environ["wsgi.input"].read(bound() + 1)
            environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return application(environ, start_response)

    return answer


def is_chunked(environ: dict[str, Any]) -> bool:
    """Claim that the body has an end but no length; hosts that do not end their input (wsgiref) would wait for ever."""
    is_ended = environ.get("wsgi.input_terminated")
    return bool(is_ended and not environ.get("CONTENT_LENGTH") and "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower())
