"""Whole rows by source column, hidden ones too, from a source that gives rows: what writes and relations need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from apiserver.odata import nodes
from apiserver.odata.binder import Binder
from apiserver.odata.binder_state import Scope
from apiserver.odata.errors import NotBuilt
from apiserver.odata.reader_plan import Plan, Question, conditions, planned, run
from apiserver.odata.writer_sql import Row
from apiserver.resources.catalog import Catalog, PublishedResource
from connections.contract.connector import Session
from connections.engine.nodes import all_of, select
from connections.engine.prepared import prepared
from connections.engine.residual import Run
from connections.engine.rows_plan import RowPlan


def fetch_rows(
    session: Any, catalog: Catalog, resource: PublishedResource, where: Mapping[str, Any], *, is_whole: bool = False
) -> list[Row]:
    """Return the rows whose columns equal these values: those that the user may see, or all of them."""
    asked = replace(resource, row_filters=()) if is_whole else resource
    question = question_of(session, catalog, asked, where)
    plan, literals = planned(question, lambda binder: fetch_plan(binder, question), "fetch", is_whole)
    given = {f"={name}": value for name, value in where.items()}
    return [dict(zip(plan.names, row, strict=True)) for row in run(question, plan, literals, given)]


def question_of(session: Session, catalog: Catalog, resource: PublishedResource, where: Mapping[str, Any]) -> Question:
    """Return what is read: rows of these column values, without options."""
    return Question(session, catalog, resource, nodes.Options(), where, {})


def fetch_plan(binder: Binder, question: Question) -> Plan:
    """Return the plan that reads every column that costs no further call."""
    scope = Scope(question.resource, binder.alias())
    columns = [item.column for item in question.resource.all_properties if not item.column.is_costly]
    query = select([binder.read(column, scope.alias) for column in columns], binder.source(question.resource, scope.alias))
    wanted = conditions(binder, question, scope)
    if wanted:
        query.where(all_of(wanted), copy=False)
    names = tuple(column.name for column in columns)
    return Plan(prepared(query, question.dialect), tuple(binder.slots), (), names)


def meets_filters(session: Any, catalog: Catalog, resource: PublishedResource, row: Row) -> bool:
    """Claim that a row to be written is one that the user may see; what is not known of it is null."""
    if not resource.row_filters:
        return True
    question = question_of(session, catalog, resource, {})
    plan, literals = planned(question, lambda binder: fetch_plan(binder, question), "fetch", False)
    statement = plan.statement
    if not isinstance(statement, RowPlan) or statement.deep:
        raise NotBuilt("Rows under a row filter over relations can't be written to this source.", hint="Filter on the row's own columns.")
    values = tuple(row.get(name) for name in statement.level.columns)
    bound = Run(plan.binds(literals, {}, question.dialect))
    return all(condition.cell(values, bound) for condition in statement.level.conditions)
