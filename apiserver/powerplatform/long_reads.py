"""`Prefer: respond-async` on reads, and `$async/{id}`, where the answer is asked for (OData Protocol 4.01, 11.6; Power Platform's 202).

202 with Location while it is worked on, then the payload of the read; DELETE cancels. A user sees only its own.
"""

from __future__ import annotations

import threading
import uuid
from datetime import datetime
from http import HTTPStatus
from time import monotonic, sleep
from typing import Any

import orjson
from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from apiserver.odata.errors import Forbidden, Gone, NotAllowed, NotFound
from apiserver.odata.service import Exchange
from apiserver.odata.service_read import check_options
from apiserver.powerplatform import long_read_odata
from apiserver.powerplatform.long_read_models import LongRead
from apiserver.powerplatform.long_read_results import PIECE_BYTES, new_key, pieces
from apiserver.resources.services import catalog_for
from apiserver.server import options
from apiserver.server.errors import answering
from apiserver.server.leases import is_held
from apiserver.server.responses import ApiResponse, when_closed
from apiserver.server.slow_clients import enter_stream
from users.errors import AccessDenied

OPEN = (LongRead.WAITING, LongRead.RUNNING)
FIRST_SECONDS, MOST_SECONDS = 1, 30  # of Retry-After
MOST_WAIT = 30  # seconds that a client can wait for an answer at once
LOOK_SECONDS = 0.2
PATIENT = threading.BoundedSemaphore(4)  # threads of a worker that may wait for results
RETRY_SECONDS = 30
HTTP = "application/http"


# ---- ask ----


def defer(exchange: Exchange) -> HttpResponseBase | None:
    """Answer a read 202 and leave it to the worker; None where such reads are turned off."""
    most = int(options.current().long_reads["per_user"])
    if not most:
        return None
    check_options(exchange)
    with answering():
        read = begin(exchange, most)
        if exchange.preferences.wait and waited(read, min(exchange.preferences.wait, MOST_WAIT)):
            return at_once(exchange, read)
    exchange.context.log["rows"] = None
    return going_on(exchange, read, {"Preference-Applied": "respond-async"})


def begin(exchange: Exchange, most: int) -> LongRead:
    """Store what is asked; refuse more than a user may have open."""
    user_id = user_of(exchange)
    if LongRead.objects.filter(user=user_id, state__in=OPEN).count() >= most:
        raise AccessDenied(
            429,
            "TooManyRequests",
            f"You have {most} long reads under way, as many as you may.",
            hint="Wait for one to end, or cancel one by DELETE.",
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
    resource = exchange.target.resource.name
    return start("read", long_read_odata.asked_of(exchange), user_id=user_id, subject=resource, now=timezone.now())


def start(kind: str, asked: str, *, user_id: int | None, subject: str, now: datetime) -> LongRead:
    """Store work for the worker; `asked` is sealed. Raise nothing but what the database does."""
    return LongRead.objects.create(
        public_id=uuid.uuid4().hex, kind=kind, user_id=user_id, subject=subject[:300], asked=asked, key=new_key(), created=now, due=now
    )


def user_of(exchange: Exchange) -> int | None:
    """Return who asks; None for the anonymous user."""
    principal = exchange.request.principal  # type: ignore[attr-defined]
    return principal.user_id or None


def waited(read: LongRead, seconds: int) -> bool:
    """Wait for the result as long as the client would (RFC 7240, 4.3); claim that it is there."""
    if not PATIENT.acquire(blocking=False):
        return False
    try:
        ends = monotonic() + seconds
        while monotonic() < ends and read.state in OPEN:
            sleep(LOOK_SECONDS)
            renew(read)
    finally:
        PATIENT.release()
    return read.state == LongRead.DONE


def renew(read: LongRead) -> None:
    """Read it anew; raise NotFound where it was cancelled meanwhile."""
    try:
        read.refresh_from_db()
    except LongRead.DoesNotExist:
        raise NotFound("The long read was cancelled.", hint="Ask again.") from None


def at_once(exchange: Exchange, read: LongRead) -> HttpResponseBase:
    """Answer as if the client had not said that it can wait."""
    response = result(exchange, read, status=read.status or 200)
    if not response.streaming:
        read.delete()
    return response


# ---- ask again ----


def answer(exchange: Exchange, path: str) -> HttpResponseBase:
    """Answer what lies below $async."""
    if exchange.method not in ("GET", "HEAD", "DELETE"):
        raise NotAllowed(exchange.method, ("GET", "HEAD", "DELETE", "OPTIONS"))
    with answering():
        read = own(exchange, path)
        exchange.context.log["resource"] = read.subject
        if exchange.method == "DELETE":
            read.delete()  # the worker notices within a second
            return ApiResponse(status=204)
        if read.state == LongRead.GONE or (read.expires is not None and read.expires < timezone.now()):
            raise Gone("The result was kept for a time that is over.", hint="Ask again.")
        if read.state in OPEN or not may_see(exchange, read):
            return going_on(exchange, read, {})
        return told(exchange, read)


def own(exchange: Exchange, path: str) -> LongRead:
    """Return the work of an address; raise NotFound for an unknown one or another user's."""
    found = LongRead.objects.filter(user=user_of(exchange), public_id=path.partition("/")[2][:64]).first()
    if found is None:
        raise NotFound("There is no such long read.", hint="It may have been cancelled: ask again with Prefer: respond-async.")
    return found


def may_see(exchange: Exchange, read: LongRead) -> bool:
    """Claim that the result is what this user may see now; where the user's rights have changed since, it is read anew."""
    if read.kind != "read" or not read.rights:  # without them nothing was read
        return True
    question = long_read_odata.asked(read)
    if long_read_odata.rights_of(exchange.catalog, question) == read.rights:
        return True
    principal = long_read_odata.principal_for(read, question["privileges"])
    if long_read_odata.rights_of(catalog_for(principal), question) == read.rights:
        raise Forbidden("This result was read with wider rights.", hint="Use the credentials that asked for it.")
    now = timezone.now()
    anew: dict[str, object] = {"state": LongRead.WAITING, "status": None, "rights": "", "due": now}
    anew |= dict.fromkeys(("rows", "size", "pieces_count", "attempts", "failures"), 0)
    if is_held(read, **anew, expires=None, finished=None, fence=read.fence + 1):
        read.pieces.all().delete()
    renew(read)
    return False


def going_on(exchange: Exchange, read: LongRead, headers: dict[str, str]) -> HttpResponseBase:
    """Answer that it is worked on, with how far it has come."""
    elapsed = (timezone.now() - read.created).total_seconds()
    wait = max(FIRST_SECONDS, min(MOST_SECONDS, int(elapsed / 10)))
    body: dict[str, Any] = {
        "status": LongRead.RUNNING if read.state == LongRead.RUNNING else LongRead.WAITING,
        "subject": read.subject,
        "rows": read.rows,
        "since": read.created,
        "started": read.started,
    }
    headers = {"Location": f"{exchange.context.root}/$async/{read.public_id}", "Retry-After": str(wait), **headers}
    return ApiResponse(orjson.dumps(body, option=orjson.OPT_UTC_Z), status=202, content_type="application/json", headers=headers)


def told(exchange: Exchange, read: LongRead) -> HttpResponseBase:
    """Answer the result as this client understands it.

    A client that speaks OData gets 200 and the status in AsyncResult, or the whole answer as application/http (Protocol 4.01, 11.6);
    any other the status itself, so that a flow fails where the read failed.
    """
    meta = exchange.request.META
    accept, version = meta.get("HTTP_ACCEPT", ""), meta.get("HTTP_ODATA_MAXVERSION", "")
    if HTTP in accept.lower() or (version.strip() == "4.0" and not accept.strip()):
        return result(exchange, read, status=200, is_wrapped=True)
    status = read.status or 200
    response = result(exchange, read, status=200 if version or meta.get("HTTP_ODATA_VERSION") else status)
    response["AsyncResult"] = str(status)
    return response


def result(exchange: Exchange, read: LongRead, *, status: int, is_wrapped: bool = False) -> HttpResponseBase:
    """Return the stored answer."""
    exchange.context.log["rows"] = read.rows
    exchange.version = read.headers.get("OData-Version", exchange.version)
    head = wrapped_head(read) if is_wrapped else b""
    media = HTTP if is_wrapped else read.headers.get("Content-Type", "application/json")
    kept = {} if is_wrapped else {name: value for name, value in read.headers.items() if name not in ("Content-Type", "OData-Version")}
    if exchange.method == "HEAD":
        return ApiResponse(status=status, content_type=media, headers={**kept, "Content-Length": str(len(head) + read.size)})
    if read.size <= PIECE_BYTES:
        return ApiResponse(head + b"".join(pieces(read)), status=status, content_type=media, headers=kept)
    leave = enter_stream()
    response = StreamingHttpResponse((part for parts in ((head,), pieces(read)) for part in parts), status=status, content_type=media)
    for name, value in kept.items():
        response[name] = value
    when_closed(response, leave)
    return response


def wrapped_head(read: LongRead) -> bytes:
    """Return the beginning of the answer as a message of its own."""
    status = read.status or 200
    headers = {**read.headers, "Content-Length": str(read.size)}
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
