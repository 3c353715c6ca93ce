"""Our nodes of the sqlglot tree: functions by the product's own names, columns as they are read, values bound later."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import cast

from sqlglot import exp


class Fn(exp.Expression):
    """A function or operator by our name; each dialect has one entry for it or refuses it."""

    arg_types = {"name": True, "expressions": False}


class Bind(exp.Expression):
    """A value bound at execution: `slot` is its place in the plan's values, `template` the SQL around its mark."""

    arg_types = {"slot": True, "template": True}


class Read(exp.Expression):
    """A source column, read so that its value arrives exact: `template` holds {0} for the quoted column."""

    arg_types = {"table": True, "column": True, "template": True}


class Derived(exp.Expression):
    """A checked SELECT as a table: `text` is whole SQL of the source, as engine.view_sql wrote it."""

    arg_types = {"text": True, "alias": True}


def fn(name: str, *arguments: exp.Expression) -> Fn:
    """Return a call of one of our functions."""
    return Fn(name=name, expressions=list(arguments))


def table(schema: str, name: str, alias: str) -> exp.Table:
    """Return a table with its alias; names are quoted by the printer."""
    database = exp.to_identifier(schema, quoted=True) if schema else None
    return exp.Table(
        this=exp.to_identifier(name, quoted=True), db=database, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True))
    )


def select(columns: Sequence[exp.Expression], source: exp.Expression) -> exp.Select:
    """Return SELECT columns FROM source."""
    return exp.Select(expressions=list(columns), from_=exp.From(this=source))


def all_of(conditions: Sequence[exp.Expression]) -> exp.Expression | None:
    """Return the conjunction, None of nothing."""
    return fn("and", *conditions) if len(conditions) > 1 else next(iter(conditions), None)


def identity(tree: object) -> Hashable:
    """Return what equals only for the same tree: expressions themselves are equal whatever the case of their names."""
    if isinstance(tree, exp.Expression):
        return (type(tree).__name__, *((name, identity(value)) for name, value in tree.args.items() if value not in (None, [])))
    return tuple(map(identity, tree)) if isinstance(tree, list) else cast("Hashable", tree)


TRUE = exp.Boolean(this=True)
FALSE = exp.Boolean(this=False)
