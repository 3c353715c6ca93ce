"""Calls to a service: signed, within its budget, repeated where that is safe, heard by the log, their answers checked.

One Caller serves a session; it is thread-safe. A call with all its repetitions takes no longer than the connection's Timeout.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import orjson

from connections.connectors.http.budget import Budget
from connections.connectors.http.replies import BUSY, Asked, asked_to_wait, read, wait_of, without_secrets
from connections.connectors.http.signing import Signature, bearer, sign
from connections.contract.context import Call, Context, Tokens
from connections.contract.errors import (
    AddressRefused,
    BadAnswer,
    ChangeUnknown,
    ConnectionFailed,
    ConnectorError,
    RateLimited,
    SourceTimeout,
    TableGone,
)
from connections.outgoing import BrokeOff, CertificateRefused, NoAnswer, NoSuchHost, Outgoing, Reply, joined, listed_host, origin_of

# JSON by another name (application/vnd.api+json, application/hal+json) is refused by some services unless anything is taken.
ACCEPT = "application/json, */*;q=0.1"
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 8.0
# After so many calls in a row without an answer, callers are told at once for a while instead of waiting, each of them, for the timeout.
FAILURES, REST = 2, 5.0
AWAY = (502, 503, 504)  # nobody is there to answer; 500 may be about one question only
UNCLEAR = (302, 303, 502, 504)  # of what adds something: it may have arrived where it is obeyed
LOOK = "Look whether it is there before you send it again."


class Resting(ConnectionFailed):
    """The service did not answer several times: it is left alone for a moment."""


FINAL = (CertificateRefused, NoSuchHost, Resting)


@dataclass(frozen=True, slots=True)
class Target:
    """What is called."""

    path: str  # filled in; or a whole address on a host of the connection
    method: str = "GET"
    params: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = ""
    is_repeatable: bool = True  # may be sent again after a failure
    base: str = ""  # address that a relative one is relative to; '' = the base of the service
    adds: bool = False  # made twice it would leave more than made once


@dataclass(frozen=True, slots=True)
class Service:
    """The service behind a connection."""

    label: str
    base_url: str
    hosts: frozenset[str]
    scheme: Mapping[str, Any]
    properties: Mapping[str, str]
    headers: Mapping[str, str]
    params: Mapping[str, list[str]]
    secrets: frozenset[str]
    timeout: float = 30.0
    retries: int = 5
    retry_status: tuple[int, ...] = BUSY
    retry_header: str = ""


@dataclass(slots=True)
class Note:
    """What is told of a call that is under way."""

    begun: float
    reply: Reply | None = None
    tries: int = 0  # that were repeated
    has_doubt: bool = False  # a try that failed may have been obeyed
    rows: int = 0


class Caller:
    """Makes the calls of one session."""

    def __init__(self, service: Service, outgoing: Outgoing, context: Context, budget: Budget | None) -> None:
        self.service, self.outgoing, self.context, self.budget = service, outgoing, context, budget
        self._failures, self._rests_until, self._last_failure = 0, 0.0, ""
        self.secrets = service.secrets  # and what the last call was signed with
        self._lock = threading.Lock()

    def call(self, target: Target, asked: Asked, *, is_exact: bool = False, rows: Any = None) -> tuple[Any, Reply, str]:
        """Return document, answer and the address called; raise the contract's error for all that is no good answer.

        `rows` counts the rows of a document for the log.
        """
        address = self.address(target)
        with self._heard(target, address) as note:
            reply = self._tried(target, address, note)
            asked = replace(asked, secrets=asked.secrets | self.secrets)
            document = read(reply, asked, is_exact=is_exact)
            note.rows = rows(document) if rows else 0
        return document, reply, address

    def reply(self, target: Target) -> Reply:
        """Return an answer as it came, whatever its status."""
        address = self.address(target)
        with self._heard(target, address) as note:
            return self._tried(target, address, note)

    @contextmanager
    def _heard(self, target: Target, address: str) -> Iterator[Note]:
        """Tell the call, with all its repetitions, to who listens."""
        note, problem = Note(begun=time.monotonic()), ""
        try:
            yield note
        except ConnectorError as error:
            problem = error.message
            if target.adds and is_doubtful(error, note):
                raise ChangeUnknown(f"Nobody knows whether {self.service.label} made the change: {problem}", hint=LOOK) from error
            raise
        finally:
            reply, seconds = note.reply, time.monotonic() - note.begun
            shown = without_secrets(address, self.secrets)
            status, size = (reply.status, len(reply.body)) if reply else (0, 0)
            self.context.heard(Call(target.method, shown, status, seconds, note.rows, note.tries, problem, size))

    def address(self, target: Target) -> str:
        """Return the whole address with its parameters, without those of the sign-in; raise AddressRefused for a foreign host."""
        if "://" in target.path.split("?")[0]:
            address = target.path
        elif target.base:
            address = joined(target.base, target.path)
        elif target.path in ("", "/"):
            address = self.service.base_url
        else:
            address = self.service.base_url.rstrip("/") + "/" + target.path.lstrip("/")
        if listed_host(address) not in self.service.hosts:
            host = origin_of(address)[1]
            raise AddressRefused(
                f"{self.service.label} leads to {host}, which is no host of this connection.", hint="Nothing was sent there."
            )
        pairs = [(name, value) for name, values in {**self.service.params, **target.params}.items() for value in values]
        given = {name for name, _ in parse_qsl(urlsplit(address).query, keep_blank_values=True)} if "?" in address else set()
        text = urlencode([pair for pair in pairs if pair[0] not in given], quote_via=quote)
        return address + ("&" if "?" in address else "?") + text if text else address

    def _tried(self, target: Target, address: str, note: Note) -> Reply:
        ends = note.begun + self.service.timeout
        most = self.service.retries if target.is_repeatable else 0
        refreshed = False
        signature = self.signature()
        for number in range(most + 2):
            note.tries, note.reply = number, None
            try:
                reply = note.reply = self._sent(target, address, signature, ends)
            except (ConnectionFailed, SourceTimeout) as error:
                note.has_doubt |= isinstance(error, BrokeOff | NoAnswer)
                if number >= most or isinstance(error, (*FINAL, SourceTimeout)) or not self._pause(number, None, ends):
                    if not isinstance(error, Resting):
                        self._failed(error)
                    raise
                continue
            if reply.status == 401 and signature.token and not refreshed:
                refreshed, signature = True, self._refreshed(signature)
                continue
            if reply.status not in self.service.retry_status:
                return reply
            note.has_doubt |= reply.status in UNCLEAR
            wait = wait_of(reply, self.service.retry_header)
            if self.budget and wait and reply.status == 429:
                self.budget.pause(wait)
            if number >= most or not self._pause(number, wait, ends):
                if reply.status in AWAY:
                    self._failed(ConnectionFailed(f"{self.service.label} answered {reply.status}."))
                return reply
        return reply

    def _sent(self, target: Target, address: str, signature: Signature, ends: float) -> Reply:
        self._spend(ends)
        if self._rests_until > time.monotonic():
            raise Resting(self._last_failure, hint="It failed several times; it is asked again in a few seconds.")
        headers = {"Accept": ACCEPT, **self.service.headers, **target.headers}
        if target.content_type:
            headers["Content-Type"] = target.content_type
        if signature.params:
            address += ("&" if "?" in address else "?") + urlencode(signature.params, quote_via=quote)
        reply = self.outgoing.send(
            target.method, address, headers=headers, credentials=signature.headers, body=target.body, hosts=self.service.hosts, ends=ends
        )
        if reply.status not in AWAY:
            self._failures = 0
        return reply

    def _failed(self, error: ConnectorError) -> None:
        with self._lock:
            self._failures, self._last_failure = self._failures + 1, error.message
            if self._failures >= FAILURES:
                self._failures, self._rests_until = FAILURES - 1, time.monotonic() + REST

    def _spend(self, ends: float) -> None:
        while self.budget and (wait := self.budget.take()) > 0:
            if time.monotonic() + wait >= ends:
                if paused := self.budget.paused():
                    raise asked_to_wait(self.service.label, paused)
                raise RateLimited(
                    f"The budget of calls to {self.service.label} is used up for now.",
                    retry_after=wait,
                    hint="Try again when it has filled up.",
                )
            time.sleep(wait)

    def _pause(self, number: int, wait: float | None, ends: float) -> bool:
        """Sleep before the next try; return False when the time left is too short for it."""
        drawn = random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**number))  # noqa: S311 - jitter is no secret
        seconds = drawn if wait is None else wait + drawn / 10
        if time.monotonic() + seconds >= ends:
            return False
        time.sleep(seconds)
        return True

    def signature(self) -> Signature:
        """Return who calls."""
        return self._kept(sign(self.service.scheme, self.service.properties, self.context.tokens, self.service.label))

    def _refreshed(self, stale: Signature) -> Signature:
        tokens: Tokens | None = self.context.tokens
        return self._kept(bearer(tokens.refresh(stale.token), self.service.label)) if tokens else stale

    def _kept(self, found: Signature) -> Signature:
        """Keep what proves who calls out of messages: services repeat it in theirs."""
        sent = (*(text.split(" ")[-1] for text in found.headers.values()), *found.params.values())
        self.secrets = self.service.secrets.union(text for text in sent if len(text) > 3)
        return found


def is_doubtful(error: ConnectorError, note: Note) -> bool:
    """Claim that a call may have been obeyed although it failed."""
    reply = note.reply
    if reply is None:
        return note.has_doubt or isinstance(error, BadAnswer)
    if note.has_doubt and reply.status in BUSY:
        return True
    return reply.status in UNCLEAR or (reply.status < 300 and isinstance(error, BadAnswer | TableGone))


def json_body(target: Target, body: Any) -> Target:
    """Return the call with a JSON body."""
    return replace(target, body=orjson.dumps(body), content_type="application/json")
