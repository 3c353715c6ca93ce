"""A SELECT over sources that give rows, made ready to run many times: its scan, closures, order, and the related rows it asks for.

Kept in the plan cache of the caller: nothing here depends on the values of one execution.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from operator import itemgetter
from typing import Any

from sqlglot import exp

from connections.contract.errors import NotSupported
from connections.contract.table import TableRef
from connections.engine.nodes import Bind, Fn, Read, identity
from connections.engine.predicates import conjuncts
from connections.engine.residual import Cell, Compiler, Row, Run

Project = Callable[[Row, Run], Sequence[Any]]
BEYOND = "beyond"  # our function: around the condition of rows behind the last one of a page
POSITION = "position"  # our function: where a row stands in the source's own order, as text
POSITION_COLUMN = "\0position"  # what it is among the columns of a row: no source has such a name


@dataclass(frozen=True, slots=True)
class Condition:
    """One conjunct: as a tree, for the source, and as a closure."""

    tree: exp.Expression
    cell: Cell


@dataclass(frozen=True, slots=True)
class Level:
    """One table as it is scanned: rows are tuples of `columns`."""

    ref: TableRef
    alias: str
    columns: tuple[str, ...]
    conditions: tuple[Condition, ...]  # over this table alone


@dataclass(frozen=True, slots=True)
class Related:
    """A subselect: rows of another table tied to the rows at hand by equal columns."""

    number: int
    level: Level
    ties: tuple[tuple[str, int], ...]  # column there, place in the row here
    rest: Cell | None  # conditions over a row here with a row there behind it
    nested: list[Related]  # what `rest` and the value ask for: the value's are added while it is compiled

    def key(self, row: Row) -> tuple[Any, ...]:
        """Return what ties a row to its related ones."""
        return tuple(row[place] for _, place in self.ties)

    def matches(self, row: Row, run: Run) -> list[Row]:
        """Return the related rows of a row, which were read before."""
        found = run.related[self.number].get(self.key(row), [])
        if self.rest is None or not found:
            return found
        rest = self.rest
        return [there for there in found if rest((*row, *there), run)]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the order; `column` where it is a plain one."""

    cell: Cell
    column: str | None
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Paging:
    """What the pages of one question have in common: the rows of all of them."""

    whole: Level  # without the condition of rows behind a page
    beyond: tuple[Cell, ...]  # that condition
    question: Hashable  # the conditions and the order of these rows
    slots: tuple[int, ...]  # of the values in them


@dataclass(frozen=True, slots=True)
class RowPlan:
    """A statement for EngineSession.select."""

    level: Level
    project: Project
    deep: tuple[Cell, ...] = ()  # conditions that ask for related rows
    early: tuple[Related, ...] = ()  # what conditions and order ask for
    late: tuple[Related, ...] = ()  # what only the shown columns ask for
    order: tuple[Key, ...] = ()
    limit: int | None = None  # slots
    offset: int | None = None
    behind: int | None = None  # slot of the position behind which the rows are wanted
    has_position: bool = False
    is_count: bool = False
    slots: tuple[int, ...] = ()
    paging: Paging | None = None  # where pages of rows that are sorted here may follow each other


@dataclass(slots=True)
class Builder:
    """Builds the levels of one statement."""

    numbers: count[int] = field(default_factory=count)

    def plan(self, select: exp.Select) -> RowPlan:
        """Return the plan of a whole statement."""
        table = table_of(select)
        columns = columns_read(select, table.alias)
        places = {(table.alias, name): place for place, name in enumerate(columns)}
        places[table.alias, POSITION_COLUMN] = len(columns)
        early: list[Related] = []
        late: list[Related] = []
        shows_position = any(is_call(item, POSITION) for item in select.expressions)
        all_conditions, beyond = split_beyond(conjuncts(select.args.get("where")))
        width = len(columns) + (shows_position or any(is_position(tree) for tree in all_conditions))
        first = Compiler(places, self.collector(early, places, width))
        wanted, deep, behind = [], [], None
        for tree in all_conditions:
            if is_position(tree):
                behind = tree.expressions[1].args["slot"]
            elif tree.find(exp.Select) is None:
                wanted.append(Condition(tree, first.cell(tree)))
            else:
                deep.append(first.cell(tree))
        order = tuple(self.key(first, item) for item in ordered(select))
        last = Compiler(places, self.collector(late, places, width))
        level = Level(TableRef(table.db, table.name), table.alias, columns, tuple(wanted))
        return RowPlan(
            level,
            projection([positioned(item, table.alias) for item in select.expressions], last),
            tuple(deep),
            tuple(early),
            tuple(late),
            order,
            slot_of(select.args.get("limit")),
            slot_of(select.args.get("offset")),
            behind,
            has_position=shows_position,
            is_count=len(select.expressions) == 1 and is_call(select.expressions[0], "count_rows"),
            slots=tuple(range(1 + max((bind.args["slot"] for bind in select.find_all(Bind)), default=-1))),
            paging=None if deep or early else paging_of(select, level, beyond),
        )

    def key(self, compiler: Compiler, item: exp.Expression) -> Key:
        """Return one key of the order."""
        tree = key_tree(item)
        column = tree.args["column"] if isinstance(tree, Read) else None
        return Key(compiler.cell(tree), column, item.args["name"].startswith("desc"))

    def collector(self, found: list[Related], places: Mapping[tuple[str, str], int], width: int) -> Callable[[exp.Select], Cell]:
        """Return what compiles subselects and remembers them in `found`."""

        def subselect(select: exp.Select) -> Cell:
            related, compiler = self.related(select, places, width)
            found.append(related)
            return value_of(related, select, compiler)

        return subselect

    def related(self, select: exp.Select, places: Mapping[tuple[str, str], int], width: int) -> tuple[Related, Compiler]:
        """Return a subselect seen from rows of `width` columns at `places`."""
        table = table_of(select)
        columns = columns_read(select, table.alias)
        alone = Compiler({(table.alias, name): place for place, name in enumerate(columns)})
        both = {**places, **{(table.alias, name): width + place for place, name in enumerate(columns)}}
        nested: list[Related] = []
        compiler = Compiler(both, self.collector(nested, both, width + len(columns)))
        ties, own, rest = [], [], []
        for tree in conjuncts(select.args.get("where")):
            tie = tie_of(tree, table.alias, places)
            if tie is not None:
                ties.append(tie)
            elif tree.find(exp.Select) is None and all(read.args["table"] == table.alias for read in tree.find_all(Read)):
                own.append(Condition(tree, alone.cell(tree)))
            else:
                rest.append(compiler.cell(tree))
        level = Level(TableRef(table.db, table.name), table.alias, columns, tuple(own))
        return Related(next(self.numbers), level, tuple(ties), all_true(rest), nested), compiler


def value_of(related: Related, select: exp.Select, compiler: Compiler) -> Cell:
    """Return what a subselect is worth for a row: a number of rows, a value of the one row, or whether there is any."""
    tree = select.expressions[0]
    if is_call(tree, "count_rows"):
        return lambda row, run: len(related.matches(row, run))
    if is_call(tree, "one"):
        return lambda row, run: bool(related.matches(row, run))
    cell = compiler.cell(tree)

    def value(row: Row, run: Run) -> Any:
        return next((cell((*row, *there), run) for there in related.matches(row, run)), None)

    return value


def split_beyond(trees: Sequence[exp.Expression]) -> tuple[list[exp.Expression], int]:
    """Return the conditions, those of rows behind a page last, and how many of these there are."""
    beyond = [part for tree in trees if is_call(tree, BEYOND) for part in conjuncts(tree.expressions[0])]
    return [*(tree for tree in trees if not is_call(tree, BEYOND)), *beyond], len(beyond)


def paging_of(select: exp.Select, level: Level, beyond: int) -> Paging | None:
    """Return what the pages have in common; None where no page follows: it would need the order keys, or is behind one."""
    order = ordered(select)
    told = [key_tree(item) for item in order]
    if not order or not (beyond or select.expressions[-len(told) :] == told):
        return None
    split = len(level.conditions) - beyond
    whole, behind = level.conditions[:split], level.conditions[split:]
    trees = (*(item.tree for item in whole), *order)
    slots = tuple(sorted({bind.args["slot"] for tree in trees for bind in tree.find_all(Bind)}))
    return Paging(replace(level, conditions=whole), tuple(item.cell for item in behind), tuple(map(identity, trees)), slots)


def key_tree(item: exp.Expression) -> exp.Expression:
    """Return what an item of the order sorts by."""
    tree: exp.Expression = item.expressions[0]
    return tree.expressions[0] if is_call(tree, "order_text") else tree


def table_of(select: exp.Select) -> exp.Table:
    """Return the one table that is read; raise NotSupported for more."""
    source = select.args["from_"].this
    if not isinstance(source, exp.Table) or any(select.args.get(part) for part in ("joins", "group", "having", "distinct", "with_")):
        raise NotSupported("This is not available on sources without SQL.", hint="Ask for plain rows.")
    return source


def columns_read(select: exp.Select, alias: str) -> tuple[str, ...]:
    """Return the columns of an alias that a statement names, whatever the depth."""
    return tuple(dict.fromkeys(read.args["column"] for read in select.find_all(Read, bfs=False) if read.args["table"] == alias))


def tie_of(tree: exp.Expression, alias: str, places: Mapping[tuple[str, str], int]) -> tuple[str, int] | None:
    """Return the column there and the place here of a condition that ties the two."""
    if not isinstance(tree, Fn) or tree.args["name"] not in ("eq", "eq_text"):
        return None
    for there, here in (tree.expressions, tree.expressions[::-1]):
        if isinstance(there, Read) and isinstance(here, Read) and there.args["table"] == alias:
            place = places.get((here.args["table"], here.args["column"]))
            return None if place is None else (there.args["column"], place)
    return None


def all_true(cells: Sequence[Cell]) -> Cell | None:
    """Return whether all conditions are true."""
    if not cells:
        return None
    return cells[0] if len(cells) == 1 else lambda row, run: all(cell(row, run) for cell in cells)


def projection(items: Sequence[exp.Expression], compiler: Compiler) -> Project:
    """Return what makes the shown row of a row."""
    if items and all(isinstance(item, Read) for item in items):
        places = [compiler.places[item.args["table"], item.args["column"]] for item in items]
        pick = itemgetter(*places) if len(places) > 1 else lambda row: (row[places[0]],)
        return lambda row, run: pick(row)
    if len(items) == 1 and is_call(items[0], "count_rows"):
        return lambda row, run: ()
    # A value that OData can't say is passed on: whoever shows it refuses it by name.
    cells = [passed(compiler, item) if isinstance(item, Read) else compiler.cell(item) for item in items]
    return lambda row, run: [cell(row, run) for cell in cells]


def passed(compiler: Compiler, item: Read) -> Cell:
    """Return a column as it is."""
    place = compiler.places[item.args["table"], item.args["column"]]
    return lambda row, run: row[place]


def positioned(item: exp.Expression, alias: str) -> exp.Expression:
    """Return the position as a column of the row, where it is asked for."""
    return Read(table=alias, column=POSITION_COLUMN, template="{0}") if is_call(item, POSITION) else item


def is_call(tree: exp.Expression, name: str) -> bool:
    """Claim that the tree calls this function of ours."""
    return isinstance(tree, Fn) and tree.args["name"] == name


def is_position(tree: exp.Expression) -> bool:
    """Claim that the condition asks for what is behind a position."""
    return isinstance(tree, Fn) and bool(tree.expressions) and is_call(tree.expressions[0], POSITION)


def ordered(select: exp.Select) -> list[exp.Expression]:
    """Return the keys of the order; the source's own order needs none."""
    order = select.args.get("order")
    items = order.expressions if order else []
    return [item for item in items if item.find(Read) is not None]


def slot_of(clause: exp.Expression | None) -> int | None:
    """Return the slot of LIMIT or OFFSET."""
    return None if clause is None else clause.expression.args["slot"]


def row_plan(select: exp.Select) -> RowPlan:
    """Return the plan of a statement; raise NotSupported for what only databases do."""
    return Builder().plan(select)
