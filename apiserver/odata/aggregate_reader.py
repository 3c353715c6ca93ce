"""`expression with method from paths with method as alias` (OData Data Aggregation 4.0, 3.1): in aggregate(...) and in paths."""

from __future__ import annotations

from apiserver.odata import nodes
from apiserver.odata.cursor import Cursor
from apiserver.odata.lexer import DOLLAR, END, NAME
from apiserver.odata.parser_errors import raised_by


class AggregateReader(Cursor):
    """Reads one aggregate; the full parser adds expressions and paths."""

    __slots__ = ()

    def aggregate(self, *, needs_alias: bool) -> nodes.Aggregate:
        """Read one aggregate. In the transformation it has an alias, unless it is a custom aggregate; in a path it has none."""
        token = self.tokens[self.index]
        at = token[2]
        expression: nodes.Node
        if token[0] == DOLLAR and token[1].lower() == "$count":
            self.index += 1
            expression = nodes.Path((nodes.CountSegment(at=at),), at=at)
        elif token[0] == NAME and "." in token[1] and self.tokens[self.index + 1][1].lower() == "with":
            self.index += 1
            expression = nodes.Path((nodes.Cast(token[1], at=at),), at=at)
        else:
            expression = self.expression()
        method = self.method() if self.word("with") else ""
        self._check_counted(expression, method, at)
        levels = self._levels(is_method_needed=bool(method))
        alias = ""
        if needs_alias and self.word("as"):
            alias = self.expect_name("an alias")
        elif needs_alias and (method or levels or _is_count(expression)):
            raise self.unexpected(self.tokens[self.index], "'as' and an alias")
        return nodes.Aggregate(expression, method, levels, alias, at=at)

    def _check_counted(self, expression: nodes.Node, method: str, at: int) -> None:
        if method and _is_count(expression):
            raise self.fail("$count takes no 'with'.", at)
        if not method and not isinstance(expression, nodes.Path):
            raise self.unexpected(self.tokens[self.index], "'with' and a method")

    def _levels(self, *, is_method_needed: bool) -> tuple[nodes.AggregateFrom, ...]:
        levels: list[nodes.AggregateFrom] = []
        while self.word("from"):
            at = self.tokens[self.index][2]
            paths = [self.group_path()]
            while self.accept(","):
                paths.append(self.group_path())
            method = self.method() if self.word("with") else ""
            if is_method_needed and not method:
                raise self.unexpected(self.tokens[self.index], "'with' and a method")
            levels.append(nodes.AggregateFrom(tuple(paths), method, at=at))
            if len(levels) > self.limits.path_segments:
                raise self.fail(
                    f"The aggregate has more than the limit of {self.limits.path_segments} 'from' parts.", at, raised_by("path_segments")
                )
        return tuple(levels)

    def group_path(self) -> nodes.Path:
        """Read a path of names and type casts that ends in a property."""
        token = self.tokens[self.index]
        found = self.expression(floor=99)
        if not isinstance(found, nodes.Path) or found.root is not None:
            raise self.unexpected(token, "a property path")
        for segment in found.segments:
            if not isinstance(segment, nodes.Name | nodes.Cast) or (isinstance(segment, nodes.Name) and segment.name[0] == "@"):
                raise self.fail("A path here has names of properties only.", segment.at)
        if isinstance(found.segments[-1], nodes.Cast):
            raise self.fail("A path here ends with a property, not with a type name.", found.segments[-1].at)
        return found

    def method(self) -> str:
        """Read sum, min, ... or the qualified name of a custom method."""
        token = self.tokens[self.index]
        if token[0] != NAME:
            raise self.unexpected(token, "an aggregation method such as sum")
        self.index += 1
        return token[1]

    def word(self, text: str) -> bool:
        """Consume a keyword that stands between blanks."""
        token = self.tokens[self.index]
        if token[0] != NAME or token[1].lower() != text or token[2] == self.tokens[self.index - 1][3]:
            return False
        self.index += 1
        following = self.tokens[self.index]
        if following[2] == token[3] and following[0] != END:
            raise self.fail(f"A blank must follow '{text}'.", token[3])
        return True


def _is_count(expression: nodes.Node) -> bool:
    return isinstance(expression, nodes.Path) and bool(expression.segments) and isinstance(expression.segments[-1], nodes.CountSegment)
