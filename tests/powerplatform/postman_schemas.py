"""What Postman's published schemas demand of collections (schema.getpostman.com, v1.0.0 and v2.1.0), of the parts that ours have.

Stricter than the originals in one thing: what is not named here must not come.
"""

from __future__ import annotations

from typing import Any

TEXT = {"type": "string"}


def closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """Return the schema of an object with these properties and no others."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def many(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": items, **more}


AUTH = {
    "type": "object",
    "properties": {
        "type": {"enum": ["apikey", "awsv4", "basic", "bearer", "digest", "edgegrid", "hawk", "noauth", "oauth1", "oauth2", "ntlm"]},
        "apikey": many(closed({"key": TEXT, "value": {}, "type": TEXT}, "key")),
    },
    "required": ["type"],
    "additionalProperties": False,
}
SCRIPT = closed({"type": TEXT, "exec": many(TEXT)})
EVENTS = many(closed({"listen": TEXT, "script": SCRIPT}, "listen"))
HEADER = closed({"key": TEXT, "value": TEXT, "description": TEXT}, "key", "value")
URL = closed(
    {
        "raw": TEXT,
        "host": many(TEXT),
        "path": many(TEXT),
        "query": many(closed({"key": TEXT, "value": TEXT, "disabled": {"type": "boolean"}, "description": TEXT})),
    }
)
BODY = closed({"mode": {"enum": ["raw", "urlencoded", "formdata", "file", "graphql"]}, "raw": TEXT, "options": {"type": "object"}})
REQUEST = closed({"method": TEXT, "header": many(HEADER), "url": URL, "description": TEXT, "body": BODY})
RESPONSE = closed(
    {
        "name": TEXT,
        "originalRequest": REQUEST,
        "status": TEXT,
        "code": {"type": "integer"},
        "_postman_previewlanguage": TEXT,
        "header": many(HEADER),
        "cookie": many({}),
        "body": TEXT,
    }
)
ITEM = closed({"id": TEXT, "name": TEXT, "event": EVENTS, "request": REQUEST, "response": many(RESPONSE)}, "request")
TWO = closed(
    {
        "info": closed({"_postman_id": TEXT, "name": TEXT, "description": TEXT, "schema": TEXT}, "name", "schema"),
        "item": many(closed({"name": TEXT, "description": TEXT, "item": many(ITEM)}, "item")),
        "auth": AUTH,
        "variable": many(closed({"key": TEXT, "value": TEXT, "type": {"enum": ["string", "boolean", "any", "number"]}}, "key", "value")),
    },
    "info",
    "item",
)

UUID = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
ORDER = many(UUID, uniqueItems=True)
OLD_RESPONSE = closed(
    {
        "id": UUID,
        "request": UUID,
        "name": TEXT,
        "status": TEXT,
        "responseCode": closed({"code": {"type": "number"}, "name": TEXT, "detail": TEXT}, "code", "name"),
        "headers": many(HEADER),
        "text": {"type": ["null", "string"]},
        "language": {"enum": ["html", "javascript", "xml", "Text"]},
        "rawDataType": TEXT,
        "time": {"type": ["null", "string", "number"]},
        "cookies": many({}),
    },
    "id",
    "responseCode",
    "request",
)
OLD_REQUEST = closed(
    {
        "id": UUID,
        "name": TEXT,
        "description": TEXT,
        "method": TEXT,
        "url": TEXT,
        "headers": TEXT,
        "collectionId": UUID,
        "folder": UUID,
        "dataMode": {"enum": ["raw", "urlencoded", "params", "binary", "graphql"]},
        "data": many({"type": "object"}),
        "rawModeData": {"type": ["string", "null", "array"]},
        "queryParams": many(closed({"key": TEXT, "value": TEXT, "description": TEXT, "enabled": {"type": "boolean"}})),
        "pathVariables": {"type": "object", "additionalProperties": TEXT},
        "pathVariableData": many(closed({"key": TEXT, "value": TEXT, "description": TEXT})),
        "time": {"type": "number", "multipleOf": 1},
        "responses": many(OLD_RESPONSE),
    },
    *("id", "method", "url", "headers", "name", "collectionId"),
)
OLD_FOLDER = closed(
    {"id": UUID, "name": TEXT, "description": TEXT, "order": ORDER, "collection_id": UUID, "collectionId": UUID},
    *("id", "name", "description", "order"),
)
ONE = closed(
    {
        "id": UUID,
        "name": TEXT,
        "description": {"type": ["string", "null"]},
        "order": ORDER,
        "folders_order": ORDER,
        "folders": many(OLD_FOLDER),
        "timestamp": {"type": "number", "multipleOf": 1},
        "auth": AUTH,
        "variables": many(closed({"id": TEXT, "key": TEXT, "value": TEXT, "type": TEXT})),
        "requests": many(OLD_REQUEST),
    },
    *("id", "name", "order", "requests"),
)
