"""`/hooks/{id}`: where a service tells that something changed. No authtoken: the id can't be guessed, the message is signed."""

from __future__ import annotations

import time

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apiserver.triggers import incoming
from apiserver.triggers.models import Hook
from apiserver.triggers.ringing import ring
from connections import vault

MOST_BYTES = 2**20


@csrf_exempt
def receive(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take a message; 404 for an unknown address, 400 for one that is not signed, 413 for one that is too large."""
    hook = Hook.objects.select_related("connection").filter(public_id=public_id).first()
    kind = incoming.KINDS.get(hook.connection.connector) if hook else None
    if hook is None or kind is None:
        return refused(404, "NotFound", "Nothing is at this address.")
    if request.method != "POST":
        return refused(405, "MethodNotAllowed", "Messages come by POST.", Allow="POST")
    body = request.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        return refused(413, "PayloadTooLarge", f"A message has at most {MOST_BYTES:,} bytes.")
    try:
        kind.verify(vault.reveal(hook.secret), request.headers, body, time.time())
        event = kind.event(request.headers, orjson.loads(body))
    except incoming.Unsigned as error:
        return refused(400, "BadSignature", str(error))
    except orjson.JSONDecodeError:
        return refused(400, "BadPayload", "The message is no JSON.")
    ring(hook, event, now=timezone.now())
    return JsonResponse({"received": True})


def refused(status: int, code: str, message: str, **headers: str) -> HttpResponse:
    """Return an error as the API has them."""
    return JsonResponse({"error": {"code": code, "message": message}}, status=status, headers=headers)
