"""The decisions of the page Tables derived in the reader's language: what the OpenAPI connector says of them in English."""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

PLACE = re.compile(r"%\\\((\w+)\\\)s")
# The first that fits counts: those with fewer words of their own come last.
PATTERNS = (
    _("the answer is an array"),
    _("the answer is a map of objects"),
    _("the answer is one object"),
    _("the document tells of one row, but its parameters ask for pages"),
    _("each holds one %(name)s"),
    _("%(name)s is named like the path"),
    _("%(name)s is a usual name of rows"),
    _("%(name)s is the only array of objects beside marks of paging"),
    _("%(name)s is the only array of objects"),
    _("%(name)s in the address of one row"),
    _("%(name)s is called like a key"),
    _("none is sure"),
    _("it may be %(names)s"),
    _("no column looks like a key"),
    _("x-ms-pageable says that one answer holds all rows"),
    _("x-ms-pageable names the next address"),
    _("%(name)s takes the last row's id and %(value)s tells whether there are more"),
    _("%(name)s may take the last row's id"),
    _("%(name)s is the next address"),
    _("%(name)s may be the next address"),
    _("the answer has a Link header"),
    _("%(name)s is a page number"),
    _("that it begins with %(value)s is a guess"),
    _("%(name)s passes over rows"),
    _("the answer numbers its pages, so %(name)s may ask for one"),
    _("%(name)s asks for pages, but nothing tells where its value comes from"),
    _("%(name)s sets the page's size, but nothing tells how to ask for the next page"),
    _("the answer speaks of pages, but no parameter asks for the next one"),
    _("the document says nothing about pages"),
    _("%(name)s must be given: the service demands %(value)s"),
    _("%(name)s is sent as %(value)s: otherwise rows are left out"),
    _("%(name)s is %(value)s unless it is given: rows with another value come only when asked for"),
    _("rows can't be inserted: the service demands %(name)s, which no column gives"),
    _("it is asked for by POST"),
    _("%(name)s: set by the overlay"),
    _("%(name)s takes %(value)s"),
)


def told(text: str) -> str:
    """Return a decision, clause by clause; what stands before a colon may be a name that is left as it is."""
    return "; ".join(clause(part) for part in text.split("; "))


def clause(text: str) -> str:
    """Return one clause."""
    head, colon, rest = text.partition(": ")
    return spoken(text) or (f"{head}: {spoken(rest) or rest}" if colon else text)


def spoken(text: str) -> str:
    """Return the translation of a text that a pattern fits; '' where none does."""
    found = next(((message, match) for message, pattern in compiled() if (match := pattern.fullmatch(text))), None)
    return gettext(found[0]) % found[1].groupdict() if found else ""


@cache
def compiled() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return each message with the expression that its values can be read back with."""
    return tuple((message, re.compile(PLACE.sub(r"(?P<\1>[^:]+?)", re.escape(message)))) for message in PATTERNS)
