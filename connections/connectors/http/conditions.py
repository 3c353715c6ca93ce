"""How one comparison goes down: the operator that the service has for it, the value in the service's unit, and how exact that is."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connections.connectors.http.columns import ManifestColumn
from connections.connectors.http.values import as_text, since_epoch
from connections.contract.scan import AnyOf, Compare, Grade, Predicate

# A wider operator that serves where the service lacks the asked one; the rows are checked again.
WIDER = {
    "gt": ("ge",),
    "lt": ("le",),
    "startswith": ("contains", "contains_ci"),
    "endswith": ("contains", "contains_ci"),
    "contains": ("contains_ci",),
}
RANGES = frozenset({"lt", "le", "gt", "ge"})
TEXT_SEARCH = frozenset({"contains", "contains_ci", "startswith", "endswith"})
NULLS = frozenset({"is_null", "is_not_null"})


@dataclass(frozen=True, slots=True)
class Sent:
    """One comparison as it is sent."""

    operator: str
    texts: tuple[str, ...]  # several for `in`, none for null checks
    grade: Grade


def as_in(predicate: Predicate) -> Predicate:
    """Return an OR of equalities of one column as its `in`."""
    if not isinstance(predicate, AnyOf):
        return predicate
    found: list[Any] = []
    names = set()
    for item in predicate.items:
        if not isinstance(item, Compare) or item.operator not in ("eq", "in"):
            return predicate
        names.add(item.column)
        found.extend(item.value if item.operator == "in" else (item.value,))
    return Compare(names.pop(), "in", tuple(dict.fromkeys(found))) if len(names) == 1 else predicate


def graded(column: ManifestColumn, operator: str, asked: str) -> Grade:
    """Return how exact the service's operator is for the asked one, before looking at the value."""
    if operator != asked or operator in TEXT_SEARCH or operator == "ne":
        return Grade.SUPERSET
    if operator in NULLS:
        return Grade.EXACT
    return Grade.SUPERSET if column.is_text and not column.is_exact_text else Grade.EXACT


def is_safe(column: ManifestColumn, operator: str) -> bool:
    """Claim that the service can't leave out rows: text is ordered in many ways, money is sent in another unit."""
    if column.minor_units_of:
        return False
    if operator in RANGES and column.is_text and not column.is_exact_text:
        return False
    return operator not in TEXT_SEARCH or column.kind == "string"


def sent_as(column: ManifestColumn, compare: Compare, operator: str, form: str = "") -> Sent | None:
    """Return a comparison in the service's units; None where it can't be said."""
    grade = graded(column, operator, compare.operator)
    form = form or column.form
    if operator in NULLS:
        return Sent(operator, (), grade)
    values = compare.value if isinstance(compare.value, tuple | list) else (compare.value,)
    if isinstance(values[0] if values else None, dt.datetime) and form in ("unix", "unix_ms", "date"):
        return instants(values, operator, form, grade)
    texts = tuple(as_text(value, form) for value in values)
    if not texts or any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for text in texts for c in text):
        return None
    return Sent(operator, texts, grade)


def instants(values: Any, operator: str, form: str, grade: Grade) -> Sent | None:
    """Return instants in whole seconds, milliseconds or days; what lies between two is widened to the next one."""
    if form == "date":
        if operator not in RANGES:
            return None
        return Sent({"gt": "ge", "lt": "le"}.get(operator, operator), tuple(value.date().isoformat() for value in values), Grade.SUPERSET)
    counts = [since_epoch(value, 1000 if form == "unix_ms" else 1) for value in values]
    if all(count == int(count) for count in counts):
        return Sent(operator, tuple(str(int(count)) for count in counts), grade)
    if operator not in RANGES:
        return None
    rounded = math.floor if operator in ("gt", "le") else math.ceil
    return Sent(operator, tuple(str(rounded(count)) for count in counts), Grade.SUPERSET)


def declared(filters: Any, asked: str) -> str:
    """Return the operator that a column declares for the asked one: itself, else a wider one, else ''."""
    return next((operator for operator in (asked, *WIDER.get(asked, ())) if operator in filters), "")


def parameter(spec: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the declaration of an operator's parameter in its long form."""
    return {"param": spec} if isinstance(spec, str) else spec
