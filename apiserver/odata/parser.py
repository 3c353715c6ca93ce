"""The door to the parser: text of a URL -> nodes.py. Everything else in apiserver.odata imports from here.

Each function takes decoded text and raises ODataSyntaxError, nothing else; parse_options takes the raw query string.
"""

from __future__ import annotations

from apiserver.odata.apply_parser import parse_apply
from apiserver.odata.expand_parser import parse_expand, parse_select
from apiserver.odata.list_parser import parse_compute, parse_expression, parse_filter, parse_orderby
from apiserver.odata.parser_errors import DEFAULT_LIMITS, Limits, ODataSyntaxError
from apiserver.odata.search_parser import parse_search
from apiserver.odata.shape import shape
from apiserver.odata.urlparser import parse_options, parse_path

__all__ = [
    "DEFAULT_LIMITS",
    "Limits",
    "ODataSyntaxError",
    "parse_apply",
    "parse_compute",
    "parse_expand",
    "parse_expression",
    "parse_filter",
    "parse_options",
    "parse_orderby",
    "parse_path",
    "parse_search",
    "parse_select",
    "shape",
]
