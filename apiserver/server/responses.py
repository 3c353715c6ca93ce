"""What is done once an answer has left: streamed bodies are still being made when a middleware returns."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponseBase


def when_closed(response: HttpResponseBase, call: Callable[[], None]) -> None:
    """Call once the web server has sent, or given up, the whole answer."""
    close = response.close

    def closing() -> None:
        try:
            close()
        finally:
            call()

    response.close = closing  # type: ignore[method-assign]
