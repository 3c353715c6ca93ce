"""A manifest's columns, compiled once a table: what the contract is told of them, and how whole pages are read column by column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connections.connectors.exact_json import bounded
from connections.connectors.http.paths import Steps, column_of, dotted, steps_of
from connections.connectors.http.values import TYPES, Unfit, as_text, currency_units, reader, sent
from connections.contract.errors import TableGone
from connections.contract.table import INTEGER_RANGE, Column, Type

CHANGED = (Unfit, ValueError, TypeError, ArithmeticError, RecursionError)
# Types that JSON has itself: nothing is to be done where all values are of these.
PLAIN = {"string": {str, type(None)}, "boolean": {bool, type(None)}}
# Rows of one page, to the column's values; `given` are the values that the call was made with.
Read = Callable[[list[Any], Mapping[str, Any]], list[Any]]


@dataclass(frozen=True, slots=True)
class ManifestColumn:
    """One column, compiled."""

    name: str
    kind: str
    form: str  # of instants and binaries
    steps: Steps
    column: Column
    read: Read
    is_given: bool
    default: str
    is_pinned: bool
    lookup: str
    field: str  # the service's name of it, in filters
    sort: str  # in orders; '' = can't be sorted there
    filter: Any  # operator -> parameter, or list of operators
    is_exact_text: bool
    minor_units_of: str
    write: frozenset[str]
    write_steps: Steps
    is_required: bool

    def as_text(self, value: Any) -> str:
        """Return a value of this column as it goes into a path or parameter."""
        return as_text(value, self.form)

    def sent(self, value: Any) -> Any:
        """Return a value of this column as it goes into a JSON body."""
        return None if value is None else sent(value, self.form)

    @property
    def is_text(self) -> bool:
        """Claim that the service may compare it in ways of its own."""
        return self.kind in ("string", "json")


def compile_column(
    table: str, name: str, given: str | Mapping[str, Any], ordinal: int, *, is_key: bool, shapes: Mapping[str, Any]
) -> ManifestColumn:
    """Return the column that a declaration makes; `shapes` are all columns of the table, for currencies."""
    spec: Mapping[str, Any] = {"path": given} if isinstance(given, str) else given
    kind = spec.get("type", "string")
    if spec.get("minor_units_of"):
        kind = "decimal"
    form = spec.get("format") or ("iso" if kind == "timestamp" else "text")
    path = spec.get("path")
    steps = steps_of(path)
    sort = spec.get("sort", False)
    return ManifestColumn(
        name=name,
        kind=kind,
        form=form,
        steps=steps,
        column=contract_column(name, kind, spec, ordinal, is_key),
        read=read_of(table, name, kind, form, spec, shapes),
        is_given=bool(spec.get("given")),
        default=spec.get("default", ""),
        is_pinned=bool(spec.get("pinned")),
        lookup=spec.get("lookup", ""),
        field=spec.get("field") or dotted(path),
        sort=(spec.get("field") or dotted(path)) if sort is True else sort or "",
        filter=spec.get("filter") or {},
        is_exact_text=spec.get("grade") == "exact",
        minor_units_of=spec.get("minor_units_of", ""),
        write=frozenset(spec.get("write", ())),
        write_steps=steps_of(spec.get("write_path", path)),
        is_required=bool(spec.get("required")),
    )


def contract_column(name: str, kind: str, spec: Mapping[str, Any], ordinal: int, is_key: bool) -> Column:
    """Return the column as the contract has it."""
    found = TYPES[kind]
    writable = bool(spec.get("write"))
    return Column(
        name=name,
        type=found,
        is_nullable=spec.get("nullable", not is_key),
        max_length=spec.get("max_length"),
        precision=spec.get("precision", 6 if found is Type.TIMESTAMP else None),
        scale=spec.get("scale"),
        is_json=kind == "json",
        has_zone=found is Type.TIMESTAMP,
        is_generated=bool(spec.get("generated")) or not (writable or spec.get("given")),
        has_default=not spec.get("required"),
        native_type=spec.get("format") or kind,
        comment=spec.get("description", ""),
        allowed_values=tuple(spec.get("values", ())),
        ordinal=ordinal,
        is_costly=bool(spec.get("lookup")),
    )


def read_of(table: str, name: str, kind: str, form: str, spec: Mapping[str, Any], shapes: Mapping[str, Any]) -> Read:
    """Return what reads the column out of a page."""
    if "const" in spec:
        constant = None if spec["const"] is None else reader(kind, form)(spec["const"])
        return lambda rows, given: [constant] * len(rows)
    if spec.get("given") and "path" not in spec:
        return lambda rows, given: [given.get(name)] * len(rows)
    take = column_of(steps_of(spec.get("path")))
    if "id_of" in spec:
        take = reference(take, column_of(steps_of(spec["id_of"])))
    if spec.get("minor_units_of"):
        return money(table, name, take, shapes[spec["minor_units_of"]])
    return typed(table, name, kind, take, reader(kind, form))


def reference(at: Callable[[list[Any]], list[Any]], inner: Callable[[list[Any]], list[Any]]) -> Callable[[list[Any]], list[Any]]:
    """Return what reads an id, or the id in an object that stands in its place."""

    def take(rows: list[Any]) -> list[Any]:
        found = at(rows)
        return [below if node.__class__ is dict else node for node, below in zip(found, inner(found), strict=True)]

    return take


def typed(table: str, name: str, kind: str, take: Callable[[list[Any]], list[Any]], convert: Callable[[Any], Any]) -> Read:
    """Return the reader of one type; values that JSON has already in that type aren't touched."""
    plain, in_range = PLAIN.get(kind), kind in ("int32", "int64")

    def read(rows: list[Any], given: Mapping[str, Any]) -> list[Any]:
        found = take(rows)
        if plain is not None and {*map(type, found)} <= plain:
            return found
        if in_range and {*map(type, found)} <= {int}:
            low, high = INTEGER_RANGE[TYPES[kind]]
            if not found or (low <= min(found) and max(found) <= high):
                return found
        try:
            return [None if value is None else convert(value) for value in found]
        except CHANGED as error:
            raise changed(table, name, kind) from error

    return read


def money(table: str, name: str, take: Callable[[list[Any]], list[Any]], currency: str | Mapping[str, Any]) -> Read:
    """Return the reader of amounts in minor units of the currency beside them."""
    beside = column_of(steps_of(currency if isinstance(currency, str) else currency.get("path")))

    def read(rows: list[Any], given: Mapping[str, Any]) -> list[Any]:
        try:
            return [
                None if amount is None or not code else bounded(Decimal(str(amount))).scaleb(-currency_units(code))
                for amount, code in zip(take(rows), beside(rows), strict=True)
            ]
        except CHANGED as error:
            raise changed(table, name, "decimal") from error

    return read


def changed(table: str, name: str, kind: str) -> TableGone:
    """Return the error of a column whose values are of another type now."""
    return TableGone(
        f"The column {table}.{name} holds a value that is no {TYPES[kind]}.",
        hint="The service changed it: correct the manifest or refresh.",
    )
