"""The management API described: addresses with their words, one OpenAPI document of them all (drf-spectacular)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.urls import URLPattern, re_path
from django.utils.module_loading import import_string
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiParameter, extend_schema

from apiserver.server.registry import MANAGEMENT_ROOMS
from apiserver.server.rest_entries import Entries, ManyView, OneView

Json = dict[str, Any]
ERROR: Json = {"$ref": "#/components/schemas/Error"}
DETAIL: Json = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("code", "message", "target")},
    "required": ["code", "message"],
}
OWN: dict[str, Json] = {
    "Error": {
        "type": "object",
        "properties": {"error": {**DETAIL, "properties": {**DETAIL["properties"], "details": {"type": "array", "items": DETAIL}}}},
        "required": ["error"],
    }
}
REFUSALS = {"400": "The request makes no sense.", "401": "No valid authtoken.", "403": "This role may not do it.", "404": "Nothing there."}
WRITING = {
    "409": "It contradicts what is stored.",
    "412": "If-Match does not hold.",
    "415": "The body is not JSON.",
    "422": "What the configuration file would refuse, field by field.",
}
QUERY: dict[str, tuple[type, str]] = {
    "q": (str, "Text that must be in it."),
    "limit": (int, "The most results."),
    "offset": (int, "How many results to leave out first."),
    "refresh": (bool, "Read the source anew."),
    "dry_run": (bool, "Only tell what would change."),
    "prune": (bool, "Delete what the file does not mention."),
    "before": (int, "Only entries older than the one of this id."),
    "user": (str, "Only this user's requests."),
    "status": (str, "A status such as 404, or a class such as 4xx."),
    "since": (str, "From this time on, such as 2026-01-31T08:00:00Z."),
    "until": (str, "Before this time."),
    "job": (str, "Only runs of this job."),
    "state": (str, "Only runs in one of these states, with commas between them."),
    "reason": (str, "Only runs that began for one of these reasons, with commas between them."),
    "level": (str, "Only lines of this level and graver ones: debug, info, warning, error."),
    "after": (int, "Only lines newer than the one of this id."),
    "wait": (int, "Seconds to wait for the end, 30 at most."),
    "format": (str, "json, csv or md."),
}


def reference(name: str) -> Json:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def url(pattern: str, view: Any) -> URLPattern:
    """Return an address, which answers with and without a slash at its end."""
    return re_path(rf"^/{pattern}/?$", view.as_view())


def described(
    view: Any,
    method: str,
    operation_id: str,
    summary: str,
    *,
    answer: Json | None = None,
    body: Any = None,
    status: int = 200,
    query: Sequence[str] = (),
    media: str = "application/json",
) -> Any:
    """Return the view with one method described."""
    responses: dict[Any, Any] = {(status, media) if answer else status: answer}
    is_write = method not in ("get", "delete")
    responses |= {int(code): {**ERROR, "description": text} for code, text in {**REFUSALS, **(WRITING if is_write else {})}.items()}
    handler = getattr(view, method)
    wrapped = extend_schema(
        operation_id=operation_id,
        summary=summary,
        description=handler.__doc__,
        tags=[getattr(view, "tag", None) or view.entries.room],
        request={"application/json": body} if isinstance(body, dict) and "content" not in body else (body or {}).get("content"),
        responses=responses,
        parameters=[OpenApiParameter(name, QUERY[name][0], description=QUERY[name][1]) for name in query],
    )(copied(handler))
    setattr(view, method, wrapped)
    return view


def copied(handler: Any) -> Any:
    """Return a function of its own: views share theirs, descriptions do not."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return handler(self, *args, **kwargs)

    call.__doc__, call.__name__ = handler.__doc__, handler.__name__
    return call


def entry_urls(entries: Entries, word: str) -> list[URLPattern]:
    """Return the addresses of a room's entries; `word` names the schema of one."""
    who = {"entries": entries, "roles": entries.roles, "readers": entries.readers}
    many: Any = type(f"{word}Many", (ManyView,), who)
    one: Any = type(f"{word}One", (OneView,), who)
    entry, noun, plural = reference(word), entries.noun, entries.room
    listed = {"type": "object", "properties": {"count": {"type": "integer"}, "results": {"type": "array", "items": entry}}}
    described(many, "get", f"list{word}s", f"List {plural}", answer=listed, query=("q", "limit", "offset"))
    described(many, "post", f"create{word}", f"Create a {noun}", answer=entry, body=entry, status=201)
    described(one, "get", f"get{word}", f"Get a {noun}", answer=entry)
    described(one, "put", f"put{word}", f"Create or replace a {noun}", answer=entry, body=entry)
    described(one, "patch", f"change{word}", f"Change a {noun}", answer=entry, body=entry)
    described(one, "delete", f"delete{word}", f"Delete a {noun}", status=204)
    return [url(entries.room, many), url(rf"{entries.room}/(?P<name>[^/]+)", one)]


def with_components(result: Json, **_: Any) -> Json:
    """Add the rooms' schemas and how one signs in (a hook of drf-spectacular)."""
    components = result.setdefault("components", {})
    schemas = dict(OWN)
    for room in MANAGEMENT_ROOMS:
        schemas |= {name: make() for name, make in import_string(f"{room}.SCHEMAS").items()}
    components["schemas"] = {**components.get("schemas", {}), **schemas}
    components["securitySchemes"] = {
        "authtoken": {"type": "apiKey", "in": "header", "name": "x-cdata-authtoken"},
        "basic": {"type": "http", "scheme": "basic", "description": "User name, and the authtoken as password."},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    result["security"] = [{"authtoken": []}, {"basic": []}, {"bearer": []}]
    for path in result["paths"].values():
        for operation in path.values():
            operation.pop("security", None)
    return result


@lru_cache(maxsize=16)
def document(root: str) -> bytes:
    """Return the OpenAPI document of the management API at this address."""
    made = SchemaGenerator().get_schema(request=None, public=True)
    return json.dumps({**made, "servers": [{"url": root}]}, ensure_ascii=True, separators=(",", ":"), default=str).encode()
