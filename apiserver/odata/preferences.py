"""The Prefer header (RFC 7240; OData Protocol 4.01, 8.2.8), with and without the `odata.` prefix."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_ITEM = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*))?[^,"]*(?:,|$)')


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the client would like; unknown preferences and bad values are ignored (RFC 7240, 2)."""

    page_size: int | None = None
    page_size_name: str = ""  # as the client spelled it, for Preference-Applied
    returns: str = ""  # minimal | representation
    is_async: bool = False  # the answer may come later
    wait: int = 0  # seconds for which the client waits for it all the same

    @property
    def wants_minimal(self) -> bool:
        """Claim that a write shall answer without the row."""
        return self.returns == "minimal"


def parse_preferences(header: str) -> Preferences:
    """Return the preferences of a Prefer header; the first of two equal names counts."""
    found = Preferences()
    for match in _ITEM.finditer(header):
        spelled = match.group(1).lower()
        name, value = spelled.removeprefix("odata."), (match.group(2) or "").strip('"')
        if name == "maxpagesize" and found.page_size is None and value.isascii() and value.isdigit() and len(value) < 10 and int(value) > 0:
            found = replace(found, page_size=int(value), page_size_name=spelled)
        elif name == "return" and not found.returns and value in ("minimal", "representation"):
            found = replace(found, returns=value)
        elif name == "respond-async":
            found = replace(found, is_async=True)
        elif name == "wait" and not found.wait and value.isascii() and value.isdigit() and len(value) < 10:
            found = replace(found, wait=int(value))
    return found
