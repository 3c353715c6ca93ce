"""GROUP BY of people's SQL: what may stand beside it; keys that are more than a column are computed in a query within."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from sqlglot import exp

from connections.contract.table import Type
from connections.engine.nodes import Fn, fn, select
from connections.engine.sql_expressions import named_query
from connections.engine.sql_nodes import Cell, Typed
from connections.engine.sql_reader import problem
from connections.engine.sql_windows import GROUPING

MOST_SETS = 64
Sets = list[list[int]]
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


def has_sets(group: exp.Expression | None) -> bool:
    """Claim that GROUP BY leaves keys out of some rows: ROLLUP, CUBE, GROUPING SETS."""
    return group is not None and group.find(exp.Rollup, exp.Cube, exp.GroupingSets) is not None


def grouping_sets(group: exp.Expression, place: Callable[[exp.Expression], int]) -> Sets | None:
    """Return which keys make each set, by the places that they get; None of a plain GROUP BY, whose keys get their places too."""
    check_parts(group)
    found: Sets = [[]]
    for item in group.expressions:
        found = [[*before, *added] for before in found for added in sets_of(item, place)]
        check_many(found, group)
    # GROUP BY a, b WITH ROLLUP: as ROLLUP(a, b).
    if group.args.get("rollup"):
        found = [one[:size] for one in found for size in range(len(one), -1, -1)]
    if group.args.get("cube"):
        check_many([[]] * 2 ** len(found[0]), group)
        found = [list(some) for one in found for size in range(len(one), -1, -1) for some in combinations(one, size)]
    check_many(found, group)
    return [list(dict.fromkeys(one)) for one in found] if has_sets(group) else None


def sets_of(node: exp.Expression, place: Callable[[exp.Expression], int]) -> Sets:
    """Return the sets that one item of GROUP BY stands for."""
    if isinstance(node, exp.GroupingSets):
        return [one for item in node.expressions for one in sets_of(item, place)]
    if isinstance(node, exp.Rollup | exp.Cube):
        items = [sets_of(item, place)[0] for item in node.expressions]
        check_many([[]] * 2 ** min(len(items), 20) if isinstance(node, exp.Cube) else [], node)
        sizes = range(len(items), -1, -1)
        chosen = (
            [items[:size] for size in sizes]
            if isinstance(node, exp.Rollup)
            else [list(some) for size in sizes for some in combinations(items, size)]
        )
        return [[number for part in some for number in part] for some in chosen]
    if isinstance(node, exp.Tuple):
        return [[place(item) for item in node.expressions]]
    return [[place(node.this if isinstance(node, exp.Paren) else node)]]


def check_parts(group: exp.Expression) -> None:
    """Raise for WITH ROLLUP beside other sets."""
    said = [name for name in ("rollup", "cube", "grouping_sets") if group.args.get(name)]
    is_plain = not any(isinstance(item, exp.Rollup | exp.Cube | exp.GroupingSets) for item in group.expressions)
    if len(said) > 1 or (said and (not is_plain or said == ["grouping_sets"])) or (group.args.get("all") and group.expressions):
        raise problem("This GROUP BY says too much at once.", group, "Write all its sets as GROUPING SETS (...).")


def check_many(sets: Sets, node: exp.Expression) -> None:
    """Raise for more sets than anybody reads."""
    if len(sets) > MOST_SETS:
        raise problem(f"GROUP BY makes more than {MOST_SETS} grouping sets.", node)


def place_of_key(keys: list[Typed], key: Typed) -> int:
    """Return the place of a key among those known; a new one is added."""
    for number, known in enumerate(keys):
        if known.tree == key.tree:
            return number
    keys.append(key)
    return len(keys) - 1


def grouped(keys: Sequence[Typed], parts: Parts, own: set[str], alias: Callable[[], str], sets: Sets | None = None) -> Parts:
    """Return the parts with GROUP BY set; keys that are computed, and texts, are columns of a query within."""
    values, kept, ordering, tree = parts
    if all(isinstance(key.tree, Cell) and key.type != Type.STRING for key in keys):
        if keys or sets:
            tree.set("group", group_by([key.tree for key in keys], sets))
        return parts
    return Within(keys, own, alias()).moved(values, kept, ordering, tree, sets)


def group_by(keys: Sequence[exp.Expression], sets: Sets | None) -> exp.Group:
    """Return GROUP BY of keys, or of sets of them."""
    if sets is None:
        return exp.Group(expressions=[key.copy() for key in keys])
    every = [fn("grouping_set", *(keys[number].copy() for number in one)) for one in sets]
    return exp.Group(expressions=[fn("grouping_sets", *every)])


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

    def moved(
        self,
        values: list[exp.Expression],
        kept: exp.Expression | None,
        ordering: list[exp.Expression],
        tree: exp.Select,
        sets: Sets | None = None,
    ) -> Parts:
        """Return all parts over the query within."""
        found = (
            [self.replaced(value) for value in values],
            None if kept is None else self.replaced(kept),
            [self.replaced(k) for k in ordering],
        )
        tree.set("expressions", [exp.alias_(inner, cell.args["name"], quoted=True) for inner, cell in self.columns])
        outside = select([], named_query(tree, self.alias))
        outside.set("group", group_by(self.group, sets))
        return (*found, outside)
