"""Negotiation, preferences, versions and errors, without a database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import RequestFactory

from apiserver.odata.errors import BadRequest, BadVersion, NotAcceptable, all_codes, problem_of
from apiserver.odata.format import accepts_raw, negotiate
from apiserver.odata.headers import answer_version, effective_method
from apiserver.odata.parser_errors import ODataSyntaxError
from apiserver.odata.preferences import parse_preferences
from apiserver.odata.service import split_query
from connections.contract import errors as source

DOCS = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
MINIMAL = "application/json;odata.metadata=minimal"


def test_documentation_lists_exactly_the_codes() -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE))

    assert listed == all_codes()


@pytest.mark.parametrize(
    ("accept", "text"),
    [
        ("", MINIMAL),
        ("*/*", MINIMAL),
        ("application/*;q=0.1", MINIMAL),
        ("application/json;odata.metadata=none", "application/json;odata.metadata=none"),
        ("application/json;metadata=full", "application/json;odata.metadata=full"),
        ("application/json; odata.metadata=full; IEEE754Compatible=true", "application/json;odata.metadata=full;IEEE754Compatible=true"),
        ("application/json;charset=utf-8", MINIMAL + ";charset=utf-8"),
        ("application/json;odata=minimalmetadata;q=1.0,application/atom+xml;q=0.8", MINIMAL),
        ("application/json;odata=verbose, application/json;q=0.1", MINIMAL),
        ("text/html, application/xml;q=0.9, */*;q=0.8", MINIMAL),
    ],
)
def test_accept_gives_a_content_type(accept: str, text: str) -> None:
    assert negotiate(accept, None).content_type == text


@pytest.mark.parametrize(
    "accept", ["application/xml", "application/json;q=0", "application/json;odata.metadata=bogus", "text/html, image/png"]
)
def test_accept_that_can_t_be_met_is_refused(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        negotiate(accept, None)


def test_format_wins_over_accept() -> None:
    assert negotiate("application/xml", "json").content_type == MINIMAL
    assert negotiate("*/*", "application/json;odata.metadata=full").level == "full"
    assert negotiate("", "xml", offers=("application/xml", "application/json")).media == "application/xml"
    with pytest.raises(NotAcceptable):
        negotiate("application/json", "atom")


def test_raw_values_come_to_json_clients_too() -> None:
    accepts_raw("application/json", "text/plain")
    with pytest.raises(NotAcceptable):
        accepts_raw("image/png", "text/plain")


def test_preferences_are_read_with_and_without_prefix() -> None:
    found = parse_preferences('odata.maxpagesize=5, return="minimal"; x=1, foo, bar="a,b", maxpagesize=7, wait=9')

    assert (found.page_size, found.page_size_name, found.returns) == (5, "odata.maxpagesize", "minimal")
    assert parse_preferences("maxpagesize=x, return=everything").page_size is None
    assert parse_preferences(",,;=").returns == ""


@pytest.mark.parametrize(("sent", "answered"), [("", "4.0"), ("4.0", "4.0"), ("4.01", "4.01"), ("5.0", "4.01")])
def test_version_of_the_answer(sent: str, answered: str) -> None:
    request = RequestFactory().get("/", headers={"OData-MaxVersion": sent} if sent else {})

    assert answer_version(request) == answered


@pytest.mark.parametrize("name", ["OData-MaxVersion", "OData-Version"])
@pytest.mark.parametrize("sent", ["3.0", "x"])
def test_version_that_is_not_served_is_refused(name: str, sent: str) -> None:
    with pytest.raises(BadVersion):
        answer_version(RequestFactory().get("/", headers={name: sent}))


def test_method_override_needs_post_or_the_query() -> None:
    factory = RequestFactory()

    assert effective_method(factory.post("/", headers={"X-HTTP-Method": "merge"}), "") == "PATCH"
    assert effective_method(factory.get("/", headers={"X-HTTP-Method": "DELETE"}), "") == "GET"
    assert effective_method(factory.get("/"), "delete") == "DELETE"
    with pytest.raises(BadRequest):
        effective_method(factory.get("/"), "brew")


def test_steering_names_are_taken_out_of_the_query() -> None:
    assert split_query("a=1&%40AuthToken=secret&$top=1&@x-http-method=PUT&@p=1") == (
        "a=1&$top=1&@p=1",
        {"@authtoken": "secret", "@x-http-method": "PUT"},
    )


def test_syntax_error_names_option_and_position() -> None:
    problem = problem_of(ODataSyntaxError("It ends", "$filter", 7, "Add a value"))

    assert (problem.status, problem.code, problem.message, problem.target) == (400, "InvalidSyntax", "It ends. Add a value.", "$filter")
    assert problem.details[0]["message"] == "At position 7 of $filter."


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (source.ConnectionFailed("x"), 503, "SourceUnavailable"),
        (source.SourceTimeout("x"), 504, "SourceTimeout"),
        (source.ConstraintViolated("x", kind="unique"), 409, "DuplicateKey"),
        (source.ConstraintViolated("x", kind="not_null"), 400, "ValueRequired"),
        (source.NotSupported("x"), 501, "NotSupported"),
        (ZeroDivisionError("secret"), 500, "InternalError"),
    ],
)
def test_every_error_meets_its_status(error: Exception, status: int, code: str) -> None:
    problem = problem_of(error)

    assert (problem.status, problem.code) == (status, code)
    assert "secret" not in problem.message
    assert ("Retry-After" in problem.headers) is (status in (503, 504))
