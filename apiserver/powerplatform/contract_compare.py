"""What differs between two definitions, as clients of the old one feel it. Pure; sentences are in contract_said.py.

Rules: Microsoft's connector documentation ("Operational versioning", "Update an existing connector") and what its reviewers' detector
refuses. What no rule knows is told as OtherChanged, so that nothing differs in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from apiserver.powerplatform.contract_findings import Finding
from apiserver.powerplatform.contract_reading import Document, Operation, mapping
from apiserver.powerplatform.contract_schemas import INPUT, OUTPUT, Schemas
from apiserver.powerplatform.contract_texts import is_same_but_texts

NAME = re.compile(r"\{[^}]*\}")
SCHEME = ("type", "in", "name", "flow")  # of a security definition: existing connections hold what they ask for
SCHEME_URLS = ("authorizationUrl", "tokenUrl")
BACKEND = ("host", "basePath", "schemes")
KNOWN = frozenset({"paths", "definitions", "securityDefinitions", "security", "info", *BACKEND})  # what rules look at


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Finding]:
    """Return what differs between two Swagger 2.0 documents, in the order of the old one; texts alone are one finding at the end."""
    return list(Comparison(old, new).findings())


class Comparison:
    """Two documents side by side."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self.old, self.new = Document(old), Document(new)
        self.schemas = Schemas(self.old, self.new)

    def findings(self) -> Iterator[Finding]:
        """Tell everything."""
        renamed = self.renamed()
        told: list[Finding] = []
        for name, operation in self.old.operations.items():
            told += self.kept(operation, renamed.get(name))
        for name, operation in self.new.operations.items():
            if name not in self.old.operations and name not in {item.id for item in renamed.values()}:
                told.append(Finding("OperationAdded", name, operation.title))
        told += self.whole()
        yield from told
        yield from self.rest(told)

    def renamed(self) -> dict[str, Operation]:
        """Return the operations that have another id now: same address and method, an id that was not there."""
        places = {(operation.verb, operation.path): operation for name, operation in self.new.operations.items()}
        gone = [item for name, item in self.old.operations.items() if name not in self.new.operations]
        found = {item.id: places.get((item.verb, item.path)) for item in gone}
        return {name: item for name, item in found.items() if item is not None and item.id not in self.old.operations}

    def kept(self, old: Operation, renamed: Operation | None) -> Iterator[Finding]:
        """Tell what became of one operation."""
        new = self.new.operations.get(old.id)
        if new is None and renamed is not None:
            yield Finding("OperationRenamed", old.id, old.title, detail={"new": renamed.id})
        elif new is None:
            yield Finding("OperationDeleted", old.id, old.title)
        else:
            for found in (*self.outline(old, new), *self.inputs(old, new), *self.outputs(old, new)):
                yield Finding(found.code, old.id, old.title, found.place, found.detail)

    def outline(self, old: Operation, new: Operation) -> Iterator[Finding]:
        """Tell what differs around inputs and outputs."""
        if NAME.sub("{}", old.path) != NAME.sub("{}", new.path):
            yield Finding("PathChanged", detail={"old": old.path, "new": new.path})
        if old.verb != new.verb:
            yield Finding("MethodChanged", detail={"old": old.verb.upper(), "new": new.verb.upper()})
        before, after = old.data.get("x-ms-trigger"), new.data.get("x-ms-trigger")
        if before != after:
            yield Finding("TriggerKindChanged", detail={"old": before or "none", "new": after or "none"})
        if bool(old.data.get("x-ms-pageable")) != bool(new.data.get("x-ms-pageable")):
            yield Finding("PagingLost" if old.data.get("x-ms-pageable") else "PagingAdded")
        elif old.data.get("x-ms-pageable") != new.data.get("x-ms-pageable"):
            yield Finding("PagingLost")
        if new.data.get("deprecated") and not old.data.get("deprecated"):
            yield Finding("OperationDeprecated")
        before, after = shown(old), shown(new)
        if before != after:
            yield Finding("VisibilityChanged", detail={"old": before, "new": after})
        more = self.new.needed(new) - self.old.needed(old)
        if more and not self.old.needed(old):
            yield Finding("SignInNeeded")
        elif more and scheme_names(more) == scheme_names(self.old.needed(old)):
            yield Finding("ScopeAdded", detail={"names": ", ".join(sorted(more))})

    def inputs(self, old: Operation, new: Operation) -> Iterator[Finding]:
        """Tell what differs in the parameters; bodies belong together whatever their names are."""
        before, after = self.old.parameters(old), self.new.parameters(new)
        body = next((item for item in after.values() if item.get("in") == "body"), None)
        for name, parameter in before.items():
            now = after.get(name) or (body if parameter.get("in") == "body" else None)
            yield from self.parameter(name, parameter, now)
        has_body = any(item.get("in") == "body" for item in before.values())
        for name, parameter in after.items():
            if name in before or (parameter.get("in") == "body" and has_body):
                continue
            is_needed = parameter.get("required") and "default" not in parameter
            yield Finding("RequiredParameterAdded" if is_needed else "ParameterAdded", place=name)
        if callbacks(self.old, old) != callbacks(self.new, new) and callbacks(self.old, old):
            yield Finding("CallbackMoved")

    def parameter(self, name: str, old: Mapping[str, Any], new: Mapping[str, Any] | None) -> Iterator[Finding]:
        """Tell what differs in one parameter."""
        if new is None:
            yield Finding("ParameterRemoved", place=name)
            return
        if old.get("in") != new.get("in"):
            yield Finding("ParameterMoved", place=name, detail={"old": old.get("in"), "new": new.get("in")})
            return
        if bool(old.get("required")) != bool(new.get("required")):
            is_harder = new.get("required") and "default" not in new
            yield Finding("ParameterBecameRequired" if is_harder else "ParameterBecameOptional", place=name)
        if old.get("default") != new.get("default"):
            yield Finding("DefaultChanged", place=name, detail={"old": told(old.get("default")), "new": told(new.get("default"))})
        is_body = old.get("in") == "body"
        yield from self.schemas.compare(old.get("schema") if is_body else old, new.get("schema") if is_body else new, name, INPUT)

    def outputs(self, old: Operation, new: Operation) -> Iterator[Finding]:
        """Tell what differs in the answer and in what is sent to subscribers."""
        (_, before), (_, after) = self.old.answer(old), self.new.answer(new)
        if before.get("schema") is not None and after.get("schema") is None:
            yield Finding("AnswerRemoved")
        elif before.get("schema") is not None:
            yield from self.schemas.compare(before["schema"], after["schema"], "", OUTPUT)
        elif after.get("schema") is not None:
            yield Finding("AnswerAdded")
        for name in mapping(before.get("headers")).keys() - mapping(after.get("headers")).keys():
            yield Finding("FieldRemoved", place=f"header {name}")
        before, after = (mapping(item.item.get("x-ms-notification-content")) for item in (old, new))
        if before.get("schema") is not None and after.get("schema") is None:
            yield Finding("AnswerRemoved", place="notification")
        elif before.get("schema") is not None:
            yield from self.schemas.compare(before["schema"], after["schema"], "notification", OUTPUT)

    def whole(self) -> Iterator[Finding]:
        """Tell what differs at the head: signing in, where the API is."""
        before, after = (first_scheme(item) for item in (self.old, self.new))
        if any(before.get(name) != after.get(name) for name in SCHEME):
            yield Finding("AuthenticationChanged", detail={"old": scheme_told(before), "new": scheme_told(after)})
        elif gone := sorted(mapping(before.get("scopes")).keys() - mapping(after.get("scopes")).keys()):
            yield Finding("ScopeRemoved", detail={"names": ", ".join(gone)})
        elif any(before.get(name) != after.get(name) for name in SCHEME_URLS):
            yield Finding("SignInMoved")
        for name in BACKEND:
            if self.old.data.get(name) != self.new.data.get(name):
                values = {"old": told(self.old.data.get(name)), "new": told(self.new.data.get(name))}
                yield Finding("BackendChanged", place=name, detail=values)

    def rest(self, told: Sequence[Finding]) -> Iterator[Finding]:
        """Tell what no rule knows, and whether texts differ."""
        known = {item.operation for item in told}
        for name, old in self.old.operations.items():
            new = self.new.operations.get(name)
            if new is not None and name not in known and not is_same_but_texts(old.data, new.data):
                told = [*told, found := Finding("OtherChanged", name, old.title)]
                yield found
        before, after = ({key: value for key, value in item.data.items() if key not in KNOWN} for item in (self.old, self.new))
        if not is_same_but_texts(before, after) or (not told and not is_same_but_texts(*self.definitions())):
            told = [*told, found := Finding("OtherChanged")]
            yield found
        if not told and self.old.data != self.new.data:
            yield Finding("TextsChanged")

    def definitions(self) -> tuple[Any, Any]:
        """Return the schemas of both."""
        return {"definitions": self.old.data.get("definitions")}, {"definitions": self.new.data.get("definitions")}


def shown(operation: Operation) -> str:
    """Return how visible an operation is."""
    return str(operation.data.get("x-ms-visibility") or "none").lower()


def told(value: Any) -> str:
    """Return a value as sentences name it."""
    if isinstance(value, list):
        return ", ".join(map(told, value))
    return "nothing" if value is None else str(value)[:200]


def scheme_names(needed: frozenset[str]) -> set[str]:
    """Return the names of security schemes without their scopes."""
    return {item.partition(" ")[0] for item in needed}


def first_scheme(document: Document) -> Mapping[str, Any]:
    """Return the security definition that counts: the first."""
    return mapping(next(iter(mapping(document.data.get("securityDefinitions")).values()), None))


def scheme_told(scheme: Mapping[str, Any]) -> str:
    """Return a security definition in a few words."""
    return " ".join(str(scheme[name]) for name in SCHEME if scheme.get(name)) or "none"


def callbacks(document: Document, operation: Operation) -> list[str]:
    """Return the properties of the body that hold the address to tell."""
    body = next((item for item in document.parameters(operation).values() if item.get("in") == "body"), {})
    return sorted(callback_places(document, body.get("schema"), "", 0))


def callback_places(document: Document, node: Any, place: str, depth: int) -> Iterator[str]:
    """Tell the places of x-ms-notification-url below a schema."""
    schema = document.schema(node)
    if schema.get("x-ms-notification-url"):
        yield place
    for name, item in mapping(schema.get("properties")).items() if depth < 10 else ():
        yield from callback_places(document, item, f"{place}/{name}", depth + 1)
