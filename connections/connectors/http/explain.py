"""A plan in lines for people: the first call, what is left to do, how many calls there are. Secret properties show as ***."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from connections.connectors.http import pages
from connections.connectors.http.paging import first_state
from connections.connectors.http.plan import Plan
from connections.connectors.http.templates import Missing
from connections.contract.scan import AllOf, AnyOf, Compare, Grade, Not, Predicate, Scan

SHOWN_LENGTH = 300


def explained(plan: Plan, scan: Scan, texts: Mapping[str, str], most: int | None) -> tuple[str, ...]:
    """Return the lines."""
    access = plan.access
    lines = []
    parent = access.spec.get("parent") if plan.is_fanned else None
    given = dict(plan.variants[0]) if plan.variants else {}
    if parent:
        lines.append(f"for each row of {parent['table']}:")
        given = {**{name: f"<{name}>" for name in parent["binds"]}, **given}
    lines.append(first_call(plan, scan, given, texts, most))
    if len(plan.variants) > 1:
        lines.append(f"{len(plan.variants)} calls like this, one for each value")
    for predicate, grade in zip(scan.where, plan.grades, strict=True):
        if grade is Grade.NO:
            lines.append(f"not pushed down: {said(predicate)}")
        if grade is Grade.SUPERSET:
            lines.append(f"pushed down, checked again: {said(predicate)}")
    if scan.order and not plan.takes_order:
        lines.append("order not pushed down")
    lookups = sorted({plan.table.columns[name].lookup for name in scan.columns if plan.table.columns[name].lookup})
    lines += [f"one more call a row: {name}" for name in lookups]
    return tuple(lines)


def first_call(plan: Plan, scan: Scan, given: Mapping[str, object], texts: Mapping[str, str], most: int | None) -> str:
    """Return the call as it would be made."""
    columns = [plan.table.columns[name] for name in scan.columns if not plan.table.columns[name].lookup]
    try:
        names = pages.fields(plan.access, columns, len(plan.table.columns))
        target = pages.target(plan, given, first_state(plan.access.paging), texts, pages.page_size(plan, most), names)
    except Missing:
        return f"{plan.access.spec.get('method', 'GET')} {plan.access.path}"
    query = "&".join(f"{name}={value}" for name, values in target.params.items() for value in values)
    path = target.path.replace(quote("<", safe=""), "<").replace(quote(">", safe=""), ">")
    body = f" {target.body.decode()}" if target.body else ""
    return f"{target.method} {path}{'?' if query else ''}{query}{body}"[:SHOWN_LENGTH]


def said(predicate: Predicate) -> str:
    """Return a predicate in words; values of the query may be shown to who asked."""
    if isinstance(predicate, Compare):
        return f"{predicate.column} {predicate.operator}"
    if isinstance(predicate, Not):
        return f"not ({said(predicate.item)})"
    if isinstance(predicate, AllOf | AnyOf):
        word = " and " if isinstance(predicate, AllOf) else " or "
        return "(" + word.join(said(item) for item in predicate.items) + ")"
    return "a condition over " + ", ".join(predicate.columns)
