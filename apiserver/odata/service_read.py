"""GET on sets, entities, properties, raw values, counts and references (OData Protocol 4.01, 11.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

from apiserver.odata import deadline, nodes, reader, service_rows
from apiserver.odata.errors import BadRequest, NotBuilt, NotFound, error_body, problem_of
from apiserver.odata.etag import check_still, etag_of, has_etag, is_unchanged
from apiserver.odata.format import accepts_raw, negotiate
from apiserver.odata.payload import PayloadWriter, declared_type, dumps, is_inferred, joined_page, selected_names, whole_page
from apiserver.odata.payload_context import entity_context, entity_id, key_predicate, shown_value
from apiserver.odata.payload_values import json_encoder, plain_text
from apiserver.odata.service import Exchange, noted
from apiserver.odata.straight import is_straight
from apiserver.odata.versions import check_version
from apiserver.odata.writer import no_row
from apiserver.odata.writer_sql import Row, by_column
from apiserver.resources.catalog import PublishedResource
from apiserver.server.responses import ApiResponse, when_closed
from apiserver.server.slow_clients import enter_stream
from connections.contract.table import Type

ReadRow = Callable[[Exchange, PublishedResource, nodes.Options, Row], dict[str, Any] | None]
NOT_BUILT = ("apply", "deltatoken", "index")
# System query options that an address takes besides $format and $schemaversion; $count's text is not affected by paging.
_ALWAYS = frozenset({"format", "schemaversion"})
_ON_SET = frozenset({"filter", "search", "orderby", "select", "expand", "compute", "top", "skip", "count", "skiptoken"})
_ON_COUNT = frozenset({"filter", "search", "top", "skip", "orderby", "count", "expand", "select", "compute"})
_ON_REFERENCES = frozenset({"filter", "search", "orderby", "compute", "top", "skip", "count", "skiptoken", "id"})
_ON_ENTITY = frozenset({"select", "expand", "compute"})
_ON_ENTITY_BY_ID = _ON_ENTITY | {"id"}


def answer(exchange: Exchange) -> HttpResponseBase:
    """Answer the read that the address means."""
    target = exchange.target
    check_options(exchange)
    exchange.options = narrowed(exchange)
    if target.suffix == "$count":
        return count(exchange)
    if target.suffix == "$value":
        return raw_value(exchange)
    exchange.format = negotiate(exchange.request.headers.get("Accept", ""), exchange.options.format)
    if target.item is not None:
        return one_property(exchange)
    return entity_set(exchange) if target.is_collection else one_entity(exchange)


def check_options(exchange: Exchange) -> None:
    """Refuse query options that are not served (501) or mean nothing at this address (400)."""
    given = exchange.options.given.keys()
    if not given:
        return
    check_version(exchange.options)
    for name in NOT_BUILT:
        if name in given:
            raise NotBuilt(f"The query option ${name} is not served.", target=f"${name}", hint="Leave it out.")
    for name in given - _options_of(exchange) - _ALWAYS:
        raise BadRequest(f"The query option ${name} does not apply here.", target=f"${name}", hint="Leave it out.")


def narrowed(exchange: Exchange) -> nodes.Options:
    """Return the options with the conditions that stand in the path."""
    options, target = exchange.options, exchange.target
    for condition in target.filters:
        both = condition if options.filter is None else nodes.Binary("and", options.filter, condition)
        options = replace(options, filter=both, given={**options.given, "$filter()": repr(target.filters)})  # next links are bound to it
    if target.search is not None:
        both = target.search if options.search is None else nodes.SearchBoolean("and", options.search, target.search)
        options = replace(options, search=both)
    return options


def _options_of(exchange: Exchange) -> frozenset[str]:
    target = exchange.target
    if target.suffix == "$count":
        return _ON_COUNT
    if target.item is not None:
        return frozenset()
    if target.suffix == "$ref":
        return _ON_REFERENCES if target.is_collection else frozenset({"id"})
    if exchange.path.strip("/") == "$entity":
        return _ON_ENTITY_BY_ID
    return _ON_SET if target.is_collection else _ON_ENTITY


def scope_of(exchange: Exchange) -> Row | None:
    """Return what fixes the rows of the last hop, by source column; None = nothing is related."""
    hops = exchange.target.hops
    if len(hops) == 1:
        return by_column(hops[0].resource, hops[0].key) if hops[0].key is not None else {}
    where: Row = {}
    before: Mapping[str, Any] = {}
    for hop in hops:
        if hop.navigation is not None:
            where = {there: before[here] for here, there in hop.navigation.pairs}
        if hop.key is not None:
            key = by_column(hop.resource, hop.key)
            if any(where.get(column, value) != value for column, value in key.items()):
                raise no_row(hop.resource)  # a row of somebody else
            where = where | key
        if hop is exchange.target.last:
            break
        found = service_rows.parent_row(exchange, hop.resource, where) if None not in where.values() else None
        if found is None:
            raise no_row(hop.resource)
        before = found
    return None if None in where.values() else where


# ---- sets ----


def entity_set(exchange: Exchange) -> HttpResponseBase:
    """Answer a page of rows, with count and next link as asked; an endless page within the places for such."""
    size = page_size(exchange)
    top = exchange.options.top
    if size or (top is not None and top <= reader.MOST_HELD):
        return _rows(exchange, size)
    leave = enter_stream()
    try:
        response = _rows(exchange, size)
    except BaseException:
        leave()
        raise
    when_closed(response, leave)
    return response


def _rows(exchange: Exchange, size: int) -> HttpResponseBase:
    where, resource = scope_of(exchange), exchange.target.resource
    is_reference = exchange.target.suffix == "$ref"
    options = _with_etag(exchange, resource, exchange.options)
    found = service_rows.read_set(exchange, resource, options, where, size)
    writer = PayloadWriter(exchange.catalog, exchange.context.root, exchange.format)
    head = writer.context("Collection($ref)" if is_reference else entity_context(exchange.catalog, resource, exchange.options, False))
    if exchange.options.count and found.count is not None:
        head["@odata.count"] = str(found.count) if exchange.format.is_ieee754 else found.count
    if found.text is not None:
        exchange.context.log["rows"] = found.row_count
        return _told(exchange, ApiResponse(whole_page(head, found.text), content_type=exchange.format.content_type), size)
    if found.texts is not None:
        return _told(exchange, _streamed(exchange, joined_page(head, map(_Seen(exchange).text, found.texts))), size)
    objects: Iterable[Any] = found.rows
    if not found.is_json:
        objects = map(partial(writer.entity, writer.shape(resource, exchange.options, exchange.target.suffix)), found.rows)
    if found.is_streamed:
        chunks = writer.collection(head, map(_Seen(exchange).one, objects), dict)
        return _told(exchange, _streamed(exchange, chunks), size)
    exchange.context.log["rows"] = len(found.rows)  # type: ignore[arg-type]
    body = b"".join(writer.collection(head, objects, lambda: next_link(exchange, found.next)))
    return _told(exchange, ApiResponse(body, content_type=exchange.format.content_type), size)


def _streamed(exchange: Exchange, chunks: Iterator[bytes]) -> HttpResponseBase:
    """Return the answer that is written while its rows are read. What fails before the first of them still gets its own status."""
    deadline.lift()
    begun = [chunk for chunk in (next(chunks, b""), next(chunks, b"")) if chunk]
    return StreamingHttpResponse(_resumed(exchange, begun, chunks), content_type=exchange.format.content_type)


def _told(exchange: Exchange, response: HttpResponseBase, size: int) -> HttpResponseBase:
    """Say on what the page depends."""
    if exchange.preferences.page_size is not None:
        response["Preference-Applied"] = f"{exchange.preferences.page_size_name}={size}"
    response["Vary"] = "Accept, Prefer, OData-MaxVersion"
    return response


def _resumed(exchange: Exchange, begun: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    """Give all chunks; a generator, so that a client that hangs up closes the statement too.

    What fails now leaves the answer malformed on purpose: the error follows the rows without comma or end (Protocol 4.01, 9.5).
    """
    yield from begun
    try:
        yield from rest
    except Exception as error:
        yield b"\n" + error_body(noted(exchange.request, problem_of(error)))
        raise


class _Seen:
    """Counts the rows that go out, for the log."""

    def __init__(self, exchange: Exchange) -> None:
        self.log = exchange.context.log
        self.log["rows"] = 0

    def one(self, item: Any) -> Any:
        self.log["rows"] += 1
        return item

    def text(self, item: tuple[int, bytes]) -> bytes:
        count, text = item
        self.log["rows"] += count
        return text


def page_size(exchange: Exchange) -> int:
    """Return the rows of one answer: the client's wish within the server's bound; 0 = all, streamed."""
    wished, catalog = exchange.preferences.page_size, exchange.catalog
    size = catalog.page_size if wished is None else min(wished, catalog.max_page_size or wished)
    most = exchange.target.resource.max_rows
    return min(size or most, most) if most else size


def next_link(exchange: Exchange, token: str | None) -> dict[str, str]:
    """Return the link to the rest: every option stays; $skip is spent and the rest of $top is in the token."""
    if not token:
        return {}
    kept = [piece for piece in exchange.query.split("&") if piece and _option_of(piece) not in ("skiptoken", "skip")]
    query = "&".join([*kept, f"$skiptoken={quote(token, safe='')}"])
    return {"@odata.nextLink": f"{exchange.context.root}/{address(exchange.path.strip('/'))}?{query}"}


def address(path: str) -> str:
    """Return a decoded path as it stands in a link."""
    return quote(path, safe="/()',=@$:!*~-._;")


def _option_of(piece: str) -> str:
    return piece.partition("=")[0].replace("%24", "$").lstrip("$").lower()


def _with_etag(exchange: Exchange, resource: PublishedResource, options: nodes.Options) -> nodes.Options:
    """Add what ETag, links and references need to a select list; the payload shows only what was asked for."""
    if exchange.target.suffix == "$ref":
        return replace(options, select=tuple(nodes.SelectItem((name,)) for name in resource.key))
    return options


# ---- one entity ----


def one_entity(exchange: Exchange) -> HttpResponseBase:
    """Answer one row; a single relation that leads nowhere is 204, a missing key 404."""
    resource, chosen = exchange.target.resource, exchange.format
    if chosen.level == "minimal" and is_straight(
        exchange.options, chosen.level, is_ieee754=chosen.is_ieee754, suffix=exchange.target.suffix
    ):
        return plain_entity(exchange, resource)
    row = single_row(exchange, _with_etag(exchange, resource, exchange.options))
    if row is None:
        return ApiResponse(status=204)
    exchange.context.log["rows"] = 1
    if exchange.target.suffix == "$ref":
        writer = PayloadWriter(exchange.catalog, exchange.context.root, exchange.format)
        body = writer.context("$ref") | {"@odata.id": f"{exchange.context.root}/{entity_id(resource, row)}"}
        return ApiResponse(dumps(body), content_type=exchange.format.content_type)
    unchanged = still(exchange, etag_of(resource, row)) if has_etag(resource) else None
    return unchanged or entity_response(exchange, resource, row, status=200)


def plain_entity(exchange: Exchange, resource: PublishedResource) -> HttpResponseBase:
    """Answer one row of plain properties, which comes as JSON from the source."""
    found = single_row(exchange, exchange.options, read=service_rows.read_json)
    if found is None:
        return ApiResponse(status=204)
    exchange.context.log["rows"] = 1
    tag = found.get("@odata.etag")
    unchanged = still(exchange, tag) if tag else None
    if unchanged is not None:
        return unchanged
    fragment = entity_context(exchange.catalog, resource, exchange.options, True)
    body = {"@odata.context": f"{exchange.context.root}/$metadata#{fragment}", **found}
    return ApiResponse(dumps(body), content_type=exchange.format.content_type, headers={"ETag": tag} if tag else None)


def still(exchange: Exchange, tag: str) -> HttpResponse | None:
    """Refuse a row that is not the one of If-Match; return 304 for one that the client has."""
    if exchange.request.headers.get("If-Match"):
        check_still(exchange.request, tag)
    return ApiResponse(status=304, headers={"ETag": tag}) if is_unchanged(exchange.request, tag) else None


def single_row(exchange: Exchange, options: nodes.Options, read: ReadRow = service_rows.read_one) -> Mapping[str, Any] | None:
    """Return the row that the address means; None for a relation that leads nowhere; raise NotFound for a key."""
    where, last = scope_of(exchange), exchange.target.last
    row = read(exchange, last.resource, options, where) if where is not None else None
    if row is None and last.key is not None:
        raise no_row(last.resource)
    return row


def entity_response(exchange: Exchange, resource: PublishedResource, row: Mapping[str, Any], *, status: int) -> HttpResponseBase:
    """Answer one row as JSON, with its ETag."""
    writer = PayloadWriter(exchange.catalog, exchange.context.root, exchange.format)
    fragment = entity_context(exchange.catalog, resource, exchange.options, True)
    body = writer.context(fragment) | writer.entity(writer.shape(resource, exchange.options), row)
    response = ApiResponse(dumps(body), status=status, content_type=exchange.format.content_type)
    if has_etag(resource):
        response["ETag"] = etag_of(resource, row)
    return response


def written_response(exchange: Exchange, resource: PublishedResource, row: Mapping[str, Any], *, status: int) -> HttpResponseBase:
    """Answer the row that was written; $select and $expand hold as on a read."""
    if exchange.options.expand or exchange.options.compute or any(name not in row for name in selected_names(resource, exchange.options)):
        key = {name: row[name] for name in resource.key}
        read = service_rows.read_one(exchange, resource, exchange.options, by_column(resource, key))
        row = row if read is None else read
    return entity_response(exchange, resource, row, status=status)


# ---- properties and counts ----


def one_property(exchange: Exchange) -> HttpResponseBase:
    """Answer `{"value": ...}`; null is 204."""
    row = _property_row(exchange)
    return property_response(exchange, exchange.target.resource, row)


def property_response(exchange: Exchange, resource: PublishedResource, row: Mapping[str, Any]) -> HttpResponseBase:
    """Answer the addressed property of a row."""
    item = exchange.target.item
    if item is None or shown_value(resource, row, item.name) is None:
        return ApiResponse(status=204)
    writer = PayloadWriter(exchange.catalog, exchange.context.root, exchange.format)
    encode = json_encoder(item.column, is_ieee754=exchange.format.is_ieee754)
    body = writer.context(
        f"{quote(resource.name)}{key_predicate(resource, dict(row))}/{item.name}" if resource.key else f"Edm.{item.column.type}"
    )
    if exchange.format.level == "full" and not is_inferred(item.column):
        body["@odata.type"] = declared_type(item.column)
    body["value"] = encode(row[item.name]) if encode else row[item.name]
    return ApiResponse(dumps(body), content_type=exchange.format.content_type)


def _property_row(exchange: Exchange) -> Mapping[str, Any]:
    item, resource = exchange.target.item, exchange.target.resource
    names = dict.fromkeys([*resource.key, item.name if item else ""])
    options = replace(exchange.options, select=tuple(nodes.SelectItem((name,)) for name in names if name))
    row = single_row(exchange, options)
    if row is None:
        raise NotFound(f"No {resource.name} is related here.", target=resource.name, hint="The relation is null.")
    exchange.context.log["rows"] = 1
    return row


def raw_value(exchange: Exchange) -> HttpResponseBase:
    """Answer the bare value: text, or bytes of a binary property (Protocol 4.01, 11.2.4.1)."""
    item = exchange.target.item
    if item is None:
        raise AssertionError("the address names a property")
    media = "application/octet-stream" if item.column.type is Type.BINARY else "text/plain"
    accepts_raw(exchange.options.format or exchange.request.headers.get("Accept", ""), media)
    value = shown_value(exchange.target.resource, _property_row(exchange), item.name)
    if value is None:
        return ApiResponse(status=204)
    if item.column.type is Type.BINARY:
        return ApiResponse(bytes(value), content_type=media)
    return ApiResponse(plain_text(item.column, value).encode("utf-8", "replace"), content_type="text/plain;charset=utf-8")


def count(exchange: Exchange) -> HttpResponseBase:
    """Answer the number of rows as text, after $filter and $search only (URL Conventions 4.01, 4.8)."""
    accepts_raw(exchange.request.headers.get("Accept", ""), "text/plain")
    where = scope_of(exchange)
    options = replace(exchange.options, top=None, skip=None, orderby=None, expand=None, select=None, count=None)
    number = service_rows.count_rows(exchange, exchange.target.resource, options, where) if where is not None else 0
    exchange.context.log["rows"] = 1
    return ApiResponse(str(number), content_type="text/plain")
