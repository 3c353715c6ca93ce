"""$filter, $orderby, $compute and alias values: regions of text that hold expressions or lists of them."""

from __future__ import annotations

from apiserver.odata import nodes
from apiserver.odata.expression_parser import ExpressionParser
from apiserver.odata.lexer import END, NAME
from apiserver.odata.parser_errors import DEFAULT_LIMITS, Limits, raised_by


def parse_expression_region(text: str, option: str, limits: Limits, start: int, end: int) -> nodes.Node:
    """Parse one expression inside text[start:end]."""
    return ExpressionParser(text, option, limits, start, end).whole()


def parse_orderby_region(text: str, option: str, limits: Limits, start: int, end: int) -> tuple[nodes.OrderItem, ...]:
    """Parse the keys of $orderby inside text[start:end]."""
    parser = ExpressionParser(text, option, limits, start, end)
    items: list[nodes.OrderItem] = []
    while True:
        items.append(order_item(parser))
        if len(items) > limits.orderby_items:
            raise parser.fail(f"$orderby has more than the limit of {limits.orderby_items} keys.", start, raised_by("orderby_items"))
        if not parser.accept(","):
            break
    token = parser.tokens[parser.index]
    if token[0] != END:
        raise parser.unexpected(token, "asc, desc, a comma or the end")
    return tuple(items)


def order_item(parser: ExpressionParser) -> nodes.OrderItem:
    """Read one key of $orderby: `expression [asc|desc]`."""
    at = parser.tokens[parser.index][2]
    expression = parser.expression()
    token = parser.tokens[parser.index]
    direction = token[1].lower() if token[0] == NAME and token[2] > parser.tokens[parser.index - 1][3] else ""
    if direction in ("asc", "desc"):
        parser.index += 1
    return nodes.OrderItem(expression, direction == "desc", at=at)


def parse_compute_region(text: str, option: str, limits: Limits, start: int, end: int) -> tuple[nodes.ComputeItem, ...]:
    """Parse `expression as Name` items inside text[start:end]."""
    parser = ExpressionParser(text, option, limits, start, end)
    items: list[nodes.ComputeItem] = []
    while True:
        items.append(compute_item(parser))
        if len(items) > limits.select_items:
            raise parser.fail(f"$compute has more than the limit of {limits.select_items} items.", start, raised_by("select_items"))
        if not parser.accept(","):
            break
    parser.expect_end()
    return tuple(items)


def compute_item(parser: ExpressionParser) -> nodes.ComputeItem:
    """Read one `expression as Name`."""
    at = parser.tokens[parser.index][2]
    expression = parser.expression()
    token = parser.tokens[parser.index]
    if token[0] != NAME or token[1].lower() != "as" or token[2] == parser.tokens[parser.index - 1][3]:
        raise parser.unexpected(token, "'as' and a name")
    parser.index += 1
    return nodes.ComputeItem(expression, parser.expect_name("a name"), at=at)


def parse_expression(text: str, limits: Limits = DEFAULT_LIMITS, option: str = "") -> nodes.Node:
    """Parse one decoded expression, such as the value of an alias."""
    return parse_expression_region(text, option, limits, 0, len(text))


def parse_filter(text: str, limits: Limits = DEFAULT_LIMITS) -> nodes.Node:
    """Parse the decoded value of $filter."""
    return parse_expression_region(text, "$filter", limits, 0, len(text))


def parse_orderby(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[nodes.OrderItem, ...]:
    """Parse the decoded value of $orderby."""
    return parse_orderby_region(text, "$orderby", limits, 0, len(text))


def parse_compute(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[nodes.ComputeItem, ...]:
    """Parse the decoded value of $compute."""
    return parse_compute_region(text, "$compute", limits, 0, len(text))
