"""The one error that parsing of URLs may raise, and the bounds that keep parsing finite."""

from __future__ import annotations

from dataclasses import dataclass


class ODataSyntaxError(Exception):
    """Text of a URL that is not OData. `position` counts characters of the decoded option value, or of the decoded path."""

    def __init__(self, message: str, option: str = "", position: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.option = option
        self.position = position
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may ask for; each is a setting of `server.request_limits` (apiserver/server/options.py has the same names).

    A refused limit is an error whose text names limit and setting. `filter_nodes` counts operators, calls and lambdas: names and
    literals come with them.
    """

    filter_depth: int = 40
    filter_nodes: int = 200
    in_values: int = 200
    lambda_depth: int = 3
    expand_depth: int = 5
    expand_levels: int = 3
    orderby_items: int = 20
    select_items: int = 200
    path_segments: int = 40
    number_digits: int = 40
    json_depth: int = 50
    body_bytes: int = 2 * 1024 * 1024
    url_bytes: int = 16 * 1024
    header_bytes: int = 16 * 1024
    header_block_bytes: int = 32 * 1024
    header_count: int = 100
    request_seconds: int = 30
    source_calls: int = 200
    source_rows: int = 200_000
    source_memory: int = 256
    page_bytes: int = 32 * 1024 * 1024
    reader_seconds: int = 60
    upload_megabytes: int = 512


DEFAULT_LIMITS = Limits()


def raised_by(setting: str) -> str:
    """Return the hint of a refused limit."""
    return f"An administrator can raise server.request_limits.{setting}."
