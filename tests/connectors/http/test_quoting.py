"""Promise S20: a user's value never changes the structure of what the service is asked; what arrived is read back by another parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connections.contract.scan import AllOf, AnyOf, Compare, Scan
from connections.contract.table import Table, TableRef
from tests.connectors.http.notes import manifest, open_session, rows_of
from tests.fakes.upstream import Answer, Seen, Upstream

TEXT = """
manifest: 1
key: quoting
label: Quoting
base_url: https://api.example.com
properties: [{name: APIToken, secret: true}]
auth: {schemes: {Token: {type: bearer, value: "{APIToken}"}}}
tables:
  Rows:
    key: [Id]
    read:
      - {path: "/rows", params: {kind: plain}, filter: LANGUAGE}
      - {path: "/rows/{Id}/parts", single: true}
    columns:
      Id: {path: id}
      Name: {path: name, filter: FILTER, field: name}
      Count: {path: count, type: int64, filter: FILTER2}
"""
LANGUAGES = {
    "params": ("{language: params}", "{eq: name, contains: like, startswith: start, in: names}", "{eq: count}"),
    "comma": ("{language: params}", "{eq: name, in: {param: names, multiple: comma}}", "{eq: count}"),
    "bbql": ("{language: bbql, param: q}", "[eq, ne, in, contains, startswith, endswith]", "[eq, lt]"),
    "stripe_search": ("{language: stripe_search, param: q}", "[eq, contains]", "[eq, lt]"),
    "odata": ("{language: odata, param: $filter}", "[eq, ne, in, contains, startswith, endswith, contains_ci]", "[eq, lt]"),
}
HOSTILE = [
    "' OR 1=1 --", "'; DROP TABLE x; --", '" OR id > 0 OR name = "', '\\" OR 1 = 1', "\\", '\\\\"', "x' or '1' eq '1", "a&admin=true",
    "a#b", "a?b=c", "../../admin", "..", ".", "%2e%2e%2f", "/", "//evil.example/", "\r\nX-Injected: 1", "a\x00b", "){}[]*", "~ \"x\"",
    "null", "true", "1) OR (1=1", "{APIToken}", "{Name}", "$filter", "\u2028", "ｄ＇", "＂", "é\u0301", "\U0001f600", "a,b",
    "name:\"x\" OR email:\"y\"", "-name:\"x\"", " ", "+", "%", "%00", "%27", "a;b", "=", "=cmd|' /C calc'!A0",
]  # fmt: skip
REF = TableRef("", "Rows")


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def session_of(upstream: Upstream, name: str) -> Any:
    language, first, second = LANGUAGES[name]
    text = TEXT.replace("LANGUAGE", language).replace("FILTER2", second).replace("FILTER", first)
    upstream.fallback = lambda seen: Answer([] if seen.path == "/rows" else {"id": unquote(seen.path.split("/")[2])})
    return open_session(upstream, manifest(text), URL=upstream.url)


def asked(upstream: Upstream, session: Any, *where: Any) -> list[Seen]:
    upstream.calls.clear()
    rows_of(session, session.offer(Scan(Table(REF), ("Id", "Name"), where)))
    return list(upstream.calls)


TOKENS = {
    "bbql": re.compile(r'\s*("(?:[^"\\]|\\.)*"|[A-Za-z_][\w.]*|-?\d+|!=|<=|>=|[=<>~(),])'),
    "stripe_search": re.compile(r'\s*("(?:[^"\\]|\\.)*"|[A-Za-z_][\w.]*|-?\d+|<=|>=|[:=<>~])'),
    "odata": re.compile(r"\s*('(?:[^']|'')*'|[A-Za-z_][\w.]*|-?\d+|[(),])"),
}


def read_back(language: str, query: str) -> tuple[list[str], list[str]]:
    """Return the structure of a query, literals as `?`, and the texts that its literals say."""
    structure, texts, at = [], [], 0
    while at < len(query):
        found = TOKENS[language].match(query, at)
        assert found is not None, f"nothing to read at {query[at:]!r}"
        token, at = found[1], found.end()
        if token[0] == '"':
            texts.append(re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL))
        elif token[0] == "'":
            texts.append(token[1:-1].replace("''", "'"))
        structure.append("?" if token[0] in "\"'" else token)
    return structure, texts


def wishes(value: str) -> list[Any]:
    return [
        Compare("Name", "eq", value),
        Compare("Name", "ne", value),
        Compare("Name", "contains", value),
        Compare("Name", "startswith", value),
        Compare("Name", "in", (value, value + "2")),
        AnyOf((Compare("Name", "eq", value), Compare("Count", "lt", 3))),
        AllOf((Compare("Name", "eq", value), Compare("Count", "eq", 3))),
    ]


def check(upstream: Upstream, session: Any, language: str, value: str, usually: list[list[Seen]], only: int | None = None) -> None:
    for number, wish in enumerate(wishes(value)):
        if only not in (None, number):
            continue
        calls, usual = asked(upstream, session, wish), usually[number]
        assert [seen.path for seen in calls] == ["/rows"]
        names = [name for name, _ in calls[0].query]
        assert names == [name for name, _ in usual[0].query] or names == ["kind"]
        if names == ["kind"]:
            continue  # it can't be said in this language, so it is not sent
        if any(ord(c) < 32 for c in value):
            assert not any(value in text for _, text in calls[0].query)
            continue
        sent = [text for name, text in calls[0].query if name != "kind"]
        if language == "params":
            assert set(sent) <= {value, value + "2", "3"}
        elif language == "comma":
            assert set(sent) <= {value, f"{value},{value}2", "3"}
        else:
            structure, texts = read_back(language, sent[0])
            assert structure == read_back(language, usual[0].params[names[-1]])[0]
            assert set(texts) <= {value, value + "2"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_values_stay_values(upstream: Upstream, language: str) -> None:
    session = session_of(upstream, language)
    usually = [asked(upstream, session, wish) for wish in wishes("harmless")]
    for number, value in enumerate(HOSTILE):
        check(upstream, session, language, value, usually, None if number < 5 else number % len(usually))
    print(f"{len(HOSTILE)} inputs")


@pytest.mark.parametrize("language", LANGUAGES)
def test_any_text_stays_a_value(upstream: Upstream, language: str) -> None:
    session = session_of(upstream, language)
    usually = [asked(upstream, session, wish) for wish in wishes("harmless")]

    @settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.text(alphabet=st.one_of(st.sampled_from("'\"\\&=#%/,:;() {}~"), st.characters(codec="utf-8")), min_size=1, max_size=12),
        st.integers(0, 6),
    )
    def property_of(value: str, only: int) -> None:
        check(upstream, session, language, value, usually, only)

    property_of()


@pytest.mark.parametrize("value", HOSTILE)
def test_value_in_a_path_stays_one_segment(upstream: Upstream, value: str) -> None:
    session = session_of(upstream, "params")

    calls = asked(upstream, session, Compare("Id", "eq", value))

    assert len(calls) == 1
    assert calls[0].query == []
    first, rows, segment, last = calls[0].path.split("/")
    assert (first, rows, unquote(segment), last) == ("", "rows", value, "parts")


def test_text_that_is_no_unicode_is_not_sent(upstream: Upstream) -> None:
    session = session_of(upstream, "params")

    assert asked(upstream, session, Compare("Id", "eq", "\ud800")) == []
    assert asked(upstream, session, Compare("Name", "eq", "\ud800"))[0].query == [("kind", "plain")]
