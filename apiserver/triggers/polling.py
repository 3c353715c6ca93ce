"""`$poll/{Resource}/created` and `/modified`: polling triggers. 202 while nothing is new, 200 with the rows; Location carries the state."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpResponseBase
from django.utils import timezone

from apiserver.odata.errors import BadRequest, Conflict, Forbidden, NotAllowed, NotFound
from apiserver.odata.format import Format
from apiserver.odata.payload import PayloadWriter, dumps
from apiserver.odata.percent import decode
from apiserver.odata.reader_plan import Question
from apiserver.odata.service import Exchange, readable
from apiserver.odata.service_rows import NotedSession, needed_names
from apiserver.resources import snapshot
from apiserver.resources.models import Resource
from apiserver.server import options
from apiserver.server.errors import answering
from apiserver.server.responses import ApiResponse
from apiserver.triggers import reconciling
from apiserver.triggers.checks import CREATED, MODIFIED, check_of
from apiserver.triggers.marks import Clock, Mark, Told, advanced, begun
from apiserver.triggers.models import Poll
from apiserver.triggers.storing import packed, split, unpacked
from apiserver.triggers.window import Found, Window, rows_beyond
from connections import vault

EVENTS = (CREATED, MODIFIED)
STATE = "triggerState"
ALLOWED = frozenset({"filter", "select", "format"})
FIRST_KNOWN = 1000  # rows near the edge that are known to who begins: what is committed late among them is told
MOST_STATES = 1000  # of one user
PLAIN = Format()


@dataclass(frozen=True, slots=True)
class Poller:
    """Who asks, for what."""

    exchange: Exchange
    window: Window
    row: Resource
    question: str

    @property
    def user_id(self) -> int | None:
        """Return the user; None of the anonymous one."""
        principal = self.exchange.request.principal  # type: ignore[attr-defined]
        return principal.user_id or None


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows that are new, as JSON objects, and what is known after they were told."""

    objects: list[bytes]
    told: list[Told]
    clock: Clock | None
    has_more: bool = False


def answer(exchange: Exchange, path: str) -> HttpResponseBase:
    """Answer what lies below $poll."""
    if exchange.method != "GET":
        raise NotAllowed(exchange.method, ("GET", "OPTIONS"))
    poller = poller_of(exchange, path)
    state = [value for name, value in exchange.options.custom if name == STATE]
    if len(state) > 1:
        raise BadRequest(f"{STATE} is given twice.", target=STATE, hint="Follow the Location as it is.")
    if not state:
        return waiting(poller, begin(poller))
    with answering():
        return going_on(poller, stored(poller, state[0]))


def poller_of(exchange: Exchange, path: str) -> Poller:
    """Return what is asked for; raise NotFound for what this user can't see or what has no check column."""
    _, name, event, *rest = [*path.split("/"), "", ""][: max(3, path.count("/") + 1)]
    catalog = readable(exchange.catalog)
    resource = catalog.resources.get(name)
    if resource is None:
        raise NotFound(f"{name or 'A resource'} is not published.", target=name, hint="Write $poll/Orders/created.")
    if event not in EVENTS or rest:
        raise NotFound(f"{name} has no such trigger.", target=name, hint=f"Write $poll/{name}/created or $poll/{name}/modified.")
    exchange.context.log["resource"] = name
    check = check_of(resource, event)
    if check is None:
        hint = "An administrator can choose a check column that is never null on the resource's page; it needs a key, too."
        raise NotFound(f"{name} has no column that shows which rows were {event}.", target=name, hint=hint)
    check_options(exchange)
    session: Any = NotedSession(exchange.context.session_for(resource.connection_id), exchange.context.log)
    items = tuple(resource.by_name[item] for item in needed_names(resource, exchange.options))
    question = Question(session, catalog, resource, exchange.options, {}, exchange.options.aliases)
    with answering():
        row = Resource.objects.get(public_id=resource.id)
    settings = options.current().triggers
    window = Window(question, event, check, items, is_table(row), float(settings["late_seconds"]), int(settings["reconcile_rows"]))
    return Poller(exchange, window, row, question_of(exchange, window))


def is_table(row: Resource) -> bool:
    """Claim that rows come from a table itself, not from a view or a SELECT."""
    return not row.sql and snapshot.from_json(row.snapshot).kind == "table"


def check_options(exchange: Exchange) -> None:
    """Refuse query options that mean nothing here."""
    for option in exchange.options.given.keys() - ALLOWED:
        hint = "Use $filter and $select."
        raise BadRequest(f"The query option ${option} does not apply to a trigger.", target=f"${option}", hint=hint)


def question_of(exchange: Exchange, window: Window) -> str:
    """Return a name of the question that a state belongs to."""
    resource = window.question.resource
    given = {name: text for name, text in exchange.options.given.items() if name != "format"}
    given |= {f"@{name}": repr(node) for name, node in exchange.options.aliases.items()}
    text = json.dumps([resource.id, window.event, window.check.column.name, list(resource.key), sorted(given.items())])
    return hashlib.sha256(text.encode()).hexdigest()


# ---- states ----


def stored(poller: Poller, token: str) -> Poll:
    """Return the state of a token; raise BadRequest for one that was changed or has expired, Forbidden for another user's."""
    hint = f"Begin again without {STATE}."
    try:
        number = int(vault.reveal(token).removeprefix("poll "))
    except (vault.VaultError, ValueError) as error:
        raise BadRequest(f"This {STATE} was not made by this server.", target=STATE, hint=hint) from error
    found = Poll.objects.filter(pk=number).first()
    if found is None:
        raise BadRequest(f"This {STATE} has expired.", target=STATE, hint=hint)
    if found.user_id != poller.user_id:
        raise Forbidden(f"This {STATE} is another user's.", target=STATE, hint=hint)
    if found.question != poller.question or found.resource_id != poller.row.pk:
        raise BadRequest(f"This {STATE} belongs to another question.", target=STATE, hint=hint)
    if timezone.now() - found.used > timedelta(hours=1):
        Poll.objects.filter(pk=found.pk).update(used=timezone.now())
    return found


def begin(poller: Poller) -> Poll:
    """Return the state of who asks for the first time: what is there now is old."""
    found = list(rows_beyond(poller.window, None, FIRST_KNOWN + 1, is_newest=True))
    clock = found[0].clock if found else Clock(timezone.now().timestamp())
    mark = begun([item.told for item in found], has_more=len(found) > FIRST_KNOWN, clock=clock)
    with answering():
        return put(poller, mark, (), None)


def put(poller: Poller, mark: Mark, told: Sequence[Told], previous: Poll | None) -> Poll:
    """Store a state; the one that an equal call stored meanwhile stands."""
    now = timezone.now()
    try:
        with transaction.atomic():
            made = Poll.objects.create(
                user_id=poller.user_id,
                resource=poller.row,
                question=poller.question,
                mark=packed(mark, poller.window),
                told=b"".join(item.id for item in told),
                previous=previous,
                created=now,
                used=now,
                swept=previous.swept if previous else None,
            )
            forget(poller, previous)
    except IntegrityError:
        if previous is None:
            raise Conflict("The resource is being taken back.", hint="Try again.") from None
        return Poll.objects.get(previous=previous)
    return made


def forget(poller: Poller, previous: Poll | None) -> None:
    """Drop what nobody can need: states before the one that was asked with, and the oldest beyond the limit."""
    if previous is not None:
        Poll.objects.filter(next__next=previous).delete()
        return
    own = Q(user__isnull=True) if poller.user_id is None else Q(user=poller.user_id)
    mine = Poll.objects.filter(own).order_by("-used", "-pk").values_list("pk", flat=True)
    Poll.objects.filter(pk__in=list(mine[MOST_STATES : MOST_STATES + 100])).delete()


# ---- answers ----


def going_on(poller: Poller, state: Poll) -> HttpResponseBase:
    """Answer the rows that are new since a state; the rows that were given with it once are given again."""
    mark = unpacked(bytes(state.mark), poller.window)
    following = Poll.objects.filter(previous=state).first()
    while following is not None:
        given = read(poller, mark, again=split(bytes(following.told)))
        if given.objects:
            return rows(poller, given, following)
        state, mark = following, unpacked(bytes(following.mark), poller.window)  # all of them changed again or are gone
        following = Poll.objects.filter(previous=state).first()
    found = reconciled(poller, state, mark)
    is_late = found.clock is not None
    found = found if is_late else read(poller, mark)
    if found.clock is None:
        return waiting(poller, state)
    after = advanced(mark, found.told, found.clock, has_more=found.has_more and not is_late)
    made = put(poller, after, found.told, state)
    if split(bytes(made.told)) != frozenset(item.id for item in found.told):
        return going_on(poller, state)
    return rows(poller, found, made)


def read(poller: Poller, mark: Mark, again: frozenset[bytes] | None = None) -> Answer:
    """Return the oldest rows that were not told, or those told then; as many as one answer may hold."""
    limit = len(mark.known) + int(options.current().triggers["rows"]) + 1
    if again is None:
        return collected(poller, (item for item in rows_beyond(poller.window, mark.floor, limit) if item.told.id not in mark.known))
    limit += sum(len(item.ids) for item in mark.behind)  # they may have been late ones
    return collected(poller, (item for item in rows_beyond(poller.window, mark.back, limit) if item.told.id in again))


def reconciled(poller: Poller, state: Poll, mark: Mark) -> Answer:
    """Return rows that were committed after the mark had gone past them, when it is time to look for them."""
    now, settings = timezone.now(), options.current().triggers
    if not reconciling.is_due(mark, state.swept, seconds=float(settings["reconcile_seconds"]), now=now):
        return Answer([], [], None)
    late, has_more = reconciling.late_rows(poller.window, mark, int(settings["rows"]))
    found = collected(poller, late)
    if not has_more and len(found.told) == len(late):
        state.swept = now
        with answering():
            Poll.objects.filter(pk=state.pk).update(swept=now)
    return Answer(found.objects, found.told, found.clock, has_more=True)  # what comes by itself was not looked at


def collected(poller: Poller, rows: Iterable[Found]) -> Answer:
    """Return rows as they are answered; as many as one answer may hold."""
    window, settings = poller.window, options.current()
    most, left = int(settings.triggers["rows"]), int(settings.request_limits["page_bytes"])
    writer = PayloadWriter(window.question.catalog, poller.exchange.context.root, PLAIN)
    shape = writer.shape(window.question.resource, poller.exchange.options)
    answer = Answer([], [], None)
    for item in rows:
        text = dumps(writer.entity(shape, item.row))
        if len(answer.told) == most or (answer.told and left < len(text)):
            return Answer(answer.objects, answer.told, answer.clock, has_more=True)
        left -= len(text)
        answer = added(answer, item, text)
    return answer


def added(answer: Answer, item: Found, text: bytes) -> Answer:
    """Return the answer with one more row."""
    answer.objects.append(text)
    answer.told.append(item.told)
    return Answer(answer.objects, answer.told, item.clock)


def waiting(poller: Poller, state: Poll) -> HttpResponseBase:
    """Answer that nothing is new."""
    seconds = int(options.current().triggers["interval_seconds"])
    return ApiResponse(status=202, content_type=PLAIN.content_type, headers=headers(poller, state, seconds))


def rows(poller: Poller, found: Answer, state: Poll) -> HttpResponseBase:
    """Answer the rows; the next call may follow at once where more are waiting."""
    poller.exchange.context.log["rows"] = len(found.objects)
    wait = 1 if found.has_more else int(options.current().triggers["interval_seconds"])
    body = b"[" + b",".join(found.objects) + b"]"
    return ApiResponse(body, content_type="application/json", headers=headers(poller, state, wait))


def headers(poller: Poller, state: Poll, wait: int) -> dict[str, str]:
    """Return where to ask next, and when."""
    exchange, window = poller.exchange, poller.window
    kept = [piece for piece in exchange.query.split("&") if piece and decode(piece.partition("=")[0]) != STATE]
    token = quote(vault.seal(f"poll {state.pk}"), safe="")
    path = f"{exchange.context.root}/$poll/{quote(window.question.resource.name)}/{window.event}"
    return {"Location": f"{path}?{'&'.join([*kept, f'{STATE}={token}'])}", "Retry-After": str(wait)}
