"""How lists and logs show values in little room: methods in one word, requests as people read them."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

register = template.Library()
CODE = re.compile(r"`([^`]+)`")
PART_END = re.compile(r"([_.@-])(?=\w)")


@register.filter
def methods(given: Collection[str], every: Collection[str]) -> str:
    """Return the methods as one line, all of them as one word."""
    if not given:
        return _("None")
    return _("All") if set(given) >= set(every) else ", ".join(given)


@register.filter
def breakable(name: str) -> SafeString:
    """Return a long name that may go on in the next line behind _ . - and @."""
    return mark_safe(PART_END.sub(r"\1<wbr>", conditional_escape(str(name))))  # noqa: S308 - escaped before


@register.filter
def coded(text: str) -> SafeString:
    """Return a text whose parts between backticks are code."""
    return mark_safe(CODE.sub(r"<code>\1</code>", conditional_escape(text)))  # noqa: S308 - escaped before


@register.filter
def decoded(query: str) -> str:
    """Return a query without its percent signs; as it was sent when that would hide or turn around characters."""
    try:
        text = unquote(query, errors="strict")
    except UnicodeDecodeError:
        return query
    return text if text.isprintable() else query


@register.filter
def outcome(status: int) -> str:
    """Return the classes by which a status stands out; answers that went well stay plain."""
    return "state bad" if status >= 500 and status != 501 else "state warn" if status >= 400 else ""
