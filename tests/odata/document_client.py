"""A client that knows nothing but a Swagger document: it makes inputs from the schemas and checks what comes back."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema

VERBS = ("get", "post", "patch", "delete")
SAMPLES = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T10:00:00Z",
    "uuid": "11111111-2222-3333-4444-555555555555",
    "byte": "AAEC",
}
TIMEOUT = 60


@dataclass(frozen=True)
class Operation:
    """One operation and where it stands."""

    path: str
    verb: str
    said: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.said["operationId"])

    @property
    def is_trigger(self) -> bool:
        return self.path.startswith("/$")

    def parameters(self, place: str) -> list[dict[str, Any]]:
        return [item for item in self.said["parameters"] if item["in"] == place]


class DocumentClient:
    """Scheme, host and base path come from the document, as everything else."""

    def __init__(self, address: str) -> None:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
            self.document: dict[str, Any] = json.load(answer)
        self.root = f"{self.document['schemes'][0]}://{self.document['host']}{self.document['basePath']}"

    def operations(self) -> Iterator[Operation]:
        for path, item in self.document["paths"].items():
            for verb in VERBS:
                if verb in item:
                    yield Operation(path, verb, item[verb])

    def named(self, summary: str) -> Operation:
        return next(item for item in self.operations() if item.said["summary"] == summary)

    def schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return a schema in full: no column may come that is not in it; null where it says so."""
        return closed({**schema, "definitions": self.document["definitions"]})

    def call(self, operation: Operation, given: dict[str, Any], body: Any = None) -> tuple[int, Any]:
        """Call an operation; return status and body, which fits the schema of its status."""
        path = operation.path
        for item in operation.parameters("path"):
            path = path.replace(f"{{{item['name']}}}", quote(str(given[item["name"]]), safe=""))
        query = {item["name"]: given[item["name"]] for item in operation.parameters("query") if item["name"] in given}
        status, answer = self.send(operation.verb.upper(), path + (f"?{urlencode(query, quote_via=quote)}" if query else ""), body)
        said = operation.said["responses"].get(str(status)) or operation.said["responses"]["default"]
        if "schema" in said:
            jsonschema.Draft4Validator(self.schema(said["schema"])).validate(answer)
        else:
            assert answer is None if status < 300 else set(answer) == {"error"}, (status, answer)
        return status, answer

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        address = path if "://" in path else self.root + path
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data=data, headers={"Content-Type": "application/json"} if data else {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        return status, json.loads(content) if content else None

    def body_for(self, operation: Operation) -> dict[str, Any]:
        """Return a body with a value for every property that may be sent and points to no other row."""
        (item,) = operation.parameters("body")
        schema = self.document["definitions"][item["schema"]["$ref"].rpartition("/")[2]]
        return {name: sample(found) for name, found in schema["properties"].items() if not name.endswith("_id")}


def sample(schema: dict[str, Any]) -> Any:
    """Return a value of a schema."""
    if "example" in schema:
        return schema["example"]
    if "enum" in schema:
        return schema["enum"][-1]
    if schema["type"] == "array":
        return [sample(schema["items"])]
    if schema["type"] == "string":
        return SAMPLES.get(schema.get("format", ""), "7")
    return {"integer": 7, "number": 7, "boolean": True}[schema["type"]]


def closed(schema: Any) -> Any:
    """Return the schema in which nothing may come that it does not name, and null may where it says so."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        found["additionalProperties"] = False
    if found.get("x-nullable") is True:
        found["type"] = [found["type"], "null"]
    if "$ref" in found and len(found) == 1:
        return {"anyOf": [found, {"type": "null"}]}  # one related row, or none
    return found
