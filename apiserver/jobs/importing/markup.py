"""XML of the replaced products: `.rsd` tables and files of the command line. No document types, so no entities; bounded."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from django.utils.translation import gettext_noop as _

from apiserver.jobs.importing.found import Unreadable

MOST_ELEMENTS, DEEPEST = 20_000, 50


@dataclass(slots=True)
class Node:
    """One element; names are without prefixes."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def every(self, name: str) -> list[Node]:
        """Return the elements of that name below this one, in order."""
        found = []
        for child in self.children:
            found += [child] if child.name == name else []
            found += child.every(name)
        return found


def parse(raw: bytes) -> Node:
    """Return the root element; raise Unreadable for what is no XML, declares a document type or is too large.

    Prefixes need no declaration: schema files of the products' own documentation lack it.
    """
    parser = expat.ParserCreate()
    stack = [Node("")]
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > MOST_ELEMENTS or len(stack) > DEEPEST:
            raise Unreadable(
                _("The XML has more than %(count)s elements, or is nested deeper than %(levels)s levels."),
                count=MOST_ELEMENTS,
                levels=DEEPEST,
            )
        node = Node(name.rpartition(":")[2], {key.rpartition(":")[2]: value for key, value in attributes.items()})
        stack[-1].children.append(node)
        stack.append(node)

    def end(name: str) -> None:
        stack.pop()

    def data(piece: str) -> None:
        stack[-1].text += piece

    def doctype(*given: object) -> None:
        raise Unreadable(_("The XML declares a document type: take it out."))

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, data
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise Unreadable(_("It is no XML: line %(line)s, column %(column)s."), line=error.lineno, column=error.offset + 1) from error
    except LookupError as error:
        raise Unreadable(_("Its XML declaration names an encoding that is not known.")) from error
    return stack[0].children[0]
