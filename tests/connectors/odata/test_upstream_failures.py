"""Services that are worse than ours: their failures are named, whatever they answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connections.connectors.odata.connector import ODataConnector
from connections.connectors.odata.session import ODataSession
from connections.contract.context import Context
from connections.contract.errors import (
    AddressRefused,
    AuthenticationFailed,
    BadAnswer,
    ConnectionFailed,
    ConnectorError,
    InvalidProperties,
    NotSupported,
    RateLimited,
    SourceRejected,
    TableGone,
)
from connections.contract.scan import Scan
from connections.contract.table import TableRef
from tests.connectors.odata.rich_service import METADATA, PEOPLE, ask, upstream
from tests.connectors.odata.upstream import Upstream, page

__all__ = ["upstream"]


@pytest.mark.parametrize(
    ("link", "error"),
    [
        ("http://example.com/svc/People?$skip=1", AddressRefused),
        ("//example.com/People", AddressRefused),
        ("https://127.0.0.1/svc/People", AddressRefused),
        ("file:///etc/passwd", AddressRefused),
        ("https://[::1/", AddressRefused),
        ({"href": "x"}, BadAnswer),
        ("People?$select=Id", BadAnswer),
    ],
)
def test_next_link_to_elsewhere_or_back_is_an_error_not_the_end(upstream: Upstream, link: Any, error: type[ConnectorError]) -> None:
    upstream.answer = lambda method, path: page([{"Id": 1}], **{"@odata.nextLink": link})

    with pytest.raises(error):
        ask(upstream, "Id")
    assert len(upstream.paths()) == 1


def test_empty_pages_without_end_are_an_error(upstream: Upstream) -> None:
    upstream.answer = lambda method, path: page([], **{"@odata.nextLink": f"People?$skiptoken={len(upstream.asked)}"})

    with pytest.raises(BadAnswer, match="without end"):
        ask(upstream, "Id")


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        ((200, {}, b"<html>"), BadAnswer, "a web page"),
        ((200, {}, b'{"value": [{"Id": 1}'), BadAnswer, "no JSON"),
        ((200, {}, b'{"value": [1]}'), BadAnswer, "no list of rows"),
        ((200, {}, b"[" * 100_000), BadAnswer, "no JSON"),
        ((200, {}, b'{"value": [{"Id": "one"}]}'), BadAnswer, "value of Id"),
        ((200, {}, b'{"value": [{"Id": 2147483648}]}'), BadAnswer, "value of Id"),
        ((400, {}, b'{"error": {"code": "", "message": "No\\n such option."}}'), SourceRejected, "answered 400: No such option."),
        ((401, {}, b""), AuthenticationFailed, "answered 401"),
        ((404, {}, b"x" * 100_000), TableGone, "answered 404."),
        ((429, {"Retry-After": "7"}, b""), RateLimited, "answered 429"),
        ((500, {}, b""), ConnectionFailed, "answered 500"),
        ((501, {}, b""), NotSupported, "answered 501"),
        ((503, {}, b""), ConnectionFailed, "answered 503"),
        ((302, {"Location": "http://example.com/"}, b""), AddressRefused, "example.com"),
    ],
)
def test_failures_are_named(upstream: Upstream, answer: Any, error: type[ConnectorError], text: str) -> None:
    upstream.answer = lambda method, path: answer

    with pytest.raises(error) as told:
        ask(upstream, "Id")
    assert text in told.value.message
    assert len(upstream.paths()) == (6 if answer[0] == 503 else 1)


def test_service_that_comes_back_is_asked_again(upstream: Upstream) -> None:
    upstream.answer = lambda method, path: page([{"Id": 1}]) if len(upstream.paths()) > 2 else (503, {}, b"")

    assert ask(upstream, "Id") == [(1,)]


class Grant:
    """Tokens that the service refuses after the first."""

    def __init__(self) -> None:
        self.token, self.refreshed = "one", 0

    def access(self) -> str:
        return self.token

    def refresh(self, stale: str) -> str:
        self.refreshed += self.token == stale
        self.token = "two"
        return self.token


@pytest.mark.parametrize("scheme", ["OAuth", "OAuthClient"])
def test_token_that_is_refused_is_renewed_once(upstream: Upstream, scheme: str) -> None:
    addresses = {"OAuthAuthorizationURL": "https://example.com/auth", "OAuthAccessTokenURL": "https://example.com/token"}
    values = {"URL": f"{upstream.base}/svc/", "AuthScheme": scheme, "OAuthClientId": "me", **addresses}
    grant = Grant()
    session = ODataConnector().open(values, context=Context(outgoing=(f"127.0.0.1:{upstream.port}",), tokens=grant))
    session.list_tables()
    upstream.answer = lambda method, path: page([{"Id": 1}]) if upstream.asked[-1][2]["Authorization"] == "Bearer two" else (401, {}, b"")

    rows = [row for batch in session.read(session.offer(Scan(session.describe([PEOPLE])[0], ("Id",)))) for row in batch.rows]

    assert (rows, grant.refreshed) == ([(1,)], 1)
    service = ODataConnector().oauth(values)
    assert service is not None
    assert (service.flow, service.token_url, service.client_id) == (
        {"OAuth": "code", "OAuthClient": "client"}[scheme],
        "https://example.com/token",
        "me",
    )


def test_budget_and_pauses_are_shared(upstream: Upstream, tmp_path: Path) -> None:
    upstream.answer = lambda method, path: (429, {"Retry-After": "40"}, b"")

    def opened() -> ODataSession:
        context = Context(outgoing=(f"127.0.0.1:{upstream.port}",), shared=tmp_path)
        return ODataConnector().open({"URL": f"{upstream.base}/svc/", "Timeout": 5}, context=context)

    first, second = opened(), opened()
    second.list_tables()
    with pytest.raises(RateLimited):
        list(first.read(first.offer(Scan(first.describe([PEOPLE])[0], ("Id",)))))
    asked = len(upstream.asked)

    with pytest.raises(RateLimited) as told:
        list(second.read(second.offer(Scan(second.describe([PEOPLE])[0], ("Id",)))))

    assert (len(upstream.asked), told.value.retry_after > 30) == (asked, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no xml",
        "<a/>",
        METADATA.replace('Version="4.0"', 'Version="1.0"', 1),
        '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        METADATA[:900],
        "<a>" * 500,
    ],
)
def test_metadata_that_cannot_be_read_is_named(upstream: Upstream, text: str) -> None:
    upstream.metadata = text

    with pytest.raises(BadAnswer, match="metadata can't be read"):
        upstream.session().list_tables()


def test_table_that_is_gone_is_named(upstream: Upstream) -> None:
    with pytest.raises(TableGone):
        upstream.session().describe([TableRef("", "Gone")])


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"URL": "ftp://x"}, ["URL"]),
        ({"URL": "https://[::1/"}, ["URL"]),
        ({"URL": "https://example.com:99999/"}, ["URL"]),
        ({"URL": "https://u:p@example.com/"}, ["URL"]),
        ({"URL": "https://example.com/?a=1"}, ["URL"]),
        ({"URL": "https://example.com", "AuthScheme": "Basic"}, ["User"]),
        ({"URL": "https://example.com", "AuthScheme": "Header", "APIKeyName": "a\nb", "APIKey": "x"}, ["APIKeyName"]),
        ({"URL": "https://example.com", "AuthScheme": "Bearer"}, ["AccessToken"]),
        ({"URL": "https://example.com", "AuthScheme": "OAuthClient"}, ["OAuthAccessTokenURL"]),
    ],
)
def test_properties_that_cannot_work_are_named(values: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(InvalidProperties) as told:
        ODataConnector().clean(values)
    assert list(told.value.errors) == names
