"""$apply -> ApplySequence (OData Data Aggregation 4.0, 3): every transformation is recognised; which are served, others decide."""

from __future__ import annotations

from collections.abc import Callable

from apiserver.odata import nodes
from apiserver.odata.expression_parser import ExpressionParser
from apiserver.odata.lexer import NAME, Token, tokenize
from apiserver.odata.list_parser import compute_item, order_item
from apiserver.odata.nested_options import search_end
from apiserver.odata.parser_errors import DEFAULT_LIMITS, Limits, raised_by
from apiserver.odata.search_parser import parse_search


class ApplyParser(ExpressionParser):
    """Reads transformations; each method reads what stands between a transformation's parentheses."""

    __slots__ = ()

    def sequence(self) -> nodes.ApplySequence:
        """Read `step/step`."""
        at = self.tokens[self.index][2]
        self.enter(at)
        steps = [self._step()]
        while self.accept("/"):
            steps.append(self._step())
        self.depth -= 1
        return nodes.ApplySequence(tuple(steps), at=at)

    def _step(self) -> nodes.ApplyStep:
        token = self.tokens[self.index]
        kind, text, at, _ = token
        if kind != NAME:
            raise self.unexpected(token, "a transformation such as aggregate or groupby")
        self.index += 1
        self.spend(at)
        name = text.lower()
        if name == "identity" and not self.adjoins("("):
            return nodes.ApplyStep(name, at=at)
        if not self.adjoins("("):
            raise self.unexpected(self.tokens[self.index], "'('")
        reader = _READERS.get(name)
        if reader is None:
            return nodes.ApplyStep("custom", (self._other_call(text, at),), at=at)
        self.index += 1
        arguments = reader(self)
        self.expect(")")
        return nodes.ApplyStep(name, tuple(arguments), at=at)

    def _items(self, item: Callable[[], nodes.Node]) -> list[nodes.Node]:
        found = [item()]
        while self.accept(","):
            found.append(item())
            if len(found) > self.limits.select_items:
                raise self.fail(
                    f"The list has more than the limit of {self.limits.select_items} items.", found[0].at, raised_by("select_items")
                )
        return found

    def _aggregate(self) -> list[nodes.Node]:
        return self._items(lambda: self.aggregate(needs_alias=True))

    def _compute(self) -> list[nodes.Node]:
        return self._items(lambda: compute_item(self))

    def _orderby(self) -> list[nodes.Node]:
        return self._items(lambda: order_item(self))

    def _one_expression(self) -> list[nodes.Node]:
        return [self.expression()]

    def _two_expressions(self) -> list[nodes.Node]:
        first = self.expression()
        self.expect(",")
        return [first, self.expression()]

    def _concat(self) -> list[nodes.Node]:
        found = self._items(self.sequence)
        if len(found) < 2:
            raise self.fail("concat takes two or more sequences of transformations.", found[0].at)
        return found

    def _groupby(self) -> list[nodes.Node]:
        opening = self.expect("(")
        found: list[nodes.Node] = [nodes.Grouping(tuple(self._items(self._group_item)), at=opening[2])]
        self.expect(")")
        if self.accept(","):
            found.append(self.sequence())
        return found

    def _group_item(self) -> nodes.Node:
        token = self.tokens[self.index]
        name = token[1].lower()
        if name not in ("rollup", "rolluprecursive") or self.tokens[self.index + 1][1] != "(":
            return self.group_path()
        self.index += 2
        self.spend(token[2])
        if name == "rollup":
            arguments = self._items(self.group_path)
        else:
            arguments = self._hierarchy()
            if self.accept(","):
                arguments.append(self.sequence())
        self.expect(")")
        return nodes.Rollup(name, tuple(arguments), at=token[2])

    def _search(self) -> list[nodes.Node]:
        """The words of a search are no tokens of expressions: read them as text, then go on with tokens."""
        start = self.tokens[self.index - 1][3]
        stop = search_end(self.text, start, self.end)
        found = parse_search(self.text, self.limits, start, stop)
        self.tokens = tokenize(self.text, stop, self.end)
        self.index = 0
        return [found]

    def _addnested(self) -> list[nodes.Node]:
        path = self.expression(floor=99)
        self.expect(",")
        return [path, *self._items(self._named_sequence)]

    def _nest(self) -> list[nodes.Node]:
        return self._items(self._named_sequence)

    def _join(self) -> list[nodes.Node]:
        path = self.expression(floor=99)
        found: list[nodes.Node] = [nodes.NamedSequence(path, self._alias(), at=path.at)]
        if self.accept(","):
            found.append(self.sequence())
        return found

    def _named_sequence(self) -> nodes.Node:
        sequence = self.sequence()
        return nodes.NamedSequence(sequence, self._alias(), at=sequence.at)

    def _alias(self) -> str:
        if not self.word("as"):
            raise self.unexpected(self.tokens[self.index], "'as' and an alias")
        return self.expect_name("an alias")

    def _hierarchy(self) -> list[nodes.Node]:
        """Read the nodes' collection, the hierarchy's qualifier and the path to the node's key."""
        collection = self.expression(floor=99)
        self.expect(",")
        at = self.tokens[self.index][2]
        qualifier = nodes.Name(self.expect_name("the qualifier of a hierarchy"), at=at)
        self.expect(",")
        return [collection, qualifier, self.group_path()]

    def _related(self) -> list[nodes.Node]:
        """ancestors and descendants: hierarchy, sequence, perhaps a distance, perhaps `keep start`."""
        found = self._hierarchy()
        self.expect(",")
        found.append(self.sequence())
        if not self.accept(","):
            return found
        if not self._keyword("keep"):
            found.append(self.expression())
            if not self.accept(","):
                return found
        at = self.tokens[self.index][2]
        if not (self.tokens[self.index][1].lower() == "keep" and self.tokens[self.index + 1][1].lower() == "start"):
            raise self.unexpected(self.tokens[self.index], "'keep start'")
        self.index += 2
        return [*found, nodes.Name("keep start", at=at)]

    def _traverse(self) -> list[nodes.Node]:
        found = self._hierarchy()
        self.expect(",")
        token = self.tokens[self.index]
        if token[1].lower() not in ("preorder", "postorder"):
            raise self.unexpected(token, "preorder or postorder")
        self.index += 1
        found.append(nodes.Name(token[1].lower(), at=token[2]))
        if self.accept(","):
            following: Token = self.tokens[self.index]
            is_step = following[1].lower() in _READERS and self.tokens[self.index + 1][1] == "("
            found += [self.sequence()] if is_step else self._orderby()
        return found

    def _keyword(self, word: str) -> bool:
        token = self.tokens[self.index]
        return token[0] == NAME and token[1].lower() == word


_READERS: dict[str, Callable[[ApplyParser], list[nodes.Node]]] = {
    "aggregate": ApplyParser._aggregate,
    "groupby": ApplyParser._groupby,
    "filter": ApplyParser._one_expression,
    "search": ApplyParser._search,
    "compute": ApplyParser._compute,
    "orderby": ApplyParser._orderby,
    "top": ApplyParser._one_expression,
    "skip": ApplyParser._one_expression,
    "concat": ApplyParser._concat,
    "topcount": ApplyParser._two_expressions,
    "topsum": ApplyParser._two_expressions,
    "toppercent": ApplyParser._two_expressions,
    "bottomcount": ApplyParser._two_expressions,
    "bottomsum": ApplyParser._two_expressions,
    "bottompercent": ApplyParser._two_expressions,
    "addnested": ApplyParser._addnested,
    "nest": ApplyParser._nest,
    "join": ApplyParser._join,
    "outerjoin": ApplyParser._join,
    "ancestors": ApplyParser._related,
    "descendants": ApplyParser._related,
    "traverse": ApplyParser._traverse,
}


def parse_apply_region(text: str, option: str, limits: Limits, start: int, end: int) -> nodes.ApplySequence:
    """Parse transformations inside text[start:end]."""
    parser = ApplyParser(text, option, limits, start, end)
    found = parser.sequence()
    parser.expect_end()
    return found


def parse_apply(text: str, limits: Limits = DEFAULT_LIMITS) -> nodes.ApplySequence:
    """Parse the decoded value of $apply."""
    return parse_apply_region(text, "$apply", limits, 0, len(text))
