"""A client that bravado-core, a library of others for Swagger 2.0, makes of a document: scheme, host, base path, operations, nothing else.

It writes and checks requests, and checks and reads answers; nothing may come back that a schema does not name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import requests
from bravado_core.formatter import SwaggerFormat
from bravado_core.operation import Operation
from bravado_core.param import marshal_param
from bravado_core.response import IncomingResponse, unmarshal_response
from bravado_core.spec import Spec
from bravado_core.validate import validate_schema_object
from swagger_spec_validator.validator20 import validate_spec

TIMEOUT = 60
UUIDS = SwaggerFormat("uuid", to_python=UUID, to_wire=str, validate=UUID, description="")
CONFIG = {
    "validate_swagger_spec": False,  # see Client.spec
    "use_models": False,
    "include_missing_properties": False,
    "use_base64_for_byte_format": True,
    "formats": [UUIDS],
}
SAMPLES: dict[tuple[str, str], Any] = {
    ("string", "date"): date(2026, 1, 31),
    ("string", "date-time"): datetime(2026, 1, 31, 10, tzinfo=UTC),
    ("string", "uuid"): UUID(int=7),
    ("string", "byte"): b"\x00\xfb\xff",
    ("string", ""): "7",
    ("integer", ""): 7,
    ("integer", "int32"): 7,
    ("integer", "int64"): 7,
    ("number", "double"): 7.5,
    ("number", "float"): 7.5,
    ("boolean", ""): True,
}


class Answered(IncomingResponse):  # type: ignore[misc]
    """An answer as bravado-core reads it."""

    def __init__(self, answer: requests.Response) -> None:
        self.status_code, self.reason, self.text, self.raw_bytes = answer.status_code, answer.reason, answer.text, answer.content
        self.headers = {name.lower(): value for name, value in answer.headers.items()}
        self.json = answer.json


@dataclass
class Answer:
    """Status, headers (lower case), what the schema makes of the body, and the body."""

    status: int
    headers: dict[str, str]
    value: Any
    body: Any


@dataclass
class Client:
    """Operations of a document by their ids."""

    address: str
    document: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.document = closed(requests.get(self.address, timeout=TIMEOUT).json())
        self.session = requests.Session()

    @cached_property
    def spec(self) -> Spec:
        """Return the document as bravado-core has it: judged, and without the address that it came from."""
        validate_spec(self.document)
        found = Spec(self.document, config=CONFIG)
        for url in [url for url in found.resolver.store if url and "json-schema.org/draft-" not in url]:
            del found.resolver.store[url]  # dialects that other packages of this process add: bravado-core would fetch what they name
        found.build()
        return found

    @cached_property
    def operations(self) -> dict[str, Operation]:
        return {name: item for resource in self.spec.resources.values() for name, item in resource.operations.items()}

    def named(self, summary: str) -> Operation:
        return next(item for item in self.operations.values() if item.op_spec["summary"] == summary)

    def call(self, operation: Operation, **given: Any) -> Answer:
        """Call an operation with parameters by name; whatever its document says of the answer must hold."""
        request: dict[str, Any] = {"url": self.spec.api_url.rstrip("/") + operation.path_name, "params": {}, "headers": {}}
        for name, value in given.items():
            marshal_param(operation.params[name], value, request)
        answer = self.session.request(operation.http_method.upper(), **request, timeout=TIMEOUT)
        return self.read(operation, answer)

    def follow(self, operation: Operation, address: str) -> Answer:
        """Ask where an answer of the operation pointed to."""
        assert address.startswith(self.spec.api_url), address
        return self.read(operation, self.session.get(address, timeout=TIMEOUT))

    def read(self, operation: Operation, answer: requests.Response) -> Answer:
        heard = Answered(answer)
        value = unmarshal_response(heard, operation)
        body = answer.json() if answer.content else None
        assert body is None or answer.status_code != 204, (operation, body)
        return Answer(answer.status_code, heard.headers, value, body)

    def body(self, operation: Operation) -> dict[str, Any]:
        """Return a body with a value for each property that may be sent and points to no other row."""
        schema = self.spec.deref(operation.params["body"].param_spec["schema"])
        found = schema["properties"].items()
        return {name: sample(self.spec.deref(item)) for name, item in found if not name.endswith("_id")}

    def check(self, schema: dict[str, Any], value: Any) -> None:
        """Check a value that came another way, such as a notification."""
        validate_schema_object(self.spec, schema, value)


def sample(schema: dict[str, Any]) -> Any:
    """Return a value of a schema as Python has it."""
    if "enum" in schema:
        return schema["enum"][-1]
    if schema["type"] == "array":
        return [sample(schema["items"])]
    return schema["example"] if "example" in schema else SAMPLES[schema["type"], schema.get("format", "")]


def closed(part: Any) -> Any:
    """Return a document whose objects hold nothing that they do not name."""
    if isinstance(part, list):
        return [closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    found = {name: closed(item) for name, item in part.items()}
    return found | {"additionalProperties": False} if part.get("type") == "object" and isinstance(part.get("properties"), dict) else found
