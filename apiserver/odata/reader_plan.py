"""One read of one resource as a plan: the statement, its slots, and how its rows are decoded. Cached by shape."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from threading import Lock
from typing import Any

from sqlglot import exp

from apiserver.odata import computed, deadline, nodes
from apiserver.odata.binder import Binder
from apiserver.odata.binder_errors import BindError
from apiserver.odata.binder_state import Scope, Slot, Value
from apiserver.odata.binder_values import driver_value, value_for
from apiserver.odata.drift import NO_KINDS, Kinds, check, kinds_of
from apiserver.odata.page_bytes import UNWEIGHED, Weight, weight_of
from apiserver.odata.shape import shape
from apiserver.odata.straight import Straight
from apiserver.odata.straight_database import ROW, DatabaseJson
from apiserver.resources.catalog import Catalog, PublishedProperty, PublishedResource
from connections.contract.connector import Result, Session
from connections.contract.dialect import Dialect
from connections.contract.errors import BadValue
from connections.contract.table import FLOATS, Column, Type
from connections.contract.unsayable import UNREADABLE, read_value
from connections.engine.nodes import FALSE, Read, all_of, fn, identity, select
from connections.engine.prepared import Prepared, ask, gives_rows, prepared
from connections.engine.rows_plan import BEYOND, POSITION

MAX_PLANS = 1000
COUNT_COLUMN = Column("", Type.INT64)


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One key of the total order: its tree, and the column that its values are kept as."""

    tree: exp.Expression
    column: Column
    is_descending: bool
    is_nullable: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A statement that can run again with other literals."""

    statement: Prepared
    slots: tuple[Slot, ...]
    decoders: tuple[Callable[[Any], Any] | None, ...]
    names: tuple[str, ...]  # properties, in front of the order keys
    order: tuple[Column, ...] = ()  # columns of the order keys, after the names
    straight: Straight | DatabaseJson | None = None  # how the rows become JSON without being decoded
    kinds: Kinds = NO_KINDS  # what the rows of a table that changed since are known by
    weight: Weight = UNWEIGHED

    @property
    def gives_bytes(self) -> bool:
        """Claim that a row is JSON of the source and nothing else, which needs no decoding."""
        return isinstance(self.straight, DatabaseJson) and len(self.decoders) == 1

    def binds(self, literals: Sequence[nodes.Literal], given: Mapping[str, Any], dialect: Dialect) -> list[Any]:
        """Return the driver's values in the order of the marks."""
        values = [bound(slot, literals, given, dialect) for slot in self.slots]
        return [values[number] for number in self.statement.slots]


def bound(slot: Slot, literals: Sequence[nodes.Literal], given: Mapping[str, Any], dialect: Dialect) -> Any:
    """Return one slot's value as the driver takes it."""
    if slot.name:
        value = given[slot.name]
        return value if slot.name in ("$limit", "$offset", "$most") else driver_value(value, slot.column, dialect)
    if slot.literal is None:
        return driver_value(slot.value, slot.column, dialect)
    literal = slot.literal if slot.index is None else literals[slot.index]
    return driver_value(value_for(literal, slot.column), slot.column, dialect)


class PlanCache:
    """The plans last used, bounded."""

    def __init__(self, size: int = MAX_PLANS) -> None:
        self._plans: OrderedDict[Hashable, Plan] = OrderedDict()
        self._size = size
        self._lock = Lock()

    def get(self, key: Hashable) -> Plan | None:
        """Return the plan of a key and mark it used."""
        with self._lock:
            plan = self._plans.get(key)
            if plan is not None:
                self._plans.move_to_end(key)
        return plan

    def put(self, key: Hashable, plan: Plan) -> None:
        """Keep a plan; the one unused for longest goes."""
        with self._lock:
            self._plans[key] = plan
            if len(self._plans) > self._size:
                self._plans.popitem(last=False)


PLANS = PlanCache()


@dataclass(frozen=True, slots=True)
class Question:
    """What is read: rows of a resource under options, within a scope of fixed source columns."""

    session: Session
    catalog: Catalog
    resource: PublishedResource
    options: nodes.Options
    where: Mapping[str, Any]  # source column -> contract value
    aliases: Mapping[str, nodes.Node]

    @property
    def dialect(self) -> Dialect:
        """Return the dialect of the source."""
        found: Dialect = self.session.dialect
        return found

    def key(self, *more: Hashable) -> tuple[Hashable, Sequence[nodes.Literal]]:
        """Return what shapes the statement, and the literals that do not."""
        options = self.options if self.aliases is self.options.aliases else replace(self.options, aliases=dict(self.aliases))
        shaped, literals = shape(options)
        names = tuple(sorted(self.where))
        who = (self.resource.id, self.resource.version, self.catalog.fingerprint, id(self.dialect))
        return (who, names, shaped, *more), literals


def planned(question: Question, build: Callable[[Binder], Plan], *more: Hashable) -> tuple[Plan, Sequence[nodes.Literal]]:
    """Return the cached plan of this shape, or the one that `build` makes."""
    key, literals = question.key(*more)
    plan = PLANS.get(key)
    if plan is None:
        binder = Binder(question.catalog, question.dialect, literals, question.aliases)
        plan = build(binder)
        if binder.is_cacheable:
            PLANS.put(key, plan)
    return plan, literals


def run(
    question: Question, plan: Plan, literals: Sequence[nodes.Literal], given: Mapping[str, Any], *, stream: int = 0
) -> Generator[list[Any]]:
    """Give the decoded rows of a plan; `stream` = so many at a time, 0 = all at once."""
    result = asked(question, plan, literals, given, stream)
    decoders = [(place, decode) for place, decode in enumerate(plan.decoders) if decode is not None]
    try:
        for batch in result.batches:
            check(batch, plan.kinds)
            for raw in batch:
                yield decoded(raw, decoders)
    finally:
        result.close()


def batches(rows: Generator[list[Any]], size: int) -> Generator[list[list[Any]]]:
    """Give the rows in lists."""
    with closing(rows):
        while batch := list(islice(rows, size)):
            yield batch


def asked(question: Question, plan: Plan, literals: Sequence[nodes.Literal], given: Mapping[str, Any], stream: int) -> Result:
    """Run the statement of a plan."""
    binds = plan.binds(literals, given, question.dialect)
    return ask(question.session, plan.statement, binds, stream=stream, as_bytes=plan.gives_bytes, check_time=deadline.check)


def decoded(raw: Sequence[Any], decoders: Sequence[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    """Return the contract's values of one row."""
    row = list(raw)
    try:
        for place, decode in decoders:
            if row[place] is not None:
                row[place] = decode(row[place])
    except UNREADABLE:
        row = list(raw)
        for place, decode in decoders:
            row[place] = read_value(decode, raw[place])
    return row


def run_straight(
    question: Question, plan: Plan, literals: Sequence[nodes.Literal], given: Mapping[str, Any], *, stream: int
) -> Generator[Sequence[Sequence[Any]]]:
    """Give the rows of a straight plan in batches, as they came."""
    result = asked(question, plan, literals, given, stream)
    try:
        for batch in result.batches:
            check(batch, plan.kinds)
            yield batch
    finally:
        result.close()


# ---- building ----


def conditions(binder: Binder, question: Question, scope: Scope) -> list[exp.Expression]:
    """Return what every row must meet: fixed columns, row filters, $filter, $search."""
    columns = {p.column.name: p.column for p in question.resource.all_properties}
    found = [equals(binder, columns[name], scope, f"={name}") for name in sorted(question.where)]
    found += binder.row_filters(question.resource, scope.alias)
    options = question.options
    try:
        if options.filter is not None:
            found.append(binder.boolean(options.filter, scope))
    except BindError as error:
        error.option = "$filter"
        raise
    if options.search is not None:
        found.append(binder.search(options.search, scope))
    return found


def equals(binder: Binder, column: Column, scope: Scope, name: str) -> exp.Expression:
    """Return column = value given at execution."""
    operator = "eq_text" if column.type == Type.STRING else "eq"
    return fn(operator, binder.read(column, scope.alias), binder.bind(Slot(column, name=name)))


def order_keys(binder: Binder, question: Question, scope: Scope) -> list[OrderKey]:
    """Return the keys of $orderby and, behind them, the entity key: a total order; else the source's own, where it has one."""
    if is_placed(question):
        return [OrderKey(fn(POSITION), Column("", Type.STRING), is_descending=False, is_nullable=False)]
    found: list[OrderKey] = []
    for item in question.options.orderby or ():
        try:
            value = binder.typed(binder.value(item.expression, scope))
        except BindError as error:
            error.option = "$orderby"
            raise
        if value.type is None or value.tree.find(Read, exp.Table) is None:
            continue  # what is the same for every row; a database may take a number for the place of a column
        found.append(order_key(value, is_descending=item.is_descending))
    if question.resource.key:
        ties = [question.resource.by_name[name] for name in question.resource.key]
    else:
        ties = [item for item in question.resource.properties if not item.column.is_collection and item.column.type != Type.BINARY]
    seen = {identity(key.tree) for key in found}
    for tie in ties:
        key = order_key(binder.property_value(tie, scope, 0), is_descending=False)
        if identity(key.tree) not in seen:
            found.append(key)
    return found


def is_placed(question: Question) -> bool:
    """Claim that rows come in the order of a source that gives rows: whatever it is, pages go on where the last one ended."""
    return gives_rows(question.dialect) and not question.options.orderby


def order_key(value: Value, *, is_descending: bool) -> OrderKey:
    """Return one key; text orders by code point on every database."""
    column = value.column or Column("", value.type or Type.STRING)
    return OrderKey(value.tree, column, is_descending, value.is_nullable)


def ordered(keys: Sequence[OrderKey]) -> list[exp.Expression]:
    """Return the items of ORDER BY: null is lowest; a key that can't be null says nothing of it, so that indexes serve."""
    found: list[exp.Expression] = []
    for key in keys:
        tree: exp.Expression = key.tree.copy()
        if key.column.type == Type.STRING:
            tree = fn("order_text", tree)
        found.append(fn(("desc" if key.is_descending else "asc") + ("_nullable" if key.is_nullable else ""), tree))
    return found


def beyond(binder: Binder, keys: Sequence[OrderKey], last: Sequence[Any]) -> exp.Expression:
    """Return the condition of rows behind the last one: by direction and null case, key after key (a row-value comparison loses nulls)."""
    found: list[exp.Expression] = []
    for depth, key in enumerate(keys):
        step = after(binder, key, last[depth], depth)
        if step is None:
            continue
        same = [tied(binder, earlier, last[place], place) for place, earlier in enumerate(keys[:depth])]
        found.append(all_of([*same, step]) or step)
    if not found:
        return FALSE.copy()
    return fn("or", *found) if len(found) > 1 else found[0]


def after(binder: Binder, key: OrderKey, value: Any, place: int) -> exp.Expression | None:
    """Return the condition of values behind `value`; None when there can be none."""
    if value is None:
        return None if key.is_descending else fn("is_not_null", key.tree.copy())
    operator = ("lt" if key.is_descending else "gt") + ("_text" if key.column.type == Type.STRING else "")
    step = fn(operator, key.tree.copy(), binder.bind(Slot(key.column, name=f"^{place}")))
    if key.is_descending and key.is_nullable:
        return fn("or", step, fn("is_null", key.tree.copy()))
    return step


def tied(binder: Binder, key: OrderKey, value: Any, place: int) -> exp.Expression:
    """Return the condition of values equal to `value`."""
    if value is None:
        return fn("is_null", key.tree.copy())
    operator = "eq_text" if key.column.type == Type.STRING else "eq"
    return fn(operator, key.tree.copy(), binder.bind(Slot(key.column, name=f"^{place}")))


def set_plan(
    binder: Binder,
    question: Question,
    items: Sequence[PublishedProperty],
    last: Sequence[Any] | None,
    *,
    is_limited: bool,
    is_skipping: bool,
    has_next: bool,
    straight: Straight | DatabaseJson | None = None,
) -> Plan:
    """Return the plan of a page: the properties, then the order keys where a next link may need them."""
    scope = computed.scope_of(binder, question.resource, question.options)
    added = computed.shown(binder, scope)
    keys = order_keys(binder, question, scope)
    wanted = conditions(binder, question, scope)
    if last is not None:
        behind = beyond(binder, keys, last)
        wanted.append(fn(BEYOND, behind) if gives_rows(question.dialect) else behind)
    by_database = straight if isinstance(straight, DatabaseJson) else None
    items = by_database.items if by_database else items
    told = keys if has_next else []
    query = select(
        [*read_as(binder, items, scope, straight), *added.trees, *[key.tree.copy() for key in told]],
        binder.source(question.resource, scope.alias),
    )
    if wanted:
        query.where(all_of(wanted), copy=False)
    query.set("order", exp.Order(expressions=ordered(keys)))
    if is_limited:
        query.set("limit", exp.Limit(expression=binder.bind(Slot(COUNT_COLUMN, name="$limit"))))
    if is_skipping:
        query.set("offset", exp.Offset(expression=binder.bind(Slot(COUNT_COLUMN, name="$offset"))))
    decode = question.dialect.decode
    decoders = (*(decode(item.column) for item in items), *added.decoders, *(key_decoder(key.column, question.dialect) for key in told))
    names = (*(item.name for item in items), *added.names)
    kinds = kinds_of([item.column for item in items], decoders[: len(items)], question.dialect)
    weight = weight_of(names, (*(item.column for item in items), *added.columns, *(key.column for key in told)))
    if by_database:  # whose casts keep the types
        query, decoders, names, kinds = by_database.query(binder, query, len(told)), (None, *decoders[len(items) :]), (ROW,), NO_KINDS
        weight = Weight(places=(0,))
    statement = prepared(query, question.dialect)
    return Plan(statement, tuple(binder.slots), decoders, names, tuple(key.column for key in keys), straight, kinds, weight)


def read_as(
    binder: Binder, items: Sequence[PublishedProperty], scope: Scope, straight: Straight | DatabaseJson | None
) -> list[exp.Expression]:
    """Return what is read of the properties: for rows that the source writes, the bare columns."""
    if isinstance(straight, DatabaseJson):
        return [Read(table=scope.alias, column=item.column.name, template="{0}") for item in items]
    return [binder.property_value_any(item, scope, is_wire=straight is not None) for item in items]


def key_decoder(column: Column, dialect: Dialect) -> Callable[[Any], Any] | None:
    """Return how an order key's value is kept: exact, so that it compares equal when it comes back."""
    if column.type in FLOATS and dialect.is_typed:
        return float
    decode = dialect.decode(column)
    return None if decode is None else partial(kept, decode)


def kept(decode: Callable[[Any], Any], value: Any) -> Any:
    """Return an order key's value; a stored value that is shown as null has a place of its own in the order, which null does not mark."""
    found = decode(value)
    if found is None:
        raise BadValue("A zero date can't mark where a page ends.", hint="Use $filter without these rows, or another $orderby.")
    return found


def count_plan(binder: Binder, question: Question) -> Plan:
    """Return the plan that counts the rows."""
    scope = computed.scope_of(binder, question.resource, question.options)
    query = select([fn("count_rows")], binder.source(question.resource, scope.alias))
    wanted = conditions(binder, question, scope)
    if wanted:
        query.where(all_of(wanted), copy=False)
    return Plan(prepared(query, question.dialect), tuple(binder.slots), (int,), ())
