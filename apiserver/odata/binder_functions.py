"""Functions and arithmetic of expressions: types of arguments and result (URL Conventions 4.01, 5.1.1.2 and 5.1.1.5 to 5.1.1.14)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlglot import exp

from apiserver.odata import nodes
from apiserver.odata.binder_errors import BindError
from apiserver.odata.binder_state import BinderState, Scope, Slot, Value
from apiserver.odata.binder_values import column_for, is_comparable, moment, value_for
from apiserver.odata.literals import offset_minutes
from connections.contract.errors import NotSupported
from connections.contract.table import FLOATS, INTEGERS, NUMBERS, Column, Type
from connections.engine.nodes import FALSE, TRUE, fn

TEXT = frozenset({Type.STRING})
WHOLE = INTEGERS
CALENDAR = frozenset({Type.DATE, Type.TIMESTAMP})
CLOCK = frozenset({Type.TIME, Type.TIMESTAMP})
MOMENT = frozenset({Type.TIMESTAMP})


@dataclass(frozen=True, slots=True)
class Signature:
    """Argument types of a function and the type it gives."""

    arguments: tuple[frozenset[Type], ...]
    result: Type


FUNCTIONS: dict[str, Signature] = {
    "contains": Signature((TEXT, TEXT), Type.BOOLEAN),
    "startswith": Signature((TEXT, TEXT), Type.BOOLEAN),
    "endswith": Signature((TEXT, TEXT), Type.BOOLEAN),
    "length": Signature((TEXT,), Type.INT32),
    "indexof": Signature((TEXT, TEXT), Type.INT32),
    "substring": Signature((TEXT, WHOLE, WHOLE), Type.STRING),
    "tolower": Signature((TEXT,), Type.STRING),
    "toupper": Signature((TEXT,), Type.STRING),
    "trim": Signature((TEXT,), Type.STRING),
    "concat": Signature((TEXT, TEXT), Type.STRING),
    "year": Signature((CALENDAR,), Type.INT32),
    "month": Signature((CALENDAR,), Type.INT32),
    "day": Signature((CALENDAR,), Type.INT32),
    "hour": Signature((CLOCK,), Type.INT32),
    "minute": Signature((CLOCK,), Type.INT32),
    "second": Signature((CLOCK,), Type.INT32),
    "fractionalseconds": Signature((CLOCK,), Type.DECIMAL),
    "date": Signature((CALENDAR,), Type.DATE),
    "time": Signature((MOMENT,), Type.TIME),
    "totaloffsetminutes": Signature((MOMENT,), Type.INT32),
    "totalseconds": Signature((frozenset({Type.DURATION}),), Type.DECIMAL),
    "round": Signature((NUMBERS,), Type.DECIMAL),
    "floor": Signature((NUMBERS,), Type.DECIMAL),
    "ceiling": Signature((NUMBERS,), Type.DECIMAL),
}
# Of a literal with an offset these are read from its own clock.
PARTS = frozenset({"year", "month", "day", "hour", "minute", "second", "fractionalseconds", "date", "time", "totaloffsetminutes"})
CONSTANTS = {"now", "mindatetime", "maxdatetime"}
LIMITS = {"mindatetime": "0001-01-01T00:00:00Z", "maxdatetime": "9999-12-31T23:59:59.999999Z"}
ARITHMETIC = {"add": "add", "sub": "sub", "mul": "mul", "div": "div", "divby": "div", "mod": "mod"}
# Casts that every value survives; the others answer null for some values and are not offered.
CASTABLE: dict[Type, frozenset[Type]] = {
    Type.STRING: INTEGERS | {Type.STRING, Type.DATE, Type.GUID, Type.BOOLEAN, Type.DECIMAL},
    Type.DECIMAL: INTEGERS | {Type.DECIMAL},
    Type.DOUBLE: NUMBERS,
    Type.SINGLE: NUMBERS,
    Type.INT64: INTEGERS,
    Type.INT32: INTEGERS - {Type.INT64},
    Type.INT16: frozenset({Type.INT16, Type.BYTE, Type.SBYTE}),
    Type.DATE: CALENDAR,
    Type.TIME: CLOCK,
    Type.TIMESTAMP: CALENDAR,
}


def call(binder: BinderState, node: nodes.Call, scope: Scope) -> Value:
    """Return a canonical function bound."""
    if node.name in CONSTANTS:
        return constant(binder, node)
    if node.name == "case":
        return case(binder, node, scope)
    if node.name in ("cast", "isof"):
        return cast(binder, node, scope)
    signature = FUNCTIONS.get(node.name)
    if signature is None:
        raise NotSupported(f"The function {node.name} is not supported.", hint="Use a function that $metadata lists.")
    if node.name in PARTS:
        clock = own_clock(binder, node)
        if clock is not None:
            return clock
    values = [argument(binder, item, scope, signature.arguments[i], node.name) for i, item in enumerate(node.arguments)]
    if any(value.type is None for value in values):
        return null()
    name = node.name + ("_count" if node.name == "substring" and len(values) == 3 else "")
    kind = signature.result
    if node.name in ("round", "floor", "ceiling"):
        kind, name = rounding(values[0], name)
        if values[0].type in INTEGERS:
            return values[0]
    if node.name == "date" and values[0].type == Type.DATE:
        return values[0]
    return make(fn(name, *[value.tree for value in values]), kind, any(value.is_nullable for value in values))


def own_clock(binder: BinderState, node: nodes.Call) -> Value | None:
    """Return a part of a literal on the clock of its own offset (URL Conventions 4.01, 5.1.1.8); None for all but such literals."""
    literal = binder.resolved(node.arguments[0])
    if not isinstance(literal, nodes.Literal) or literal.type not in (Type.STRING, Type.TIMESTAMP):
        return None
    binder.is_cacheable = False  # the offset is no part of the statement's shape
    minutes = offset_minutes(literal.text if literal.type == Type.TIMESTAMP else str(literal.value).strip())
    if not minutes:
        return None
    found = value_for(literal, Column("", Type.TIMESTAMP))
    if node.name == "totaloffsetminutes":
        return make(binder.bind(Slot(Column("", Type.INT32), value=minutes)), Type.INT32, False)
    shifted = binder.bind(Slot(Column("", Type.TIMESTAMP), value=found + timedelta(minutes=minutes)))
    return make(fn(node.name, shifted), FUNCTIONS[node.name].result, False)


def make(tree: exp.Expression, kind: Type | None, is_nullable: bool) -> Value:
    """Return a computed value."""
    return Value(tree, kind, is_nullable, Column("", kind) if kind else None)


def null() -> Value:
    """Return null: canonical functions of null are null."""
    return make(exp.Null(), None, True)


def argument(binder: BinderState, node: nodes.Node, scope: Scope, wanted: frozenset[Type], name: str) -> Value:
    """Return an argument of one of the wanted types; a quoted literal may be read as that type."""
    value = binder.value(node, scope)
    if value.type is None or value.type in wanted:
        return binder.instant(binder.typed(value))
    if value.literal is not None and value.type == Type.STRING and len(wanted) <= 2:
        kind = Type.TIMESTAMP if Type.TIMESTAMP in wanted else sorted(wanted)[0]
        column = Column("", kind)
        return replace(make(binder.bind_literal(value.literal, column), kind, False), column=column)
    listed = " or ".join(sorted(wanted)) if len(wanted) <= 3 else "a number"
    raise BindError(f"{name} takes {listed}, not {value.type}.", node.at)


def rounding(value: Value, name: str) -> tuple[Type, str]:
    """Return type and function of round, floor, ceiling: as the argument's type."""
    if value.type in FLOATS:
        return Type.DOUBLE, f"{name}_float"
    return Type.DECIMAL, name


def constant(binder: BinderState, node: nodes.Call) -> Value:
    """Return now(), mindatetime() or maxdatetime()."""
    if node.name == "now":
        return make(fn("now"), Type.TIMESTAMP, False)
    column = Column("", Type.TIMESTAMP)
    return make(binder.bind(Slot(column, value=moment(LIMITS[node.name]))), Type.TIMESTAMP, False)


def arithmetic(binder: BinderState, node: nodes.Binary, scope: Scope) -> Value:
    """Return add, sub, mul, div, divby, mod: whole and decimal numbers exactly, doubles as doubles."""
    left, right = binder.value(node.left, scope), binder.value(node.right, scope)
    if left.type is None or right.type is None:
        return null()
    if left.type not in NUMBERS or right.type not in NUMBERS:
        if {left.type, right.type} & {Type.DURATION, Type.DATE, Type.TIMESTAMP}:
            raise NotSupported("Arithmetic with dates and durations is not supported.", hint="Compare with a computed literal.")
        raise BindError(f"{node.operator} takes numbers, not {left.type} and {right.type}.", node.at)
    is_float = bool({left.type, right.type} & FLOATS)
    if node.operator in ("div", "divby", "mod") and not is_float and right.literal is not None and right.literal.value == 0:
        raise BindError("Division by zero.", right.literal.at)
    is_integer = left.type in INTEGERS and right.type in INTEGERS
    is_whole = all(value.type in INTEGERS or value.is_whole for value in (left, right)) and node.operator != "divby"
    name = ARITHMETIC[node.operator]
    if is_whole and (is_integer or node.operator == "div") and f"{name}_integer" in binder.dialect.functions:
        name += "_integer"
    elif is_float:
        name += "_float"
    kind = Type.DOUBLE if is_float else Type.DECIMAL
    if is_integer and node.operator in ("div", "mod"):
        kind = Type.INT64
    first, second = binder.typed(left), binder.typed(right)
    # A divisor column may hold zero: some databases answer null.
    is_nullable = first.is_nullable or second.is_nullable or node.operator in ("div", "divby", "mod")
    found = make(fn(name, first.tree, second.tree), kind, is_nullable)
    scale = result_scale(node.operator, scale_of(first), scale_of(second)) if kind == Type.DECIMAL else None
    return replace(found, column=Column("", kind, scale=0 if is_whole else scale), is_whole=is_whole and kind == Type.DECIMAL)


def scale_of(value: Value) -> int | None:
    """Return the decimals of a number's type; None where they depend on the value."""
    if value.type in INTEGERS:
        return 0
    return value.column.scale if value.column is not None and value.literal is None else None


def result_scale(operator: str, left: int | None, right: int | None) -> int | None:
    """Return the decimals of a result: by SQL's rules for exact numbers, which databases keep to differing lengths."""
    if left is None or right is None or operator in ("div", "divby"):
        return None
    return left + right if operator == "mul" else max(left, right)


def case(binder: BinderState, node: nodes.Call, scope: Scope) -> Value:
    """Return case(condition:value,...); null when no condition holds (4.01)."""
    conditions = [binder.boolean(item, scope) for item in node.arguments[::2]]
    values = [binder.instant(binder.typed(binder.value(item, scope))) for item in node.arguments[1::2]]
    kinds = {value.type for value in values if value.type is not None}
    kind = next(iter(kinds), None)
    if kind is None:
        return null()
    if any(not is_comparable(kind, other) for other in kinds):
        raise BindError("The values of case have different types.", node.at)
    if len(kinds) > 1:
        kind = Type.DOUBLE if kinds & FLOATS else Type.TIMESTAMP if Type.TIMESTAMP in kinds else Type.DECIMAL
    pairs = [part for condition, value in zip(conditions, values, strict=True) for part in (condition, value.tree)]
    return make(fn("case", *pairs), kind, True)


def cast(binder: BinderState, node: nodes.Call, scope: Scope) -> Value:
    """Return cast(value, type) and isof(value, type) over primitive types (URL Conventions 4.01, 5.1.1.10)."""
    *given, name = node.arguments
    if not given or not isinstance(name, nodes.TypeName):
        raise NotSupported(f"{node.name} of an entity is not supported.", hint="Published types have no derived types.")
    kind = primitive(name)
    value = binder.value(given[0], scope)
    if node.name == "isof":
        if value.type is None:
            return make(FALSE.copy(), Type.BOOLEAN, False)
        fits = value.type == kind
        if not fits or not value.is_nullable:
            return make((TRUE if fits else FALSE).copy(), Type.BOOLEAN, False)
        return make(fn("is_not_null", value.tree), Type.BOOLEAN, False)
    if value.type is None:
        return null()
    if value.literal is not None:
        column = Column("", kind)
        try:
            column_for(value.literal, column)
            return make(binder.bind_literal(value.literal, column), kind, False)
        except BindError:
            value = binder.typed(value)
    return converted(binder, value, kind, node.at)


def converted(binder: BinderState, value: Value, kind: Type, at: int) -> Value:
    """Return a column cast to another type, where no value is lost."""
    value = binder.instant(value)
    if value.type == kind or (value.type in INTEGERS and kind in INTEGERS and value.type in CASTABLE.get(kind, frozenset())):
        return replace(value, type=kind, column=Column("", kind))
    if value.type not in CASTABLE.get(kind, frozenset()):
        raise NotSupported(f"cast from {value.type} to {kind} is not supported.", hint="Compare in the property's own type.")
    if value.type == Type.BOOLEAN:
        return make(fn("boolean_text", value.tree), kind, value.is_nullable)
    if kind == Type.TIMESTAMP:
        return make(fn("date_to_timestamp", value.tree), kind, value.is_nullable)
    if binder.dialect.name == "sqlite" and kind == Type.STRING and value.column and value.column.scale:
        scale = binder.bind(Slot(Column("", Type.INT32), value=value.column.scale))
        return make(fn("decimal_text", value.tree, scale), kind, value.is_nullable)  # 2.50, as every other database writes it
    return make(fn(f"cast_{kind}", value.tree), kind, value.is_nullable)


def primitive(name: nodes.TypeName) -> Type:
    """Return the primitive type of a name."""
    text = name.name.removeprefix("Edm.")
    try:
        return Type(text)
    except ValueError:
        raise NotSupported(f"The type {name.name} is not supported here.", hint="Use a primitive type such as Edm.String.") from None
