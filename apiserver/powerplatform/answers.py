"""How the files that clients import are asked for and handed out: by GET alone, as downloads with an ETag."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.utils.http import content_disposition_header

from apiserver.odata.documents import Document
from apiserver.odata.errors import BadRequest, NotAllowed, NotFound
from apiserver.odata.etag import is_unchanged
from apiserver.odata.service import Exchange
from apiserver.server.responses import ApiResponse

READ = ("GET", "HEAD")


def check_plain(exchange: Exchange, path: str, *, most: int) -> str:
    """Refuse other methods, options of queries and more than `most` segments; return the second segment, "" without one."""
    head, *rest = path.split("/")
    if exchange.method not in READ:
        raise NotAllowed(exchange.method, (*READ, "OPTIONS"))
    for option in exchange.options.given.keys() - {"format"}:
        raise BadRequest(f"The query option ${option} does not apply here.", target=f"${option}", hint="Leave it out.")
    if len(rest) >= most:
        raise NotFound(f"Nothing is below {'/'.join((head, *rest[: most - 1]))}.", hint="Remove what follows it.")
    return rest[0] if rest else ""


def told(request: HttpRequest, found: Document, name: str, media: str) -> HttpResponseBase:
    """Return the file as a download, or 304 where the client has it."""
    headers = {"ETag": found.etag}
    if is_unchanged(request, found.etag):
        return ApiResponse(status=304, headers=headers)
    disposition = content_disposition_header(True, name)
    return ApiResponse(found.body, content_type=media, headers=headers | {"Content-Disposition": str(disposition)})
