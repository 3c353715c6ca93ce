"""Calls and member paths inside expressions (OData 4.01 URL Conventions, 5.1.1.5 to 5.1.1.15)."""

from __future__ import annotations

from apiserver.odata import nodes
from apiserver.odata.aggregate_reader import AggregateReader
from apiserver.odata.functions import ARITY
from apiserver.odata.lexer import AT, DOLLAR, NAME, NUMBER, PUNCTUATION, Token, tokenize
from apiserver.odata.nested_options import split_nested
from apiserver.odata.parser_errors import raised_by
from apiserver.odata.search_parser import parse_search

_LAMBDAS = frozenset({"any", "all"})


class CallReader(AggregateReader):
    """Reads what begins with a name and goes on with `(` or `/`."""

    __slots__ = ()

    # ---- calls ----

    def call(self, name: Token) -> nodes.Node:
        """Read a call at the head of an operand; its `(` is the next token."""
        _, text, at, _ = name
        lower = text.lower()
        self.enter(at)
        self.spend(at)
        found: nodes.Node
        if lower in ARITY:
            found = self._function(lower, at)
        elif lower in ("cast", "isof"):
            found = self._type_test(lower, at)
        elif lower == "case":
            found = self._case(at)
        elif lower == "not":
            self.index += 1
            found = nodes.Unary("not", self.expression(), at=at)
            self.expect(")")
        elif lower in _LAMBDAS:
            raise self.fail(f"'{lower}' needs a collection before it, such as Items/{lower}(i:i/Price gt 5).", at)
        else:
            found = self._other_call(text, at)
        self.depth -= 1
        return found

    def _function(self, name: str, at: int) -> nodes.Node:
        self.index += 1
        arguments: list[nodes.Node] = []
        fewest, most = ARITY[name]
        if not self.accept(")"):
            arguments.append(self.expression())
            while self.accept(","):
                arguments.append(self.expression())
            self.expect(")")
        if not fewest <= len(arguments) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} or {most}"
            raise self.fail(f"{name} takes {wanted} argument{'s' if most != 1 else ''}, not {len(arguments)}.", at)
        return nodes.Call(name, tuple(arguments), at=at)

    def _type_test(self, name: str, at: int) -> nodes.Node:
        """cast and isof: [expression ,] type."""
        self.index += 1
        arguments: list[nodes.Node] = []
        if not self._type_ahead():
            arguments.append(self.expression())
            self.expect(",")
        arguments.append(self._type_name())
        self.expect(")")
        return nodes.Call(name, tuple(arguments), at=at)

    def _type_ahead(self) -> bool:
        """Whether the next tokens are a type name and the closing parenthesis."""
        if self.tokens[self.index][1] == "Collection" and self.tokens[self.index + 1][1] == "(":
            return True
        return self.tokens[self.index][0] == NAME and self.tokens[self.index + 1][1] == ")"

    def _type_name(self) -> nodes.TypeName:
        token = self.tokens[self.index]
        if token[0] != NAME:
            raise self.unexpected(token, "a type name")
        self.index += 1
        if token[1] == "Collection" and self.adjoins("("):
            self.index += 1
            inner = self.tokens[self.index]
            if inner[0] != NAME:
                raise self.unexpected(inner, "a type name")
            self.index += 1
            self.expect(")")
            return nodes.TypeName(f"Collection({inner[1]})", at=token[2])
        return nodes.TypeName(token[1], at=token[2])

    def _case(self, at: int) -> nodes.Node:
        self.index += 1
        arguments: list[nodes.Node] = []
        outer = self.case_depth
        while True:
            self.case_depth = self.depth
            arguments.append(self.expression())
            self.case_depth = -1
            self.expect(":")
            arguments.append(self.expression())
            if not self.accept(","):
                break
        self.case_depth = outer
        self.expect(")")
        return nodes.Call("case", tuple(arguments), at=at)

    def _other_call(self, text: str, at: int) -> nodes.Node:
        """A function of the service, or an entity by its key: what follows in parentheses tells."""
        names, values = self._parameters()
        head: list[nodes.Node]
        if "." not in text and names == ("",) and isinstance(values[0], nodes.Literal | nodes.Alias):
            head = [nodes.Name(text, at=at), nodes.KeySegment(names, values, at=at + len(text))]
        else:
            head = [nodes.Bound(text, names, values, at=at)]
        if len(head) == 1 and not (self.adjoins("/") or self.adjoins("(")):
            return head[0]
        return self.path(None, head[0], at, head[1:])

    def _parameters(self) -> tuple[tuple[str, ...], tuple[nodes.Node, ...]]:
        """Read `(name=value, ...)` or `(value, ...)`; unnamed ones have the name ""."""
        opening = self.expect("(")
        names: list[str] = []
        values: list[nodes.Node] = []
        if self.accept(")"):
            return (), ()
        while True:
            token = self.tokens[self.index]
            if token[0] == NAME and self.tokens[self.index + 1][1] == "=":
                self.index += 2
                names.append(token[1])
            else:
                names.append("")
            values.append(self.expression())
            if not self.accept(","):
                break
        self.expect(")")
        if any(names) and ("" in names or len(set(names)) < len(names)):
            raise self.fail("Parameters in parentheses are either all named, each once, or none of them is.", opening[2])
        return tuple(names), tuple(values)

    # ---- member paths ----

    def path(self, root: nodes.Root | None, first: nodes.Node | None, at: int, more: list[nodes.Node] | None = None) -> nodes.Node:
        """Read the segments after a head that is consumed already."""
        segments: list[nodes.Node] = [] if first is None else [first]
        if more:
            segments.extend(more)
        tokens = self.tokens
        while True:
            token = tokens[self.index]
            if token[0] != PUNCTUATION or token[2] != tokens[self.index - 1][3]:
                break
            if token[1] == "/":
                self.index += 1
                last = self._segment()
                segments.append(last)
                if isinstance(last, nodes.CountSegment | nodes.Lambda | nodes.Aggregate):
                    break
                tokens = self.tokens
            elif token[1] == "(" and segments:
                names, values = self._parameters()
                segments.append(nodes.KeySegment(names, values, at=token[2]))
                tokens = self.tokens
            else:
                break
        if len(segments) > self.limits.path_segments:
            raise self.fail(f"The path has more than the limit of {self.limits.path_segments} segments.", at, raised_by("path_segments"))
        return nodes.Path(tuple(segments), root, at=at)

    def _segment(self) -> nodes.Node:
        token = self.tokens[self.index]
        kind, text, at, _ = token
        if at != self.tokens[self.index - 1][3]:
            raise self.fail("A path has no spaces.", at)
        self.index += 1
        if kind == NAME:
            return self._named_segment(text, at)
        if kind == AT:
            return nodes.Name(text, at=at)
        if kind == DOLLAR and text.lower() == "$count":
            return self._count(at)
        if kind == DOLLAR and text.lower() == "$filter":
            return self._filter_segment(at)
        if kind == NUMBER and text.lstrip("-").isdigit():
            return nodes.Name(text, at=at)
        raise self.unexpected(token, "a name")

    def _named_segment(self, text: str, at: int) -> nodes.Node:
        if not self.adjoins("("):
            return nodes.Cast(text, at=at) if "." in text else nodes.Name(text, at=at)
        lower = text.lower()
        self.enter(at)
        self.spend(at)
        found: nodes.Node
        if lower in _LAMBDAS:
            found = self._lambda(lower, at)
        elif lower == "aggregate":
            self.index += 1
            found = self.aggregate(needs_alias=False)
            self.expect(")")
        else:
            position = self.index
            names, values = self._parameters()
            if names == ("",) and isinstance(values[0], nodes.Literal | nodes.Alias):
                self.index = position
                found = nodes.Cast(text, at=at) if "." in text else nodes.Name(text, at=at)
            else:
                found = nodes.Bound(text, names, values, at=at)
        self.depth -= 1
        return found

    def _lambda(self, operator: str, at: int) -> nodes.Lambda:
        self.index += 1
        if operator == "any" and self.accept(")"):
            return nodes.Lambda("any", at=at)
        variable = self.expect_name("a variable, as in any(x:x/Price gt 5)")
        self.expect(":")
        outer, case_depth = self.variables, self.case_depth
        self.variables, self.case_depth = (*outer, variable), -1
        if len(self.variables) > self.limits.lambda_depth:
            raise self.fail(f"any and all are nested deeper than the limit of {self.limits.lambda_depth}.", at, raised_by("lambda_depth"))
        body = self.expression()
        self.variables, self.case_depth = outer, case_depth
        self.expect(")")
        return nodes.Lambda(operator, variable, body, at=at)

    def _filter_segment(self, at: int) -> nodes.Bound:
        self.enter(at)
        self.expect("(")
        inner = self.expression()
        self.expect(")")
        self.depth -= 1
        return nodes.Bound("$filter", ("",), (inner,), at=at)

    def _count(self, at: int) -> nodes.CountSegment:
        """$count, perhaps with ($filter=...;$search=...)."""
        if not self.adjoins("("):
            return nodes.CountSegment(at=at)
        self.enter(at)
        options, after = split_nested(self.text, self.tokens[self.index][2], self.option, self.end)
        filter_: nodes.Node | None = None
        search: nodes.Node | None = None
        for option in options:
            if option.name == "filter":
                filter_ = self._inner_filter(option.start, option.end)
            elif option.name == "search":
                search = parse_search(self.text, self.limits, option.start, option.end)
            else:
                raise self.fail("$count takes $filter and $search only.", option.at)
        self.tokens = tokenize(self.text, after - 1, self.end)
        self.index = 1
        self.depth -= 1
        return nodes.CountSegment(filter_, search, at=at)

    def _inner_filter(self, start: int, end: int) -> nodes.Node:
        inner = type(self)(self.text, self.option, self.limits, start, end)
        inner.depth, inner.count, inner.variables = self.depth, self.count, self.variables
        found = inner.expression()
        inner.expect_end()
        self.count = inner.count
        return found
