"""GROUP BY of people's SQL: what may stand beside it; keys that are more than a column are computed in a query within."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from connections.contract.table import Type
from connections.engine.nodes import Fn, fn, select
from connections.engine.sql_expressions import named_query
from connections.engine.sql_nodes import Cell, Typed
from connections.engine.sql_reader import problem
from connections.engine.sql_windows import GROUPING

Parts = tuple[list[exp.Expression], exp.Expression | None, list[exp.Expression], exp.Select]


def check_grouped(tree: exp.Expression, keys: Sequence[exp.Expression], own: set[str], node: exp.Expression) -> None:
    """Raise where a column stands neither in GROUP BY nor in an aggregate: databases differ in what they would answer."""
    if tree in keys or (isinstance(tree, Fn) and tree.args["name"] in GROUPING and not isinstance(tree.parent, exp.Window)):
        return
    if isinstance(tree, Cell) and tree.args["table"] in own:
        raise problem(f"{tree.args['column'].name or 'This'} stands neither in GROUP BY nor in an aggregate.", node)
    children = list(tree.iter_expressions())
    if isinstance(tree, exp.Window) and isinstance(tree.this, Fn) and tree.this.args["name"] in GROUPING:
        children = [child for child in children if child is not tree.this] + list(tree.this.iter_expressions())
    for child in children:
        check_grouped(child, keys, own, node)


def grouped(keys: Sequence[Typed], parts: Parts, own: set[str], alias: Callable[[], str]) -> Parts:
    """Return the parts with GROUP BY set; keys that are computed, and texts, are columns of a query within."""
    values, kept, ordering, tree = parts
    if all(isinstance(key.tree, Cell) and key.type != Type.STRING for key in keys):
        if keys:
            tree.set("group", exp.Group(expressions=[key.tree.copy() for key in keys]))
        return parts
    return Within(keys, own, alias()).moved(values, kept, ordering, tree)


class Within:
    """The query within: computed keys and cells by the names that they get there."""

    def __init__(self, keys: Sequence[Typed], own: set[str], alias: str) -> None:
        self.own = own
        self.alias = alias
        self.keys = [key.tree for key in keys]
        self.known: list[exp.Expression] = []  # what each column stands for
        self.columns: list[tuple[exp.Expression, Cell]] = []  # how it is made within, how it is read from outside
        for key in keys:
            self.add(key.tree, fn("exact_text", key.tree.copy()) if key.type == Type.STRING else key.tree, key)
        self.group = [found for _, found in self.columns]

    def add(self, tree: exp.Expression, inner: exp.Expression, key: Typed | None = None) -> Cell:
        """Return the cell of a column of the query within; a new one where it has none yet."""
        if tree in self.known:
            return self.columns[self.known.index(tree)][1]
        column = key.column if key is not None else tree.args["column"]
        cell = Cell(table=self.alias, name=f"c{len(self.columns) + 1}", column=column, is_plain=True)
        self.columns.append((inner.copy(), cell))
        self.known.append(tree.copy())
        return cell

    def replaced(self, tree: exp.Expression) -> exp.Expression:
        """Return an expression over the query within."""
        for number, key in enumerate(self.keys):
            if tree == key:
                return self.group[number].copy()
        if isinstance(tree, Cell) and tree.args["table"] in self.own:
            return self.add(tree, tree).copy()
        copied = tree.copy()
        for child in list(copied.iter_expressions()):
            child.replace(self.replaced(child.copy()))
        return copied

    def moved(self, values: list[exp.Expression], kept: exp.Expression | None, ordering: list[exp.Expression], tree: exp.Select) -> Parts:
        """Return all parts over the query within."""
        found = (
            [self.replaced(value) for value in values],
            None if kept is None else self.replaced(kept),
            [self.replaced(k) for k in ordering],
        )
        tree.set("expressions", [exp.alias_(inner, cell.args["name"], quoted=True) for inner, cell in self.columns])
        outside = select([], named_query(tree, self.alias))
        outside.set("group", exp.Group(expressions=[cell.copy() for cell in self.group]))
        return (*found, outside)
