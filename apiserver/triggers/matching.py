"""Which rows of a table one user is told, decided here without a query: row filters, `$filter`, columns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from apiserver.odata import nodes
from apiserver.odata.errors import NotBuilt
from apiserver.odata.format import Format
from apiserver.odata.parser import parse_options
from apiserver.odata.payload import PayloadWriter, Shape
from apiserver.odata.reader_plan import Question, planned
from apiserver.odata.row_fetch import fetch_plan
from apiserver.resources.catalog import Catalog, PublishedResource
from connections.engine.dialect_duckdb import DUCKDB
from connections.engine.residual import Run
from connections.engine.rows_plan import RowPlan

BARE = Format(level="none")


class NoSession:
    """What a question is asked of when no source is: rows are here already."""

    dialect = DUCKDB


@dataclass(frozen=True, slots=True)
class Matcher:
    """One user's view of the rows of one resource, under one filter."""

    resource: PublishedResource
    plan: RowPlan
    run: Run
    writer: PayloadWriter
    shape: Shape
    rights: str  # what is seen of the resource, whatever the filter

    def shows(self, row: Mapping[str, Any]) -> bool:
        """Claim that the row, by source column, meets every condition."""
        level = self.plan.level
        values = tuple(row.get(name) for name in level.columns)
        return all(condition.cell(values, self.run) for condition in level.conditions)

    def data(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row as this user sees it."""
        return self.writer.entity(self.shape, {item.name: row.get(item.column.name) for item in self.resource.properties})


def matcher(catalog: Catalog, resource: PublishedResource, text: str, root: str = "") -> Matcher:
    """Return the matcher of a filter; raise what the parser or binder finds wrong with it, NotBuilt where it asks for related rows."""
    options = filter_options(text)
    plain = replace(resource, sql="")
    question = Question(NoSession(), catalog, plain, options, {}, options.aliases)  # type: ignore[arg-type]
    plan, literals = planned(question, lambda binder: fetch_plan(binder, question), "match")
    statement = plan.statement
    if not isinstance(statement, RowPlan) or statement.deep or statement.early:
        hint = "Filter on the row's own columns."
        raise NotBuilt("A subscription can't be filtered by related rows.", target="$filter", hint=hint)
    writer = PayloadWriter(catalog, root, BARE)
    return Matcher(resource, statement, Run(plan.binds(literals, {}, DUCKDB)), writer, writer.shape(resource, None), rights_of(resource))


def rights_of(resource: PublishedResource) -> str:
    """Return a name of what is seen of a resource: which columns of which rows, under which names."""
    names = [(item.name, item.column.name) for item in resource.properties]
    text = json.dumps([resource.id, resource.name, names, sorted(item.text for item in resource.row_filters)])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def filter_options(text: str) -> nodes.Options:
    """Return the options of a filter's text."""
    from urllib.parse import quote

    return parse_options("$filter=" + quote(text, safe="")) if text.strip() else nodes.Options()
