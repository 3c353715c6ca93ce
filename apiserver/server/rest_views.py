"""The server's own part of the management API: what there is, settings, request log, audit trail, the description and its page."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, re_path
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apiserver.server import options, requestlog
from apiserver.server.addresses import site_root
from apiserver.server.configuration_server import GROUPS, SINGLE, change_settings, keep_reachable
from apiserver.server.errors import MANAGEMENT
from apiserver.server.models import Audit
from apiserver.server.rest import ADMIN, ManagementView, by, check_match, given, number, plain, shown, words
from apiserver.server.rest_configuration import configuration_urls
from apiserver.server.rest_errors import Refusal
from apiserver.server.rest_schema import Json, described, document, reference, url

BOTH = ("admin", "operator")
LIMIT, MOST = 100, 1000
PLACES = {
    "connections": BOTH,
    "resources": BOTH,
    "jobs": BOTH,
    "runs": BOTH,
    "users": ADMIN,
    "groups": ADMIN,
    "oauth_clients": ADMIN,
    "server": ADMIN,
    "notifications": ADMIN,
    "log": BOTH,
    "audit": ADMIN,
}
PLACES |= {"apply": ADMIN, "export": ADMIN, "schema": BOTH, "docs": BOTH}


def settings_in_force() -> dict[str, Any]:
    """Return the settings, as the configuration file spells them, and where some of them are locked."""
    current = options.current()
    found = {name: getattr(current, name) for name in options.DEFAULTS}
    plain_values = {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}
    return {**plain_values, "locked": dict(current.origins)}


def moment(request: Request, name: str) -> float:
    """Return a time of the query as seconds since 1970; 0 when none was given."""
    text = words(request, name)
    try:
        found = parse_datetime(text.replace(" ", "+")) if text else None
    except ValueError:
        found = None
    if text and found is None:
        raise Refusal(400, "BadRequest", f"{name} must be a time such as 2026-01-31T08:00:00Z, not {text!r}.", target=name)
    return 0 if found is None else (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()


class IndexView(ManagementView):
    """What there is for the caller's role."""

    roles, tag = BOTH, "server"

    def get(self, request: Request) -> Response:
        """Return the addresses that the caller may use."""
        root, role = f"{site_root(plain(request))}{MANAGEMENT}", getattr(request.auth, "role", "")
        return Response({name: f"{root}/{name}/" for name, roles in PLACES.items() if role in roles})


class ServerView(ManagementView):
    """Settings -> Server."""

    tag, place = "server", "server"

    def get(self, request: Request) -> Response:
        """Return the settings in force; `locked` says which are set elsewhere."""
        return shown(settings_in_force())

    def patch(self, request: Request) -> Response:
        """Change the settings that the body names."""
        before = settings_in_force()
        values = {name: value for name, value in given(request).items() if name != "locked" and value != before.get(name, ...)}
        check_match(request, before)
        acting = by(request)
        keep_reachable(values, acting["address"])
        change_settings(values, **acting)
        return shown(settings_in_force())


class LogView(ManagementView):
    """The request log."""

    roles, tag = BOTH, "logs"

    def get(self, request: Request) -> Response:
        """Return the newest requests that fit; `next` is the `before` of the page after this one."""
        limit, status = number(request, "limit", LIMIT, most=MOST), words(request, "status")
        if status and not requestlog.STATUS.fullmatch(status):
            raise Refusal(400, "BadRequest", f"status must be one such as 404 or a class such as 4xx, not {status!r}.", target="status")
        found = requestlog.search(
            limit=limit + 1,
            text=words(request, "q"),
            user=words(request, "user"),
            status=status,
            since=moment(request, "since"),
            until=moment(request, "until"),
            before=number(request, "before", 0, most=2**62),
        )
        results = [timed(entry) for entry in found[:limit]]
        return Response({"results": results, "next": results[-1]["id"] if results and len(found) > limit else None})


def timed(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of the log with its time spelled."""
    return {**entry, "at": dt.datetime.fromtimestamp(entry["at"], dt.UTC).isoformat(timespec="milliseconds")}


class AuditView(ManagementView):
    """The audit trail."""

    tag = "logs"

    def get(self, request: Request) -> Response:
        """Return who did what, the newest first; `next` is the `before` of the page after this one."""
        limit, text = number(request, "limit", LIMIT, most=MOST), words(request, "q")
        found = Audit.objects.order_by("-pk")
        if text:
            found = found.filter(Q(who__icontains=text) | Q(action__icontains=text) | Q(subject__icontains=text) | Q(address=text))
        before = number(request, "before", 0, most=2**62)
        rows = list((found.filter(pk__lt=before) if before else found)[: limit + 1])
        names = ("id", "at", "who", "address", "action", "subject", "detail")
        results = [{name: getattr(row, name) for name in names} for row in rows[:limit]]
        return Response({"results": results, "next": results[-1]["id"] if results and len(rows) > limit else None})


@extend_schema(exclude=True)
class SchemaView(ManagementView):
    """The description of all this."""

    roles = BOTH

    def get(self, request: Request) -> HttpResponse:
        """Return the OpenAPI document."""
        return HttpResponse(document(site_root(plain(request))), content_type="application/json")


@extend_schema(exclude=True)
class DocsView(ManagementView):
    """The page that shows the description; a browser asks for user name and authtoken."""

    roles = BOTH

    def get(self, request: Request) -> HttpResponse:
        """Return the page."""
        return render(plain(request), "server/manage_docs.html")


API_SCHEMAS: dict[str, Json] = {name: {"type": "string"} for name in ("title", "description", "privacy_policy")} | {
    "contact": {"type": "object"},
    "categories": {"type": "array", "items": {"type": "string"}},
    "version": {"type": "string", "pattern": "^[0-9]{1,6}\\.[0-9]{1,6}$"},
    "look_minutes": {"type": "integer", "minimum": 0, "maximum": 10080},
}


def server_schema() -> Json:
    """Return the schema of the settings."""
    kinds = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}

    def of(value: Any) -> Json:
        return {"type": kinds[type(value)]} | ({"items": {"type": "string"}} if isinstance(value, list) else {})

    found = {name: of(options.DEFAULTS[name]) for name in SINGLE}
    found["jwt"]["items"] = {"type": "object", "additionalProperties": True}
    for name, checks in GROUPS.items():
        properties = {key: API_SCHEMAS[key] if name == "api" else of(options.DEFAULTS[name][key]) for key in checks}
        found[name] = {"type": "object", "properties": properties}
    locked = {"type": "object", "readOnly": True, "additionalProperties": {"type": "string"}}
    return {"type": "object", "properties": {**found, "locked": locked}}


def urls() -> list[URLPattern]:
    """Return the addresses of this room."""
    entries = {"type": "array", "items": {"type": "object", "additionalProperties": True}}
    page = {"type": "object", "properties": {"results": entries, "next": {"type": "integer", "nullable": True}}}
    index = {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}
    settings = reference("Server")
    described(IndexView, "get", "index", "List what there is", answer=index)
    described(ServerView, "get", "getServer", "Get the settings", answer=settings)
    described(ServerView, "patch", "changeServer", "Change settings", answer=settings, body=settings)
    described(
        LogView,
        "get",
        "searchLog",
        "Search the request log",
        answer=page,
        query=("q", "user", "status", "since", "until", "before", "limit"),
    )
    described(AuditView, "get", "searchAudit", "Search the audit trail", answer=page, query=("q", "before", "limit"))
    views = {"server": ServerView, "log": LogView, "audit": AuditView, "schema": SchemaView, "docs": DocsView}
    return [re_path(r"^/?$", IndexView.as_view()), *(url(word, view) for word, view in views.items()), *configuration_urls()]


SCHEMAS = {"Server": server_schema}
