"""Expressions of people's SQL bound to our functions: SQL's own null logic, the types of sql_state. What is not named here is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from connections.contract.table import FLOATS, INTEGERS, NUMBERS, Column, Type
from connections.engine.nodes import fn, select
from connections.engine.sql_casts import cast
from connections.engine.sql_dates import extract, interval_added, moment_of
from connections.engine.sql_functions import call, position, trim
from connections.engine.sql_nodes import Cell, Scope, Source, Typed
from connections.engine.sql_patterns import like, matches
from connections.engine.sql_reader import check_read, nearest, problem
from connections.engine.sql_state import State, constant, null
from connections.engine.sql_windows import AGGREGATES, aggregate, is_aggregate, window, within_group

COMPARED: dict[type[exp.Expr], str] = {exp.EQ: "eq", exp.NEQ: "ne", exp.LT: "lt", exp.LTE: "le", exp.GT: "gt", exp.GTE: "ge"}
COUNTED: dict[type[exp.Expr], str] = {exp.Add: "add", exp.Sub: "sub", exp.Mul: "mul", exp.Div: "div", exp.IntDiv: "div", exp.Mod: "mod"}


class Expressions(State):
    """Binds what stands in SELECT, WHERE, ON, GROUP BY, HAVING and ORDER BY."""

    def expression(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return an expression bound; constants wait for the type of the other side."""
        found = constant(node)
        if found is not None:
            return found
        handler = HANDLERS.get(type(node))
        if handler is None:
            raise problem(f"{named(node)} is not supported in this SQL.", node)
        check_read(node)
        found = handler(self, node, scope)
        # The parser keeps the NOT of NOT LIKE within the node of LIKE.
        inner = node.this if isinstance(node, exp.Escape) else node
        return self.made(fn("not", found.tree), Type.BOOLEAN, node, (found,)) if inner.args.get("negate") else found

    def condition(self, node: exp.Expression, scope: Scope) -> exp.Expression:
        """Return what is true, false or unknown."""
        value = self.expression(node, scope)
        if value.type is None:
            return exp.Null()
        if value.type != Type.BOOLEAN:
            raise problem(f"This is of type {value.type}, not true or false.", node, "Compare it with something.")
        return value.tree

    def paren(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return what stands in parentheses."""
        return self.expression(node.this, scope)

    def nothing(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return null."""
        return null(node)

    def boolean(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return TRUE or FALSE."""
        return self.made(self.given(bool(node.this), Column("", Type.BOOLEAN)), Type.BOOLEAN, node)

    def column(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return the cell that a name means: of the nearest query that has it."""
        parts = tuple(str(part.name) for part in node.parts)  # type: ignore[attr-defined]
        qualifiers, name = parts[:-1], parts[-1]
        sight: Scope | None = scope
        while sight is not None:
            found = [cell for source in sight.sources if source.answers(qualifiers) for cell in cells_of(source, name, qualifiers)]
            if len(found) > 1:
                raise problem(f"{name} is a column of several tables here.", node, "Write the table and a dot before it.")
            if found:
                return replace(found[0], tree=found[0].tree.copy(), node=node)
            sight = sight.outer
        raise unknown_column(node, qualifiers, name, scope)

    def both(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return AND and OR, a chain of one kind as one."""
        parts = [self.condition(part, scope) for part in flat(node)]
        return self.made(fn("and" if isinstance(node, exp.And) else "or", *parts), Type.BOOLEAN, node)

    def negated(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return NOT."""
        if isinstance(node.this, exp.Is) and isinstance(node.this.expression, exp.Null):
            return self.made(fn("is_not_null", self.settled(self.expression(node.this.this, scope)).tree), Type.BOOLEAN, node)
        return self.made(fn("not", self.condition(node.this, scope)), Type.BOOLEAN, node)

    def comparison(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return = <> < <= > >=."""
        return self.compare(COMPARED[type(node)], self.expression(node.this, scope), self.expression(node.expression, scope), node)

    def compare(self, operator: str, left: Typed, right: Typed, node: exp.Expression) -> Typed:
        """Return a comparison; text by code point."""
        left, right = self.paired(left, right)
        if left.type is None or right.type is None:
            return null(node)
        if operator not in ("eq", "ne") and left.type in (Type.BOOLEAN, Type.BINARY):
            raise problem(f"Values of type {left.type} have no order.", node, "Use = or <>.")
        suffix = "_text" if left.type == Type.STRING else "_float" if {left.type, right.type} & FLOATS else ""
        return self.made(fn(operator + suffix, left.tree, right.tree), Type.BOOLEAN, node, (left, right))

    def same(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return IS [NOT] DISTINCT FROM: null is the same as null, and never unknown."""
        left, right = self.paired(self.expression(node.this, scope), self.expression(node.expression, scope))
        if left.type is None or right.type is None:
            tree: exp.Expression = fn("is_null", self.settled(right if left.type is None else left).tree)
        else:
            suffix = "_text" if left.type == Type.STRING else "_float" if {left.type, right.type} & FLOATS else ""
            tree = fn(f"same{suffix}", left.tree, right.tree)
        return self.made(tree if isinstance(node, exp.NullSafeEQ) else fn("not", tree), Type.BOOLEAN, node)

    def is_what(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return IS NULL, IS TRUE, IS FALSE."""
        value = self.settled(self.expression(node.this, scope))
        if isinstance(node.expression, exp.Null):
            return self.made(fn("is_null", value.tree), Type.BOOLEAN, node)
        if isinstance(node.expression, exp.Boolean) and value.type == Type.BOOLEAN:
            wanted = value.tree if node.expression.this else fn("not", value.tree)
            return self.made(fn("or_false", wanted), Type.BOOLEAN, node)
        raise problem("IS stands before NULL, TRUE or FALSE.", node, "Compare values with =.")

    def between(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return BETWEEN: both ends belong to it."""
        value = self.expression(node.this, scope)
        low = self.compare("ge", value, self.expression(node.args["low"], scope), node)
        high = self.compare("le", value, self.expression(node.args["high"], scope), node)
        return self.made(fn("and", low.tree, high.tree.copy()), Type.BOOLEAN, node, (low, high))

    def membership(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return IN, over a list or over the rows of a query."""
        left = self.expression(node.this, scope)
        if node.args.get("query") is not None:
            return self.among_rows(left, node, scope)
        items = node.expressions
        if not items:
            raise problem("IN has an empty list.", node)
        found = [self.compare("eq", left, self.expression(item, scope), item) for item in items]
        trees = [item.tree.copy() for item in found]
        return self.made(fn("or", *trees) if len(trees) > 1 else trees[0], Type.BOOLEAN, node, found)

    def among_rows(self, left: Typed, node: exp.Expression, scope: Scope) -> Typed:
        """Return whether a query has the value among its rows."""
        relation = self.query(node.args["query"], scope)
        if len(relation.outputs) != 1:
            raise problem("The query behind IN must have one column.", node)
        column = relation.outputs[0].column
        there = Typed(Cell(table="q", name="c1", column=column, is_plain=True), column.type, node, True, column)
        left, there = self.paired(left, there)
        is_text = left.type == Type.STRING
        trees = [fn("exact_text", side.tree) if is_text else side.tree for side in (left, there)]
        rows = select([aliased(trees[1], 1)], named_query(relation.tree, "q"))
        return self.made(exp.In(this=trees[0], query=exp.Subquery(this=rows)), Type.BOOLEAN, node, (left, there))

    def exists(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return EXISTS."""
        return self.made(exp.Exists(this=self.query(node.this, scope).tree), Type.BOOLEAN, node)

    def one_value(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return a query in the place of a value: it must have one row by its nature."""
        relation = self.query(node, scope)
        inner = node.unnest()
        if len(relation.outputs) != 1:
            raise problem("A query in the place of a value must have one column.", node)
        if not has_one_row(inner):
            raise problem("A query in the place of a value must have one row.", node, "Use TOP 1, or an aggregate without GROUP BY.")
        column = relation.outputs[0].column
        return Typed(exp.Subquery(this=relation.tree), column.type, node, True, column)

    def arithmetic(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return + - * / %: whole numbers divide to whole numbers; + joins text; dates move by an INTERVAL."""
        if isinstance(node.expression, exp.Interval) or isinstance(node.this, exp.Interval):
            return interval_added(self, node, scope)
        left, right = self.expression(node.this, scope), self.expression(node.expression, scope)
        if left.type is None or right.type is None:
            return null(node)
        if isinstance(node, exp.Add) and Type.STRING in (left.type, right.type):
            return self.made(fn("concat", self.text(left), self.text(right)), Type.STRING, node, (left, right))
        left, right = (self.settled(side) for side in (left, right))
        if left.type not in NUMBERS or right.type not in NUMBERS:
            raise problem(f"This takes numbers, not {left.type} and {right.type}.", node, "Use DATEADD and DATEDIFF for dates.")
        name = COUNTED[type(node)]
        if {left.type, right.type} & FLOATS:
            return self.made(fn(f"{name}_float", left.tree, right.tree), Type.DOUBLE, node, (left, right))
        is_whole = left.type in INTEGERS and right.type in INTEGERS
        found = self.made(fn(f"{name}_integer" if is_whole else name, left.tree, right.tree), Type.DECIMAL, node, (left, right))
        if is_whole:
            return replace(found, type=Type.INT64, column=Column("", Type.INT64), is_nullable=found.is_nullable or name in ("div", "mod"))
        return replace(found, column=Column("", Type.DECIMAL, scale=result_scale(name, left, right)), is_nullable=True)

    def minus(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return a number with the other sign."""
        value = self.settled(self.expression(node.this, scope))
        if value.type not in NUMBERS:
            raise problem("Only numbers have a sign.", node)
        return replace(value, tree=fn("neg_float" if value.type in FLOATS else "neg", value.tree), node=node)

    def joined(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return ||."""
        values = [self.expression(part, scope) for part in (node.this, node.expression)]
        return self.made(fn("concat", *(self.text(value) for value in values)), Type.STRING, node, values)

    def case(self, node: exp.Expression, scope: Scope) -> Typed:
        """Return CASE, with or without a value to compare."""
        operand = node.args.get("this")
        branches = node.args["ifs"]
        if operand is None:
            conditions = [self.condition(branch.this, scope) for branch in branches]
        else:
            value = self.expression(operand, scope)
            conditions = [self.compare("eq", value, self.expression(branch.this, scope), branch).tree.copy() for branch in branches]
        default = node.args.get("default")
        values = [self.expression(branch.args["true"], scope) for branch in branches]
        return self.choice(conditions, values, null(node) if default is None else self.expression(default, scope), node)

    def choice(self, conditions: Sequence[exp.Expression], values: Sequence[Typed], default: Typed, node: exp.Expression) -> Typed:
        """Return the first value whose condition holds, else the default."""
        trees, column, is_nullable = self.unified([*values, default])
        pairs = [part for condition, tree in zip(conditions, trees, strict=False) for part in (condition, tree)]
        return Typed(fn("case", *pairs, exp.true(), trees[-1]), column.type, node, is_nullable, column)

    def called(self, node: exp.Anonymous, scope: Scope) -> Typed:
        """Return a function of the list."""
        return aggregate(self, node, scope) if str(node.this).upper() in AGGREGATES else call(self, node, scope)


def has_one_row(query: exp.Expr) -> bool:
    """Claim that a query has no more than one row: it is cut behind the first, or brings all its rows together."""
    limit = query.args.get("limit")
    if limit is not None and (limit.args.get("expression") or limit.args.get("count")) == exp.Literal.number(1):
        return limit.args.get("limit_options") is None
    return isinstance(query, exp.Select) and not query.args.get("group") and any(is_aggregate(item) for item in query.expressions)


def cells_of(source: Source, name: str, qualifiers: tuple[str, ...]) -> list[Typed]:
    """Return the cells of that name: spelled alike, else but for case; of a joined USING column only the first source's."""
    if not qualifiers and name.lower() in source.shared:
        return []
    exact = source.cells.get(name)
    return [exact] if exact is not None else [cell for key, cell in source.cells.items() if key.lower() == name.lower()]


def unknown_column(node: exp.Expression, qualifiers: tuple[str, ...], name: str, scope: Scope) -> Exception:
    """Return the error of a name that nothing has."""
    sources = [source for source in scope.sources if source.answers(qualifiers)]
    if qualifiers and not sources:
        known = [source.path[-1] for source in scope.sources if source.path]
        return problem(f"There is no table {'.'.join(qualifiers)} in this FROM.", node, nearest(qualifiers[-1], known))
    hint = nearest(name, [key for source in sources for key in source.cells])
    identifier = node.this
    if not hint and isinstance(identifier, exp.Identifier) and identifier.args.get("quoted"):
        hint = "Text stands in single quotes: 'text'."
    return problem(f"There is no column {name}.", node, hint)


def flat(node: exp.Expression) -> list[exp.Expression]:
    """Return the parts of a chain of ANDs, or of ORs, without recursion."""
    found: list[exp.Expression] = []
    current = node
    while type(current) is type(node):
        found.append(current.expression)
        current = current.this
    return [current, *reversed(found)]


def aliased(tree: exp.Expression, number: int) -> exp.Expression:
    """Return a column of a query under its name within."""
    return exp.Alias(this=tree, alias=exp.to_identifier(f"c{number}", quoted=True))


def named_query(tree: exp.Expression, alias: str) -> exp.Subquery:
    """Return a query as a table."""
    return exp.Subquery(this=tree, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))


def result_scale(name: str, left: Typed, right: Typed) -> int | None:
    """Return the decimals of a result by SQL's rules for exact numbers; None where they depend on the values."""
    scales = [0 if side.type in INTEGERS else side.column.scale if side.column else None for side in (left, right)]
    if None in scales or name == "div":
        return None
    return sum(scales) if name == "mul" else max(scales)  # type: ignore[arg-type,type-var]


def named(node: exp.Expression) -> str:
    """Return how an error names a node."""
    words = {exp.Parameter: "A variable (@)", exp.SessionParameter: "A setting (@@)", exp.Placeholder: "A parameter", exp.Star: "*"}
    return words.get(type(node), type(node).__name__)


Handler = Callable[[Any, Any, Scope], Typed]
HANDLERS: dict[type[exp.Expr], Handler] = {
    exp.Paren: Expressions.paren,
    exp.Null: Expressions.nothing,
    exp.Boolean: Expressions.boolean,
    exp.Column: Expressions.column,
    exp.And: Expressions.both,
    exp.Or: Expressions.both,
    exp.Not: Expressions.negated,
    exp.Is: Expressions.is_what,
    exp.Between: Expressions.between,
    exp.In: Expressions.membership,
    exp.Exists: Expressions.exists,
    exp.Subquery: Expressions.one_value,
    exp.Like: like,
    exp.ILike: like,
    exp.Escape: like,
    exp.RegexpLike: matches,
    exp.RegexpILike: matches,
    exp.SimilarTo: matches,
    exp.Neg: Expressions.minus,
    exp.DPipe: Expressions.joined,
    exp.Case: Expressions.case,
    exp.Cast: cast,
    exp.TryCast: cast,
    exp.NullSafeEQ: Expressions.same,
    exp.NullSafeNEQ: Expressions.same,
    exp.StrPosition: position,
    exp.WithinGroup: within_group,
    exp.Anonymous: Expressions.called,
    exp.Window: window,
    exp.Extract: extract,
    exp.Trim: trim,
    exp.CurrentTimestamp: moment_of,
    exp.CurrentDate: moment_of,
    **dict.fromkeys(COMPARED, Expressions.comparison),
    **dict.fromkeys(COUNTED, Expressions.arithmetic),
}
