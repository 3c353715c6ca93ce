"""OData's request and response headers: versions, methods and their overrides, standing headers of every answer."""

from __future__ import annotations

import gzip
import re
from sys import getsizeof

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.text import compress_sequence

from apiserver.odata.errors import BadRequest, BadVersion, HeadersTooLarge, Stale, UrlTooLong
from apiserver.odata.parser_errors import Limits, raised_by

METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "MERGE", "DELETE", "OPTIONS")
_OVERRIDABLE = frozenset({"GET", "PUT", "PATCH", "MERGE", "DELETE"})
COMPRESS_FROM = 1024
_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)
# What changes method or version; most requests have none of it.
RARE = frozenset(
    {
        "HTTP_ODATA_VERSION",
        "HTTP_ODATA_MAXVERSION",
        "HTTP_X_HTTP_METHOD",
        "HTTP_X_HTTP_METHOD_OVERRIDE",
        "HTTP_ISOLATION",
        "HTTP_ODATA_ISOLATION",
    }
)
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})")


def answer_version(request: HttpRequest) -> str:
    """Return the OData version of the answer: 4.0 unless the client names 4.01 (Protocol 4.01, 8.2.7)."""
    body_version = request.headers.get("OData-Version", "").split(";")[0].strip()
    if body_version and body_version not in ("4.0", "4.01"):
        raise BadVersion(f"OData-Version {body_version[:20]} is not supported.", hint="Send 4.0 or 4.01.")
    wanted = request.headers.get("OData-MaxVersion", "").split(";")[0].strip()
    if not wanted:
        return "4.0"
    match = _VERSION.fullmatch(wanted)
    if match is None:
        raise BadVersion(f"OData-MaxVersion {wanted[:20]!r} is not a version.", hint="Send 4.0 or 4.01.")
    major, minor = int(match.group(1)), match.group(2)
    if major < 4:
        raise BadVersion(f"OData {wanted} is not served; the lowest version is 4.0.", hint="Send OData-MaxVersion 4.0 or leave it out.")
    return "4.01" if major > 4 or int(minor) >= 1 else "4.0"


def effective_method(request: HttpRequest, query_override: str) -> str:
    """Return the method after X-HTTP-Method and `@x-http-method=`, which serve clients that only know GET and POST."""
    method = request.method or "GET"
    header = request.headers.get("X-HTTP-Method") or request.headers.get("X-HTTP-Method-Override") or ""
    wanted = (header if method == "POST" else "") or (query_override if method in ("GET", "POST") else "")
    if not wanted:
        return "PATCH" if method == "MERGE" else method
    wanted = wanted.strip().upper()
    if wanted not in _OVERRIDABLE and wanted != "POST":
        raise BadRequest("The method override is not a method of this service.", hint=f"Use one of {', '.join(sorted(_OVERRIDABLE))}.")
    return "PATCH" if wanted == "MERGE" else wanted


def check_isolation(request: HttpRequest) -> None:
    """Refuse a snapshot over several requests (Protocol 4.01, 8.2.5)."""
    if request.headers.get("Isolation") or request.headers.get("OData-Isolation"):
        raise Stale("Snapshot isolation is not served.", target="Isolation", hint="Leave the header out.")


def check_sizes(request: HttpRequest, limits: Limits) -> None:
    """Refuse addresses and headers beyond the limits; the web server in front has wider ones."""
    if len(request.META.get("QUERY_STRING", "")) + len(request.META.get("PATH_INFO", "")) > limits.url_bytes:
        message = f"The address is longer than the limit of {limits.url_bytes} characters."
        raise UrlTooLong(message, hint=f"Send a shorter query. {raised_by('url_bytes')}")
    meta, most = request.META, min(limits.header_bytes, limits.header_block_bytes)
    if len(meta) <= limits.header_count and sum(map(getsizeof, meta)) + sum(map(getsizeof, meta.values())) <= most:
        return  # a text is no longer than the memory that it takes, so none of the limits can be reached
    block = count = 0
    for name, value in request.META.items():
        if not name.startswith("HTTP_"):
            continue
        count += 1
        block += len(name) + len(value)
        if len(value) > limits.header_bytes:
            message = f"The header {name[5:45].replace('_', '-').title()} is longer than the limit of {limits.header_bytes} characters."
            raise HeadersTooLarge(message, hint=raised_by("header_bytes"))
    if count > limits.header_count:
        message = f"The request has more headers than the limit of {limits.header_count}."
        raise HeadersTooLarge(message, hint=raised_by("header_count"))
    if block > limits.header_block_bytes:
        message = f"The headers are longer than the limit of {limits.header_block_bytes} characters together."
        raise HeadersTooLarge(message, hint=raised_by("header_block_bytes"))


def compress(request: HttpRequest, response: HttpResponseBase) -> None:
    """Send gzip to clients that ask for it: Excel, Power BI and Salesforce all do."""
    accepted = request.headers.get("Accept-Encoding", "")
    if not accepted or not _GZIP.search(accepted) or response.status_code in (204, 304):
        return
    if response.streaming:
        response.streaming_content = compress_sequence(response.streaming_content)  # type: ignore[attr-defined]
    elif len(response.content) >= COMPRESS_FROM:  # type: ignore[attr-defined]
        response.content = gzip.compress(response.content, compresslevel=4, mtime=0)  # type: ignore[attr-defined]
    else:
        return
    response["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])


def finish(response: HttpResponseBase, version: str) -> HttpResponseBase:
    """Set what every answer carries."""
    if not response.streaming and "Content-Length" not in response and response.status_code not in (204, 304):
        response["Content-Length"] = str(len(response.content))  # type: ignore[attr-defined]
    if response.status_code in (204, 304) and "Content-Type" in response:
        del response["Content-Type"]  # the framework names one for no content too
    response["OData-Version"] = version
    return response
