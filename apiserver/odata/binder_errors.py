"""The one error of binding: text that is OData but means nothing for this resource."""

from __future__ import annotations


class BindError(Exception):
    """A name, type or value that does not fit. `position` counts characters of the decoded option value."""

    def __init__(self, message: str, position: int = 0, option: str = "$filter", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.option = option
        self.hint = hint
