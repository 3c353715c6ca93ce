"""Authtokens and control characters kept out of every log: of the request log and of what the processes print."""

from __future__ import annotations

import logging
import re

AT = r"(?:@|%(?:25)*40)"
PATH_TOKEN = re.compile(rf"(?i)^(/api\.rsc/+){AT}[^/]*")
QUERY_TOKEN = re.compile(rf"(?i)({AT}authtoken=)[^&]*")
# Where no authtoken belongs, what has its shape counts as one.
MISPLACED = re.compile(rf"(?i)({AT}(?:authtoken=)?)[A-Za-z0-9_-]{{22,}}")
ANYWHERE = re.compile(rf"(?i)(/api\.rsc/+{AT}|{AT}authtoken=)[^/&\s\"'?)]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def masked_path(path: str) -> str:
    """Return the path with an authtoken segment masked."""
    return path[:2000] if is_harmless(path) else CONTROL.sub("?", MISPLACED.sub(r"\1***", PATH_TOKEN.sub(r"\1@***", path)))[:2000]


def masked_query(query: str) -> str:
    """Return the query with an authtoken masked."""
    return query[:4000] if is_harmless(query) else CONTROL.sub("?", MISPLACED.sub(r"\1***", QUERY_TOKEN.sub(r"\1***", query)))[:4000]


def is_harmless(text: str) -> bool:
    """Claim that nothing in the text can be an authtoken's mark or a control character."""
    return "@" not in text and "40" not in text and text.isprintable()


def masked_anywhere(text: str) -> str:
    """Return a text with the authtokens of addresses masked."""
    return MISPLACED.sub(r"\1***", ANYWHERE.sub(r"\1***", text))


class MaskingFormatter(logging.Formatter):
    """Formats records of the processes; masks the finished text, so that a traceback gives nothing away either."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of the record."""
        return masked_anywhere(super().format(record))
