"""XML as a tree, by local names, for `$metadata` and files of other products: no document types and no entities; size and depth bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from xml.parsers import expat


class Fault(Enum):
    """Why XML is not read."""

    TOO_LARGE = "it has more elements, or is nested deeper, than the caller allows"
    DOCUMENT_TYPE = "it declares a document type"
    NO_XML = "it is no XML"
    ENCODING = "its declaration names an encoding that is not known"


class MarkupError(Exception):
    """The XML is not read; `line` and `column` count from 1 and are 0 where the fault is no place."""

    def __init__(self, fault: Fault, *, line: int = 0, column: int = 0) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.line = line
        self.column = column


@dataclass(slots=True)
class Node:
    """One element; its name and those of its attributes are without prefixes."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def get(self, name: str, default: str = "") -> str:
        """Return an attribute."""
        return self.attributes.get(name, default)

    def all(self, *names: str) -> Iterator[Node]:
        """Give the children of these names."""
        return (child for child in self.children if child.name in names)

    def every(self, name: str) -> list[Node]:
        """Return the elements of that name below this one, in order."""
        found = []
        for child in self.children:
            found += [child] if child.name == name else []
            found += child.every(name)
        return found


def parse(raw: bytes, *, most: int, deepest: int, has_namespaces: bool) -> Node:
    """Return a node above the root element; raise MarkupError for more elements or levels than that, and for what is no XML.

    Without namespaces, prefixes need no declaration.
    """
    mark = " " if has_namespaces else ":"
    parser = expat.ParserCreate(namespace_separator=" ") if has_namespaces else expat.ParserCreate()
    stack = [Node("")]
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > most or len(stack) > deepest:
            raise MarkupError(Fault.TOO_LARGE)
        node = Node(name.rpartition(mark)[2], {key.rpartition(mark)[2]: value for key, value in attributes.items()})
        stack[-1].children.append(node)
        stack.append(node)

    def end(name: str) -> None:
        stack.pop()

    def data(piece: str) -> None:
        stack[-1].text += piece

    def doctype(*given: object) -> None:
        raise MarkupError(Fault.DOCUMENT_TYPE)

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, data
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise MarkupError(Fault.NO_XML, line=error.lineno, column=error.offset + 1) from error
    except (LookupError, ValueError) as error:
        raise MarkupError(Fault.ENCODING) from error
    return stack[0]
