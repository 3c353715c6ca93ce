"""Small documents: the least that each rule of the importer needs."""

from __future__ import annotations

from typing import Any

from connections.connectors.openapi.derive import Derived, derive

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}
ROW = {"type": "object", "properties": {"id": WHOLE, "name": TEXT}}


def array(row: Any) -> dict[str, Any]:
    """Return the schema of an array."""
    return {"type": "array", "items": row}


def thing(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object."""
    return {"type": "object", "properties": properties}


def answers(schema: Any, *, headers: Any = None, **media: Any) -> dict[str, Any]:
    """Return the responses of an operation."""
    content = {"application/json": {**({"schema": schema} if schema is not None else {}), **media}}
    return {"200": {"description": "", "content": content, **({"headers": headers} if headers else {})}}


def get(schema: Any, *query: dict[str, Any], headers: Any = None, **more: Any) -> dict[str, Any]:
    """Return a GET operation."""
    return {"get": {"parameters": list(query), "responses": answers(schema, headers=headers), **more}}


def query(name: str, schema: Any = None, **more: Any) -> dict[str, Any]:
    """Return a query parameter."""
    return {"name": name, "in": "query", "schema": schema or TEXT, **more}


def document(paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an OpenAPI 3.0 document."""
    info = {"title": "Small", "version": "1"}
    return {"openapi": "3.0.3", "info": info, "servers": [{"url": "https://api.example.com/v1"}], "paths": paths, **more}


def derived(paths: dict[str, Any], *, parameters: dict[str, str] | None = None, **more: Any) -> Derived:
    """Return what a document of these paths gives."""
    return derive(document(paths, **more), parameters=parameters)


def tables(paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the tables of the manifest."""
    return derived(paths, **more).manifest["tables"]


def table(paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the only table."""
    found = tables(paths, **more)
    assert len(found) == 1, list(found)
    return next(iter(found.values()))


def paging(paths: dict[str, Any]) -> dict[str, Any]:
    """Return the paging of the only table."""
    return table(paths)["read"][0]["paging"]
