"""What of a bound statement its tables can be asked for: conditions on one table alone, and equalities between two.

All of it is evaluated again where the rows come together: a condition that is asked of a table only spares rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from connections.engine.nodes import Fn
from connections.engine.sql_nodes import Cell

# Not true where the column is null: they may be asked of the far side of an outer join too.
REJECTING = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "contains", "contains_ci", "startswith", "endswith", "like"})
ENDINGS = ("_text", "_float", "_integer")
DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Tie:
    """Rows of `target` are wanted only where its column equals one of the source's."""

    target: str  # alias
    column: str
    source: str
    source_column: str


@dataclass(slots=True)
class Pushed:
    """What the tables can be asked for, by alias."""

    conditions: dict[str, list[exp.Expression]] = field(default_factory=dict)
    ties: list[Tie] = field(default_factory=list)

    def add(self, alias: str, condition: exp.Expression) -> None:
        """Take a condition of a table, once."""
        found = self.conditions.setdefault(alias, [])
        if condition not in found:
            found.append(condition)


def pushed(tree: exp.Expression) -> Pushed:
    """Return what can be asked of the tables of a statement."""
    found = Pushed()
    for select in tree.find_all(exp.Select):
        for condition, sides in wheres(select):
            ask(select, condition, sides, found, 0)
    return found


@dataclass(frozen=True, slots=True)
class Sides:
    """Which sources of a select a condition may be asked of; of `rejecting` only where null makes it untrue."""

    whole: frozenset[str]
    rejecting: frozenset[str] = frozenset()

    def allows(self, alias: str, condition: exp.Expression) -> bool:
        """Claim that rows of the source that do not meet the condition are of no use."""
        return alias in self.whole or (alias in self.rejecting and is_rejecting(condition))


def is_rejecting(condition: exp.Expression) -> bool:
    """Claim that the condition is not true of a row without values."""
    if not isinstance(condition, Fn):
        return False
    if condition.args["name"] in ("and", "or"):
        return all(is_rejecting(part) for part in condition.expressions)
    return plain_name(condition) in REJECTING and isinstance(condition.expressions[0], Cell)


def plain_name(condition: Fn) -> str:
    """Return a function's name without its ending."""
    name = str(condition.args["name"])
    return next((name.removesuffix(end) for end in ENDINGS if name.endswith(end)), name)


def wheres(select: exp.Select) -> Iterator[tuple[exp.Expression, Sides]]:
    """Give the conditions of WHERE and ON with the sources that they may be asked of."""
    start = select.args.get("from_")
    if start is None:
        return
    joins = select.args.get("joins") or []
    aliases = [str(start.this.alias_or_name), *(str(join.this.alias_or_name) for join in joins)]
    far = far_sides(aliases, joins)
    where = select.args.get("where")
    everywhere = Sides(frozenset(aliases) - far, far)
    for condition in parts_of(where.this) if where else ():
        yield condition, everywhere
    for number, join in enumerate(joins, 1):
        side = str(join.args.get("side") or "")
        inner = frozenset(aliases[: number + 1]) - far if not side else frozenset()
        own = {"LEFT": frozenset({aliases[number]}), "RIGHT": frozenset(aliases[:number]), "": inner}.get(side, frozenset())
        later = any(str(other.args.get("side") or "") in ("RIGHT", "FULL") for other in joins[number:])
        for condition in parts_of(join.args["on"]) if join.args.get("on") is not None else ():
            yield condition, Sides(frozenset() if later and side != "LEFT" else own)


def far_sides(aliases: Sequence[str], joins: Sequence[exp.Expression]) -> frozenset[str]:
    """Return the sources whose rows an outer join may leave without values."""
    found: set[str] = set()
    for number, join in enumerate(joins, 1):
        side = str(join.args.get("side") or "")
        if side in ("LEFT", "FULL"):
            found.add(aliases[number])
        if side in ("RIGHT", "FULL"):
            found |= set(aliases[:number])
    return frozenset(found)


def parts_of(tree: exp.Expression) -> list[exp.Expression]:
    """Return the conditions that AND joins."""
    if isinstance(tree, Fn) and tree.args["name"] == "and":
        return [part for item in tree.expressions for part in parts_of(item)]
    return [tree]


def ask(select: exp.Select, condition: exp.Expression, sides: Sides, found: Pushed, depth: int) -> None:
    """Take a condition of one source, down to the table; and an equality of two."""
    if condition.find(exp.Query) is not None or depth > DEEPEST:
        return
    cells = list(condition.find_all(Cell))
    aliases = {str(cell.args["table"]) for cell in cells}
    if len(aliases) == 2:
        found.ties += ties(select, condition, sides)
        return
    if len(aliases) != 1:
        return
    alias = next(iter(aliases))
    if not sides.allows(alias, condition):
        return
    source = source_of(select, alias)
    if isinstance(source, exp.Table):
        found.add(alias, condition)
    elif isinstance(source, exp.Subquery):
        for inner in selects_of(source.this):
            moved = inside(inner, condition, depth)
            if moved is not None:
                ask(inner, moved, Sides(wheres_sides(inner).whole, wheres_sides(inner).rejecting), found, depth + 1)


def wheres_sides(select: exp.Select) -> Sides:
    """Return the sources that a further condition of WHERE could be asked of."""
    joins = select.args.get("joins") or []
    start = select.args.get("from_")
    aliases = [str(start.this.alias_or_name)] if start is not None else []
    aliases += [str(join.this.alias_or_name) for join in joins]
    far = far_sides(aliases, joins)
    return Sides(frozenset(aliases) - far, far)


def source_of(select: exp.Select, alias: str) -> exp.Expression | None:
    """Return what stands under an alias in FROM."""
    start = select.args.get("from_")
    every = [start.this] if start is not None else []
    every += [join.this for join in select.args.get("joins") or []]
    return next((item for item in every if str(item.alias_or_name) == alias), None)


def selects_of(tree: exp.Expression) -> list[exp.Select]:
    """Return the SELECTs that a condition on a query is one on each of; none where it is not."""
    if isinstance(tree, exp.Select):
        return [tree]
    if isinstance(tree, exp.Union):
        sides = [selects_of(tree.this), selects_of(tree.expression)]
        return [select for side in sides for select in side] if all(sides) else []
    if isinstance(tree, exp.Subquery):
        return selects_of(tree.this)
    return []


def inside(select: exp.Select, condition: exp.Expression, depth: int) -> exp.Expression | None:
    """Return a condition on the rows of a SELECT as one on the rows that it reads; None where the two differ."""
    if select.args.get("limit") or select.args.get("offset") or any(select.find_all(exp.Window)):
        return None
    group = select.args.get("group")
    values = {str(item.alias): item.this for item in select.expressions}
    copied = condition.copy()
    holder = exp.Paren(this=copied)
    for cell in list(holder.find_all(Cell)):
        value = bare(values.get(str(cell.args["name"])))
        if not isinstance(value, Cell) or (group is not None and value not in group.expressions):
            return None
        cell.replace(value.copy())
    if group is None and any(is_grouping(item) for item in select.expressions):
        return None
    found: exp.Expression = holder.this
    return found


def enough(tree: exp.Expression, values: Sequence[object], most: int | None) -> int | None:
    """Return how many rows of its one table a statement needs when `most` of its own are looked at; None where it needs all."""
    start = tree.args.get("from_")
    if not isinstance(tree, exp.Select) or start is None or not isinstance(start.this, exp.Table):
        return None
    if any(tree.args.get(name) for name in ("joins", "group", "having", "distinct", "order")) or any(tree.find_all(exp.Window)):
        return None
    if any(node is not tree for node in tree.find_all(exp.Query)) or any(is_grouping(item) for item in tree.expressions):
        return None
    limit, offset = (tree.args.get(name) for name in ("limit", "offset"))
    wanted = [number for number in (most, values_in(limit, values)) if number is not None]
    return min(wanted) + (values_in(offset, values) or 0) if wanted else None


def values_in(node: exp.Expression | None, values: Sequence[object]) -> int | None:
    """Return the number of LIMIT or OFFSET."""
    found = values[node.expression.args["number"]] if node is not None else None
    return found if isinstance(found, int) else None


def bare(value: exp.Expression | None) -> exp.Expression | None:
    """Return a value without what only makes text compare by its characters."""
    while isinstance(value, Fn) and value.args["name"] == "exact_text":
        value = value.expressions[0]
    return value


def is_grouping(tree: exp.Expression) -> bool:
    """Claim that the value brings rows together."""
    from connections.engine.sql_windows import GROUPING

    return any(node.args["name"] in GROUPING for node in tree.find_all(Fn))


def ties(select: exp.Select, condition: exp.Expression, sides: Sides) -> list[Tie]:
    """Return an equality of two columns as what each side can tell the other."""
    if not isinstance(condition, Fn) or condition.args["name"] not in ("eq", "eq_text"):
        return []
    left, right = condition.expressions
    if not isinstance(left, Cell) or not isinstance(right, Cell):
        return []
    found = []
    for target, source in ((left, right), (right, left)):
        there, here = based(select, target, is_target=True), based(select, source, is_target=False)
        if there is None or here is None or not sides.allows(str(target.args["table"]), condition):
            continue
        found.append(Tie(str(there.args["table"]), str(there.args["name"]), str(here.args["table"]), str(here.args["name"])))
    return found


def based(select: exp.Select, cell: Cell, *, is_target: bool) -> Cell | None:
    """Return the cell of a table that a column of a query is; a target's rows may be left out only where that changes nothing else."""
    source = source_of(select, str(cell.args["table"]))
    if isinstance(source, exp.Table):
        return cell
    if not isinstance(source, exp.Subquery) or not isinstance(source.this, exp.Select):
        return None
    inner = source.this
    value = inside(inner, cell, 0) if is_target else bare({str(i.alias): i.this for i in inner.expressions}.get(str(cell.args["name"])))
    if not isinstance(value, Cell) or (is_target and str(value.args["table"]) not in wheres_sides(inner).whole):
        return None
    return based(inner, value, is_target=is_target)


def needed(tree: exp.Expression) -> dict[str, list[str]]:
    """Return the columns that a statement reads of each table."""
    found: dict[str, list[str]] = {}
    for cell in tree.find_all(Cell, bfs=False):
        if not cell.args.get("is_plain"):
            names = found.setdefault(str(cell.args["table"]), [])
            if cell.args["name"] not in names:
                names.append(str(cell.args["name"]))
    return found


__all__ = ["Pushed", "Tie", "enough", "needed", "parts_of", "pushed", "values_in"]
