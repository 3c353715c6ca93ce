"""Whatever the text, only ODataSyntaxError leaves the parser, and its position lies in the text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apiserver.odata.parser import (
    ODataSyntaxError,
    parse_apply,
    parse_compute,
    parse_expand,
    parse_expression,
    parse_filter,
    parse_options,
    parse_orderby,
    parse_path,
    parse_search,
    parse_select,
    shape,
)

VOCABULARY = (
    "A Name Ns.Type eq ne gt and or not in has add mul - ( ) [ ] { } , : ; / = @p @Ns.T $it $root $count $filter= $search= $expand= $top= "
    "any( all( x:x case( cast( contains( null true 1 -2.5 1e3 9999999999999999999 'a' 'O''x' ' \" \"j\" 2020-01-31 2020-02-30 12:30 "
    "2020-01-31T12:30Z duration'P1D' geometry'SRID=0;Point(1 2)' Ns.E'x' as asc desc aggregate( with sum from groupby(( % %41 %ff & + # \\ "
    "AND OR NOT \x00 \ud800 é ² ٣ * $ref $value $metadata"
)
WORDS = VOCABULARY.split(" ")
TEXT = st.lists(st.sampled_from([*WORDS, " "]) | st.text(max_size=3), max_size=25).map("".join)

PARSERS: dict[str, Callable[[str], Any]] = {
    "filter": parse_filter,
    "orderby": parse_orderby,
    "select": parse_select,
    "expand": parse_expand,
    "search": parse_search,
    "compute": parse_compute,
    "expression": parse_expression,
    "apply": parse_apply,
    "options": parse_options,
    "options in $filter": lambda text: shape(parse_options(f"$filter={text}")),
    "options in $expand": lambda text: shape(parse_options(f"$expand=A({text})")),
    "decoded path": lambda text: parse_path(text, decoded=True),
    "raw path": lambda text: parse_path(f"A({text})", decoded=False),
}


@pytest.mark.parametrize("name", PARSERS)
@given(text=TEXT)
@example("(" * 5000)
@example("A or " * 2000 + "A")
@example("'" * 5001)
@example("A/" * 5000 + "A")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_only_syntax_errors_leave_the_parser(name: str, text: str) -> None:
    try:
        PARSERS[name](text)
    except ODataSyntaxError as error:
        assert error.message
        assert 0 <= error.position <= len(text) + len("$expand=A()")
