"""Postman collection 1.0 (schema.getpostman.com/json/collection/v1.0.0), as make.powerautomate.com imports it for a custom connector.

The importer makes the connector's host of the requests' addresses, its parameters of query options and path variables, its outputs of the
examples: addresses are written out, keys are segments (`/Orders/:id`), each request has an example. It takes 1 MB.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from apiserver.odata.swagger_info import Address
from apiserver.powerplatform.postman_calls import Call, Folder, pretty
from apiserver.powerplatform.postman_v2 import SAFE, auth

JSON_TYPE = "Content-Type: application/json\n"

Json = dict[str, Any]


def collection(head: Json, address: Address, found: list[Folder], *, has_examples: bool = True) -> Json:
    """Return the collection as data; `head` is what $oas says of itself."""
    own = uid(f"{address.site}/api.rsc/$postman")
    root = f"{address.site}{address.base_path}"
    body: Json = {
        "id": own,
        "name": head["title"],
        "description": head["description"],
        "order": [],
        "folders_order": [uid(folder.id) for folder in found],
        "folders": [folder_of(folder, own) for folder in found],
        "timestamp": 0,
        "auth": auth(address),
        "requests": [request_of(own, root, folder, call, has_examples) for folder in found for call in folder.calls],
    }
    if not address.is_open:
        body["variables"] = [{"id": "authtoken", "key": "authtoken", "value": "", "type": "string"}]
    return body


def uid(text: str) -> str:
    """Return the same id for the same text."""
    return str(uuid5(NAMESPACE_URL, text))


def folder_of(folder: Folder, own: str) -> Json:
    """Return the folder of one resource."""
    return {
        "id": uid(folder.id),
        "name": folder.resource.name,
        "description": folder.resource.description,
        "order": [uid(call.id) for call in folder.calls],
        "collection_id": own,
        "collectionId": own,
    }


def request_of(own: str, root: str, folder: Folder, call: Call, has_examples: bool) -> Json:
    """Return one request."""
    headers = "Accept: application/json\n" + (JSON_TYPE if call.body is not None else "")
    found: Json = {
        "id": uid(call.id),
        "name": call.name,
        "description": call.description,
        "method": call.method,
        "url": root + path_of(call) + sent(call),
        "headers": headers,
        "collectionId": own,
        "folder": uid(folder.id),
        "dataMode": "raw" if call.body is not None else "params",
        "data": [],
        "rawModeData": pretty(call.body),
        "queryParams": [params(item.name, item.value, item.description, item.is_sent) for item in call.query],
        "pathVariables": {name: str(folder.key_examples[name]) for name in call.keys},
        "pathVariableData": [{"key": name, "value": str(folder.key_examples[name])} for name in call.keys],
        "time": 0,
    }
    if has_examples:
        found["responses"] = [response_of(call)]
    return found


def path_of(call: Call) -> str:
    """Return the path with its keys as segments, which become path parameters."""
    base = call.path.partition("(")[0] if call.keys else call.path
    return base + "".join(f"/:{name}" for name in call.keys)


def sent(call: Call) -> str:
    """Return the query that is sent."""
    found = "&".join(f"{item.name}={quote(item.value, safe=SAFE)}" for item in call.query if item.is_sent)
    return f"?{found}" if found else ""


def params(name: str, value: str, description: str, is_sent: bool) -> Json:
    """Return a query option."""
    return {"key": name, "value": value, "description": description, "enabled": is_sent}


def response_of(call: Call) -> Json:
    """Return an example of the answer."""
    return {
        "id": uid(f"{call.id}/{call.status}"),
        "request": uid(call.id),
        "name": f"{call.status} {call.phrase}",
        "status": call.phrase,
        "responseCode": {"code": call.status, "name": call.phrase},
        "headers": [{"key": "Content-Type", "value": "application/json"}] if call.answer is not None else [],
        "text": pretty(call.answer),
        "language": "javascript",
        "rawDataType": "text",
        "time": None,
        "cookies": [],
    }
