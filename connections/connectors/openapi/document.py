"""A document with its two dialects levelled: operations, parameters, answers and bodies of OpenAPI 3.x and Swagger 2.0 alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from connections.connectors.openapi.reading import DocumentError

METHODS = ("get", "post", "put", "patch", "delete")
MOST_OPERATIONS = 20_000
MOST_WORK = 1_000_000  # GitHub's document takes 81,000 steps, Stripe's 55,000
MOST_HOPS = 40
MOST_NOTES = 50
JSON_TYPE = re.compile(r"(application|text)/([\w.+-]*\+)?json\b|\*/\*|application/\*|application/hal\b", re.IGNORECASE)
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation."""

    name: str
    place: str  # path | query | header | body
    is_required: bool
    schema: Any  # raw
    description: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str  # GET
    path: str
    name: str  # operationId
    summary: str
    tags: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    answer: Any = None  # raw schema of the first good answer in JSON
    example: Any = None  # of that answer
    answer_headers: frozenset[str] = frozenset()  # lower case
    body: Any = None  # raw schema of what is sent
    is_form: bool = False
    is_deprecated: bool = False
    extensions: Mapping[str, Any] = field(default_factory=dict)

    def of(self, place: str) -> list[Parameter]:
        """Return the parameters of one place."""
        return [item for item in self.parameters if item.place == place]

    @property
    def asking(self) -> list[Parameter]:
        """Return what shapes the answer: parameters of the query, members of the body."""
        return [item for item in self.parameters if item.place in ("query", "body")]


class Document:
    """The parsed document: resolves references, counts its work so that no document takes for ever."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.notes: list[str] = []
        self.work = 0
        self.version = version_of(root)

    @property
    def is_swagger(self) -> bool:
        """Claim that the document is of version 2.0."""
        return self.version == "2.0"

    def spend(self, steps: int) -> None:
        """Count work; raise DocumentError where a document asks for more than any honest one does."""
        self.work += steps
        if self.work > MOST_WORK:
            raise DocumentError("The document is too entangled to be read.", hint="Give a smaller part of it.")

    def remark(self, text: str) -> None:
        """Remember a sentence about what was left out; the first ones tell enough."""
        if text not in self.notes and len(self.notes) < MOST_NOTES:
            self.notes.append(text)

    def resolve(self, node: Any) -> tuple[Any, str]:
        """Return what a node stands for and the name of the component that it names; an unreachable one is empty."""
        name = ""
        for _ in range(MOST_HOPS):
            if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                return node, name
            reference = node["$ref"]
            self.spend(1)
            target = self.pointed(reference)
            if target is None:
                return {}, name
            name = unquote(reference.rsplit("/", 1)[-1]).replace("~1", "/").replace("~0", "~")
            node = target
        self.remark("A reference leads back to itself and was left out.")
        return {}, name

    def pointed(self, reference: str) -> Any:
        """Return what a local JSON pointer (RFC 6901) points to, or None; other documents are never fetched."""
        if not reference.startswith("#"):
            self.remark(f"{reference[:80]} lies outside the document and was left out: give a document that is whole.")
            return None
        found: Any = self.root
        for part in reference[1:].split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            else:
                self.remark(f"{reference[:80]} points to nothing and was left out.")
                return None
        return found

    def operations(self) -> list[Operation]:
        """Return the operations in the order of the document."""
        found: list[Operation] = []
        paths = self.root.get("paths")
        for path, item in paths.items() if isinstance(paths, dict) else ():
            node, _ = self.resolve(item)
            if not isinstance(path, str) or not path.startswith("/") or not isinstance(node, dict):
                continue
            for method in METHODS:
                raw = node.get(method)
                if isinstance(raw, dict):
                    if len(found) >= MOST_OPERATIONS:
                        self.remark(f"The document has more than {MOST_OPERATIONS} operations; the rest was left out.")
                        return found
                    found.append(self.operation(path, method, node, raw))
        return found

    def operation(self, path: str, method: str, item: dict[str, Any], raw: dict[str, Any]) -> Operation:
        """Return one operation with everything that was written somewhere else."""
        given = parameters_of(self, item.get("parameters"), raw.get("parameters"))
        answer, headers, example = self.answer(raw)
        body, is_form = self.body(raw, given)
        tags = raw.get("tags") if isinstance(raw.get("tags"), list) else []
        return Operation(
            method=method.upper(),
            path=path,
            name=text_of(raw.get("operationId")),
            summary=f"{text_of(raw.get('summary'))}. {text_of(raw.get('description'))}"[:2000],
            tags=tuple(tag for tag in tags or () if isinstance(tag, str)),
            parameters=tuple(parameter(self, one) for one in given if text_of(one.get("in")) in ("path", "query", "header")),
            answer=answer,
            example=example,
            answer_headers=headers,
            body=body,
            is_form=is_form,
            is_deprecated=raw.get("deprecated") is True,
            extensions={key: value for key, value in raw.items() if isinstance(key, str) and key.startswith("x-")},
        )

    def answer(self, raw: dict[str, Any]) -> tuple[Any, frozenset[str], Any]:
        """Return the schema of the first good answer in JSON, the names of its headers and an example of it."""
        responses = raw.get("responses")
        if not isinstance(responses, dict):
            return None, frozenset(), None
        good = [code for code in responses if re.match(r"2[0-9Xx]{2}\Z", str(code))]
        for code in [*sorted(good, key=str), *(["default"] if "default" in responses else [])]:
            response, _ = self.resolve(responses[code])
            if not isinstance(response, dict):
                continue
            schema = response.get("schema") if self.is_swagger else self.content(response.get("content"))[0]
            example = example_in(self, response)
            if schema is not None or example is not None:
                headers = response.get("headers")
                return schema, frozenset(str(name).lower() for name in headers) if isinstance(headers, dict) else frozenset(), example
        return None, frozenset(), None

    def content(self, content: Any) -> tuple[Any, bool]:
        """Return the schema of a `content` of OpenAPI 3 and whether it is a form; JSON goes first."""
        if not isinstance(content, dict):
            return None, False
        for kind, media in content.items():
            if JSON_TYPE.search(str(kind)):
                node, _ = self.resolve(media)
                if isinstance(node, dict):
                    return node.get("schema"), False
        for kind, media in content.items():
            if str(kind).split(";")[0].strip().lower() in FORM_TYPES and isinstance(media, dict):
                return media.get("schema"), True
        return None, False

    def body(self, raw: dict[str, Any], given: list[dict[str, Any]]) -> tuple[Any, bool]:
        """Return the schema of what an operation takes and whether it goes as a form."""
        if not self.is_swagger:
            node, _ = self.resolve(raw.get("requestBody"))
            return self.content(node.get("content")) if isinstance(node, dict) else (None, False)
        for one in given:
            if one.get("in") == "body":
                return one.get("schema"), False
        fields = {text_of(one.get("name")): one for one in given if one.get("in") == "formData"}
        if not fields:
            return None, False
        required = [name for name, one in fields.items() if one.get("required") is True]
        bare = {name: {key: value for key, value in one.items() if key != "required"} for name, one in fields.items()}
        return {"type": "object", "properties": bare, "required": required}, True


def version_of(root: dict[str, Any]) -> str:
    """Return 2.0, 3.0 or 3.1; raise DocumentError for anything else."""
    told = str(root.get("swagger") or root.get("openapi") or "")
    if told.startswith("2"):
        return "2.0"
    if told.startswith("3."):
        return "3.0" if told.startswith("3.0") else "3.1"
    if not told and isinstance(root.get("paths"), dict):
        return "3.0"
    said = f" It says {told[:20]}." if told else ""
    raise DocumentError(f"This is no OpenAPI 3.0, 3.1 or Swagger 2.0 document.{said}", hint="It begins with openapi: 3... or swagger: 2.0.")


def text_of(value: Any) -> str:
    """Return the value where it is text, else ''."""
    return value if isinstance(value, str) else ""


def example_in(document: Document, response: dict[str, Any]) -> Any:
    """Return an example of an answer, wherever the three versions of the format put it."""
    examples = response.get("examples")
    content = response.get("content")
    found = [value for kind, value in examples.items() if JSON_TYPE.search(str(kind))] if isinstance(examples, dict) else []
    for kind, media in content.items() if isinstance(content, dict) else ():
        node, _ = document.resolve(media)
        if JSON_TYPE.search(str(kind)) and isinstance(node, dict):
            named = node.get("examples")
            many = list(named.values()) if isinstance(named, dict) else []
            found += [node.get("example"), *(document.resolve(one)[0] for one in many)]
    for one in found:
        value = one.get("value") if isinstance(one, dict) and set(one) <= {"value", "summary", "description"} else one
        if isinstance(value, dict | list) and value:
            return value
    return None


def parameters_of(document: Document, *lists: Any) -> list[dict[str, Any]]:
    """Return the parameters of path and operation; the operation's own goes before the path's of the same name and place."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in lists:
        for item in one if isinstance(one, list) else ():
            node, _ = document.resolve(item)
            document.spend(1)
            if isinstance(node, dict):
                found[text_of(node.get("name")), text_of(node.get("in"))] = node
    return list(found.values())


def parameter(document: Document, node: dict[str, Any]) -> Parameter:
    """Return a parameter; Swagger 2.0 writes the schema right into it."""
    schema = node.get("schema")
    if schema is None:
        schema = document.content(node.get("content"))[0] if "content" in node else node
        if isinstance(schema, dict) and schema is node:
            schema = {key: value for key, value in node.items() if key not in ("required", "in", "name")}
    return Parameter(
        name=text_of(node.get("name")),
        place=text_of(node.get("in")),
        is_required=node.get("required") is True or node.get("in") == "path",
        schema=schema,
        description=text_of(node.get("description"))[:1000],
    )
