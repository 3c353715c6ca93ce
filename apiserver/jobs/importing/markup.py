"""XML of the replaced products: `.rsd` tables and files of the command line, in their words when it can't be read."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from apiserver.jobs.importing.found import Unreadable
from connections.connectors import markup
from connections.connectors.markup import Fault, MarkupError, Node

MOST_ELEMENTS, DEEPEST = 20_000, 50
__all__ = ["Node", "parse"]


def parse(raw: bytes) -> Node:
    """Return the root element; raise Unreadable for what is no XML, declares a document type or is too large.

    Prefixes need no declaration: schema files of the products' own documentation lack it.
    """
    try:
        return markup.parse(raw, most=MOST_ELEMENTS, deepest=DEEPEST, has_namespaces=False).children[0]
    except MarkupError as error:
        raise unreadable(error) from error


def unreadable(error: MarkupError) -> Unreadable:
    """Return what is told of XML that is not read."""
    if error.fault is Fault.TOO_LARGE:
        return Unreadable(
            _("The XML has more than %(count)s elements, or is nested deeper than %(levels)s levels."), count=MOST_ELEMENTS, levels=DEEPEST
        )
    if error.fault is Fault.DOCUMENT_TYPE:
        return Unreadable(_("The XML declares a document type: take it out."))
    if error.fault is Fault.NO_XML:
        return Unreadable(_("It is no XML: line %(line)s, column %(column)s."), line=error.line, column=error.column)
    return Unreadable(_("Its XML declaration names an encoding that is not known."))
