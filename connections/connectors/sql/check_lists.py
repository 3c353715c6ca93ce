"""Values that a CHECK allows a column, `x IN ('a', 'b')` in whichever words a database keeps it. What is no plain list says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from connections.contract.table import Column, Type

Lists = Mapping[str, tuple[str, ...]]  # by column
LONGEST = 100_000  # characters of a table's definition that is read


def lists_of(clauses: Iterable[str], dialect: str) -> dict[str, tuple[str, ...]]:
    """Return the allowed texts by column; where several checks list a column, what all of them allow."""
    found: dict[str, tuple[str, ...]] = {}
    for clause in clauses:
        for condition in conditions(parsed(clause, dialect)):
            name, values = list_of(condition)
            if name:
                found[name] = tuple(value for value in found.get(name, values) if value in values)
    return found


def of_definition(sql: str, dialect: str) -> dict[str, tuple[str, ...]]:
    """Return the allowed texts by column of a CREATE TABLE."""
    if "check" not in sql.lower() or len(sql) > LONGEST:
        return {}
    tree = parsed(sql, dialect)
    checks = tree.find_all(exp.CheckColumnConstraint) if tree is not None else ()
    return lists_of((item.this.sql(dialect) for item in checks), dialect)


def parsed(sql: str, dialect: str) -> exp.Expr | None:
    """Return the tree; None for what is not understood."""
    try:
        return sqlglot.parse_one(sql, read=dialect)
    except (SqlglotError, RecursionError):
        return None


def conditions(tree: exp.Expr | None) -> Iterator[exp.Expr]:
    """Give what must hold, each condition by itself."""
    tree = bare(tree) if tree is not None else None
    if isinstance(tree, exp.And):
        yield from conditions(tree.left)
        yield from conditions(tree.right)
    elif tree is not None:
        yield tree


def list_of(tree: exp.Expr) -> tuple[str, tuple[str, ...]]:
    """Return a column and the texts that a condition allows it; ("", ()) for any other condition."""
    if isinstance(tree, exp.Or):
        (left, some), (right, others) = list_of(bare(tree.left)), list_of(bare(tree.right))
        if is_null_of(bare(tree.left)) == right and right:
            return right, others
        if is_null_of(bare(tree.right)) == left and left:
            return left, some
        return (left, (*some, *others)) if left and left == right else ("", ())
    if isinstance(tree, exp.In) and not tree.args.get("query"):
        return listed(tree.this, tree.expressions)
    if isinstance(tree, exp.EQ):
        right_side = bare(tree.expression)
        many = bare(right_side.this) if isinstance(right_side, exp.Any) else None
        return listed(tree.this, many.expressions if isinstance(many, exp.Array) else [right_side])
    return "", ()


def is_null_of(tree: exp.Expr) -> str:
    """Return the column of `x IS NULL`."""
    subject = bare(tree.this) if isinstance(tree, exp.Is) and isinstance(tree.expression, exp.Null) else None
    return subject.name if isinstance(subject, exp.Column) else ""


def listed(subject: exp.Expr, values: Sequence[exp.Expr]) -> tuple[str, tuple[str, ...]]:
    """Return the column with the texts, if these are one and others."""
    column, literals = bare(subject), [bare(item) for item in values]
    if not isinstance(column, exp.Column) or not literals or not all(isinstance(item, exp.Literal) and item.is_string for item in literals):
        return "", ()
    return column.name, tuple(item.name for item in literals)


def bare(tree: exp.Expr) -> exp.Expr:
    """Return what stands in parentheses and casts."""
    while isinstance(tree, exp.Paren | exp.Cast):
        tree = tree.this
    return tree


def with_lists(columns: Iterable[Column], lists: Lists) -> list[Column]:
    """Return the columns, texts with the values that a check allows them; padded texts only where no value would be padded."""
    by_name = {name.lower(): values for name, values in lists.items()}
    return [replace(item, allowed_values=by_name[item.name.lower()]) if is_listed(item, by_name) else item for item in columns]


def is_listed(column: Column, lists: Lists) -> bool:
    """Claim that the list holds for the column's values as they come back."""
    values = lists.get(column.name.lower())
    if not values or column.type is not Type.STRING or column.is_collection or column.is_json or column.allowed_values:
        return False
    is_padded = column.native_type.startswith("character(")
    return column.native_type != "citext" and not (is_padded and any(len(value) != column.max_length for value in values))
