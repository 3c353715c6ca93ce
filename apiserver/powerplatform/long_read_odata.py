"""A read of the API done by the worker: the request as it was made, under the rights of the moment, by way of the same stages."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from django.http import HttpRequest, HttpResponseBase

from apiserver.odata.errors import error_body, problem_of
from apiserver.odata.parser_errors import Limits
from apiserver.odata.service import Exchange, ServiceContext, readable, run
from apiserver.powerplatform.long_read_models import LongRead
from apiserver.powerplatform.long_read_results import Lost, Sink
from apiserver.powerplatform.long_read_under_way import Running
from apiserver.resources.catalog import Catalog, PublishedResource
from apiserver.resources.services import catalog_for
from apiserver.server import options
from apiserver.server.api_handler import ApiRequest
from apiserver.server.errors import API, NotReady, answering
from apiserver.server.leases import is_held
from connections import vault
from connections.contract.connector import Result, Session
from connections.patient import session_for
from users.authentication import anonymous
from users.errors import unauthorized
from users.models import User
from users.principal import Principal, fingerprint, principal_of

# What of the request's headers shapes the answer.
HEADERS = ("HTTP_ACCEPT", "HTTP_ODATA_VERSION", "HTTP_ODATA_MAXVERSION", "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")
# What of the answer's headers belongs to the result.
KEPT = ("Content-Type", "OData-Version", "ETag", "Preference-Applied", "Vary", "Retry-After")
WORD = re.compile(r"\w+")
GRACE_SECONDS = 60


def asked_of(exchange: Exchange) -> str:
    """Return what is asked, as the worker finds it: sealed, for it may hold an authtoken and values that are nobody else's."""
    meta, preferences = exchange.request.META, exchange.preferences
    headers = {name: meta[name] for name in HEADERS if meta.get(name)}
    if preferences.page_size is not None:
        headers["HTTP_PREFER"] = f"{preferences.page_size_name}={preferences.page_size}"
    principal: Principal = exchange.request.principal  # type: ignore[attr-defined]
    found = {
        "path": exchange.path.strip("/"),
        "query": exchange.query,
        "headers": headers,
        "root": exchange.context.root,
        "privileges": sorted(principal.privileges),
    }
    return vault.seal(json.dumps(found))


def asked(read: LongRead) -> dict[str, Any]:
    """Return what is asked."""
    found: dict[str, Any] = json.loads(vault.reveal(read.asked))
    return found


def principal_for(read: LongRead, privileges: Sequence[str]) -> Principal:
    """Return the rights of the moment of who asked, no wider than those of the credential that was used; raise 401 without any."""
    if read.user_id is None:
        found = anonymous()
    else:
        with answering():
            user = User.objects.filter(pk=read.user_id, is_active=True).first()
            if user is None:
                raise unauthorized("The user that asked is switched off.")
            found = principal_of(user)
    kept = found.privileges & set(privileges)
    return found if kept == found.privileges else replace(found, privileges=kept, fingerprint=fingerprint(found.role, kept, found.grants))


def rights_of(catalog: Catalog, question: Mapping[str, Any]) -> str:
    """Return a name of what a user sees of the resources that a question can touch."""
    seen = readable(catalog)
    found = [seen_of(seen.resources[name]) for name in sorted(touched(seen, f"{question['path']}?{question['query']}"))]
    return hashlib.sha256(json.dumps(found, default=str).encode()).hexdigest()


def touched(catalog: Catalog, text: str) -> set[str]:
    """Return the resources that an address can name, and those that it can reach by its relations; rather too many than too few."""
    plain = unquote_plus(text)
    words = {*WORD.findall(text), *WORD.findall(plain)}
    found: set[str] = set()
    waiting = {name for name in catalog.resources if words.issuperset(WORD.findall(name))}
    while waiting:
        found |= waiting
        ways = [way for name in waiting for way in catalog.resources[name].navigations]
        waiting = {way.target for way in ways if way.name in words or "*" in plain} & catalog.resources.keys() - found
    return found


def seen_of(resource: PublishedResource) -> list[Any]:
    """Return what decides which values of a resource a user gets."""
    columns = [[item.name, item.column.name] for item in resource.properties]
    filters = [item.text for item in resource.row_filters]
    return [resource.id, resource.name, resource.version, columns, resource.key, filters, resource.max_rows]


def run_read(running: Running, sink: Sink) -> tuple[int, dict[str, str]]:
    """Do the read; return status and headers of the result, whose body the sink has."""
    question = asked(running.read)
    request = request_of(question)
    response = run(request, question["path"], partial(opened, running, question), limits_of(running))
    log: dict[str, Any] = request.log_entry  # type: ignore[attr-defined]
    with closing(response):
        running.check()
        if log.get("error", "").startswith("Unavailable"):  # our own database, or no place: later
            raise NotReady
        status = response.status_code
        try:
            for chunk in chunks(response):
                running.check()
                running.rows = int(log.get("rows") or 0)
                sink.write(chunk)
        except Exception as error:
            running.check()
            log["error"] = str(error)
            raise
    running.rows = int(log.get("rows") or 0)
    return status, {name: response[name] for name in KEPT if name in response}


def failed(error: Exception, sink: Sink) -> tuple[int, dict[str, str]]:
    """Make an error the result."""
    problem = problem_of(error)
    sink.begin_anew()
    sink.write(error_body(problem))
    return problem.status, {"Content-Type": "application/json", "OData-Version": "4.0", **problem.headers}


def chunks(response: HttpResponseBase) -> Iterator[bytes]:
    """Give the body."""
    if response.streaming:
        yield from response.streaming_content  # type: ignore[attr-defined]
    elif response.content:  # type: ignore[attr-defined]
        yield response.content  # type: ignore[attr-defined]


def request_of(question: Mapping[str, Any]) -> HttpRequest:
    """Return the request anew."""
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": f"{API}/{question['path']}".encode().decode("latin-1"),
        "QUERY_STRING": question["query"],
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "0",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        **question["headers"],
    }
    request = ApiRequest(environ)
    request.log_entry = {}  # type: ignore[attr-defined]
    return request


def opened(running: Running, question: Mapping[str, Any], request: HttpRequest) -> ServiceContext:
    """Find out what the user may see now. Nothing is cut into pages unless that was asked for."""
    principal = principal_for(running.read, question["privileges"])
    catalog = catalog_for(principal)
    if not is_held(running.read, rights=rights_of(catalog, question)):
        running.end(Lost())
    request.principal = principal  # type: ignore[attr-defined]
    log: dict[str, Any] = request.log_entry  # type: ignore[attr-defined]
    whole = replace(catalog, page_size=0, fingerprint=f"{catalog.fingerprint}:whole")
    return ServiceContext(whole, lambda pk: watched(session_for(pk), running), question["root"], log)


def limits_of(running: Running) -> Limits:
    """Return what one request may ask for, but for its time: that is the work's."""
    return Limits(**{**options.current().request_limits, "request_seconds": running.seconds + GRACE_SECONDS})


def watched(session: Session, running: Running) -> Any:
    """Return the session with its statements and readings stopped when the work has to stop."""
    return WatchedSession(session, running)


class WatchedSession:
    """A session of which another thread can stop what runs."""

    def __init__(self, session: Session, running: Running) -> None:
        self.dialect = session.dialect
        self._session = session
        self._running = running

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def query(self, sql: str, binds: Sequence[Any], **given: Any) -> Result:
        """Run a statement."""
        found = self._session.query(sql, binds, **given, watch=self._running.watch)  # type: ignore[call-arg] # databases take it
        return Result(found.names, self._batches(found), found.close)

    def _batches(self, found: Result) -> Iterator[Sequence[Sequence[Any]]]:
        try:
            for batch in found.batches:
                self._running.check()
                yield batch
        finally:
            self._running.unwatch()
            found.close()

    def select(self, plan: Any, values: Sequence[Any], *, check_time: Any) -> Any:
        """Run a plan on a source that gives rows."""

        def check() -> None:
            check_time()
            self._running.check()

        return self._session.select(plan, values, check_time=check)  # type: ignore[attr-defined]
