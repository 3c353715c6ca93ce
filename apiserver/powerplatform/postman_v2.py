"""Postman collection 2.1 (schema.getpostman.com/json/collection/v2.1.0): variables for address, authtoken and keys, a folder a resource.

Reading a list keeps the key of its first row, which the request for one row uses. What changes or deletes a row uses a key that somebody
filled in, so that a run of the whole collection changes nothing that was there.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from apiserver.odata.swagger_info import Address
from apiserver.powerplatform.postman_calls import KEY, Call, Folder, pretty

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
HEADER = "x-cdata-authtoken"
TYPE = {"key": "Content-Type", "value": "application/json"}
EXACT = "application/json;IEEE754Compatible=true"  # 64-bit and decimal keys as text: scripts would round them
LITERAL = "const literal = (value) => encodeURIComponent(String(value).replace(/'/g, \"''\"));"
ROW = "const row = pm.response.code === 200 ? (pm.response.json().value || [])[0] : undefined;"
SUCCESS = ['pm.test("The server answers 2xx", () => pm.expect(pm.response.code).to.be.within(200, 299));']
SAFE = "(),/:'*"

Json = dict[str, Any]


def collection(head: Json, address: Address, found: list[Folder]) -> Json:
    """Return the collection as data; `head` is what $oas says of itself."""
    body: Json = {
        "info": {
            "_postman_id": str(uuid5(NAMESPACE_URL, f"{address.site}/api.rsc/$postman")),
            "name": head["title"],
            "description": f"{head['description']} Set the variable authtoken once; it is in no request.",
            "schema": SCHEMA,
        },
        "item": [service_folder(), *(folder_of(folder) for folder in found)],
        "auth": auth(address),
        "variable": variables(address, found),
    }
    return body


def auth(address: Address) -> Json:
    """Return how requests show who asks."""
    if address.is_open:
        return {"type": "noauth"}
    parts = {"key": HEADER, "value": "{{authtoken}}", "in": "header"}
    return {"type": "apikey", "apikey": [{"key": key, "value": value, "type": "string"} for key, value in parts.items()]}


def variables(address: Address, found: list[Folder]) -> list[Json]:
    """Return address, authtoken and, for each resource, the keys of the row that is read and of the row that is changed."""
    values = {"baseUrl": f"{address.site}{address.base_path}"}
    if not address.is_open:
        values["authtoken"] = ""
    for folder in found:
        if any(call.keys for call in folder.calls):
            values |= {variable(folder, name): quote(str(value), safe=SAFE) for name, value in folder.key_examples.items()}
        if any(changes(call) for call in folder.calls):
            values |= {changed(folder, name): "" for name in folder.key_examples}
    return [{"key": key, "value": value, "type": "string"} for key, value in values.items()]


def variable(folder: Folder, key: str) -> str:
    """Return the name of the variable that holds a key of the row that is read."""
    return f"{folder.id}.{key}"


def changed(folder: Folder, key: str) -> str:
    """Return the name of the variable that holds a key of the row that is changed or deleted."""
    return f"{folder.id}.{key} to change"


def changes(call: Call) -> bool:
    """Claim that the request changes or deletes a row that is there."""
    return bool(call.keys) and call.method != "GET"


def service_folder() -> Json:
    """Return the requests that tell of the service as a whole."""
    about = (("Service document", "", "Lists what this user sees."), ("Metadata", "$metadata", "Describes it (CSDL)."))
    items = [
        {
            "name": name,
            "event": [script("test", SUCCESS)],
            "request": {"method": "GET", "header": [], "url": url_of(path, ()), "description": text},
            "response": [],
        }
        for name, path, text in about
    ]
    return {"name": "The service", "item": items}


def folder_of(folder: Folder) -> Json:
    """Return the folder of one resource."""
    found: Json = {"name": folder.resource.name, "item": [item_of(folder, call) for call in folder.calls]}
    if folder.resource.description:
        found["description"] = folder.resource.description
    return found


def item_of(folder: Folder, call: Call) -> Json:
    """Return one request with its scripts and an example of the answer."""
    request = request_of(folder, call)
    found: Json = {
        "id": str(uuid5(NAMESPACE_URL, call.id)),
        "name": call.name,
        "request": request,
        "response": [response_of(call, request)],
    }
    events = [script(listen, lines) for listen, lines in scripts(folder, call).items() if lines]
    return {**found, "event": events} if events else found


def request_of(folder: Folder, call: Call) -> Json:
    """Return the request itself."""
    name = changed if changes(call) else variable
    path = KEY.sub(lambda match: f"{{{{{name(folder, match[1])}}}}}", call.path)
    accept = EXACT if call.is_list and folder.is_rounded else "application/json"
    header = [{"key": "Accept", "value": accept}]
    found: Json = {
        "method": call.method,
        "header": header,
        "url": url_of(path.removeprefix("/"), query_of(call)),
        "description": call.description,
    }
    if call.body is not None:
        header.append(TYPE)
        found["body"] = {"mode": "raw", "raw": pretty(call.body), "options": {"raw": {"language": "json"}}}
    return found


def query_of(call: Call) -> tuple[Json, ...]:
    """Return the query options; those that are not sent can be ticked."""
    return tuple(
        {"key": item.name, "value": item.value, "description": item.description} | ({} if item.is_sent else {"disabled": True})
        for item in call.query
    )


def url_of(path: str, query: tuple[Json, ...]) -> Json:
    """Return an address below the service root, whole and in parts."""
    sent = "&".join(f"{item['key']}={quote(item['value'], safe=SAFE)}" for item in query if not item.get("disabled"))
    raw = f"{{{{baseUrl}}}}/{path}" + (f"?{sent}" if sent else "")
    found: Json = {"raw": raw, "host": ["{{baseUrl}}"], "path": [path]}
    return {**found, "query": list(query)} if query else found


def response_of(call: Call, request: Json) -> Json:
    """Return an example of the answer."""
    body = pretty(call.answer)
    return {
        "name": f"{call.status} {call.phrase}",
        "originalRequest": request,
        "status": call.phrase,
        "code": call.status,
        "_postman_previewlanguage": "json",
        "header": [TYPE] if body else [],
        "cookie": [],
        "body": body,
    }


def scripts(folder: Folder, call: Call) -> dict[str, list[str]]:
    """Return what is run before and after a request."""
    before: list[str] = []
    after = list(SUCCESS) if call.method == "GET" else []
    if call.is_list and folder.resource.key:
        after += [LITERAL, ROW, *(kept(folder, name) for name in folder.resource.key)]
    if call.keys:
        name = changed if changes(call) else variable
        before = skipping([name(folder, key) for key in call.keys])
    return {"prerequest": before, "test": after}


def kept(folder: Folder, key: str) -> str:
    """Return the line that keeps one part of the first row's key."""
    held, asked = json.dumps(variable(folder, key)), json.dumps(key)
    return f'if (pm.response.code === 200) pm.collectionVariables.set({held}, row ? literal(row[{asked}]) : "");'


def skipping(names: list[str]) -> list[str]:
    """Return the lines that leave a request out while its key is not known."""
    asked = json.dumps(names)
    return [
        f"const missing = {asked}.filter((name) => !pm.variables.get(name));",
        "if (missing.length && pm.execution && pm.execution.skipRequest) {",
        '  console.log("Fill in first: " + missing.join(", "));',
        "  pm.execution.skipRequest();",
        "}",
    ]


def script(listen: str, lines: list[str]) -> Json:
    """Return an event."""
    return {"listen": listen, "script": {"type": "text/javascript", "exec": lines}}
