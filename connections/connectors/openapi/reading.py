"""Text of a document -> plain values. JSON or YAML, bounded in size and depth, without recursion where the text decides how deep."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from connections.contract.errors import SourceRejected

MOST_BYTES = 64 * 2**20
MOST_YAML_BYTES = 24 * 2**20
MOST_DEPTH = 200
NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})\Z")
FRACTION = re.compile(r"[-+]?(?:[0-9]{1,30}\.[0-9]{0,30}|\.[0-9]{1,30}|[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?\Z")
# YAML 1.2, 10.3 Core Schema: `yes`, `on` and dates stay text, as the documents' writers mean them.
WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class DocumentError(SourceRejected):
    """The document can't be read or describes nothing that can be a table."""


def read_document(raw: bytes | str) -> dict[str, Any]:
    """Return the document's root; raise DocumentError with a sentence."""
    data = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass")
    if len(data) > MOST_BYTES:
        raise DocumentError(f"The document has more than {MOST_BYTES // 2**20} MB.", hint="Give a smaller part of it.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError("The document is no UTF-8 text.", hint="Give an OpenAPI document as JSON or YAML.") from error
    root = from_json(text) if text.lstrip()[:1] in ("{", "[") else from_yaml(text)
    if not isinstance(root, dict):
        raise DocumentError("The document is no OpenAPI document: its root is no object.", hint="It begins with openapi: or swagger:.")
    return root


def from_json(text: str) -> Any:
    """Return the value of JSON text; what looks like JSON but is none may be YAML."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise DocumentError("The document is nested too deep.", hint="Give a document of ordinary depth.") from error
    except ValueError as error:
        try:
            return from_yaml(text)
        except DocumentError:
            raise DocumentError(f"The document is no JSON: {str(error)[:120]}.", hint="Check that it was copied whole.") from error


def from_yaml(text: str) -> Any:
    """Return the value of YAML text."""
    if len(text) > MOST_YAML_BYTES:
        raise DocumentError(f"The YAML document has more than {MOST_YAML_BYTES // 2**20} MB.", hint="Give it as JSON.")
    try:
        return Composer().read(text)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = "" if line is None else f" in line {line + 1}"
        raise DocumentError(
            f"The document is neither JSON nor YAML: {getattr(error, 'problem', '') or 'it ends too early'}{place}."
        ) from error


class Composer:
    """Builds values out of YAML events with a stack of its own: the parser's own builder breaks the process on deep text."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.keys: list[Any] = []  # one a mapping on the stack: its key that waits for a value
        self.anchors: dict[str, Any] = {}
        self.root: Any = None

    def read(self, text: str) -> Any:
        """Return the first document's value."""
        seen = False
        for event in yaml.parse(text, Loader=LOADER):
            if isinstance(event, yaml.DocumentStartEvent) and seen:
                break
            seen = seen or isinstance(event, yaml.DocumentStartEvent)
            self.take(event)
        return self.root

    def take(self, event: yaml.Event) -> None:
        """Put one event where it belongs."""
        if isinstance(event, yaml.ScalarEvent):
            self.put(scalar(event), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise refused(f"unknown alias {event.anchor}", event)
            self.put(self.anchors[event.anchor], None)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            self.put(value, event.anchor)
            if len(self.stack) >= MOST_DEPTH:
                raise refused(f"nested deeper than {MOST_DEPTH} levels", event)
            self.stack.append(value)
            self.keys.append(None)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.stack.pop()
            self.keys.pop()

    def put(self, value: Any, anchor: str | None) -> None:
        """Add a value to the innermost collection; in a mapping each second one is a key."""
        if anchor:
            self.anchors[anchor] = value
        if not self.stack:
            self.root = value
        elif isinstance(self.stack[-1], list):
            self.stack[-1].append(value)
        elif self.keys[-1] is None:
            self.keys[-1] = (key_text(value),)
        else:
            add(self.stack[-1], self.keys[-1][0], value)
            self.keys[-1] = None


def refused(problem: str, event: yaml.Event) -> yaml.YAMLError:
    """Return the error of text that is YAML, but not taken."""
    mark = event.start_mark
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark if isinstance(mark, yaml.Mark) else None)


def add(mapping: dict[str, Any], key: str, value: Any) -> None:
    """Set a key; `<<` brings the pairs of another mapping that are not there yet."""
    if key == "<<" and isinstance(value, dict):
        for name, item in value.items():
            mapping.setdefault(name, item)
    else:
        mapping[key] = value


def key_text(value: Any) -> str:
    """Return a key as JSON would have it: `200:` is "200"."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) or value is None else "?"


def scalar(event: yaml.ScalarEvent) -> Any:
    """Return the value of a scalar by YAML's core schema."""
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in WORDS:
        return WORDS[text]
    if NUMBER.match(text):
        return int(text)
    return float(text) if FRACTION.match(text) else text
