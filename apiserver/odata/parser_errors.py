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
    """How much one URL may ask for. A refused limit is an ODataSyntaxError whose text names it.

    `max_nodes` counts operators, calls and lambdas: names and literals come with them.
    """

    max_depth: int = 40
    max_nodes: int = 200
    max_in: int = 200
    max_expand_depth: int = 5
    max_orderby: int = 20
    max_select: int = 200
    max_path_segments: int = 40


DEFAULT_LIMITS = Limits()
