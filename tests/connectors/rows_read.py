"""Rows of a table as contract values, read through the engine."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from apiserver.odata import nodes
from apiserver.odata.binder import Binder
from apiserver.odata.parser import parse_filter
from apiserver.odata.reader_plan import Question, run, set_plan
from tests.odata.service_harness import Service


def read_rows(service: Service, name: str, condition: str = "") -> list[dict[str, Any]]:
    """Return the rows that meet a $filter."""
    resource = service.catalog.resources[name]
    options = nodes.Options(filter=parse_filter(unquote(condition))) if condition else nodes.Options()
    question = Question(service.session, service.catalog, resource, options, {}, {})
    binder = Binder(service.catalog, question.dialect, (), {})
    items = [item for item in resource.properties if not item.column.is_costly]
    plan = set_plan(binder, question, items, None, is_limited=False, is_skipping=False, has_next=False)
    return [dict(zip(plan.names, row, strict=True)) for row in run(question, plan, (), {}, stream=False)]
