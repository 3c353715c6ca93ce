"""Notifications in the management API, for administrators: who is told, a test, what was sent. Secrets are written, never read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from django.urls import URLPattern
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from apiserver.server import audit, notifying
from apiserver.server import notification_settings as settings
from apiserver.server.configuration_protocol import ConfigurationError, check_keys
from apiserver.server.models import NoticeDelivery
from apiserver.server.rest import ManagementView, by, check_match, given, number, shown
from apiserver.server.rest_errors import Refusal
from apiserver.server.rest_schema import Json, described, reference, url
from connections.outgoing import listed_host

PLACE = settings.PLACE
LIMIT, MOST = 100, 1000
SENT = ("state", "attempts", "error", "tried")


def settings_shown() -> dict[str, Any]:
    """Return the settings without their secrets; the address of a webhook may be one: its host is shown, and by what it is named here."""
    found = settings.revealed()
    smtp = {name: value for name, value in found["smtp"].items() if name != "password"}
    if found["smtp"].get("password"):
        smtp["secrets"] = ["password"]
    webhooks = [{"id": id_of(item["url"]), "host": listed_host(item["url"])} for item in found["webhooks"]]
    return {**found, "smtp": smtp, "webhooks": webhooks}


def id_of(address: str) -> str:
    """Return the name of a webhook in answers."""
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def merged(values: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was sent with the secrets of what it leaves as it is."""
    found = dict(values)
    if isinstance(found.get("smtp"), dict):
        found["smtp"] = smtp_kept(found["smtp"], before["smtp"])
    if isinstance(found.get("webhooks"), list):
        known = {id_of(item["url"]): item for item in before["webhooks"]}
        found["webhooks"] = [webhook_kept(item, known) for item in found["webhooks"]]
    return found


def smtp_kept(values: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mail server; its password stays where server and user do, and null removes it."""
    found = {name: value for name, value in values.items() if name != "secrets"}
    is_same = all(found.get(name) == before.get(name) for name in ("host", "user"))
    if "password" not in found and is_same and before.get("password"):
        found["password"] = before["password"]
    return {name: value for name, value in found.items() if value is not None}


def webhook_kept(item: Any, known: Mapping[str, Mapping[str, str]]) -> Any:
    """Return a webhook; one that is named by its id alone is the one that is stored."""
    if not isinstance(item, dict) or "url" in item or "id" not in item:
        return item
    if item["id"] not in known:
        raise ConfigurationError(f"{PLACE}.webhooks: {str(item['id'])[:40]!r} is none of the stored ones; give its url.")
    return {**known[item["id"]], **({"secret": item["secret"]} if item.get("secret") else {})}


class NotificationsView(ManagementView):
    """Settings -> Notifications."""

    tag, place = PLACE, PLACE

    def get(self, request: Request) -> Response:
        """Return who is told of what."""
        return shown(settings_shown())

    def patch(self, request: Request) -> Response:
        """Change the settings that the body names. A webhook without a secret is given one, told in this answer only."""
        now = settings_shown()
        check_match(request, now)
        before = settings.revealed()
        values = {name: value for name, value in given(request).items() if value != now.get(name, ...)}
        check_keys(values, settings.KEYS, PLACE)
        after = settings.checked(merged(values, before), before, before)
        if settings.store(after):
            audit.record("settings changed", subject=PLACE, **by(request))
        known, named = {item["url"] for item in before["webhooks"]}, secrets_in(values)
        made = {
            id_of(item["url"]): item["secret"] for item in after["webhooks"] if item["url"] not in known and item["secret"] not in named
        }
        return shown({**settings_shown(), **({"made_secrets": made} if made else {})}, headers={"Cache-Control": "no-store"})


def secrets_in(values: Mapping[str, Any]) -> set[str]:
    """Return the secrets of webhooks that the caller sent: it has them already."""
    found = values.get("webhooks")
    return {str(item.get("secret")) for item in found if isinstance(item, dict)} if isinstance(found, list) else set()


class TestView(ManagementView):
    """A test of every way."""

    tag = PLACE

    def post(self, request: Request) -> Response:
        """Send a test on every way, now and once, and tell what came of it."""
        found = notifying.test(now=timezone.now())
        if found is None:
            raise Refusal(409, "Conflict", "Nobody is told yet.", hint="Set smtp with recipients in to, or webhooks.")
        audit.record("notifications tested", subject=PLACE, **by(request))
        results = [{"to": delivery.shown, "taken": outcome.is_taken, "error": outcome.error} for delivery, outcome in found]
        return Response({"results": results})


class SentView(ManagementView):
    """What was sent."""

    tag = PLACE

    def get(self, request: Request) -> Response:
        """Return what was told to whom, the newest first; `next` is the `before` of the page after this one."""
        limit, before = number(request, "limit", LIMIT, most=MOST), number(request, "before", 0, most=2**62)
        found = NoticeDelivery.objects.select_related("notice").order_by("-pk")
        rows = list((found.filter(pk__lt=before) if before else found)[: limit + 1])
        results = [sent(row) for row in rows[:limit]]
        return Response({"results": results, "next": results[-1]["id"] if results and len(rows) > limit else None})


def sent(row: NoticeDelivery) -> dict[str, Any]:
    """Return a delivery as it is shown."""
    notice = row.notice
    told = {"id": row.pk, "message_id": row.message_id, "event": notice.event, "subject": notice.subject, "created": notice.created}
    return {**told, "kind": row.kind, "to": row.shown, **{name: getattr(row, name) for name in SENT}}


def notifications_schema() -> Json:
    """Return the schema of the settings."""
    text: Json = {"type": "string"}
    smtp = dict.fromkeys(settings.SMTP, text) | {"port": {"type": "integer", "minimum": 1, "maximum": 65_535}}
    smtp |= {"tls": {"type": "string", "enum": list(settings.PORTS)}, "password": {"type": "string", "writeOnly": True, "nullable": True}}
    webhook = {"id": {**text, "readOnly": True}, "host": {**text, "readOnly": True}}
    webhook |= {name: {**text, "writeOnly": True} for name in ("url", "secret")}
    return {
        "type": "object",
        "properties": {
            "smtp": {"type": "object", "properties": smtp},
            "to": {"type": "array", "items": {"type": "string", "format": "email"}},
            "on": {"type": "string", "enum": list(settings.ON)},
            "contract": {"type": "string", "enum": list(settings.CONTRACT)},
            "webhooks": {"type": "array", "items": {"type": "object", "properties": webhook}},
        },
    }


def urls() -> list[URLPattern]:
    """Return the addresses of this room."""
    entries: Json = {"type": "array", "items": {"type": "object", "additionalProperties": True}}
    whole, results = reference("Notifications"), {"type": "object", "properties": {"results": entries}}
    page = {"type": "object", "properties": {"results": entries, "next": {"type": "integer", "nullable": True}}}
    described(NotificationsView, "get", "getNotifications", "Get who is told", answer=whole)
    described(NotificationsView, "patch", "changeNotifications", "Change who is told", answer=whole, body=whole)
    described(TestView, "post", "testNotifications", "Send a test", answer=results)
    described(SentView, "get", "listNotifications", "List what was sent", answer=page, query=("before", "limit"))
    views = {PLACE: NotificationsView, f"{PLACE}/test": TestView, f"{PLACE}/sent": SentView}
    return [url(word, view) for word, view in views.items()]


SCHEMAS = {"Notifications": notifications_schema}
