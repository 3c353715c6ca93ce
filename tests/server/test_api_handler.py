"""The API's own requests and responses are what the framework would have made."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse

from apiserver.server.api_handler import ApiRequest
from apiserver.server.responses import ApiResponse

COMPARED = ("path", "path_info", "method", "content_type", "content_params", "encoding", "resolver_match", "body", "GET")


def environ(**more: str) -> dict[str, Any]:
    found = {"REQUEST_METHOD": "get", "PATH_INFO": "/api.rsc/Orders(1)", "QUERY_STRING": "$top=1", "wsgi.input": BytesIO(b'{"a": 1}')}
    return {**found, **more}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"PATH_INFO": "/api.rsc//Orders"},
        {"PATH_INFO": "/api.rsc/\xc3\xa9"},
        {"PATH_INFO": "/api.rsc/\xff"},
        {"SCRIPT_NAME": "/below"},
        {"CONTENT_TYPE": "application/json; charset=latin-1", "CONTENT_LENGTH": "8", "REQUEST_METHOD": "POST"},
        {"CONTENT_LENGTH": "3"},
        {"SCRIPT_URL": "/x/api.rsc/Orders", "PATH_INFO": "/api.rsc/Orders"},
    ],
)
def test_request_is_the_frameworks(more: dict[str, str]) -> None:
    ours, theirs = ApiRequest(environ(**more)), WSGIRequest(environ(**more))

    assert {name: getattr(ours, name) for name in COMPARED} == {name: getattr(theirs, name) for name in COMPARED}
    assert ours.META["SCRIPT_NAME"] == theirs.META["SCRIPT_NAME"]
    assert vars(ours).keys() - {"_headers"} == vars(theirs).keys()


def test_response_is_the_frameworks() -> None:
    headers = {"ETag": 'W/"é"', "X-Tab": "a\tb", "Allow": "GET"}

    ours = ApiResponse(b"[]", content_type="application/json", status=201, headers=headers)
    theirs = HttpResponse(b"[]", content_type="application/json", status=201, headers=headers)

    assert vars(ours).keys() - {"after"} == vars(theirs).keys()
    assert dict(ours.items()) == dict(theirs.items())
    assert (ours.content, ours.status_code, ours.reason_phrase, ours.charset) == (b"[]", 201, "Created", theirs.charset)
    assert sorted(ours.headers.pairs()) == sorted(theirs.items())


def test_header_with_a_line_break_is_refused() -> None:
    with pytest.raises(ValueError, match="newlines"):
        ApiResponse(b"")["X-Note"] = "a\r\nSet-Cookie: b"
