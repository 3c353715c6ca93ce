"""One page of a table: the call that asks for it, the rows in its answer, and the values in the rows."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connections.connectors.http.calls import Target, json_body
from connections.connectors.http.columns import ManifestColumn
from connections.connectors.http.paging import State, place_of
from connections.connectors.http.paths import find, put, spread, steps_of
from connections.connectors.http.plan import Plan, texts_of
from connections.connectors.http.tables import Access
from connections.connectors.http.templates import fill_path, fill_tree, fill_values
from connections.contract.errors import BadAnswer

Values = Mapping[str, list[Any]]  # column -> its values, one a row


def target(
    plan: Plan, given: Mapping[str, Any], state: State, properties: Mapping[str, str], size: int | None, fields: Sequence[str]
) -> Target:
    """Return the call of one page."""
    spec = plan.access.spec
    method = spec.get("method", "GET")
    texts = texts_of(plan, given, properties)
    if "url" in state:
        headers = one_text(fill_values(spec.get("headers", {}), properties.get))
        following = Target(str(state["url"]), method=method, headers=headers, base=str(state.get("from", "")))
        return following if method == "GET" else json_body(following, body_of(plan, given, state, texts, size))
    params = {**fill_values(spec["params"], texts.get), **plan.params}
    paging = plan.access.paging
    if size is not None and place_of(paging["size"]) == "params":
        params[paging["size"]["param"]] = [str(size)]
    if fields:
        params[spec["fields"]["param"]] = [spec["fields"].get("separator", ",").join(fields)]
    params.update({name: [str(value)] for name, value in (state.get("params") or {}).items()})
    found = Target(
        fill_path(plan.access.path, texts.get),
        method=method,
        params=params,
        headers=one_text(fill_values(spec.get("headers", {}), texts.get)),
    )
    if "body" not in spec and found.method == "GET":
        return found
    return json_body(found, body_of(plan, given, state, texts, size))


def body_of(plan: Plan, given: Mapping[str, Any], state: State, texts: Mapping[str, str], size: int | None) -> dict[str, Any]:
    """Return the JSON that a call sends: the declared one, filters, the page; names with dots stand deeper."""
    spec, paging = plan.access.spec, plan.access.paging
    typed = {name: plan.table.columns[name].sent(value) for name, value in given.items() if value is not None}
    body: dict[str, Any] = fill_tree(copy.deepcopy(spec.get("body", {})), texts.get, typed)
    for name, value in {**plan.body, **(state.get("body") or {})}.items():
        put(body, steps_of(name), value)
    if size is not None and place_of(paging.get("size", {})) == "body":
        put(body, steps_of(paging["size"]["param"]), size)
    if state.get("variables"):
        body["variables"] = {**body.get("variables", {}), **state["variables"]}
    return body


def one_text(values: Mapping[str, list[str]]) -> dict[str, str]:
    """Return headers: one text each."""
    return {name: texts[0] for name, texts in values.items()}


def is_steady(access: Access) -> bool:
    """Claim that rows that come and go shift no page: it begins behind a row that is named, or the manifest says so."""
    return bool(access.paging.get("steady", access.paging["type"] == "last_id"))


def page_size(plan: Plan, most: int | None) -> int | None:
    """Return how many rows a page is asked to have: no more than are needed, as many as are allowed otherwise."""
    size = plan.access.paging.get("size")
    if not size:
        return None
    allowed = min(item for item in (size.get("max", 100), most) if item)
    # Behind the last row wanted there may be others that the service's order holds for equal.
    is_short = plan.limit is not None and not plan.verify and not plan.order
    return max(1, min(allowed, plan.limit or 1)) if is_short and plan.limit is not None else allowed


def fields(access: Access, columns: Sequence[ManifestColumn], count: int) -> list[str]:
    """Return the fields to ask for; none where all are wanted or the service can't leave any out."""
    spec = access.spec.get("fields")
    if not spec or len(columns) >= count:
        return []
    found = list(spec.get("always", ()))
    for column in columns:
        if column.is_given and not column.steps:
            continue
        steps = [str(step) for step in column.steps if isinstance(step, str)][: spec.get("depth", 99)]
        if not steps:
            return []
        found.append(spec.get("item", "{path}").replace("{path}", ".".join(steps)))
    return list(dict.fromkeys(found))


def rows_in(document: Any, access: Access, status: int, table: str, total: int | None) -> list[Any]:
    """Return the rows of an answer; raise BadAnswer where there is no list of them."""
    if access.is_single:
        row = find(document, access.row)
        return [] if row is None else [row]
    if status == 204:
        return []
    found = spread(document, access.rows)
    if access.is_map and isinstance(found, dict):
        found = [{**(value if isinstance(value, dict) else {}), "$key": name, "$value": value} for name, value in found.items()]
    if found is None and (total == 0 or (access.may_lack and isinstance(document, dict))):
        return []
    if not isinstance(found, list):
        hint = "The service changed its answer, or the path of the rows is wrong."
        raise BadAnswer(f"The answer for {table} holds no list of rows where one is expected.", hint=hint)
    return [find(row, access.row) for row in found] if access.row else found


def check_objects(rows: list[Any], table: str, columns: Sequence[ManifestColumn]) -> None:
    """Raise BadAnswer for rows that are no objects although columns are looked for in them."""
    if any(row.__class__ is not dict for row in rows) and any(column.steps for column in columns):
        raise BadAnswer(f"The answer for {table} holds rows that are no objects.", hint="The service changed its answer.")


def total_in(document: Any, headers: Mapping[str, str], spec: Any) -> int | None:
    """Return the number of rows that an answer tells, None where it doesn't."""
    if spec is None:
        return None
    declared = spec if isinstance(spec, dict) else {"path": spec}
    found = headers.get(declared["header"]) if "header" in declared else find(document, steps_of(declared.get("path")))
    if isinstance(found, bool) or not isinstance(found, int | str) or not str(found).isdecimal():
        return None
    return int(found)


def kept(
    values: Values, count: int, tests: Sequence[Callable[[Mapping[str, Any]], Any]], verify: Sequence[tuple[str, frozenset[Any]]]
) -> list[int]:
    """Return the numbers of the rows that hold what the call was made for and meet the tests."""
    found = list(range(count))
    for name, wanted in verify:
        column = values[name]
        found = [number for number in found if column[number] in wanted]
    for test in tests:
        found = [number for number in found if test({name: column[number] for name, column in values.items()}) is True]
    return found


class Seen:
    """Keys of the rows read lately: pages overlap where rows come and go meanwhile.

    Rows are remembered too where the key is a guess: other rows under a known key show that it is none.
    """

    def __init__(self, most: int = 20_000) -> None:
        self.most = most
        self._new: dict[Any, int] = {}
        self._old: dict[Any, int] = {}

    def fresh(self, keys: Sequence[Any], rows: Sequence[Any] | None = None) -> list[int]:
        """Return the places of the keys not seen before."""
        found = []
        for place, key in enumerate(keys):
            if key not in self._new and key not in self._old:
                self._new[key] = 0 if rows is None else hash(repr(rows[place]))
                found.append(place)
        if len(self._new) > self.most:
            self._old, self._new = self._new, {}
        return found

    def check(self, keys: Sequence[Any], rows: Sequence[Any], names: Sequence[str], table: str) -> None:
        """Raise BadAnswer for rows that have one key and differ: on one page always, on several where the key is a guess."""
        here: dict[Any, Any] = {}
        for key, row in zip(keys, rows, strict=True):
            mark = self._new.get(key) or self._old.get(key)
            if here.setdefault(key, row) != row or (mark and mark != hash(repr(row))):
                text = f"Rows of {table} that differ have the same {', '.join(names)}, which was taken for their key."
                raise BadAnswer(
                    text, hint="Name the key's columns in the connection (Key, overlay or manifest), or say that there is none."
                )
