"""What of a scan's conjuncts goes into the parameters of an access path, and how exact each is then."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from connections.connectors.http.columns import ManifestColumn
from connections.connectors.http.conditions import as_in, declared, is_safe, parameter, sent_as
from connections.connectors.http.languages import JOINS, LANGUAGES, printed
from connections.connectors.http.paging import place_of
from connections.connectors.http.tables import Access, ManifestTable
from connections.contract.scan import Compare, Grade, Predicate

MAX_TEXT = 4000  # characters of one query in a parameter: addresses have limits


class Filtering:
    """Collects parameters conjunct by conjunct."""

    def __init__(self, table: ManifestTable, access: Access, refused: frozenset[str]) -> None:
        language = access.spec.get("filter") or {"language": "params"}
        self.language, self.param = language["language"], language.get("param", "")
        self.columns = table.columns
        self.filters = {name: given for name, given in access.filters.items() if name not in refused}
        self.place = place_of(language)
        self.params: dict[str, list[str]] = {}
        self.body: dict[str, Any] = {}  # path -> value
        self.texts: list[str] = []

    def take(self, predicate: Predicate) -> Grade:
        """Send a conjunct if that is possible; return how exact it is."""
        predicate = as_in(predicate)
        if self.language in LANGUAGES and self.param:
            return self._take_text(predicate)
        return self._take_parameter(predicate) if isinstance(predicate, Compare) else Grade.NO

    def _take_text(self, predicate: Predicate) -> Grade:
        found = printed(self.language, predicate, self.columns, self.filters)
        if found is None or sum(map(len, self.texts)) + len(found[0]) > MAX_TEXT:
            return Grade.NO
        self.texts.append(found[0])
        text = JOINS[self.language][0].join(self.texts)
        if self.place == "body":
            self.body[self.param] = text
        else:
            self.params[self.param] = [text]
        return found[1]

    def _take_parameter(self, compare: Compare) -> Grade:
        filters, column = self.filters.get(compare.column), self.columns.get(compare.column)
        if not isinstance(filters, Mapping) or column is None:
            return Grade.NO
        operator = declared(filters, compare.operator)
        if not operator and compare.operator == "eq" and "in" in filters:
            operator = "in"
        if not operator and compare.operator == "in" and len(compare.value) == 1 and "eq" in filters:
            operator = "eq"
        if not operator or not is_safe(column, operator):
            return Grade.NO
        spec = parameter(filters[operator])
        sent = sent_as(column, compare, operator, spec.get("format", ""))
        if sent is None or sent.operator not in filters:
            return Grade.NO
        spec = parameter(filters[sent.operator])
        texts = texts_of(spec, sent.texts)
        if texts is None or not self._put(spec, texts, column, is_list=sent.operator == "in"):
            return Grade.NO
        same = {"eq", "in"} >= {operator, compare.operator}
        grade = Grade.EXACT if same and not column.is_text and sent.grade is not Grade.EXACT else sent.grade
        if spec.get("grade"):
            return Grade.SUPERSET if spec["grade"] == "superset" or (sent.operator != compare.operator and not same) else Grade.EXACT
        return grade

    def _put(self, spec: Mapping[str, Any], texts: list[str], column: ManifestColumn, *, is_list: bool) -> bool:
        """Put values in the place of a parameter; tell whether it was free and can hold them."""
        name = spec["param"]
        if place_of(spec) == "params":
            return self.params.setdefault(name, texts) is texts
        is_text = bool({"value", "values"} & spec.keys()) or spec.get("multiple") == "comma"
        values = [spec["value"]] if "value" in spec else texts if is_text else [json_value(column, text) for text in texts]
        if name in self.body or None in values:
            return False
        is_whole = spec.get("multiple") == "list" or (is_list and spec.get("multiple") != "comma")
        self.body[name] = values if is_whole else values[0]
        return True


def json_value(column: ManifestColumn, text: str) -> Any:
    """Return a value as JSON has it; None for a number that JSON can't write."""
    if column.kind == "boolean":
        return text == "true"
    if column.kind in ("int32", "int64") or (column.kind == "timestamp" and text.lstrip("-").isdecimal()):
        return int(text)
    if column.kind in ("decimal", "double"):
        return orjson.Fragment(text) if math.isfinite(float(text)) else None
    return text


def texts_of(spec: Mapping[str, Any], texts: Sequence[str]) -> list[str] | None:
    """Return the values of a parameter as it wants them; None where it can't hold them."""
    if "value" in spec:
        return [str(spec["value"])]
    if "values" in spec:
        texts = [spec["values"].get(text, "") for text in texts]
    if not texts or "" in texts or len(texts) > spec.get("max", 100):
        return None
    if spec.get("multiple") == "comma":
        return None if any("," in text for text in texts) else [",".join(texts)]
    return list(texts)
