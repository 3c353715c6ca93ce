"""Filter languages: predicates to the query of a service. Each value is written so that it can't end its literal."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connections.connectors.http.columns import ManifestColumn
from connections.connectors.http.conditions import Sent, declared, is_safe, sent_as
from connections.contract.scan import AllOf, AnyOf, Compare, Grade, Not, Predicate

BARE = frozenset({"int32", "int64", "decimal", "double", "boolean"})
FIELD = re.compile(r"[A-Za-z_][\w.\-\[\]\"/]*")
SYMBOLS = {"eq": "=", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
Printed = tuple[str, Grade]


@dataclass(frozen=True, slots=True)
class Language:
    """How a language writes a comparison, and what it has beyond AND."""

    compare: Callable[[ManifestColumn, Sent], str | None]
    has_or: bool
    negated: Callable[[ManifestColumn, Sent], str | None]


def quoted(text: str) -> str:
    """Return a text in double quotes, escaped with backslashes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def bbql_value(column: ManifestColumn, text: str) -> str:
    """Return a literal of Bitbucket's language: numbers, words and dates are bare."""
    return text if column.kind in BARE or column.kind in ("timestamp", "date") else quoted(text)


def bbql(column: ManifestColumn, sent: Sent) -> str | None:
    """Write `state = "new"`, `id IN (1, 2)`, `title ~ "a"`, `assignee = null`."""
    field, values = column.field, [bbql_value(column, text) for text in sent.texts]
    if sent.operator in ("is_null", "is_not_null"):
        return f"{field} {'=' if sent.operator == 'is_null' else '!='} null"
    if sent.operator == "in":
        return f"{field} IN ({', '.join(values)})"
    if sent.operator in SYMBOLS:
        return f"{field} {SYMBOLS[sent.operator]} {values[0]}"
    return f"{field} ~ {values[0]}"


def bbql_negated(column: ManifestColumn, sent: Sent) -> str | None:
    """Write the opposite of an equality; that of a search could leave out rows."""
    values = [bbql_value(column, text) for text in sent.texts]
    if sent.operator == "eq":
        return f"{column.field} != {values[0]}"
    return f"{column.field} NOT IN ({', '.join(values)})" if sent.operator == "in" else None


def stripe_search(column: ManifestColumn, sent: Sent) -> str | None:
    """Write `email:"a@example.com"`, `created>1700000000`, `name~"abc"` (three letters at least)."""
    bare = column.kind in BARE or column.kind == "timestamp"
    values = [text if bare else quoted(text) for text in sent.texts]
    if sent.operator == "eq":
        return f"{column.field}:{values[0]}"
    if sent.operator in ("lt", "le", "gt", "ge"):
        return f"{column.field}{SYMBOLS[sent.operator]}{values[0]}"
    if sent.operator in ("contains", "contains_ci") and len(sent.texts[0]) >= 3:
        return f"{column.field}~{values[0]}"
    return None


def odata_value(column: ManifestColumn, text: str) -> str:
    """Return an OData literal."""
    bare = column.kind in BARE or column.kind in ("timestamp", "date", "time", "guid")
    return text if bare else "'" + text.replace("'", "''") + "'"


def odata(column: ManifestColumn, sent: Sent) -> str | None:
    """Write `Name eq 'a'`, `Id in (1,2)`, `contains(Name,'a')`."""
    values = [odata_value(column, text) for text in sent.texts]
    if sent.operator in ("is_null", "is_not_null"):
        return f"{column.field} {'eq' if sent.operator == 'is_null' else 'ne'} null"
    if sent.operator == "in":
        return "(" + " or ".join(f"{column.field} eq {value}" for value in values) + ")"
    if sent.operator in SYMBOLS:
        return f"{column.field} {sent.operator} {values[0]}"
    if sent.operator == "contains_ci":
        return f"contains(tolower({column.field}),tolower({values[0]}))"
    return f"{sent.operator}({column.field},{values[0]})"


def nothing(column: ManifestColumn, sent: Sent) -> str | None:
    """Write no opposite."""
    return None


LANGUAGES = {
    "bbql": Language(bbql, True, bbql_negated),
    "stripe_search": Language(stripe_search, False, nothing),
    "odata": Language(odata, True, nothing),
}
JOINS = {"bbql": (" AND ", " OR "), "stripe_search": (" AND ", " OR "), "odata": (" and ", " or ")}


def printed(name: str, predicate: Predicate, columns: Mapping[str, ManifestColumn], filters: Mapping[str, Any]) -> Printed | None:
    """Return a predicate in a language, with how exact that is; None where it can't be said without leaving out rows."""
    language = LANGUAGES[name]
    if isinstance(predicate, Compare):
        return compared(language.compare, predicate, columns, filters)
    if isinstance(predicate, Not):
        inner = predicate.item
        if not isinstance(inner, Compare) or inner.operator not in ("eq", "in"):
            return None
        found = compared(language.negated, inner, columns, filters)
        return (found[0], Grade.SUPERSET) if found else None
    if isinstance(predicate, AnyOf | AllOf) and (language.has_or or isinstance(predicate, AllOf)):
        parts = [printed(name, item, columns, filters) for item in predicate.items]
        known = [part for part in parts if part]
        if isinstance(predicate, AllOf) and known:
            grade = min(part[1] for part in known) if len(known) == len(parts) else Grade.SUPERSET
            joined = JOINS[name][0].join(part[0] for part in known)
            return f"({joined})" if language.has_or else joined, grade
        if known and len(known) == len(parts):
            return "(" + JOINS[name][1].join(part[0] for part in known) + ")", min(part[1] for part in known)
    return None


def compared(
    write: Callable[[ManifestColumn, Sent], str | None], compare: Compare, columns: Mapping[str, ManifestColumn], filters: Mapping[str, Any]
) -> Printed | None:
    """Return one comparison in a language."""
    column = columns.get(compare.column)
    operator = declared(filters.get(compare.column, ()), compare.operator)
    if column is None or not operator or not is_safe(column, operator) or not FIELD.fullmatch(column.field):
        return None
    sent = sent_as(column, compare, operator)
    text = write(column, sent) if sent else None
    return (text, sent.grade) if text and sent else None
