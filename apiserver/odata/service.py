"""One OData request as a row of named stages; each may refuse. Called by views, which says who asks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any
from urllib.parse import unquote_plus

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.module_loading import import_string

from apiserver.odata import deadline, headers, nodes, page_bytes
from apiserver.odata.documents import Document
from apiserver.odata.errors import BadPayload, BadRequest, NotAllowed, NotFound, Problem, Unsupported, error_response, problem_of
from apiserver.odata.format import Format
from apiserver.odata.parser import parse_options, parse_path
from apiserver.odata.parser_errors import DEFAULT_LIMITS, Limits, ODataSyntaxError
from apiserver.odata.preferences import Preferences, parse_preferences
from apiserver.odata.resolve import DOCUMENTS, Target, resolve, resolve_id, simple_target
from apiserver.odata.selection import Choice
from apiserver.odata.service_methods import allowed_methods, check_rights
from apiserver.odata.writer_body import read_bytes
from apiserver.resources.catalog import Catalog
from apiserver.resources.remembered import remembered
from apiserver.server.api_handler import RAW_PATH
from apiserver.server.registry import ADDRESSES, DEFERRED, REFUSALS
from apiserver.server.responses import ApiResponse, fill
from connections.contract.connector import Session
from connections.contract.errors import ConnectionFailed, SourceTimeout, TableGone

# Names in the query that steer the server, not the data: never read as OData aliases, never repeated in links.
STEERING = frozenset({"@authtoken", "@x-http-method"})


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """All that one request needs to know of the house: what the user sees and how to reach it."""

    catalog: Catalog
    session_for: Callable[[int], Session]
    root: str  # absolute service root, no trailing slash; with /@TOKEN only when the request's path had it
    log: dict[str, Any] = field(default_factory=dict)
    document: Callable[[str, str, Choice], Document] | None = None  # by name ($metadata, $oas, $openapi), media type and choice

    def session_of(self, target: Target) -> Session:
        """Return the session of the resource that is addressed."""
        return self.session_for(target.resource.connection_id)


# A text among the keys of a path, up to a quote behind which the next one begins or nothing comes.
BARE_KEYS = re.compile(r"(?P<name>(?:^|(?<=,))(?:\w+=)?)'(?P<value>.*?)'(?=,\w+=|\Z)", re.DOTALL)
REMEMBERED_LENGTH = 2000  # of a query; some bytes of it become a hundred times as many of nodes
OpenContext = Callable[[HttpRequest], ServiceContext]


NO_OPTIONS, NO_PREFERENCES, ROOT, JSON = nodes.Options(), Preferences(), Target(), Format()


@dataclass(slots=True)
class Exchange:
    """One request on its way through the stages, and what they found out."""

    request: HttpRequest
    path: str
    open_context: OpenContext
    limits: Limits = DEFAULT_LIMITS
    method: str = "GET"
    version: str = "4.0"
    query: str = ""  # raw query string without steering names
    context: ServiceContext = field(default=None)  # type: ignore[assignment]
    options: nodes.Options = NO_OPTIONS
    preferences: Preferences = NO_PREFERENCES
    target: Target = ROOT
    format: Format = JSON
    replicas: Any = None  # what was found out about them, where a resource is served from one
    told: dict[str, str] | None = None  # headers that say from where the rows are

    @property
    def catalog(self) -> Catalog:
        """Return what the user may see."""
        return self.context.catalog


def run(request: HttpRequest, path: str, open_context: OpenContext, limits: Limits = DEFAULT_LIMITS) -> HttpResponseBase:
    """Answer one request; anything raised on the way becomes an OData error here."""
    exchange = Exchange(request, path, open_context, limits)
    try:
        response = _stages(exchange)
    except Exception as error:  # noqa: BLE001 the one place where every error meets its status
        response = refused(exchange, noted(request, problem_of(error)))
    if exchange.told:
        fill(response, exchange.told)
    headers.compress(request, response)
    if request.method == "HEAD":
        response = _without_body(response)
    return headers.finish(response, exchange.version)


def refused(exchange: Exchange, problem: Problem) -> HttpResponseBase:
    """Answer an error; clients of some addresses read another body than OData's."""
    response = error_response(problem)
    head = exchange.path.strip("/").partition("/")[0]
    is_known: bool = exchange.context is not None and head in exchange.catalog.resources
    if head in REFUSALS and not is_known:
        response.content = rooms_refusal(head)(problem, response.content)
    return response


@cache
def rooms_refusal(head: str) -> Callable[[Problem, bytes], bytes]:
    """Return what writes the errors of a room above."""
    found: Callable[[Problem, bytes], bytes] = import_string(REFUSALS[head])
    return found


def noted(request: HttpRequest, problem: Problem) -> Problem:
    """Leave what went wrong for the request log."""
    entry: dict[str, Any] | None = getattr(request, "log_entry", None)
    if entry is not None:
        entry["error"] = f"{problem.code}: {problem.message}"
    return problem


def _stages(exchange: Exchange) -> HttpResponseBase:
    for stage in STAGES:
        response = stage(exchange)
        if response is not None:
            return response
    raise AssertionError("the last stage answers")


def bound(exchange: Exchange) -> HttpResponseBase | None:
    """Bound the sizes; answer OPTIONS, which is open to everybody and tells nothing of what is published."""
    headers.check_sizes(exchange.request, exchange.limits)
    deadline.begin(exchange.limits.request_seconds)
    page_bytes.begin(exchange.limits.page_bytes)
    if exchange.request.method == "OPTIONS":
        return ApiResponse(status=200, headers={"Allow": ", ".join(headers.METHODS)})
    return None


def read_headers(exchange: Exchange) -> HttpResponseBase | None:
    """Settle version and method."""
    request = exchange.request
    exchange.query, steering = split_query(request.META.get("QUERY_STRING", ""))
    if not steering and request.method != "MERGE" and headers.RARE.isdisjoint(request.META):
        exchange.method = request.method or "GET"
        return None
    exchange.method = headers.effective_method(request, steering.get("@x-http-method", ""))
    exchange.version = headers.answer_version(request)
    headers.check_isolation(request)
    return None


def open_service(exchange: Exchange) -> HttpResponseBase | None:
    """Find out who asks and what they may see."""
    exchange.context = exchange.open_context(exchange.request)
    return None


def parse(exchange: Exchange) -> HttpResponseBase | None:
    """Read address, query options and preferences."""
    _check_bytes(exchange.request)
    preferred = exchange.request.headers.get("Prefer")
    if preferred:
        exchange.preferences = parse_preferences(preferred)
    path = exchange.path.strip("/")
    head, slash, _ = path.partition("/")
    if path.endswith("/$query") and exchange.method == "POST":
        path = _take_query(exchange, path)
    read = parsed if len(exchange.query) <= REMEMBERED_LENGTH else parse_options
    exchange.options = read(exchange.query, limits=exchange.limits)
    if head in DOCUMENTS:
        if slash:
            raise NotFound(f"Nothing is below {head}.", hint="Remove what follows it.")
        exchange.target = Target(document=head)
    elif head in ADDRESSES:
        return rooms_answer(head)(exchange, path)
    elif path == "$entity":
        exchange.target = _entity(exchange)
    else:
        exchange.target = addressed(exchange, path)
    return None


def addressed(exchange: Exchange, path: str) -> Target:
    """Return what a path means. `Customers` and `Customers(1)`, which most requests ask for, need no parser."""
    found = simple_target(exchange.catalog, path) if exchange.limits.path_segments > 1 else None
    return found or resolve(exchange.catalog, read_path(path, exchange.limits), exchange.options.aliases)


def read_path(path: str, limits: Limits) -> nodes.ResourcePath:
    """Return a path as nodes; Power Platform fills keys into `Set('{key}')` and `Set(a={a},b='{b}')` without doubling their quotes:
    `Names('it's')` is meant."""
    try:
        return parse_path(path, decoded=True, limits=limits)
    except ODataSyntaxError:
        name, _, keys = path.partition("(")
        if not path.endswith(")") or "/" in name or "''" in keys:
            raise
        doubled = BARE_KEYS.sub(with_doubled_quotes, keys[:-1])
        if doubled == keys[:-1]:
            raise
        return parse_path(f"{name}({doubled})", decoded=True, limits=limits)


def with_doubled_quotes(found: re.Match[str]) -> str:
    """Return one key of a path as a literal."""
    doubled = found["value"].replace("'", "''")
    return f"{found['name']}'{doubled}'"


@lru_cache(maxsize=500)
def parsed(query: str, *, limits: Limits) -> nodes.Options:
    """Return the options of a query that comes again and again, as those of dashboards and polling flows do; nobody changes them."""
    return parse_options(query, limits=limits)


def _take_query(exchange: Exchange, path: str) -> str:
    """Read query options from the body of POST .../$query: they may be longer than an address (URL Conventions 4.01, 4.17)."""
    media = exchange.request.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if media != "text/plain":
        raise Unsupported("The body of /$query is text.", hint="Send text/plain.")
    try:
        body = read_bytes(exchange.request, exchange.limits).decode().strip()
    except UnicodeDecodeError:
        raise BadPayload("The body is not UTF-8.", hint="Send percent-encoded query options.") from None
    exchange.query = "&".join(part for part in (exchange.query, body) if part)
    exchange.method = "GET"
    exchange.path = path.removesuffix("/$query")
    return exchange.path


@cache
def rooms_answer(head: str) -> Callable[[Exchange, str], HttpResponseBase | None]:
    """Return what answers the addresses of a room above; None of it leaves them to OData, with the target that it set."""
    found: Callable[[Exchange, str], HttpResponseBase | None] = import_string(ADDRESSES[head])
    return found


def _entity(exchange: Exchange) -> Target:
    """Return what `$entity?$id=` names (Protocol 4.01, 11.2.5)."""
    if not exchange.options.id:
        raise BadRequest("$entity needs an entity id.", target="$id", hint="Add ?$id=Customers(1).")
    return resolve_id(exchange.catalog, exchange.context.root, exchange.options.id)


def authorize(exchange: Exchange) -> HttpResponseBase | None:
    """Refuse methods that mean nothing here (405) and those the user has no right to (403)."""
    allowed = allowed_methods(exchange.target)
    method = "GET" if exchange.method == "HEAD" else exchange.method
    if method not in allowed:
        raise NotAllowed(exchange.method, (*allowed, "OPTIONS"))
    if exchange.target.hops:
        exchange.context.log["resource"] = exchange.target.resource.name
        check_rights(exchange.target, method)
    catalog = readable(exchange.catalog)
    if catalog is not exchange.catalog:
        exchange.context = replace(exchange.context, catalog=catalog)
    return None


def answer(exchange: Exchange) -> HttpResponseBase:
    """Hand over to the documents, the reads or the writes."""
    write, tell, read = handlers()
    if exchange.method not in ("GET", "HEAD"):
        return write(exchange)
    if not exchange.target.hops:
        return tell(exchange)
    later = deferring()(exchange) if exchange.preferences.is_async and exchange.method == "GET" else None
    if later is not None:
        return later
    try:
        return read(exchange)
    except (ConnectionFailed, SourceTimeout, TableGone):
        if exchange.replicas is None or not exchange.replicas.give_up():
            raise
    return read(exchange)


@cache
def handlers() -> tuple[Callable[[Exchange], HttpResponseBase], ...]:
    """Return what answers writes, documents and reads."""
    from apiserver.odata import service_documents, service_read, service_write  # they read Exchange from here

    return service_write.answer, service_documents.answer, service_read.answer


@cache
def deferring() -> Callable[[Exchange], HttpResponseBase | None]:
    """Return what answers a read that may come later (Protocol 4.01, 11.6); None where it is to be answered at once."""
    found: Callable[[Exchange], HttpResponseBase | None] = import_string(DEFERRED)
    return found


STAGES: tuple[Callable[[Exchange], HttpResponseBase | None], ...] = (bound, open_service, read_headers, parse, authorize, answer)


def split_query(raw: str) -> tuple[str, dict[str, str]]:
    """Take the steering names out of a raw query string."""
    if "@" not in raw and "%40" not in raw:
        return raw, {}
    kept, steering = [], {}
    for piece in raw.split("&"):
        name, _, value = piece.partition("=")
        known = unquote_plus(name).strip().lower()
        if known in STEERING:
            steering[known] = unquote_plus(value)
        else:
            kept.append(piece)
    return "&".join(kept), steering


QUOTED = re.compile("'[^']*'")
CONTROL = re.compile("[\0-\x1f\x7f]")


def _check_bytes(request: HttpRequest) -> None:
    """Refuse paths that are no text; the framework would quietly show their bytes percent-encoded, and another row has that key.

    Control characters stand in quoted keys alone, where a row that has one is addressed.
    """
    raw = request.META.get(RAW_PATH) or request.META.get("PATH_INFO", "")
    if raw.isascii() and raw.isprintable():
        return
    try:
        text = raw.encode("latin-1").decode()
    except UnicodeEncodeError:
        text = raw
    except UnicodeDecodeError as error:
        raise ODataSyntaxError("The path is not UTF-8.", "path", error.start, "Percent-encode it as UTF-8.") from None
    if CONTROL.search(QUOTED.sub("", text)) or "\0" in text:
        raise BadRequest("The path holds a control character.", hint="Remove it.")


@remembered
def readable(catalog: Catalog) -> Catalog:
    """Return the catalog without what may be written but not read: no filter or expansion may reach it."""
    kept = {name: resource for name, resource in catalog.resources.items() if "GET" in resource.methods}
    if len(kept) == len(catalog.resources):
        return catalog
    return replace(catalog, resources=kept, fingerprint=f"{catalog.fingerprint}:readable")


def _without_body(response: HttpResponseBase) -> HttpResponse:
    body = b"" if response.streaming else response.content  # type: ignore[attr-defined]
    empty = ApiResponse(status=response.status_code, headers=dict(response.items()))
    if not response.streaming:
        empty.headers.setdefault("Content-Length", str(len(body)))
    return empty
